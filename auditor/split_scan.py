"""Evaluation of a snapshot part by part, in one process or in several.

Any split has the same result: tasks evaluate components, or some deployments of one, and their results are joined.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from auditor import workers
from auditor.estate.declaration import DeclaredDeployment
from auditor.estate.topology import Topology
from auditor.evaluation import components, partition
from auditor.evaluation.components import How, Results, Share
from auditor.evaluation.partition import Links, Partition
from auditor.rules import packs
from auditor.rules.conditions import CompiledRule
from auditor.rules.facts import FACTS
from auditor.rules.model import Rule
from auditor.snapshot.model import Gap, Snapshot
from auditor.sources import snapshot_folder
from auditor.sources.source import Parts
from auditor.workers import Workers

_NAMED: Final = 3
"""How many deployments a message names."""
_LARGE: Final = 2
"""A component is split if it has more than its share of the resources, divided by this."""


class Split(msgspec.Struct, frozen=True):
    """What is evaluated, by which rules."""

    parts: Parts
    declared: tuple[DeclaredDeployment, ...]
    folders: tuple[Path, ...]
    """Those of packs of rules."""
    how: How


class Evaluated(msgspec.Struct, frozen=True):
    """The joined results, and what is known of the whole snapshot."""

    header: Snapshot
    """With the lists and gaps of all parts, and no resources."""
    resource_count: int
    results: Results


def evaluate(split: Split, by: Workers) -> Evaluated:
    """Evaluate a snapshot in parts.

    Raises:
        InputError: a part is wrong, or a worker ended twice without a result.
    """
    named = partition.named_in(split.declared)
    about = _About(split.parts.header, frozenset(split.parts.header.scopes), named, split.parts)
    work = workers.Work(_look, about, lambda number: ", ".join(split.parts.scopes[number]))
    seen = sorted(workers.results(work, range(len(split.parts.scopes)), by), key=lambda found: found.number)
    header = msgspec.structs.replace(
        split.parts.header,
        listed=frozenset(pair for found in seen for pair in found.listed),
        gaps=snapshot_folder.ordered((*split.parts.header.gaps, *(gap for found in seen for gap in found.gaps))),
    )
    found = partition.partition(header, (each.links for each in seen), split.declared)
    given = _Given(split, found)
    tasks = [*_tasks(split, found, seen, by.pieces)]
    if not by.are_elsewhere:
        outcomes: Iterable[Results] = (_evaluate(given, task) for task in tasks)
    else:
        doing = workers.Work(_evaluate_elsewhere, given, str)
        own = {rule.rule.id: rule.rule for rule in rules_of(split.folders, split.how.profile)}
        outcomes = (_unpacked(data, own) for data in workers.results(doing, tasks, by))
    return Evaluated(header, sum(each.resources for each in seen), components.joined(outcomes, split.declared))


@cache
def rules_of(folders: tuple[Path, ...], profile: str) -> tuple[CompiledRule, ...]:
    """Return the rules of a profile, compiled once in each process."""
    return packs.select(packs.load_all(folders, FACTS), profile)


# --- looking at each part ---------------------------------------------------------------------------------------------


class _About(msgspec.Struct, frozen=True):
    header: Snapshot
    scopes: frozenset[str]
    named: frozenset[str]
    parts: Parts


class _Seen(msgspec.Struct, frozen=True):
    """What is kept of a part after a look at it."""

    number: int
    links: Links
    listed: frozenset[tuple[str, str]]
    gaps: tuple[Gap, ...]
    resources: int
    """The number of resources in Azure."""


def _look(about: _About, number: int) -> _Seen:
    part = about.parts.read_part(number)
    links = partition.links_of(part, about.scopes, about.named)
    return _Seen(number, links, part.listed, part.gaps, part.resource_count)


# --- evaluation -------------------------------------------------------------------------------------------------------


class _Given(msgspec.Struct, frozen=True):
    split: Split
    partition: Partition | None
    """None if everything is one component."""


class _Task(msgspec.Struct, frozen=True):
    """What one task reads and reports."""

    component: int
    """The number of the component, 0 where everything is one."""
    parts: tuple[int, ...]
    """The numbers of the parts that are in view."""
    share: Share

    def __str__(self) -> str:
        """Return what it evaluates, for messages."""
        names = sorted(self.share.names or self.share.scopes)
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return f"{', '.join(names[:_NAMED])}{more}, part {self.share.piece + 1} of {self.share.pieces}"


def _tasks(split: Split, found: Partition | None, seen: list[_Seen], most_pieces: int) -> Iterator[_Task]:
    """Yield the tasks, the largest first: a long one that begins last would be waited for alone."""
    every = tuple(each.number for each in seen)
    if found is None:
        scopes = frozenset(split.parts.header.scopes)
        yield from _shares(0, every, scopes, None, most_pieces)
        return
    number_of = {scope: each.number for each in seen for scope in each.links.scopes}
    sizes = {each.number: each.links.resources for each in seen}
    of_component = [
        tuple(sorted({number_of[scope] for scope in each.scopes | each.around if scope in number_of}))
        for each in found.components
    ]
    size = [sum(sizes[number] for number in numbers) for numbers in of_component]
    most = sum(size) / most_pieces / _LARGE
    for index in sorted(range(len(size)), key=lambda index: -size[index]):
        own = found.components[index]
        pieces = most_pieces if size[index] > most else 1
        yield from _shares(index, of_component[index], own.scopes, own.deployments, pieces)


def _shares(
    component: int, parts: tuple[int, ...], scopes: frozenset[str], names: frozenset[str] | None, pieces: int
) -> Iterator[_Task]:
    """Yield the tasks of a component; the first also reports what is of subscriptions."""
    for piece in range(pieces):
        yield _Task(component, parts, Share(frozenset() if piece else scopes, names, piece, pieces))


def _evaluate(given: _Given, task: _Task) -> Results:
    """Return the results of a task."""
    rules = rules_of(given.split.folders, given.split.how.profile)
    return components.evaluate(_topology(given, task), rules, task.share, given.split.how)


def _evaluate_elsewhere(given: _Given, task: _Task) -> bytes:
    """Return the results of a task, packed for another process."""
    return _packed(_evaluate(given, task))


_LAST: dict[str, Any] = {}
"""The topology of the last task of this process: the next one may be of the same component."""


def _topology(given: _Given, task: _Task) -> Topology:
    """Return the topology of what is in view of a task."""
    key = (id(given), task.component)
    if _LAST.get("key") != key or task.share.pieces == 1:
        _LAST.clear()
        found = components.topology_of(_view(given, task), _declared(given, task), given.split.how)
        if task.share.pieces == 1:
            return found
        _LAST.update(key=key, given=given, topology=found)
    topology: Topology = _LAST["topology"]
    return topology


def _view(given: _Given, task: _Task) -> Snapshot:
    parts = (given.split.parts.read_part(number) for number in task.parts)
    if given.partition is None:
        return snapshot_folder.joined(given.split.parts.header, parts)
    return given.partition.view(parts)


def _declared(given: _Given, task: _Task) -> tuple[DeclaredDeployment, ...]:
    if given.partition is None:
        return given.split.declared
    names = given.partition.in_view(given.partition.components[task.component])
    return tuple(each for each in given.split.declared if each.name in names)


# --- results that cross a process -------------------------------------------------------------------------------------


class _Pickler(pickle.Pickler):
    def persistent_id(self, found: object) -> str | None:
        return found.id if isinstance(found, Rule) else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, rules: Mapping[str, Rule]) -> None:
        super().__init__(io.BytesIO(data))
        self._rules = rules

    def persistent_load(self, name: Any) -> Rule:  # noqa: ANN401 - the name of the method's own argument is free
        return self._rules[name]


def _packed(found: Results) -> bytes:
    """Return results with the ids of rules in the place of these."""
    data = io.BytesIO()
    _Pickler(data, pickle.HIGHEST_PROTOCOL).dump(found)
    return data.getvalue()


def _unpacked(data: bytes, rules: Mapping[str, Rule]) -> Results:
    found: Results = _Unpickler(data, rules).load()
    return found
