"""`auditor drift`, `scan --baseline` and `--fail-on-new` as users call them: the comparison and the exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor import bundled
from auditor.cli import exit_codes
from auditor.cli.main import main
from tests import estates
from tests.estates import Body
from tests.test_gaps import hide_type

pytestmark = pytest.mark.slow

FOLDER = bundled.FIXTURES / "trakcare-current"
DEPLOYMENT = ["--deployment", str(FOLDER / bundled.DEPLOYMENT)]
APPROVAL = ["--by", "operations", "--reason", "change 4711"]
LOAD_BALANCER_TYPE = "Microsoft.Network/loadBalancers"


class Files:
    """A folder with an approved snapshot and ARM JSON files that differ from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.report = folder / "report.json"

    def inventory(self, change: Callable[[Body], object] = lambda _: None, name: str = "now.json") -> Path:
        """Write a changed ARM JSON file of the known-good deployment."""
        body = estates.body_of("trakcare-current")
        change(body)
        path = self.folder / name
        path.write_text(json.dumps(body))
        return path

    def snapshot(self, change: Callable[[Body], object] = lambda _: None, name: str = "then.jsonl") -> Path:
        path = self.folder / name
        taken = self.inventory(change, f"{name}.json")
        main(["scan", "--snapshot", str(taken), *DEPLOYMENT, "-o", f"snapshot={path}", "--fail-on", "none"])
        return path

    def approved(self, change: Callable[[Body], object] = lambda _: None, name: str = "then.jsonl") -> Path:
        path = self.snapshot(change, name)
        assert main(["approve", str(path), *APPROVAL]) == exit_codes.OK
        return path

    def drift(self, baseline: Path, now: Path, *options: str) -> int:
        return main(["drift", str(baseline), str(now), *DEPLOYMENT, "-o", f"json={self.report}", *options])

    def scan(self, baseline: Path, now: Path, *options: str) -> int:
        arguments = ["scan", "--snapshot", str(now), *DEPLOYMENT, "--baseline", str(baseline)]
        return main([*arguments, "-o", f"json={self.report}", *options])

    def states(self) -> dict[str, str]:
        """Return the states of the failed findings by rule."""
        return {found["rule"]: found["state"] for found in self.findings() if found["outcome"] == "fail"}

    def findings(self) -> list[Any]:
        loaded: dict[str, list[Any]] = json.loads(self.report.read_text())
        return loaded["findings"]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def break_probe(body: Body) -> None:
    """Change the probe in both regions, which DR017 requires to be alike."""
    for name in ("lb-mirror", "lb-mirror-dr"):
        estates.find(body, name)["properties"]["probes"][0]["properties"]["protocol"] = "Tcp"


def spread_load(body: Body) -> None:
    """Change the distribution of clients in both regions, as in `break_probe`."""
    for name in ("lb-web", "lb-web-dr"):
        for rule in estates.find(body, name)["properties"]["loadBalancingRules"]:
            rule["properties"]["loadDistribution"] = "SourceIPProtocol"


def both(body: Body) -> None:
    break_probe(body)
    spread_load(body)


def describe(body: Body) -> None:
    estates.find(body, "lb-mirror")["tags"]["note"] = "seen"


def hide_load_balancers(body: Body) -> None:
    hide_type(body, LOAD_BALANCER_TYPE.lower())


def elsewhere(body: Body) -> None:
    """Change the subscription id."""
    text = json.dumps(body).replace("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000009")
    body |= json.loads(text)


@pytest.mark.parametrize(
    ("then", "now", "code"),
    [
        (None, None, exit_codes.OK),
        (None, describe, exit_codes.OK),
        (None, break_probe, exit_codes.FINDINGS),
        (None, spread_load, exit_codes.FINDINGS),
        (break_probe, None, exit_codes.OK),
        (break_probe, break_probe, exit_codes.OK),
        (break_probe, both, exit_codes.FINDINGS),
        (None, hide_load_balancers, exit_codes.INCOMPLETE),
        (break_probe, hide_load_balancers, exit_codes.INCOMPLETE),
        (hide_load_balancers, break_probe, exit_codes.FINDINGS),
    ],
    ids=lambda change: getattr(change, "__name__", str(change)),
)
def test_drift_fails_for_regressed_and_new_findings(files: Files, then: Any, now: Any, code: int) -> None:
    nothing: Callable[[Body], object] = lambda _: None  # noqa: E731
    assert files.drift(files.approved(then or nothing), files.inventory(now or nothing)) == code


def test_with_allow_incomplete_a_finding_that_is_lost_from_sight_is_no_failure(files: Files) -> None:
    baseline, now = files.approved(), files.inventory(hide_load_balancers)
    assert files.drift(baseline, now, "--allow-incomplete") == exit_codes.OK


def test_a_baseline_changes_no_exit_code_of_a_scan(files: Files) -> None:
    baseline, now = files.approved(break_probe), files.inventory(break_probe)
    assert files.scan(baseline, now) == exit_codes.FINDINGS
    assert files.states() == {"MIR003": "unchanged"}


def test_fail_on_new_counts_only_regressed_and_new_findings(files: Files) -> None:
    baseline, same, worse = files.approved(break_probe), files.inventory(break_probe), files.inventory(both, "worse")
    assert files.scan(baseline, same, "--fail-on-new") == exit_codes.OK
    assert files.scan(baseline, worse, "--fail-on-new") == exit_codes.FINDINGS
    assert files.states() == {"MIR003": "unchanged", "LB003": "regressed"}


def test_a_pass_that_fails_counts_with_the_severity_of_its_rule_whatever_its_grade(files: Files) -> None:
    """LB003 is high, and low where a client keeps its server as long as it uses one protocol."""
    baseline, now = files.approved(), files.inventory(spread_load)
    assert files.scan(baseline, now, "--fail-on-new") == exit_codes.FINDINGS
    fails = [found for found in files.findings() if found["outcome"] == "fail"]
    assert {(found["rule"], found["severity"]) for found in fails} == {("LB003", "low")}
    for least, code in (("high", exit_codes.FINDINGS), ("critical", exit_codes.OK), ("none", exit_codes.OK)):
        assert files.scan(baseline, now, "--fail-on-new", "--fail-on", least) == code


def test_a_fail_of_which_nothing_was_known_counts_with_its_own_severity(files: Files) -> None:
    baseline, now = files.approved(hide_load_balancers), files.inventory(spread_load)
    for least, code in (("low", exit_codes.FINDINGS), ("medium", exit_codes.OK)):
        assert files.scan(baseline, now, "--fail-on-new", "--fail-on", least) == code
    assert files.states() == {"LB003": "new"}


def test_fail_on_new_exits_with_3_where_a_finding_is_lost_from_sight(files: Files) -> None:
    assert files.scan(files.approved(), files.inventory(hide_load_balancers), "--fail-on-new") == exit_codes.INCOMPLETE


WAIVERS = """\
format: auditor.waivers/1
waivers:
  - rule: MIR003
    scope: "*"
    category: Waiver
    reason: It is replaced in spring.
    approvedBy: the head of operations
    grantedOn: 2026-10-01
    expiresOn: 2027-03-31
"""


@pytest.mark.parametrize("options", [[], ["--as-of", "2027-04-01"]], ids=["waived", "expired"])
def test_a_regression_that_is_waived_does_not_count(files: Files, options: list[str]) -> None:
    waivers = files.folder / "waivers.yaml"
    waivers.write_text(WAIVERS)
    baseline, now = files.approved(), files.inventory(break_probe)
    code = exit_codes.FINDINGS if options else exit_codes.OK
    assert files.scan(baseline, now, "--fail-on-new", "--waivers", str(waivers), *options) == code
    assert files.drift(baseline, now, "--waivers", str(waivers), *options) == code
    assert files.states() == {"MIR003": "regressed"}


def test_fail_on_new_needs_a_baseline(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "--snapshot", str(files.inventory()), *DEPLOYMENT, "--fail-on-new"]) == exit_codes.USAGE
    assert "--fail-on-new counts what is worse than in a baseline" in capsys.readouterr().err


def test_a_baseline_must_be_approved(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = files.snapshot()
    capsys.readouterr()
    assert files.drift(baseline, files.inventory()) == exit_codes.USAGE
    command = f'auditor approve {baseline} --by WHO --reason "WHY"'
    assert capsys.readouterr().err == f"auditor: error: {baseline}: is not approved; to approve it: {command}\n"


@pytest.mark.parametrize("name", ["inventory", "nowhere"])
def test_a_baseline_is_a_snapshot(files: Files, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = files.inventory(name="inventory")
    assert files.scan(files.folder / name, baseline) == exit_codes.USAGE
    (said,) = capsys.readouterr().err.splitlines()
    assert f"{name}:1: is not a snapshot" in said if name == "inventory" else "cannot be read" in said


def test_a_damaged_baseline_is_refused(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = files.approved()
    baseline.write_bytes(baseline.read_bytes().replace(b'"Http"', b'"Tcp"'))
    capsys.readouterr()
    assert files.drift(baseline, files.inventory()) == exit_codes.USAGE
    assert str(baseline) in capsys.readouterr().err


def test_a_baseline_of_other_subscriptions_is_refused(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = files.approved(elsewhere)
    capsys.readouterr()
    assert files.drift(baseline, files.inventory()) == exit_codes.USAGE
    said = capsys.readouterr().err
    assert f"{baseline}: is of /subscriptions/00000000-0000-0000-0000-000000000009, and none of them is scanned" in said


def test_a_subscription_that_is_left_out_is_lost_from_sight(files: Files) -> None:
    """No finding and no gap shows it, since neither a resource nor a declaration refers to it."""

    def with_another(body: Body) -> None:
        other: Body = json.loads(json.dumps(body))
        elsewhere(other)
        for item in other["value"]:
            item["tags"] = {"iris-deployment": "other", "iris-role": "app"}
        body["value"] += other["value"]
        body["listed"] |= other["listed"]

    baseline, now = files.approved(with_another), files.inventory()
    assert files.drift(baseline, now) == exit_codes.INCOMPLETE
    assert files.drift(baseline, now, "--allow-incomplete") == exit_codes.OK
    assert files.scan(baseline, now) == exit_codes.OK
    assert files.scan(baseline, now, "--fail-on-new") == exit_codes.INCOMPLETE


def test_a_baseline_of_three_months_ago_does_not_fail_for_its_age(files: Files) -> None:
    """Since the baseline, the retirement of a size came nearer than two years; on its date, the baseline passed."""

    def retiring(day: str) -> Callable[[Body], None]:
        def change(body: Body) -> None:
            body["takenAt"] = f"{day}T02:00:00Z"
            estates.find(body, "vm-print-a")["properties"]["hardwareProfile"]["vmSize"] = "Standard_DS3_v2"

        return change

    baseline, now = files.approved(retiring("2026-04-01")), files.inventory(retiring("2026-07-01"))
    options = ["--fail-on", "low", "--allow-incomplete"]
    assert main(["scan", "--snapshot", str(baseline), *DEPLOYMENT, *options]) == exit_codes.OK
    assert files.scan(baseline, now, *options) == exit_codes.FINDINGS
    assert files.states() == {"CMP003": "unchanged", "GOV005": "unchanged"}
    assert files.scan(baseline, now, *options, "--fail-on-new") == exit_codes.OK
    assert files.drift(baseline, now, "--allow-incomplete") == exit_codes.OK
    assert json.loads(files.report.read_text())["asOf"] == "2026-07-01"


def test_without_a_deployment_file_that_of_the_snapshots_is_used(files: Files) -> None:
    baseline, now = files.approved(), files.inventory(break_probe)
    assert main(["drift", str(baseline), str(now), "-o", f"json={files.report}"]) == exit_codes.FINDINGS
    assert files.states() == {"MIR003": "regressed"}


def test_drift_lists_only_changes(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    baseline, now = files.approved(spread_load), files.inventory(both)
    capsys.readouterr()
    assert main(["drift", str(baseline), str(now), *DEPLOYMENT]) == exit_codes.FINDINGS
    shown = capsys.readouterr().out
    assert "MIR003" in shown
    assert "LB003" not in shown
    assert main(["scan", "--snapshot", str(now), "--baseline", str(baseline), *DEPLOYMENT]) == exit_codes.FINDINGS
    assert "LB003" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("attested", "state", "code"),
    [("2026-11-01", "unchanged", exit_codes.OK), ("2026-11-02", "new", exit_codes.FINDINGS)],
)
def test_what_was_attested_since_the_baseline_not_to_hold_is_new(
    attested: str, state: str, code: int, files: Files
) -> None:
    path = files.folder / "attestations.yaml"
    path.write_text(
        "format: auditor.attestations/1\nattestations:\n"
        f"  - {{rule: DR019, scope: '*', attestedBy: operations, attestedOn: {attested}, validUntil: 2027-04-01,"
        " statement: It was never rehearsed., holds: false}\n"
    )
    options = ["--attestations", str(path), "--fail-on-new", "--as-of", "2026-11-03"]
    assert files.scan(files.approved(), files.inventory(), *options) == code
    assert files.states() == {"DR019": state}
