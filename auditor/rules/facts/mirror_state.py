"""Facts of the state of a mirror at one time: what `^MIRROR` showed, and metrics of its members."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from auditor.estate.subjects import Members, Mirror
from auditor.rules.context import Context
from auditor.rules.facts.mirror_settings import MOST_DAYS, SETTING
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import objects, required, unusable, value
from auditor.snapshot.model import Part, Resource

_FORMAT: Final = "%m/%d/%Y %H:%M:%S"
_MOST_APART: Final = dt.timedelta(hours=38)
"""A day, and the hours by which a local time may be before UTC."""


@fact("mirror.states", "mirror", gives="guest-file*")
def states(context: Context, mirror: Mirror) -> Answer:
    """What was supplied of the failover members about the state of the mirror: of `^MIRROR`, and metrics.

    Unknown if there is nothing of any of them.
    """
    found = tuple(_states(context, mirror, mirror.failover))
    if found:
        return Answer(PartialList(found))
    vms = PartialList.of(mirror.failover).of_type(Resource)
    named = " or ".join(vm.name for vm in vms)
    files = f"{GuestKind.MIRROR_STATUS.file} or {GuestKind.METRICS.file}"
    reason = f"no {files} of {named} was supplied: put one into DIR/<VM name>, and give `--guest DIR`"
    return Answer(PartialList((Unknown(Cause.GUEST, reason, about=tuple(vm.id for vm in vms)),)))


@fact("mirror.dr_states", "mirror", gives="guest-file*")
def dr_states(context: Context, mirror: Mirror) -> Answer:
    """What was supplied of the DR asyncs about the state of the mirror, which may be nothing."""
    return Answer(PartialList(tuple(_states(context, mirror, mirror.dr))))


def _states(context: Context, mirror: Mirror, members: Members) -> Iterator[Resource | Unknown]:
    days = mirror.deployment.settings.get(SETTING, MOST_DAYS)
    for vm in PartialList.of(members).of_type(Resource):
        for kind in (GuestKind.MIRROR_STATUS, GuestKind.METRICS):
            found = context.topology.guest_files.supplied(vm, kind, days).known
            files = [file for file in found if isinstance(file, Resource)]
            own = [file for file in files if _named(file) == mirror.declared.name.casefold()]
            for file in own or found:
                assert isinstance(file, Resource | Unknown)  # noqa: S101 - nothing else is supplied
                yield file if isinstance(file, Unknown) else _not_of_its_time(file) or file


def _named(file: Resource) -> str:
    return str(value(file, "properties.mirror").value).casefold()


def _not_of_its_time(file: Resource) -> Unknown | None:
    """Return that a file shows another time than that at which it was taken, None if it does not."""
    if value(file, "properties.kind").value != GuestKind.MIRROR_STATUS:
        return None
    shown, taken = (required(text_at(file, f"properties.{own}")) for own in ("at", "takenAt"))
    if isinstance(shown.value, Unknown):
        return shown.value
    try:
        at = dt.datetime.strptime(str(shown.value), _FORMAT)  # noqa: DTZ007 - local time
        then = dt.datetime.fromisoformat(str(taken.value)).replace(tzinfo=None)
    except ValueError:
        return Unknown(Cause.VALUE, f"{file.id} does not say when it shows the mirror", about=(file.id,))
    if abs(at - then) <= _MOST_APART:
        return None
    reason = f"{file.id} shows the mirror at {shown.value}, and not when it was taken: take it again"
    return Unknown(Cause.GUEST, reason, about=(file.id,))


@fact("metrics.failover_ready", "guest-file", gives="number")
def failover_ready(_: Context, metrics: Resource) -> Answer:
    """Whether the failover member is ready for a failover (`iris_mirror_failover_ready`): 1 if it is."""
    return _metric(metrics, "iris_mirror_failover_ready")


@fact("metrics.mirror_status", "guest-file", gives="number")
def mirror_status(_: Context, metrics: Resource) -> Answer:
    """The state of the member in the mirror (`iris_mirror_status`): 2 primary, 3 backup, 4 connected async."""
    return _metric(metrics, "iris_mirror_status")


def _metric(file: Resource, name: str) -> Answer:
    """Return the value of a metric, which is unknown if it is not there, or there with several values."""
    found = objects(file, "properties.metrics[*]")
    own = [part for part in found.of_type(Part) if text_at(part, "name").value == name]
    values = [required(value(part, "value")) for part in own]
    reads: tuple[Read, ...] = tuple(read for each in values for read in each.reads)
    if found.incomplete_because is not None:
        return Answer(found.incomplete_because, reads)
    if len({str(each.value) for each in values}) != 1:
        reason = f"{file.id} has {'several values of' if values else 'no'} {name}"
        return Answer(Unknown(Cause.GUEST, reason, about=(file.id,)), reads)
    number = values[0].value
    return Answer(number if type(number) in {int, float} else unusable(values[0], "a number"), reads)
