"""Facts of how long an instance keeps its journals, and of the VSS writer on Windows."""

from __future__ import annotations

import datetime as dt
from typing import Final

from auditor.rules.context import Context
from auditor.rules.facts.backups import backups, policies
from auditor.rules.facts.mirror_settings import MOST_DAYS, SETTING
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact
from auditor.snapshot.guest_kinds import GuestKind
from auditor.snapshot.known import Answer, PartialList, Read, Unknown
from auditor.snapshot.lookup import objects, required, unusable
from auditor.snapshot.model import Part, Resource

_FREQUENCY: Final = "properties.schedulePolicy.scheduleRunFrequency"
_DAYS: Final = {"hourly": 1, "daily": 1, "weekly": 7}
_START: Final = dt.timedelta(minutes=5)
"""The time that an instance has to start everything."""


@fact("vm.backup_interval_days", "vm", gives="number")
def backup_interval_days(context: Context, vm: Resource) -> Answer:
    """The days between two backups of the VM by its policy of Azure Backup: 1 or 7; 1 if Azure Backup has none."""
    protected = PartialList.of(backups(context, vm).value)
    own = [policies(context, item) for item in protected.of_type(Resource)]
    found = PartialList.joined(
        PartialList((), protected.incomplete_because), *(PartialList.of(each.value) for each in own)
    )
    reads: list[Read] = []
    longest = 1
    for policy in found.of_type(Resource):
        frequency = required(text_at(policy, _FREQUENCY))
        reads += frequency.reads
        days = _DAYS.get(str(frequency.value).lower())
        if days is None:
            return Answer(unusable(frequency, "Hourly, Daily or Weekly"), tuple(reads))
        longest = max(longest, days)
    return Answer(found.incomplete_because or longest, tuple(reads))


@fact("vm.starts_without_vss", "vm", gives="log-event*")
def starts_without_vss(context: Context, vm: Resource) -> Answer:
    """The last start in each log of an instance of the VM after which its VSS writer did not start.

    None of a log that does not show the start, or that was not supplied.
    """
    days = context.deployment.declared.settings.get(SETTING, MOST_DAYS) if context.deployment else MOST_DAYS
    logs = context.topology.guest_files.supplied(vm, GuestKind.MESSAGES_LOG, days)
    return Answer(PartialList(tuple(event for log in logs.of_type(Resource) for event in _without_vss(log))))


def _without_vss(log: Resource) -> list[Part | Unknown]:
    events = objects(log, "properties.events[*]")
    start: Part | None = None
    for event in events.of_type(Part):
        match text_at(event, "event").value:
            case "memory-allocated":
                start = event
            case "vss-writer-started":
                start = None
    if start is None:
        return []
    if events.incomplete_because is not None:
        return [events.incomplete_because]
    began, last = (required(answer) for answer in (text_at(start, "at"), text_at(log, "properties.lastLine")))
    try:
        passed = dt.datetime.fromisoformat(str(last.value)) - dt.datetime.fromisoformat(str(began.value))
    except (ValueError, TypeError):
        return [unusable(last, "a local time")]
    return [start] if passed > _START else []
