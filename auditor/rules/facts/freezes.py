"""Facts of how databases are frozen for backups: scripts of Azure Backup, and what logs of instances show of them.

Times in a log are local and have no zone. A zone is between 12 hours behind UTC and 14 hours before it.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from typing import Final

from auditor.azure import arm
from auditor.azure.types.names import PROTECTED_ITEM, RECOVERY_POINT
from auditor.estate.subjects import Mirror
from auditor.rules.context import Context
from auditor.rules.facts.backups import points_by_item
from auditor.rules.facts.reading import text_at
from auditor.rules.facts.vm_files import files_of
from auditor.rules.registry import fact
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.known import Answer, Cause, Interval, PartialList, Read, Unknown
from auditor.snapshot.lookup import objects, required, unusable
from auditor.snapshot.model import Part, Resource
from auditor.times import instant, written

_EVENTS: Final = "properties.events[*]"
_BEFORE_UTC: Final = dt.timedelta(hours=14)
_BEHIND_UTC: Final = dt.timedelta(hours=12)
_AROUND: Final = dt.timedelta(hours=2)
"""How far the time of a recovery point may be from the freeze."""
_SHIFT: Final = 3600
"""Seconds by which clocks are put forward in spring."""


@fact("database.vms", "vm", "mirror", gives="vm*")
def vms(_: Context, database: Resource | Mirror) -> Answer:
    """The failover members of the mirror, or the VM itself."""
    return Answer(_vms(database))


def _vms(database: Resource | Mirror) -> PartialList:
    return PartialList((database,)) if isinstance(database, Resource) else PartialList.of(database.failover)


@fact("database.backup_scripts", "vm", "mirror", gives="guest-file*")
def backup_scripts(context: Context, database: Resource | Mirror) -> Answer:
    """The settings of the scripts of Azure Backup on the VM, or on each failover member."""
    return Answer(_files(context, database, GuestKind.BACKUP_SCRIPTS))


@fact("database.logs", "vm", "mirror", gives="guest-file*")
def logs(context: Context, database: Resource | Mirror) -> Answer:
    """The logs of the instances on the VM, or on each failover member."""
    return Answer(_files(context, database, GuestKind.MESSAGES_LOG))


def _files(context: Context, database: Resource | Mirror, kind: GuestKind) -> PartialList:
    """Return the files of a kind; unknown for a VM of which none was supplied, or an old one."""
    own = _vms(database)
    found = [files_of(context, vm, kind) if isinstance(vm, Resource) else PartialList((vm,)) for vm in own.known]
    return PartialList.joined(*found, PartialList(missing=own.missing))


# --- what a log shows -------------------------------------------------------------------------------------------------


@fact("log.freezes", "guest-file", gives="log-event*")
def freezes(_: Context, log: Resource) -> Answer:
    """The events by which the instance was frozen; a second one before a thaw belongs to the first one."""
    found = objects(log, _EVENTS)
    return Answer(PartialList(tuple(start for start, _ in _pairs(found.of_type(Part))), found.missing))


def _pairs(events: list[Part]) -> Iterator[tuple[Part, Part | None]]:
    """Yield each beginning of a freeze, with the event that ended it; None if the log does not show that.

    A freeze begins when the instance suspends its writes. A thaw without it was in an older log.
    """
    start: Part | None = None
    for event in events:
        match text_at(event, "event").value:
            case "suspending" | "suspended":
                start = start or event
            case "resumed" if start is not None:
                yield start, event
                start = None
    if start is not None:
        yield start, None


@fact("log-event.freeze_seconds", "log-event", gives="number")
def freeze_seconds(_: Context, event: Part) -> Answer:
    """The seconds from the event that began a freeze to the thaw, rounded up.

    Without a thaw, they are at least those to the last line of the log. Of a duration which a clock that was put
    forward explains, the hour is in doubt.
    """
    pairs = _pairs(objects(event.resource, _EVENTS).of_type(Part))
    end = next((end for start, end in pairs if start.path == event.path), None)
    began = required(text_at(event, "at"))
    ended = required(text_at(end, "at") if end else text_at(event.resource, "properties.lastLine"))
    reads = (*began.reads, *ended.reads)
    then, now = _local(began.value), _local(ended.value)
    if then is None or now is None:
        return Answer(unusable(ended if then else began, "a local time"), reads)
    seconds = math.ceil((now - then).total_seconds())
    if seconds < 0:
        reason = f"{event.resource.id}: {event.path} ended before it began, as if a clock had been put back"
        return Answer(Unknown(Cause.GUEST, reason, about=(event.resource.id,)), reads)
    least = seconds - _SHIFT if seconds >= _SHIFT else seconds
    if end is None:
        reason = f"{event.resource.id} does not show the thaw after {event.path}"
        return Answer(Interval(least, math.inf, (Unknown(Cause.GUEST, reason, about=(event.resource.id,)),)), reads)
    if least == seconds:
        return Answer(seconds, reads)
    reason = f"{event.resource.id}: the clock may have been put forward after {event.path}"
    return Answer(Interval(least, seconds, (Unknown(Cause.GUEST, reason, about=(event.resource.id,)),)), reads)


def _local(value: object) -> dt.datetime | None:
    """Return a time without a zone as if it were in UTC, None if a value is none."""
    found = written(value)
    return found.replace(tzinfo=dt.UTC) if found and found.tzinfo is None else None


@fact("log.froze_for_backup", "guest-file", gives="boolean")
def froze_for_backup(context: Context, log: Resource) -> Answer:
    """Whether the instance was frozen and thawed about the newest recovery point that is not newer than the log.

    Since the log has no time zone, a freeze within 16 hours counts. False only if the log certainly shows that time.
    """
    point = _last_point(context, log)
    if not isinstance(point.value, str) or (backed_up := instant(point.value)) is None:
        return Answer(unusable(point, "a time"), point.reads)
    first = required(text_at(log, "properties.firstLine"))
    events = objects(log, _EVENTS)
    near = [(start, end) for start, end in _pairs(events.of_type(Part)) if _may_be_near(start, backed_up)]
    for start, end in near:
        began = text_at(start, "at")
        if end is not None and _local(began.value):
            return Answer(True, (*point.reads, *began.reads, *text_at(end, "at").reads))
    reads = (*point.reads, *first.reads, *(read for start, _ in near for read in text_at(start, "at").reads))
    begins = _local(first.value)
    if begins and not near and events.complete and begins + _BEHIND_UTC + _AROUND <= backed_up:
        return Answer(False, reads)
    reason = f"{log.id} does not show whether the instance was frozen and thawed for the backup of {point.value}"
    unknown = Unknown(Cause.GUEST, f"{reason}: supply a log that begins earlier", about=(log.id,))
    return Answer(events.incomplete_because or unknown, reads)


def _may_be_near(event: Part, backed_up: dt.datetime) -> bool:
    """Return whether a local time may be about a time in UTC."""
    then = _local(text_at(event, "at").value)
    return then is None or -_BEHIND_UTC - _AROUND <= then - backed_up <= _BEFORE_UTC + _AROUND


def _last_point(context: Context, log: Resource) -> Answer:
    """Return the time of the newest recovery point of the VM of a log that is not newer than the log."""
    graph = context.topology.graph
    taken = required(text_at(log, "properties.takenAt"))
    until = instant(taken.value)
    if until is None:
        return Answer(unusable(taken, "a time"), taken.reads)
    times: list[tuple[dt.datetime, Read]] = []
    for edge in graph.referrers(arm.parent_of(log.key), PROTECTED_ITEM):
        for gap in edge.source.unread:
            if arm.canonical_type(gap.what) == RECOVERY_POINT:
                return Answer(Unknown.of(gap), taken.reads)
        for point in context.topology.once(points_by_item).get(edge.source.key, ()):
            found = required(text_at(point, "properties.recoveryPointTime"))
            at = instant(found.value)
            if at is None:
                return Answer(unusable(found, "a time"), found.reads)
            if at <= until:
                times.append((at, found.reads[0]))
    if times:
        _, newest = max(times, key=lambda entry: entry[0])
        return Answer(newest.value, (newest,))
    reason = f"no recovery point of its VM is known that is older than {log.id}"
    return Answer(Unknown(Cause.GUEST, f"{reason}: take the log after a backup", about=(log.id,)), taken.reads)
