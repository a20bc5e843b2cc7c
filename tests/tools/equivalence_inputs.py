"""Write the inputs of `equivalence.py`: ARM JSON files, the files that go with them, and the command lines.

It runs with the Python of the base checkout and uses `auditor.examples`, `auditor.packs`, `auditor.snapshot` and
`bench.estate` by the names that they have there; every product reads the folder that it writes. Each ARM JSON file is
in a folder with `inventory.json.gz` and `deployment.yaml`. Reports, waivers, attestations and approved snapshots, as an
earlier release wrote them, are written by the base's command line.
"""

from __future__ import annotations

import contextlib
import gzip
import importlib
import io
import json
import sys
from collections.abc import Iterable
from itertools import cycle
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

Body = dict[str, Any]
Command = list[str]

PROFILES: Final = ("current", "article-2018")
FIXTURES: Final = ("trakcare-current", "trakcare-2018", "healthshare-current", "mirror-template", "demo")
SIZES: Final = (100, 1000)
"""Numbers of VMs of the generated estates."""
AS_OF: Final = "2026-11-01"
"""The date of the fixtures, for subscriptions that are read live."""
UNLISTED: Final = ("Microsoft.Network/publicIPAddresses", "Microsoft.Compute/availabilitySets")
"""Types that are not listed in the generated estate with gaps."""
UNREAD_EVERY: Final = 9
"""One in so many of its VMs was not read."""
IN_FORCE, EXPIRED, PENDING = ("2026-06-01", "2027-06-01"), ("2025-06-01", "2026-06-01"), ("2026-12-01", "2027-06-01")
SOONER: Final = ("2026-09-01", "2026-12-31")
"""First and last day of waivers and attestations, relative to the date of the fixtures; the last is in effect too."""
STEP: Final = 11
"""One in so many changes is compared with another one."""
SUFFIXES: Final = {
    "json": "report.json",
    "sarif": "log.sarif",
    "sarif-github": "alerts.sarif",
    "snapshot": "snapshot.jsonl",
}
"""The output file of each format; `equivalence_evaluate.py` knows the format by the suffix."""


class Change(NamedTuple):
    """A fixture after the change of an example."""

    name: str
    """The name of its folder."""
    rule: str
    fixture: str
    profile: str
    expect: str


class Inputs:
    """Writes ARM JSON files into the working folder and collects the cases of each part."""

    def __init__(self, base: Path) -> None:
        sys.path.insert(0, str(base))
        self._base = base
        self._examples = importlib.import_module("auditor.examples")
        self._packs = importlib.import_module("auditor.packs")
        self._bundled = importlib.import_module("auditor.bundled")
        self._facts = importlib.import_module("auditor.facts")
        self._program = importlib.import_module("auditor.cli").main
        self._estate = importlib.import_module("bench.estate")
        self._snapshot = importlib.import_module("auditor.snapshot")
        self._changes: list[Change] = []
        self.cases: dict[str, list[Body]] = {}

    def write(self) -> None:
        """Write everything."""
        self._fixtures()
        self._changed()
        self._estates()
        self._live()
        self._drift()
        self._old()

    def _case(self, part: str, name: str, *commands: Command) -> None:
        self.cases.setdefault(part, []).append({"part": part, "name": name, "commands": commands})

    def _run(self, *arguments: str) -> None:
        """Run the base's command line."""
        with contextlib.redirect_stderr(io.TextIOWrapper(io.BytesIO())):
            code = self._program([*arguments])
        if code not in {0, 1, 3}:
            raise SystemExit(f"{arguments} ended with {code}")

    # --- fixtures -----------------------------------------------------------------------------------------------------

    def _fixtures(self) -> None:
        """Evaluate the fixtures unchanged: with and without a deployment file, from ARM JSON files and snapshots."""
        for name in FIXTURES:
            folder = self._base / "fixtures" / name
            write(name, json.loads((folder / "inventory.json").read_bytes()), (folder / "deployment.yaml").read_text())
            source = inventory_of(name)
            for profile in PROFILES:
                by = ["--profile", profile]
                approved = ["--by", "an operator", "--reason", "as it is", "--output", "{case}/approved.jsonl"]
                self._case(
                    "fixtures",
                    f"{name} {profile}",
                    scan(name, profile, formats=SUFFIXES),
                    ["scan", "--snapshot", "{case}/snapshot.jsonl", *by, "-o", "json={case}/again.json"],
                    ["approve", "{case}/snapshot.jsonl", *approved],
                    ["scan", *source[:2], *by, "-o", "json={case}/undeclared.json"],
                )
            self._case("fixtures", f"{name} discover", ["discover", *source[:2], "-o", "{case}/proposal.yaml"])
        outputs = ["-o", "json={case}/report.json", "-o", "sarif-github={case}/alerts.sarif"]
        self._case("fixtures", "the bundled demo", ["scan", "--demo", *outputs])
        self._case("fixtures", "permissions", ["permissions", "--subscription", "00000000-0000-0000-0000-000000000001"])

    # --- examples -----------------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        """Evaluate the fixtures with the changes of the examples of rules, each change once, with both profiles."""
        pack = self._packs.load(self._bundled.PACK, self._facts.FACTS)
        rules = {compiled.rule.id: compiled.rule for profile in PROFILES for compiled in pack.rules[profile]}
        seen: set[str] = set()
        for rule_id, rule in sorted(rules.items()):
            for number, example in enumerate(rule.examples, start=1):
                fixture = self._examples.fixture(example["on"])
                changed = self._examples.apply(fixture, example)
                content = json.dumps([fixture.name, changed.inventory, changed.declared])
                if content in seen or changed == fixture:
                    continue
                seen.add(content)
                name = f"{rule_id}-{number}"
                known = (Path(fixture.name) / "deployment.yaml").read_text(encoding="utf-8")
                write(name, changed.inventory, known if changed.declared == fixture.declared else changed.declared)
                profile = example.get("profile", fixture.profile)
                self._changes.append(Change(name, rule_id, fixture.name, profile, example["expect"]))
                for by in PROFILES:
                    self._case("examples", f"{name} {by}", scan(name, by, formats=("json", "sarif-github")))

    # --- generated estates --------------------------------------------------------------------------------------------

    def _estates(self) -> None:
        """Evaluate generated estates, the smaller one also with gaps and as a snapshot."""
        for size in SIZES:
            name = f"estate-{size}"
            self._generate(name, size)
            for profile in PROFILES:
                formats = ("json", "sarif", "sarif-github")
                self._case("estates", f"{name} {profile}", scan(name, profile, formats=formats))
        self._generate("estate-other", min(SIZES), self._estate.SEED + 1)
        smallest = f"estate-{min(SIZES)}"
        write(
            "estate-gaps",
            self._with_gaps(read(smallest)),
            Path(smallest, "deployment.yaml").read_text(encoding="utf-8"),
        )
        for profile in PROFILES:
            self._case("estates", f"estate-gaps {profile}", scan("estate-gaps", profile))

    def _generate(self, name: str, size: int, *seed: int) -> None:
        """Write a generated estate."""
        snapshot = self._estate.build(size, *seed)
        listed = {scope: sorted(type_ for at, type_ in snapshot.listed if at == scope) for scope in snapshot.scopes}
        bodies = [*(item.body for item in snapshot.resources), *snapshot.skus]
        write(name, {"takenAt": snapshot.taken_at, "listed": listed, "value": bodies}, snapshot.deployment)

    def _with_gaps(self, inventory: Body) -> Body:
        """Return an ARM JSON file with types that were not listed and VMs that were not read."""
        ids = [item["id"] for item in inventory["value"] if "/virtualmachines/" in item.get("id", "").lower()]
        unread = [f"virtualMachines/{arm_id.rsplit('/', 1)[-1]}" for arm_id in ids[::UNREAD_EVERY]]
        estate = self._examples.Fixture("estate", PROFILES[0], inventory, {})
        changed: Body = self._examples.apply(estate, {"gap": [*UNLISTED, *unread]}).inventory
        return changed

    # --- live ---------------------------------------------------------------------------------------------------------

    def _live(self) -> None:
        """Evaluate subscriptions that are read from a server that answers as Azure does."""
        served: dict[str, Body] = {name: {"inventories": [name]} for name in (*FIXTURES, f"estate-{min(SIZES)}")}
        served["two subscriptions"] = {"inventories": ["trakcare-current", "healthshare-current"]}
        served["a narrow role"] = {"inventories": ["demo"], "forbidden": ["Microsoft.KeyVault/vaults/read"]}
        served["faults"] = {
            "inventories": ["trakcare-current"],
            "faults": {
                "Microsoft.Network/loadBalancers": "FORBIDDEN",
                "virtualMachines/vm-db-a": "FORBIDDEN",
                "Microsoft.Network/publicIPAddresses": "NO_VALUE",
                "Microsoft.Network/privateDnsZones": "NOT_FOUND",
            },
        }
        Path("served.json").write_text(json.dumps(served), encoding="utf-8")
        for name, how in served.items():
            scopes = [scope for inventory in how["inventories"] for scope in read(inventory)["listed"]]
            source = [word for scope in scopes for word in ("--subscription", scope.rsplit("/", 1)[-1])]
            source += ["--arm-endpoint", f"{{{name}}}", "--ca-bundle", "{authority}"]
            declared = ["--deployment", f"{how['inventories'][0]}/deployment.yaml"]
            evaluated = ["--as-of", AS_OF, "--passes"]
            kept = "{case}/collected.jsonl"
            self._case(
                "live",
                name,
                ["collect", *source, *declared, "-o", f"snapshot={kept}"],
                ["discover", *source, "-o", "{case}/proposal.yaml"],
                *(
                    [
                        "scan",
                        *read_from,
                        *evaluated,
                        "--profile",
                        profile,
                        "-o",
                        f"json={{case}}/{number}-{profile}.json",
                    ]
                    for number, read_from in enumerate(([*source, *declared], ["--snapshot", kept]))
                    for profile in PROFILES
                ),
            )

    # --- drift --------------------------------------------------------------------------------------------------------

    def _drift(self) -> None:
        """Compare changed fixtures with the fixtures, some with each other, and generated estates."""
        approved = {name: self._approved(name) for name in FIXTURES}
        for example in self._changes:
            if example.expect != "pass":
                self._compare(example.name, approved[example.fixture], example.name, example.profile)
        current = [example for example in self._changes if example.profile == PROFILES[0] and example.expect != "pass"]
        for before, after in zip(current[::STEP], current[STEP // 2 :: STEP], strict=False):
            if before.fixture == after.fixture:
                name = f"{before.name} to {after.name}"
                self._compare(name, self._approved(before.name), after.name, before.profile)
        self._before_the_demo()
        for estate in (f"estate-{min(SIZES)}", "estate-gaps"):
            for profile in PROFILES:
                self._compare(f"{estate} {profile}", self._approved("estate-other"), estate, profile)

    def _before_the_demo(self) -> None:
        """Compare the demo with the fixture from which it was made, in the subscription of the demo."""
        made_of, demo = (read(name)["listed"] for name in ("trakcare-current", "demo"))
        (old,), (new,) = made_of, demo
        text = json.dumps(read("trakcare-current")).replace(old.rsplit("/", 1)[-1], new.rsplit("/", 1)[-1])
        write("demo-before", json.loads(text), Path("demo/deployment.yaml").read_text(encoding="utf-8"))
        approved = self._approved("demo-before")
        drift = ["drift", approved, "demo/inventory.json.gz", "-o", "json={case}/drift.json"]
        for profile in PROFILES:
            self._compare(f"demo {profile}", approved, "demo", profile)
            self._case("drift", f"demo drift {profile}", [*drift, "--profile", profile])

    def _compare(self, name: str, approved: str, now: str, profile: str) -> None:
        """Evaluate an ARM JSON file with an approved snapshot as the baseline."""
        self._case("drift", name, [*scan(now, profile, formats=("json", "sarif")), "--baseline", approved])

    def _approved(self, name: str) -> str:
        """Return the path of an approved snapshot of an ARM JSON file, which the base writes."""
        path = Path(name, "approved.jsonl.gz")
        if not path.is_file():
            self._run("scan", *inventory_of(name), "-o", f"snapshot={path}")
            self._run("approve", str(path), "--by", "an operator", "--reason", "as it was accepted")
        return str(path)

    # --- files of an earlier release ----------------------------------------------------------------------------------

    def _old(self) -> None:
        """Read reports, waivers, attestations and approved snapshots that the base wrote."""
        for name in FIXTURES:
            self._case(
                "old", f"snapshot of {name}", ["scan", "--snapshot", self._approved(name), "-o", "json={case}/a.json"]
            )
        for name, profile in (("demo", PROFILES[0]), ("demo", PROFILES[1]), ("estate-gaps", PROFILES[0])):
            self._exempt(name, profile)
        fails = {(e.rule, e.fixture, e.profile): e for e in self._changes if e.expect == "fail"}
        for example in self._changes:
            if example.expect == "unknown":
                self._exempt(example.name, example.profile)
                failed = fails.get((example.rule, example.fixture, example.profile))
                if failed:
                    self._carry(failed, example)

    def _exempt(self, name: str, profile: str) -> None:
        """Evaluate an ARM JSON file with waivers of the gaps that the base found in it, and with exemptions of all."""
        report = json.loads(Path(self._report(name, profile)).read_bytes())
        waived = gap_waivers(report)
        waivers, attestations = exemptions(report)
        gaps = exempting(f"{name}/gaps.{profile}.yaml", "waivers", waived)
        everything = exempting(f"{name}/waivers.{profile}.yaml", "waivers", [*waived, *waivers])
        everything += exempting(f"{name}/attestations.{profile}.yaml", "attestations", attestations)
        self._case(
            "old",
            f"exemptions {name} {profile}",
            ["scan", *inventory_of(name), "--profile", profile, *gaps, "-o", "json={case}/gaps.json"],
            [*scan(name, profile, formats=("json", "sarif")), *everything],
        )

    def _carry(self, before: Change, after: Change) -> None:
        """Evaluate an ARM JSON file after a report of the base with a fail of a rule that is unknown now."""
        outputs = ("-o", "json={case}/carried.json", "-o", "sarif-github={case}/alerts.sarif")
        again = ("-o", "json={case}/again.json")
        scanned = ["scan", *inventory_of(after.name), "--profile", after.profile]
        first = [*scanned, "--previous", self._report(before.name, before.profile), *outputs]
        self._case(
            "old", f"after {before.name} {after.name}", first, [*scanned, "--previous", "{case}/carried.json", *again]
        )

    def _report(self, name: str, profile: str) -> str:
        """Return the path of the base's report on an ARM JSON file."""
        path = Path(name, f"report.{profile}.json")
        if not path.is_file():
            self._run("scan", *inventory_of(name), "--profile", profile, "-o", f"json={path}")
        return str(path)


def gap_waivers(report: Body) -> list[Body]:
    """Return waivers of the gaps of a report that have a type; they end on two different days."""
    return [
        waiver(period, scope=gap["scope"], gap=gap["what"])
        for gap, period in zip(report["coverage"]["gaps"], cycle((IN_FORCE, SOONER)), strict=False)
        if "/" in gap["what"]
    ]


def exempting(path: str, kind: str, entries: list[Body]) -> Command:
    """Write waivers or attestations; return the option that names their file."""
    text = yaml.safe_dump({"format": f"auditor.{kind}/1", kind: entries}, sort_keys=False)
    Path(path).write_text(text, encoding="utf-8")
    return [f"--{kind}", path]


def exemptions(report: Body) -> tuple[list[Body], list[Body]]:
    """Return waivers and attestations of the findings of a report, of each kind and in each state."""
    waivers: list[Body] = []
    attestations: list[Body] = []
    for number, finding in enumerate(report["findings"]):
        about = {"scope": finding["subject"]["id"], "rule": finding["rule"]}
        seen = {evidence["path"]: evidence["observed"] for evidence in finding["evidence"] if evidence["path"]}
        match number % 9:
            case 0:
                waivers.append(waiver(IN_FORCE, **about))
            case 1 if seen:
                waivers.append(waiver(IN_FORCE, **about, observed=dict([*seen.items()][:1])))
            case 2 if seen:
                waivers.append(waiver(IN_FORCE, **about, observed=dict.fromkeys(seen, "another value")))
            case 3:
                waivers.append(waiver(EXPIRED, **about))
            case 4:
                waivers.append(waiver(PENDING, **about))
            case 5:
                waivers.append(waiver(SOONER, scope="*", rule=finding["rule"]))
            case 6:
                waivers.append(waiver(IN_FORCE, scope="/subscriptions/none", rule=finding["rule"]))
            case _:
                period = EXPIRED if number % 4 == 0 else IN_FORCE
                word = {"attestedBy": "an operator", "statement": "checked by hand"}
                attestations.append({**about, **word, "attestedOn": period[0], "validUntil": period[1]})
    return waivers, attestations


def waiver(period: tuple[str, str], **about: Any) -> Body:
    """Return a waiver for a period."""
    by = {"category": "Waiver", "reason": "accepted", "approvedBy": "an operator"}
    return {**about, **by, "grantedOn": period[0], "expiresOn": period[1]}


def scan(name: str, profile: str, formats: Iterable[str] = ("json",)) -> Command:
    """Return the command line that evaluates an ARM JSON file and lists everything."""
    outputs = [word for format_ in formats for word in ("-o", f"{format_}={{case}}/{SUFFIXES[format_]}")]
    return ["scan", *inventory_of(name), "--profile", profile, "--passes", *outputs]


def inventory_of(name: str) -> Command:
    """Return the options that name an ARM JSON file and its deployment file."""
    return ["--snapshot", f"{name}/inventory.json.gz", "--deployment", f"{name}/deployment.yaml"]


def read(name: str) -> Body:
    """Return an ARM JSON file that was written."""
    inventory: Body = json.loads(gzip.decompress(Path(name, "inventory.json.gz").read_bytes()))
    return inventory


def write(name: str, inventory: Body, deployment: Body | str) -> None:
    """Write an ARM JSON file and its deployment file."""
    folder = Path(name)
    folder.mkdir()
    (folder / "inventory.json.gz").write_bytes(gzip.compress(json.dumps(inventory).encode(), 1, mtime=0))
    text = deployment if isinstance(deployment, str) else yaml.safe_dump(deployment, sort_keys=False)
    (folder / "deployment.yaml").write_text(text, encoding="utf-8")


def main() -> None:
    """Write all inputs into the working folder; the argument is the base CHECKOUT."""
    inputs = Inputs(Path(sys.argv[1]))
    inputs.write()
    for part, cases in inputs.cases.items():
        lines = "".join(json.dumps(case) + "\n" for case in cases)
        Path(f"{part}.cases.jsonl").write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()
