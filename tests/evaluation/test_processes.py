"""Findings can be computed in several processes, one part of the deployments in each."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import Final

import pytest

from auditor import bundled
from auditor.authoring import fixtures
from auditor.estate import deployment_file
from auditor.estate.declaration import DeclaredDeployment
from auditor.estate.topology import Topology
from auditor.evaluation import coverage, engine
from auditor.evaluation.engine import Detail
from auditor.evaluation.model import Finding
from auditor.evaluation.result import Evaluation
from auditor.report.view import View
from auditor.rules import packs
from auditor.rules.conditions import CompiledRule
from auditor.rules.facts import FACTS
from auditor.snapshot.model import Snapshot
from tests import estates, test_bench
from tests.report import reports

Input = tuple[Snapshot, tuple[DeclaredDeployment, ...]]

GENERATED: Final = "generated"


def read(name: str) -> Input:
    """Return a snapshot with several deployments, and their declarations."""
    if name == GENERATED:
        snapshot = test_bench.estate(100)
        return snapshot, deployment_file.carried_by(snapshot).deployments
    declared = deployment_file.read(bundled.FIXTURES / name / bundled.DEPLOYMENT)
    return estates.snapshot_of(name, estates.body_of(name)), declared.deployments


@cache
def rules() -> tuple[CompiledRule, ...]:
    """Return the built-in rules, compiled in this process."""
    return packs.select(packs.load_all((), FACTS), "current")


def work(given: Input, detail: Detail, numbers: Sequence[int]) -> list[Finding]:
    """Evaluate some deployments by their numbers, and subscriptions for the number -1."""
    topology = Topology(*given, fixtures.AS_OF)
    found = []
    for number in numbers:
        if number < 0:
            found += engine.evaluate_subscriptions(topology, rules(), detail)
        else:
            found += engine.evaluate_deployment(topology, topology.deployments[number], rules(), detail)
    return found


def rendered(given: Input, findings: tuple[Finding, ...], view: View) -> str:
    """Return the JSON report of some findings."""
    topology = Topology(*given, fixtures.AS_OF)
    gaps = coverage.gaps(topology, rules())
    evaluation = Evaluation(
        profile="current",
        as_of=fixtures.AS_OF,
        snapshot=topology.graph.snapshot,
        findings=findings,
        coverage=coverage.assess(topology, gaps, findings, {}),
        packs=(estates.pack().pack,),
        rules=tuple(rule.rule for rule in rules()),
    )
    return reports.render("json", evaluation, view)


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("demo", 2), (GENERATED, 5)])
def test_two_processes_give_the_report_of_one(name: str, least: int, pool: ProcessPoolExecutor) -> None:
    given = read(name)
    topology = Topology(*given, fixtures.AS_OF)
    numbers = range(-1, len(topology.deployments))
    assert len(topology.deployments) >= least
    for detail, view in ((Detail.FAILURES, View()), (Detail.ALL, View(passes=True))):
        parts = [pool.submit(work, given, detail, part) for part in (numbers[1::2], numbers[::2])]
        assert all(part.result() for part in parts)
        joined = engine.ranked(finding for part in parts for finding in part.result())
        alone = engine.evaluate(topology, rules(), detail)
        assert joined == alone
        assert rendered(given, joined, view) == rendered(given, alone, view)


@pytest.mark.slow
@pytest.mark.parametrize("name", estates.ESTATES)
def test_every_finding_can_be_pickled(name: str) -> None:
    topology = estates.topology(name, estates.body_of(name))
    loaded = estates.rules(estates.ESTATES[name])
    findings = engine.evaluate(topology, loaded, recorded=topology.graph.resources.keys())
    assert len(findings) > 100
    assert pickle.loads(pickle.dumps(findings)) == findings  # noqa: S301 - our own
