"""Facts of what a deployment uses and Azure retires."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import VM
from auditor.estate.subjects import Deployment
from auditor.rules.context import Context
from auditor.rules.facts.disks import os_disk
from auditor.rules.facts.sizes import months_between, retirements, series_of, size_of
from auditor.rules.facts.vm_state import extensions
from auditor.rules.registry import FACTS, fact
from auditor.snapshot.known import Answer, Cause, Interval, Items, Read, Unknown
from auditor.snapshot.lookup import objects, value
from auditor.snapshot.model import Part, Resource

_OF_MACHINES = {"os-disk": os_disk, "extension": extensions}


class Exposure(msgspec.Struct, frozen=True, eq=False):
    """A resource of a deployment that uses what Azure retires."""

    resource: Resource
    what: str
    date: dt.date
    source: str
    """The page that announces it."""
    read: Read
    """What shows it."""

    @property
    def id(self) -> str:
        """Return the id under which evidence speaks of it: the resource, and behind `#` what shows it."""
        return f"{self.resource.id}#{self.read.path}"


class Feature(msgspec.Struct, frozen=True):
    """Something that Azure retires, and how it shows."""

    what: str
    of: str
    date: dt.date
    source: str
    where: tuple[Mapping[str, Any], ...]
    each: str = ""
    """The list whose objects are looked at; "" for the resource itself."""


@cache
def features() -> tuple[Feature, ...]:
    """Return what the table names besides sizes."""
    table = retirements()
    return tuple(
        Feature(
            entry["what"],
            entry["of"] if entry["of"] in _OF_MACHINES else arm.canonical_type(entry["of"]),
            dt.date.fromisoformat(entry["date"]),
            table["sources"][entry["source"]],
            tuple(entry["where"]),
            entry.get("each", ""),
        )
        for entry in table["features"]
    )


@fact("deployment.retirements", "deployment", gives="exposure*")
def exposures(context: Context, deployment: Deployment) -> Answer:
    """What belongs to the deployment and uses what Azure has retired or will retire, the earliest date first."""
    machines = deployment.scope[VM]
    missing = machines.open_end
    found: list[Exposure] = []
    vms = machines.only(Resource)
    for sight in (*_sizes(vms), *_features(context, deployment, vms)):
        if isinstance(sight, Unknown):
            missing = missing or sight
        else:
            found.append(sight)
    found.sort(key=lambda exposure: (exposure.date, exposure.id.lower(), exposure.what))
    return Answer(Items(tuple(found), missing))


@fact("exposure.what", "exposure", gives="text")
def what(_: Context, exposure: Exposure) -> Answer:
    """What Azure retires."""
    return Answer(exposure.what, (exposure.read,))


@fact("exposure.date", "exposure", gives="text")
def date(_: Context, exposure: Exposure) -> Answer:
    """The date on which it stops."""
    return Answer(exposure.date.isoformat(), _reads(exposure))


@fact("exposure.months_left", "exposure", gives="number")
def months_left(context: Context, exposure: Exposure) -> Answer:
    """In how many months, counting a begun one, it stops: 0 or less where it has."""
    return Answer(months_between(context.topology.as_of, exposure.date), _reads(exposure))


def _reads(exposure: Exposure) -> tuple[Read, ...]:
    return exposure.read, Read(exposure.source, exposure.what, exposure.date.isoformat())


def _sizes(machines: list[Resource]) -> Iterator[Exposure | Unknown]:
    for vm in machines:
        size = size_of(vm)
        series = series_of(size.value) if isinstance(size.value, str) else None
        if isinstance(size.value, Unknown):
            yield size.value
        elif series is not None:
            yield Exposure(vm, f"{series.name} series", series.date, series.source, size.reads[0])


def _features(context: Context, deployment: Deployment, machines: list[Resource]) -> Iterator[Exposure | Unknown]:
    found: dict[str, list[Items]] = {
        of: [Items.of(find(context, vm).value) for vm in machines] for of, find in _OF_MACHINES.items()
    }
    for feature in features():
        for group in found.get(feature.of, [deployment.scope[feature.of]]):
            if group.open_end is not None:
                yield group.open_end
            for element in group.known:
                if isinstance(element, Resource | Part):
                    yield from _exposed(context, feature, element)


def _exposed(context: Context, feature: Feature, element: Resource | Part) -> Iterator[Exposure | Unknown]:
    """Yield that an element, or a part of it, uses a feature, or why it may."""
    parts = objects(element, feature.each) if feature.each else Items((element,))
    if parts.open_end is not None:
        yield parts.open_end
    for part in parts.known:
        if not isinstance(part, Resource | Part):
            continue
        answers: list[Answer] = []
        for condition in feature.where:
            answers.append(_meets(context, part, condition))
            if answers[-1].value is False:
                break
        else:
            doubt = next((answer.value for answer in answers if isinstance(answer.value, Unknown)), None)
            source = feature.source
            yield doubt or Exposure(element.resource, feature.what, feature.date, source, answers[0].reads[0])


def _meets(context: Context, element: Resource | Part, condition: Mapping[str, Any]) -> Answer:
    """Return whether an element meets one condition of the table."""
    if "fact" in condition:
        return _less(FACTS[condition["fact"]].find(context, element), condition["less"])
    answer = value(element, condition["path"])
    if isinstance(answer.value, Unknown):
        return answer
    if "is" in condition:
        wanted = [_folded(item) for item in condition["is"]]
        return _tell(answer, condition.get("absent", ABSENT), type(wanted[0]), lambda found: _folded(found) in wanted)
    if "type" in condition:
        type_ = arm.canonical_type(condition["type"])
        return _tell(answer, ABSENT, str, lambda found: arm.type_of(found) == type_)
    if condition.get("missing"):
        return Answer(answer.value is ABSENT, answer.reads)
    return Answer(answer.value is not ABSENT and answer.value not in condition.get("not", ()), answer.reads)


def _folded(item: object) -> object:
    return item.lower() if isinstance(item, str) else item


def _tell(answer: Answer, absent: object, kind: type, test: Callable[[Any], bool]) -> Answer:
    """Return whether a value passes a test; unknown where it is of another kind, or absent without a default."""
    found = absent if answer.value is ABSENT else answer.value
    where = answer.reads[0]
    if found is ABSENT:
        reason = f"{where.resource} has no {where.path}"
        return Answer(Unknown(Cause.VALUE, reason, about=(where.resource,)), answer.reads)
    if type(found) is not kind:
        reason = f"{where.resource}: {where.path} is {found!r} (malformed)"
        return Answer(Unknown(Cause.VALUE, reason, about=(where.resource,)), answer.reads)
    return Answer(test(found), answer.reads)


def _less(answer: Answer, bound: float) -> Answer:
    """Return whether a number is less than another."""
    found: Any = answer.value
    if isinstance(found, Unknown):
        return answer
    low, high = (found.low, found.high) if isinstance(found, Interval) else (found, found)
    if low < bound <= high:
        return Answer(found.because[0], answer.reads)
    return Answer(high < bound, answer.reads)
