from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditor import scan
from auditor.cli import scan_codes
from auditor.errors import InputError
from auditor.evaluation.drift.model import Drift, FindingChange
from auditor.evaluation.model import BaselineState, Finding, Outcome
from auditor.evaluation.result import Evaluation
from auditor.scan import Request
from auditor.sources import snapshot_file
from auditor.sources.file_source import FileSource
from tests.estate import subscription as s
from tests.estate.subscription import SUB
from tests.report import reports

DEPLOYMENT = """format: auditor.deployment/1
deployments:
  - name: {name}
    product: iris
    regions: {{primary: westeurope}}
    mirrors: none
    tiers: [{{role: app, members: [vm-a, vm-b]}}]
"""

PACK = """format: auditor.pack/1
name: own
title: Own
profiles: {current: what holds today}
statements: {}
"""

RULE = """id: OWN001
title: Nothing is enough
severity: medium
sources: [{title: A page, url: "https://example.org", date: "2026"}]
for: [{kind: deployment}]
assert: {fact: deployment.environment, equals: other}
profiles: {current: {}}
why: Nothing is ever enough for an auditor.
fix: az resource list -o table
examples:
  - {on: trakcare-current, expect: fail, because: no environment is called other}
  - {on: trakcare-2018, expect: fail, because: none here either}
"""


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return write(tmp_path / "raw.json", takenAt="2026-11-01T06:00:00Z")


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    path = tmp_path / "deployment.yaml"
    path.write_text("\ufeff" + DEPLOYMENT.format(name="from-file"), encoding="utf-8")
    return path


def write(path: Path, **envelope: Any) -> Path:
    path.write_text(json.dumps({"value": [s.vm("vm-a"), s.vm("vm-b")], **envelope}))
    return path


def as_snapshot(raw: Path, path: Path, deployment: str = "") -> Path:
    """Write an ARM JSON file as a snapshot with a deployment file."""
    taken = msgspec.structs.replace(FileSource(raw).read(), deployment=deployment)
    path.write_bytes(snapshot_file.encode(taken))
    return path


def deployments(report: Evaluation) -> set[str]:
    return {finding.deployment for finding in report.findings if finding.deployment}


def test_an_inventory_is_known_by_its_content_not_by_its_name(raw: Path, tmp_path: Path) -> None:
    taken = FileSource(raw).read()
    assert [resource.name for resource in taken.resources] == ["vm-a", "vm-b"]
    again = FileSource(as_snapshot(raw, tmp_path / "snapshot.json")).read()
    assert (again.resources, again.scopes) == (taken.resources, (SUB,))


@pytest.mark.slow
def test_the_deployment_file_comes_from_the_user_then_from_the_snapshot(
    raw: Path, declared: Path, tmp_path: Path
) -> None:
    carried = as_snapshot(raw, tmp_path / "s", DEPLOYMENT.format(name="carried"))
    assert deployments(scan.scan(Request(FileSource(raw)))) == set()
    report = scan.scan(Request(FileSource(carried)))
    assert deployments(report) == {"carried"}
    assert report.snapshot.deployment == DEPLOYMENT.format(name="carried")
    report = scan.scan(Request(FileSource(carried), deployment=declared))
    assert deployments(report) == {"from-file"}
    assert report.snapshot.deployment == DEPLOYMENT.format(name="from-file"), "what is evaluated can be written"


@pytest.mark.slow
def test_a_wrong_deployment_file_in_a_snapshot_is_named(raw: Path, tmp_path: Path) -> None:
    carried = as_snapshot(raw, tmp_path / "s", "format: auditor.deployment/9\n")
    with pytest.raises(InputError, match="the deployment file in the snapshot"):
        scan.scan(Request(FileSource(carried)))
    with pytest.raises(InputError, match="missing"):
        scan.scan(Request(FileSource(raw), deployment=tmp_path / "missing.yaml"))


@pytest.mark.slow
def test_without_declaration_the_report_says_that_no_deployment_is_recognised(raw: Path) -> None:
    report = scan.scan(Request(FileSource(raw)))
    assert {f.outcome for f in report.findings} == {Outcome.UNKNOWN}
    (missing,) = report.coverage.declarations
    assert missing.startswith("no InterSystems deployment is recognised here: declare it in a deployment file")
    assert "which `auditor discover` proposes, or tag its VMs with iris-deployment" in missing
    assert (report.coverage.complete, report.deployment_file) == (False, "")


@pytest.mark.slow
def test_the_date_that_counts(raw: Path, tmp_path: Path) -> None:
    assert scan.scan(Request(FileSource(raw))).as_of == dt.date(2026, 11, 1)
    assert scan.scan(Request(FileSource(raw), as_of=dt.date(2030, 2, 3))).as_of == dt.date(2030, 2, 3)
    before = dt.datetime.now(dt.UTC).date()
    undated = scan.scan(Request(FileSource(write(tmp_path / "undated.json")))).as_of
    assert before <= undated <= dt.datetime.now(dt.UTC).date()


@pytest.mark.slow
def test_a_time_that_is_none_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "raw.json", takenAt="yesterday")
    with pytest.raises(InputError, match="takenAt is 'yesterday'") as refused:
        scan.scan(Request(FileSource(path)))
    assert str(path) in str(refused.value)
    assert scan.scan(Request(FileSource(path), as_of=dt.date(2030, 2, 3))).as_of == dt.date(2030, 2, 3)


@pytest.mark.slow
def test_a_deployment_file_is_named_as_its_repository_does(
    raw: Path, declared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (declared, Path("deployment.yaml"), Path("./deployment.yaml")):
        assert scan.scan(Request(FileSource(raw), deployment=path)).deployment_file == "deployment.yaml"
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert scan.scan(Request(FileSource(raw), deployment=declared)).deployment_file == declared.as_posix()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "pack.yaml").write_text(PACK)
    (folder / "OWN001.yaml").write_text(RULE)
    return folder


@pytest.mark.slow
def test_packs_are_added_to_the_built_in_one(raw: Path, declared: Path, own: Path) -> None:
    built_in = scan.scan(Request(FileSource(raw), deployment=declared))
    report = scan.scan(Request(FileSource(raw), deployment=declared, rules=(own,)))
    assert [pack.name for pack in report.packs] == [*(pack.name for pack in built_in.packs), "own"]
    assert {rule.id for rule in report.rules} - {rule.id for rule in built_in.rules} == {"OWN001"}
    (found,) = [f for f in report.findings if f.rule.id == "OWN001"]
    assert (found.outcome, found.deployment) == (Outcome.FAIL, "from-file")
    assert report.profile == scan.DEFAULT_PROFILE


@pytest.mark.slow
def test_added_packs_are_checked(raw: Path, own: Path) -> None:
    (own / "OWN001.yaml").write_text(RULE.replace("severity: medium", "severity: terrible"))
    with pytest.raises(InputError, match="terrible"):
        scan.scan(Request(FileSource(raw), rules=(own,)))
    (own / "OWN001.yaml").write_text(RULE.replace("OWN001", "DEP001"))
    with pytest.raises(InputError, match="packs cannot replace rules"):
        scan.scan(Request(FileSource(raw), rules=(own,)))


@pytest.mark.slow
def test_settings_are_checked(raw: Path, declared: Path) -> None:
    declared.write_text(DEPLOYMENT.format(name="d") + "    settings: {dr_capacity_ratio: 7}\n")
    with pytest.raises(InputError, match="must be between"):
        scan.scan(Request(FileSource(raw), deployment=declared))


@pytest.mark.slow
def test_an_unknown_profile_is_refused(raw: Path) -> None:
    with pytest.raises(InputError, match="no rule profile 'tomorrow'"):
        scan.scan(Request(FileSource(raw), profile="tomorrow"))


@pytest.mark.slow
def test_how_bad_a_report_is(raw: Path, declared: Path, own: Path) -> None:
    report = scan.scan(Request(FileSource(raw), deployment=declared, rules=(own,)))
    report = msgspec.structs.replace(report, findings=tuple(f for f in report.findings if f.rule.id == "OWN001"))
    asked = {
        severity: scan_codes.has_finding(report, severity)
        for severity in ("critical", "high", "medium", "info", "none")
    }
    assert asked == {"critical": False, "high": False, "medium": True, "info": True, "none": False}
    unsure = [msgspec.structs.replace(f, outcome=Outcome.UNKNOWN) for f in report.findings]
    assert not scan_codes.has_finding(msgspec.structs.replace(report, findings=tuple(unsure)), "info")
    assert not scan_codes.has_errors(report)
    broken = [msgspec.structs.replace(f, outcome=Outcome.ERROR) for f in report.findings]
    assert scan_codes.has_errors(msgspec.structs.replace(report, findings=tuple(broken)))


UNKNOWN = reports.unknown(reports.PROBE, reports.MIRROR, "not read")
WHOLE = reports.unknown(reports.PROBE, reports.vm("prod"), "not listed")
FAIL, PASS = reports.finding(), reports.finding(Outcome.PASS)


@pytest.mark.parametrize(
    ("now", "others", "lost"),
    [
        (None, (), True),
        (None, (reports.unknown(reports.SIZE, reports.MIRROR, "not read"),), True),
        (None, (msgspec.structs.replace(WHOLE, deployment="other"),), True),
        (None, (PASS,), True),
        (None, (WHOLE,), False),
        (None, (msgspec.structs.replace(WHOLE, waiver=reports.waiver()),), False),
        (UNKNOWN, (), False),
        (msgspec.structs.replace(UNKNOWN, optional=True), (), True),
        (None, (msgspec.structs.replace(WHOLE, optional=True),), True),
        (msgspec.structs.replace(UNKNOWN, outcome=Outcome.ERROR), (), False),
        (FAIL, (), True),
        (msgspec.structs.replace(FAIL, waiver=reports.waiver()), (), False),
        (PASS, (), True),
        (msgspec.structs.replace(PASS, attestation=reports.attestation()), (), False),
    ],
)
def test_a_finding_lost_from_sight_counts_unless_its_unknown_successor_counts(
    now: Finding | None, others: tuple[Finding, ...], *, lost: bool
) -> None:
    def report(state: BaselineState) -> Evaluation:
        drift = Drift(reports.baseline(), (FindingChange(state, FAIL, now),), ())
        return msgspec.structs.replace(reports.report(*filter(None, (now, *others))), drift=drift)

    assert scan_codes.has_lost_sight(report(BaselineState.LOST_SIGHT)) is lost
    assert not scan_codes.has_lost_sight(report(BaselineState.GONE))
    assert not scan_codes.has_lost_sight(reports.report(UNKNOWN))
