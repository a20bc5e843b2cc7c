"""messages.log (`cconsole.log`): the events that rules read, from lines of known form only.

Times are local and have no zone. `MM/DD/YY-HH:MM:SS:mmm (pid) severity [Category] text`; older files lack the category,
logs of containers have `name | ` before it. A line about a freeze or about memory that is damaged makes the events
incomplete.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final

from auditor.snapshot.guest_kinds import GuestKind
from auditor.sources.guest.content import Builder, Content
from auditor.sources.guest.sections import is_misspelled
from auditor.sources.guest.text import lines

MOST_EVENTS: Final = 500
"""Events that are kept, the last ones."""

LINE: Final = re.compile(
    r"""(?:[\w.-]{1,64}\s+\|\s)?
    (?P<date>\d\d/\d\d/\d\d)-(?P<time>\d\d:\d\d:\d\d):(?P<ms>\d{3})
    \s\((?P<pid>\d{1,10})\)\s(?P<severity>[0-3])\s(?:\[(?P<category>[\w.]{1,64})\]\s)?(?P<text>.*)""",
    re.VERBOSE,
)
FREEZES: Final = {
    "suspending": "Backup.General.ExternalFreeze: Suspending system",
    "suspended": "Backup.General.ExternalFreeze: System suspended",
    "resuming": "Backup.General.ExternalThaw: Resuming system",
    "resumed": "Backup.General.ExternalThaw: System resumed",
}
EVENTS: Final = {
    **{event: re.escape(text) for event, text in FREEZES.items()},
    "becoming-primary": r"Becoming primary mirror server",
    "becoming-backup": r"Found (?P<member>[\w-]{1,64}) as primary, becoming backup",
    "connected-to-primary": r"MirrorClient: Connected to primary: (?P<connected>[\w-]{1,64})(?: \(ver \d+\))?",
    "vss-writer-started": r"(?:(?:InterSystems IRIS|Cach\w) )?VSS Writer started.{0,64}",
    # What each size is for follows behind a colon.
    "memory-allocated": (
        r"Allocated (?P<mb>\d{1,9})\s?MB shared memory(?P<huge> using Huge Pages| \(huge pages\))?"
        r"(?P<other>\s*[^:\s])?.{0,128}"
    ),
}
_ALLOCATED: Final = "Allocated"
_KNOWN: Final = {event: re.compile(pattern) for event, pattern in EVENTS.items()}


def parse(whole: str) -> Content:
    """Return the events of a log, and the times of the first and the last line; older ones are in other files.

    Of a log with too many events the first line is that of the first event that is kept.
    """
    builder = Builder(GuestKind.MESSAGES_LOG)
    events: list[dict[str, Any]] = []
    first = last = ""
    for line in lines(whole):
        found = LINE.fullmatch(line.text)
        at = _time(found) if found and line.ended else ""
        if not found or not at:
            if any(text in line.text for text in FREEZES.values()):
                builder.miss("events[*]", f"line {line.number} is malformed")
            continue
        first, last = first or at, at
        events += [{"at": at, **event} for event in _event(found["text"])]
        if _is_damaged(found["text"].strip()):
            builder.miss("events[*]", f"line {line.number} is misspelled, or two lines that were joined")
    if not first:
        builder.miss("events", "no line has the form of a log")
        return builder.content()
    if len(events) > MOST_EVENTS:
        events = events[-MOST_EVENTS:]
        first = events[0]["at"]
    builder.properties |= {"firstLine": first, "lastLine": last, "events": events}
    return builder.content()


def _time(found: re.Match[str]) -> str:
    """Return the time of a line, "" if there is no such time."""
    try:
        at = dt.datetime.strptime(f"{found['date']} {found['time']}", "%m/%d/%y %H:%M:%S")  # noqa: DTZ007 - local time
    except ValueError:
        return ""
    return f"{at.isoformat()}.{found['ms']}"


def _is_damaged(found: str) -> bool:
    """Return whether the text of a line is that of an event with a damage, or has that of an event in it."""
    if any(found != text and (text in found or is_misspelled(found, text)) for text in FREEZES.values()):
        return True
    word = found.partition(" ")[0]
    if not word.startswith(_ALLOCATED) and not is_misspelled(word, _ALLOCATED):
        return False
    known = _KNOWN["memory-allocated"].fullmatch(found)
    return known["other"] is not None if known else "shared" in found or "memory" in found


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
