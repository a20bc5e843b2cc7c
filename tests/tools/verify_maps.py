"""Compare the maps of the built-in pack with clones of their sources, and write the index of ids that the tests use.

`python -m tests.tools.verify_maps FOLDER` needs clones (bare or not) in FOLDER/OWNER+NAME/repo or FOLDER/OWNER+NAME. It
prints each row that its source does not confirm, exits with 1 if there is one, and renews `tests/data/maps/index.json`
for the sources that have a clone; what it says of the others stays as it is. Nothing of a source is kept but ids.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from auditor.report.oscal.ids import NIST
from auditor.rules import maps
from auditor.rules.maps import Basis, Evidence, Origin, PublicCheck
from tests import estates

INDEX: Final = Path(__file__).resolve().parents[1] / "data" / "maps" / "index.json"
Ids = dict[str, Any]


class Clones:
    """Reads files of repositories at a commit."""

    def __init__(self, folder: Path) -> None:
        """Take the folder of the clones."""
        self._folder = folder

    def of(self, url: str) -> Path | None:
        """Return the clone of a repository, None if there is none."""
        name = "+".join(url.removesuffix("/").split("/")[-2:])
        return next((path for path in (self._folder / name / "repo", self._folder / name) if path.is_dir()), None)

    def text(self, origin: Origin) -> str:
        """Return a file.

        Raises:
            CalledProcessError: there is no such file at that commit.
        """
        clone = self.of(origin.url)
        command = ["git", "-C", str(clone), "show", f"{origin.version}:{origin.path}"]
        return subprocess.run(command, check=True, capture_output=True).stdout.decode("utf-8-sig")


def aprl(text: str) -> Ids:
    """Return the recommendations of a file of APRL or azqr, each with its recommendationTypeId."""
    return {row["aprlGuid"].lower(): (row.get("recommendationTypeId") or "").lower() for row in yaml.safe_load(text)}


def matched(pattern: str) -> Callable[[str], Ids]:
    """Return a function that finds ids by a pattern."""
    return lambda text: {next(filter(None, found.groups())): "" for found in re.finditer(pattern, text, re.MULTILINE)}


CHECKS: Final[dict[str, Callable[[str], Ids]]] = {
    "APRL": aprl,
    "azqr": matched(r"^ *aprlGuid: (\S+)$"),
    "Azure Policy": lambda text: {json.loads(text)["name"].lower(): ""},
    "PSRule": matched(r"^Rule '(Azure\.[A-Za-z.]+)'|^  name: (Azure\.[A-Za-z.]+)$"),
    "Prowler": matched(r"^class ([a-z0-9_]+)\(Check\)"),
    "checkov": matched(r'id ?[=:] ?"(CKV_AZURE_[0-9]+)"'),
    "trivy": matched(r"^#   id: (AZU-[0-9]+)$"),
    "SAP QualityCheck": matched(r'"CheckID": "([A-Z0-9-]+)"'),
}
"""How the ids of a system are found in one of its files."""


def initiative(text: str) -> Ids:
    """Return the controls of each policy of an initiative, without the prefix that all its groups share."""
    found = json.loads(text)["properties"]
    names = [group["name"] for group in found["policyDefinitionGroups"]]
    prefix = re.match(r"(hipaa-|.*_(?=[A-Z0-9]))", names[0])
    start = len(prefix[0]) if prefix else 0
    policies: Ids = {}
    for policy in found["policyDefinitions"]:
        of = policies.setdefault(policy["policyDefinitionId"].split("/")[-1].lower(), [])
        of += [name[start:] for name in policy.get("groupNames", ())]
    return {policy: sorted(set(of)) for policy, of in policies.items()}


def prowler(text: str) -> Ids:
    """Return the controls of each check in a framework of Prowler; "" has all controls."""
    found: Ids = {"": []}
    for requirement in json.loads(text)["Requirements"]:
        found[""].append(requirement["Id"])
        for check in requirement["Checks"]:
            found.setdefault(check, []).append(requirement["Id"])
    return found


def psrule(text: str) -> Ids:
    """Return the controls with which a file of PSRule for Azure labels its rules."""
    rules = re.split(r"^(?=Rule ')|^---$", text, flags=re.MULTILINE)
    name, label = (
        r"Rule '(Azure\.[A-Za-z.]+)'|name: (Azure\.[A-Za-z.]+)",
        r"Azure\.MCSB\.v1/control'?\s*[=:]\s*'?([A-Z]+-[0-9]+)",
    )
    pairs = [(re.search(name, rule), re.findall(label, rule)) for rule in rules]
    return {found[1] or found[2]: labels for found, labels in pairs if found and labels}


def control_ids(text: str) -> Ids:
    """Return the ids of all controls in a catalogue under "": of OSCAL, of CAF or of the NIS 2 directive."""
    ids = re.findall(
        r"^ *(?:- )?(?:id|code|ref_id): '?([A-Za-z]{2}-[0-9.]+|[A-D][0-9](?:\.[a-z])?|21\.2\.[a-j])'?$",
        text,
        re.MULTILINE,
    )
    return {"": sorted(set(ids))}


def statement_ids(text: str) -> list[str]:
    """Return the ids of the statements of controls in a catalogue of OSCAL, without those of their parts."""
    return sorted(set(re.findall(r"^ *(?:- )?id: ([a-z]{2}-[0-9.]+_smt)$", text, re.MULTILINE)))


def same(control: str, other: str) -> bool:
    """Return whether two spellings name the same control, such as `164.312(a)(1)` and `164_312_a_1`."""
    return _plain(control) == _plain(other)


def _plain(control: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[a-z]+|[0-9]+", control.lower()))


def read_checks(clones: Clones, found: Ids) -> Iterator[str]:
    """Renew the ids of each file that a public check names, and yield the files that cannot be read."""
    checks = [check for check in _checks() if clones.of(check.origin.url)]
    found.update({check.system: {} for check in checks})
    for check in checks:
        try:
            found[check.system][place_of(check)] = CHECKS[check.system](clones.text(check.origin))
        except subprocess.CalledProcessError:
            yield f"{check.system} {check.id}: there is no {check.origin}"


def place_of(check: PublicCheck) -> str:
    """Return the key of a file in the index."""
    return f"{check.origin.path}@{check.origin.version}"


def _checks() -> list[PublicCheck]:
    return list(dict.fromkeys(row.check for row in maps.load([estates.pack()]).recommendations))


READERS: Final[dict[Basis, Callable[[str], Ids]]] = {
    Basis.MICROSOFT: initiative,
    Basis.PROWLER: prowler,
    Basis.PSRULE: psrule,
}


def read_controls(clones: Clones, found: Ids) -> Iterator[str]:
    """Renew the controls of each origin, and yield the origins that cannot be read."""
    evidence = maps.load([estates.pack()]).evidence
    for framework in {row.framework.name: row.framework for row in evidence}.values():
        for basis, origin in framework.origins.items():
            if clones.of(origin.url) is None:
                continue
            labelled = basis is Basis.PSRULE  # each rule has its controls beside it
            places = {check.origin for check in _checks() if check.system == "PSRule"} if labelled else {origin}
            reader = READERS.get(basis) or (prowler if origin.path.endswith(".json") else control_ids)
            ids: Ids = {}
            for place in places:
                try:
                    text = clones.text(place)
                    ids |= reader(text)
                    if framework.name == NIST and basis is Basis.TEXT:
                        ids["statements"] = statement_ids(text)
                except subprocess.CalledProcessError:
                    yield f"{framework.name} {basis}: there is no {place}"
            named = {check for row in evidence if row.framework == framework for check in row.by}
            wanted = {"", "statements"} if basis is Basis.TEXT else named
            found.setdefault(framework.name, {})[basis.value] = {key: of for key, of in ids.items() if key in wanted}


def is_confirmed(row: Evidence, index: Ids) -> bool:
    """Return whether the origin of a row has the control, and every check of it under the control."""
    of = index[row.framework.name][row.basis.value]
    return all(any(same(row.control, control) for control in of.get(check, ())) for check in row.by or ("",))


def main(folder: str) -> int:
    """Renew the index, print what the sources do not confirm, and return the exit code."""
    index: dict[str, Ids] = json.loads(INDEX.read_text("utf-8")) if INDEX.exists() else {"checks": {}, "controls": {}}
    clones = Clones(Path(folder))
    wrong = [*read_checks(clones, index["checks"]), *read_controls(clones, index["controls"])]
    INDEX.write_text(json.dumps(index, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    wrong += unconfirmed(index)
    sys.stdout.writelines(f"{fault}\n" for fault in wrong)
    return bool(wrong)


def unconfirmed(index: dict[str, Ids]) -> Iterator[str]:
    """Yield the rows of the maps that an index does not confirm."""
    for check in _checks():
        ids = index["checks"].get(check.system, {}).get(place_of(check), {})
        advisor = {key.lower(): value for key, value in ids.items()}.get(check.id.lower())
        if advisor is None:
            yield f"{check.system} {check.id} is not in {check.origin}"
        elif advisor != check.advisor:
            yield f"{check.system} {check.id} has the recommendationTypeId '{advisor}', not '{check.advisor}'"
    for row in maps.load([estates.pack()]).evidence:
        if not is_confirmed(row, index["controls"]):
            yield f"{row.framework.name} {row.control} ({row.basis}) is not confirmed for {row.rule}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
