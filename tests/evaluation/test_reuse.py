"""Findings are used again only where an evaluation from scratch would find the same."""

from __future__ import annotations

import ast
import contextlib
import datetime as dt
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import pytest

import auditor
from auditor.authoring import fixtures
from auditor.azure.paths import ABSENT
from auditor.errors import InputError
from auditor.estate.declaration import DeclaredDeployment
from auditor.estate.topology import Topology
from auditor.estate.watching import watch_tables
from auditor.evaluation import drift, engine
from auditor.evaluation.engine import Detail
from auditor.evaluation.reuse import Memory, Unmoved
from auditor.evaluation.reuse.memory import used_for, with_results
from auditor.evaluation.reuse.values import Values
from auditor.snapshot.known import PartialList
from auditor.snapshot.lookup import items, value
from auditor.snapshot.model import Gap, GapReason, Resource, Snapshot, resource
from auditor.snapshot.watching import Read, Table, Watch, head, watched
from tests import estates
from tests.evaluation.reusing import Remembered
from tests.test_mutations import sensitivity

ROOT = Path(auditor.__file__).parent

STATEFUL = {
    "rules/facts/losses.py: SingleLoss.foreseen": "what is foreseen depends on a Site, which has no resources",
    "rules/facts/site_places.py: Places._offered": "it lives only while a Site is made",
    "rules/context.py: ReadRecorder._seen": "what is recorded is part of a finding and kept with it",
}
"""What keeps results outside of the estate's objects, and why nothing is overlooked by that."""


PART = 131
"""One in so many mutations is tried here; `tests/tools/reuse.py` tries all."""


@cache
def files(name: str) -> tuple[Snapshot, tuple[DeclaredDeployment, ...]]:
    return estates.snapshot_of(name, estates.with_guest_files(name)), estates.deployments_of(name)


@cache
def remembered(name: str, detail: Detail = Detail.FAILURES) -> Remembered:
    return Remembered(*files(name), fixtures.AS_OF, estates.rules(estates.ESTATES[name]), detail)


# --- what is read is logged -------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["trakcare-2018", "demo"])
def test_a_watched_topology_has_the_same_findings_and_each_look_up_can_be_compared(name: str) -> None:
    topology = Topology(*files(name), fixtures.AS_OF, Watch())
    memory = Memory(topology)
    found = engine.evaluate(topology, estates.rules(estates.ESTATES[name]), memory=memory)
    assert found == engine.evaluate(Topology(*files(name), fixtures.AS_OF), estates.rules(estates.ESTATES[name]))
    assert memory.watch is not None
    used = used_for((each.number for each in memory.found.values()), memory.watch.computed)
    reads = [read for read, number in memory.watch.looked_up.items() if number in used]
    values = Values(topology)
    assert len(reads) > 500
    assert [read for read in reads if values.of(read) is None] == []


def test_every_read_of_a_resource_is_logged_by_the_group_of_the_property() -> None:
    watch = Watch()
    found = watched(resource({"id": "/subscriptions/a", "properties": {"a": {"b": [1]}}, "location": "x"}, "/a"), watch)
    assert value(found, "properties.a.b").value == [1]
    assert value(found, "tags['x']").value is ABSENT
    assert items(found, "properties.a.b[*]").value == PartialList((1,))
    assert found.location == "x"
    assert found.body
    groups = [("properties", "a"), ("tags",), ("properties", "a"), ("location",), ()]
    assert [*logged(watch)] == [("/a", group) for group in groups]
    assert {field for field in Resource.__struct_fields__ if field not in {*head_fields(), "key", "type", "path"}} == {
        "body"
    }


def logged(watch: Watch) -> Iterator[Read]:
    reads = {number: read for read, number in watch.looked_up.items()}
    return (reads[number] for number in watch.log)


def head_fields() -> set[str]:
    """Return the fields of a resource of which `head` has the values."""
    fields = Resource.__struct_fields__
    there = head(Resource(**dict(zip(fields, fields, strict=True))))  # type: ignore[arg-type]  # names as values
    return {str(name) for name in there}


def test_all_that_a_dict_can_do_is_logged_or_refused() -> None:
    """Also what later versions of Python add to dicts."""
    unlogged = {"__class_getitem__", "fromkeys", "__sizeof__", "__repr__", "__getattribute__", "__new__", "__init__"}
    compared = {"__lt__", "__le__", "__gt__", "__ge__"}  # dicts have no order
    of_dict = {name for name in vars(dict) if callable(getattr(dict, name))} - unlogged - compared
    assert of_dict - vars(Table).keys() == set()


def test_data_that_cannot_be_watched_are_refused() -> None:
    """Here what is watched as soon as it is made: the deployments, which are a tuple."""
    with pytest.raises(TypeError, match=r"^deployments is a tuple, whose use cannot be logged$"):
        watch_tables(estates.topology("demo", estates.shared_body("demo"), []), Watch())


def test_a_result_is_kept_with_what_was_read_for_it_also_in_a_circle() -> None:
    watch = Watch()
    known, results = Table(watch, "known", {"x": 1, "y": 2}), Table(watch, "results")

    def of(name: str, *further: str) -> int:
        if name not in results:
            results[name] = 0
            results[name] = known.get({"a": "x", "b": "y"}[name]) + (of(*further) if further else 0)
        return int(results[name])

    x, y = watch.number_of(("known", "x")), watch.number_of(("known", "y"))
    assert of("a", "b", "a") == 3
    both = watch.taken()
    assert {x, y} < used_for({both}, watch.computed)
    of("b")
    of_b = watch.taken()
    assert {x, y} < used_for({of_b}, watch.computed)
    assert {both, of_b} < with_results({x}, watch.computed)
    assert {both, of_b} < with_results({y}, watch.computed)
    assert x not in with_results({y}, watch.computed)


@pytest.mark.slow
def test_results_are_kept_only_where_they_are_watched() -> None:
    """In the objects of the estate all dicts are watched; everything else that keeps results is listed here."""
    found = {where for package in ("rules", "estate") for where in _stateful(ROOT / package)}
    assert found - {where for where in found if where.startswith("estate/")} == STATEFUL.keys()
    cached = [function for package in ("azure", "snapshot", "estate", "rules") for function in _cached(ROOT / package)]
    assert len(cached) > 10
    plain = {"str", "bytes", "Scalar", "Ports", "paths.Step", "tuple[paths.Step, ...]", "tuple[Step, ...]"}
    assert [name for name, annotations in cached if not annotations <= plain] == []


def _stateful(package: Path) -> Iterator[str]:
    """Yield the attributes that methods other than `__init__` set, and properties that keep their value."""
    for file in package.rglob("*.py"):
        for cls in (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ClassDef)):
            for method in (node for node in cls.body if isinstance(node, ast.FunctionDef) and node.name != "__init__"):
                where = f"{file.relative_to(ROOT).as_posix()}: {cls.name}"
                if any(ast.unparse(one).endswith("cached_property") for one in method.decorator_list):
                    yield f"{where}.{method.name}"
                for node in ast.walk(method):
                    is_set = isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store)
                    if is_set and ast.unparse(node).startswith("self."):
                        yield f"{where}.{ast.unparse(node).removeprefix('self.').partition('[')[0]}"


def _cached(package: Path) -> Iterator[tuple[str, set[str]]]:
    """Yield the functions whose results are kept for good, with the types of their parameters."""
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef):
                decorators = {ast.unparse(one).partition("(")[0].rpartition(".")[2] for one in node.decorator_list}
                if decorators & {"cache", "lru_cache"}:
                    yield (
                        f"{file}: {node.name}",
                        {ast.unparse(arg.annotation) for arg in node.args.args if arg.annotation},
                    )


# --- what is used again is as from scratch ----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("name", "detail"), [("trakcare-current", Detail.FAILURES), ("trakcare-2018", Detail.ALL)])
def test_after_a_mutation_reuse_changes_nothing(name: str, detail: Detail) -> None:
    good = sensitivity(name)
    tried = moved = findings = 0
    for mutation in good.mutations[::PART]:
        with contextlib.suppress(InputError):
            snapshot = good.mutated(mutation).graph.snapshot
            compared = remembered(name, detail).compare(snapshot, files(name)[1], fixtures.AS_OF)
            assert compared.differences == (), str(mutation)
            tried, moved, findings = tried + 1, moved + compared.moved, findings + compared.findings
    assert tried > 15
    assert 0 < moved < findings / 10


@pytest.mark.slow
def test_day_by_day_reuse_changes_nothing() -> None:
    snapshot, declared = files("demo")
    moved = []
    for days in (1, 5, 30, 61, 400, 1500):
        taken = dt.datetime(2026, 11, 1, 6, tzinfo=dt.UTC) + dt.timedelta(days=days)
        later = msgspec.structs.replace(snapshot, taken_at=taken.isoformat())
        compared = remembered("demo").compare(later, declared, taken.date())
        assert compared.differences == ()
        moved.append(compared.moved)
    assert moved[0] < moved[-1]


@pytest.mark.slow
def test_another_deployment_file_or_gap_is_seen() -> None:
    snapshot, declared = files("demo")
    other = (msgspec.structs.replace(declared[0], environment="non-production"), *declared[1:])
    assert remembered("demo").compare(snapshot, other, fixtures.AS_OF).differences == ()
    unlisted = msgspec.structs.replace(snapshot, listed=frozenset())
    assert remembered("demo").compare(unlisted, declared, fixtures.AS_OF).differences == ()
    gap = Gap(snapshot.scopes[0], "Microsoft.Network/loadBalancers", GapReason.FORBIDDEN)
    refused = msgspec.structs.replace(snapshot, gaps=(*snapshot.gaps, gap))
    compared = remembered("demo").compare(refused, declared, fixtures.AS_OF)
    assert compared.differences == ()
    assert compared.moved > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["trakcare-current"])
def test_drift_is_the_same_without_reuse(name: str) -> None:
    snapshot, declared = files(name)
    rules = estates.rules(estates.KNOWN_GOOD[name])
    changed = [
        msgspec.structs.replace(found, body={**found.body, "tags": {"cost": "1"}}) if index % 7 == 0 else found
        for index, found in enumerate(snapshot.resources)
        if index % 31
    ]
    later = msgspec.structs.replace(snapshot, resources=tuple(changed))
    before, after = Topology(snapshot, declared, fixtures.AS_OF), Topology(later, declared, fixtures.AS_OF)
    changes = drift.Changes(before.graph, after.graph)
    was = engine.evaluate(before, rules, Detail.ALL, changes.before)
    now = engine.evaluate(after, rules, Detail.ALL, changes.after)
    former = Topology(snapshot, declared, fixtures.AS_OF, Watch())
    earlier = Memory(former)
    assert engine.evaluate(former, rules, Detail.ALL, changes.before, earlier) == was
    unlike = changes.before.keys() ^ changes.after.keys()
    unmoved = Unmoved.since(earlier, after, unlike, changes.alike)
    assert len(changes.alike) > len(changes.after)
    assert engine.evaluate(after, rules, Detail.ALL, changes.after, Memory(after, unmoved)) == now


def test_a_number_that_cannot_be_compared_counts_as_another_one() -> None:
    found = resource({"id": "/a", "properties": {"a": 2**70, "b": 1}}, "/subscriptions/a")
    snapshot = Snapshot("", (), (found,), frozenset(), ())
    was, now = (Values(Topology(snapshot, (), fixtures.AS_OF)) for _ in range(2))
    assert was.are_as_in(now, (found.key, ("properties", "b")))
    assert not was.are_as_in(now, (found.key, ("properties", "a")))
