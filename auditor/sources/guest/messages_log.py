"""messages.log (`cconsole.log`): the events that rules read, from lines of known form only.

Times are local and have no zone. `MM/DD/YY-HH:MM:SS:mmm (pid) severity [Category] text`; older files lack the category,
logs of containers have `name | ` before it.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final

from auditor.snapshot.guest_kinds import GuestKind
from auditor.sources.guest.content import Builder, Content
from auditor.sources.guest.text import lines

MOST_EVENTS: Final = 500
"""Events that are kept, the last ones."""

LINE: Final = re.compile(
    r"""(?:[\w.-]{1,64}\s+\|\s)?
    (?P<date>\d\d/\d\d/\d\d)-(?P<time>\d\d:\d\d:\d\d):(?P<ms>\d{3})
    \s\((?P<pid>\d{1,10})\)\s(?P<severity>[0-3])\s(?:\[(?P<category>[\w.]{1,64})\]\s)?(?P<text>.*)""",
    re.VERBOSE,
)
_EVENTS: Final = {
    "suspending": r"Backup\.General\.ExternalFreeze: Suspending system",
    "suspended": r"Backup\.General\.ExternalFreeze: System suspended",
    "resuming": r"Backup\.General\.ExternalThaw: Resuming system",
    "resumed": r"Backup\.General\.ExternalThaw: System resumed",
    "becoming-primary": r"Becoming primary mirror server",
    "becoming-backup": r"Found (?P<member>[\w-]{1,64}) as primary, becoming backup",
    "connected-to-primary": r"MirrorClient: Connected to primary: (?P<connected>[\w-]{1,64})(?: \(ver \d+\))?",
    "vss-writer-started": r"VSS Writer started.{0,64}",
    "memory-allocated": r"Allocated (?P<mb>\d{1,9})\s?MB shared memory(?P<huge> using Huge Pages)?.{0,128}",
}
_KNOWN: Final = {event: re.compile(pattern) for event, pattern in _EVENTS.items()}


def parse(whole: str) -> Content:
    """Return the events of a log. It may always have older ones, which were written to another file."""
    builder = Builder(GuestKind.MESSAGES_LOG)
    events: list[dict[str, Any]] = []
    first = last = ""
    for line in lines(whole):
        found = LINE.fullmatch(line.text)
        at = _time(found) if found and line.ended else ""
        if not found or not at:
            continue
        first, last = first or at, at
        events += [{"at": at, **event} for event in _event(found["text"])]
    if first:
        builder.properties |= {"firstLine": first, "lastLine": last}
    else:
        builder.miss("events", "no line has the form of a log")
        return builder.content()
    builder.properties["events"] = events[-MOST_EVENTS:]
    return builder.content()


def _time(found: re.Match[str]) -> str:
    """Return the time of a line, "" if there is no such time."""
    try:
        at = dt.datetime.strptime(f"{found['date']} {found['time']}", "%m/%d/%y %H:%M:%S")  # noqa: DTZ007 - local time
    except ValueError:
        return ""
    return f"{at.isoformat()}.{found['ms']}"


def _event(text: str) -> list[dict[str, Any]]:
    for event, pattern in _KNOWN.items():
        found = pattern.fullmatch(text.strip())
        if found:
            named = found.groupdict()
            item: dict[str, Any] = {"event": event}
            if member := named.get("member") or named.get("connected"):
                item["member"] = member
            if named.get("mb"):
                item |= {"megabytes": int(named["mb"]), "hugePages": named["huge"] is not None}
            return [item]
    return []
