"""The generated estates of the benchmark are valid. `make bench` measures their cost; no test does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from auditor import scan
from auditor.azure import arm
from auditor.evaluation.model import Outcome
from auditor.evaluation.result import Evaluation
from auditor.snapshot.model import Snapshot
from auditor.sources import snapshot_file
from auditor.sources.file_source import FileSource
from tests.test_docs import ROOT, load

VMS = 200
DEPLOYMENTS = VMS * 7 // 10 // 14


@cache
def estate(vms: int = VMS) -> Snapshot:
    built: Snapshot = load(ROOT / "bench" / "estate.py").build(vms)
    return built


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    file = tmp_path_factory.mktemp("bench") / "estate.jsonl"
    file.write_bytes(snapshot_file.encode(estate()))
    return scan.scan(scan.Request(FileSource(file)))


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for member in value.values():
            yield from texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from texts(member)
    elif isinstance(value, str):
        yield value


def owner(key: str) -> str:
    """Return the key of the resource of an id, which may be that of a part."""
    while parent := arm.parent_of(key):
        key = parent
    return key


@pytest.mark.slow
def test_the_same_number_and_seed_give_the_same_estate() -> None:
    build = load(ROOT / "bench" / "estate.py").build
    assert snapshot_file.encode(build(60)) == snapshot_file.encode(build(60))
    assert snapshot_file.encode(build(60)) != snapshot_file.encode(build(60, seed=1))


def test_one_resource_in_twenty_has_another_setting_a_day_later() -> None:
    changed = load(ROOT / "bench" / "estate.py").changed
    later = changed(estate(), 0.05)
    bodies = {found.key: found.body for found in estate().resources}
    assert later.taken_at > estate().taken_at
    assert [found.key for found in later.resources] == [*bodies]
    different = sum(found.body != bodies[found.key] for found in later.resources)
    assert 0.03 < different / len(bodies) < 0.06
    assert snapshot_file.encode(changed(estate(), 0.05)) == snapshot_file.encode(later)


def test_every_id_names_a_resource_of_the_estate() -> None:
    keys = {resource.key for resource in estate().resources}
    named = [(resource.id, text) for resource in estate().resources for text in texts(resource.body) if arm.is_id(text)]
    assert len(named) > len(keys)
    assert [(arm_id, text) for arm_id, text in named if owner(arm.key(text)) not in keys] == []


def test_ids_are_unique_and_the_estate_has_the_size_that_was_asked_for() -> None:
    counts = Counter(resource.type for resource in estate().resources)
    assert len({resource.key for resource in estate().resources}) == len(estate().resources)
    assert counts["microsoft.compute/virtualmachines"] == VMS
    assert 5 < len(estate().resources) / VMS < 7.5, "10,000 VMs have about 65,000 resources"


def test_it_is_no_copy_of_one_deployment() -> None:
    vms = [r.body for r in estate().resources if r.type == "microsoft.compute/virtualmachines"]
    sizes = {body["properties"]["hardwareProfile"]["vmSize"] for body in vms}  # type: ignore[index]
    assert len(sizes) > 5
    assert {"zones" in body for body in vms} == {True, False}
    assert len({body["location"] for body in vms}) > 2


@pytest.mark.slow
def test_every_deployment_is_recognised_and_evaluated(report: Evaluation) -> None:
    evaluated = {finding.deployment for finding in report.findings} - {""}
    assert len(evaluated) == DEPLOYMENTS
    roles = Counter(
        finding.deployment
        for finding in report.findings
        if finding.subject.kind == "mirror" and finding.outcome is not Outcome.NOT_APPLICABLE
    )
    assert set(roles) == evaluated, "each has an evaluated mirror, whether it is declared by name or by tags"


@pytest.mark.slow
def test_no_rule_breaks_on_it_and_all_outcomes_occur(report: Evaluation) -> None:
    assert [f"{f.rule.id}: {f.reason}" for f in report.findings if f.outcome is Outcome.ERROR] == []
    assert {finding.outcome for finding in report.findings} == set(Outcome) - {Outcome.ERROR}
    assert not report.coverage.gaps


@pytest.mark.slow
def test_rules_about_what_deployments_share_and_what_protects_them_apply_to_it(report: Evaluation) -> None:
    passing = {finding.rule.id for finding in report.findings if finding.outcome is Outcome.PASS}
    wanted = {"BKP001", "BKP006", "DR005", "DR015", "GOV003", "NET001", "NET002", "NET003", "SEC003", "SEC005"}
    assert wanted | {"SEC006", "SEC007", "SEC008", "SEC009"} <= passing
    schedules = [finding.outcome for finding in report.findings if finding.rule.id == "AVL012"]
    assert Outcome.PASS in schedules
    assert Outcome.FAIL not in schedules


@pytest.mark.slow
def test_rules_about_files_from_inside_vms_apply_to_it(report: Evaluation) -> None:
    passing = {finding.rule.id for finding in report.findings if finding.outcome is Outcome.PASS}
    failing = {finding.rule.id for finding in report.findings if finding.outcome is Outcome.FAIL}
    assert {"BKP004", "CMP007", "CMP010", "DR003", "GOV007", "MIR009", "MIR010", "MIR011", "MIR013"} <= passing
    assert {"MIR014", "MIR015", "MIR016", "MIR017", "MIR018", "MIR020", "MIR031", "STO009", "STO016"} <= passing
    assert {"CMP010", "MIR014", "MIR015"} & failing


def test_the_table_says_what_is_met_and_by_how_much_the_rest_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    run = load(ROOT / "bench" / "run.py")
    lines = [
        run.Line("reading", 2.9, 3),
        run.Line("evaluating", 9.0, 6, why="It is Python."),
        run.Line("nothing refused", 1, 0),
        run.Line("memory", 7),
        run.Line("earlier", None, why="no history"),
    ]
    states = ["met", "missed 1.50 times over", "missed", "", "not measured: no history"]
    assert [row.split("|")[4].strip() for row in run.table(lines)[2:]] == states
    page = run.page(lines, f"old figures\n{run.PEERS}\n\nthose of others\n")
    assert "evaluating: 9.00, limit 6. It is Python." in page
    assert page.endswith(f"\n\n{run.PEERS}\n\nthose of others\n")
    assert "old figures" not in page
    assert run.PEERS not in run.page(lines, "old figures\n")
    assert str(Path.home()) not in page
    assert str(ROOT) not in page


def test_collecting_takes_at_least_what_latency_and_each_limit_of_azure_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    run = load(ROOT / "bench" / "run.py")
    one = ["/subscriptions/0/providers/Microsoft.Compute/disks?api-version=1"]
    many = [f"/subscriptions/{number}?api-version=1" for number in range(1000)]
    queries = ["/providers/Microsoft.ResourceGraph/resources?api-version=1"]
    assert run.bound(many) == 1000 * run.LATENCY / 16
    assert run.bound(many[:100] + one * 1000) == (1000 + 1 - 250) / 25, "of each subscription, ARM admits so many"
    assert run.bound(many[:100] + queries * 45) == (45 - 15) / 3


def test_the_benchmark_needs_no_package_that_is_not_ours() -> None:
    text = (ROOT / "bench" / "estate.py").read_text(encoding="utf-8")
    assert "fixtures" not in text, "the generator does not use the fixtures"


def test_the_peak_memory_of_a_process_is_not_that_of_the_one_that_measures() -> None:
    """Linux counts the memory of the process that starts another one as its peak, if it does so directly."""
    processes = load(ROOT / "bench" / "processes.py")
    held = b"x" * 200_000_000
    assert processes.run(processes.Command(("-c", "pass"))).memory < len(held) / 2
    assert processes.run(processes.Command(("-c", "b'x' * 300_000_000"))).memory > len(held)
