"""What the status monitor of `^MIRROR` prints, in its two layouts: with latencies since 2020, and before."""

from __future__ import annotations

import re
from typing import Any, Final

from auditor.snapshot.guest_kinds import GuestKind
from auditor.sources.guest.content import Builder, Content, Place
from auditor.sources.guest.text import Line, lines

START: Final = re.compile(r"Status of Mirror ([\w-]{1,64}) at (\d\d:\d\d:\d\d) on (\d\d/\d\d/\d{4})")
_ARBITER: Final = re.compile(r"Arbiter Address:\s+([\w.:-]{1,253})\|(\d{1,5})")
_MODE: Final = re.compile(r"Failover Mode:\s+(Arbiter Controlled|Agent Controlled)")
_CONNECTION: Final = re.compile(r"Connection Status:\s+(.+)")
_CONNECTIONS: Final = {
    "Both failover members are connected to the arbiter": "both",
    "Only this member is connected to the arbiter": "this",
    "This member is not connected to the arbiter": "not-this",
}
_RULE: Final = re.compile(r"-{5,}(?:\s+-{3,})+")
_NAME: Final = re.compile(r"[\w-]{1,64}")
_MEMBER: Final = re.compile(
    r"\s+(?P<type>Failover|Disaster Recovery|Read-Only Reporting|Read-Write Reporting|Reporting|Indeterminate)\s{2,}"
    r"(?P<status>Primary|Backup|In Trouble|Connected|Not Initialized|Transition|Synchronizing|Waiting|Stopped|Crashed"
    r"|Error|Down)\s{2,}(?P<transfer>\S(?:.*?\S)?)"
    r"(?:\s{2,}(?P<dejournaling>\S(?:.*\S)?))?\s*"
)
_STATES: Final = re.compile(
    r"(?P<state>N/A|Active|Caught up|Disconnected|\d+(?:\.\d+)? (?:ms|seconds?|minutes?|hours?|days?))"
    r"(?: on [0-9/:. ]{1,40}| behind)?"
)


def parse(whole: str) -> Content:
    """Return the state of the arbiter and of each member."""
    builder = Builder(GuestKind.MIRROR_STATUS)
    arbiter: dict[str, Any] = {}
    members: list[dict[str, Any]] = []
    every = lines(whole)
    start = next((found for line in every if (found := START.fullmatch(line.text.strip()))), None)
    if start:
        builder.properties |= {"mirror": start[1], "at": f"{start[3]} {start[2]}"}
    else:
        for own in ("mirror", "at"):
            builder.miss(own, "no line has the form of a status")
    for line in every:
        _put_arbiter(builder, arbiter, line)
    _put_members(builder, members, every)
    for own in ("host", "port", "mode", "connection"):
        if own not in arbiter:
            builder.miss(f"arbiter.{own}", "the file may be cut")
    builder.properties |= {"arbiter": arbiter, "members": members}
    return builder.content()


def _put_arbiter(builder: Builder, arbiter: dict[str, Any], line: Line) -> None:
    text = line.text.strip() if line.ended else ""
    if address := _ARBITER.fullmatch(text):
        arbiter |= {"host": address[1], "port": int(address[2])}
    elif mode := _MODE.fullmatch(text):
        arbiter["mode"] = mode[1].partition(" ")[0].lower()
    elif connection := _CONNECTION.fullmatch(text):
        found = _CONNECTIONS.get(connection[1])
        if found:
            arbiter["connection"] = found
        else:
            builder.miss("arbiter.connection", f"line {line.number} has another text than is known")


def _put_members(builder: Builder, members: list[dict[str, Any]], every: list[Line]) -> None:
    """Put the members: two lines each, below a line of dashes."""
    start = next((place for place, line in enumerate(every) if _RULE.fullmatch(line.text.strip())), None)
    if start is None:
        builder.miss("members[*]", "the table of members is missing; the file may be cut")
        return
    rows = every[start + 1 :]
    place = 0
    while place + 1 < len(rows) and _NAME.fullmatch(rows[place].text.strip()):
        item = {"name": rows[place].text.strip()}
        _put_state(Place(builder, f"members[{len(members)}]", item, rows[place + 1].number), rows[place + 1])
        members.append(item)
        place += 2
    if not members:
        builder.miss("members[*]", "the table of members is empty; the file may be damaged")
    if any(_MEMBER.fullmatch(row.text) for row in rows[place:]):
        builder.miss("members[*]", "the table of members has a gap; the file may be damaged")
    if place < len(rows) and rows[place].text.strip():
        builder.miss("members[*]", f"line {rows[place].number} is malformed")
    elif place >= len(rows):
        # Without a line behind the table, it may be cut; a single blank line shows that it is not.
        builder.miss("members[*]", "the file may be cut")


def _put_state(place: Place, line: Line) -> None:
    """Put what the second line of a member shows."""
    found = _MEMBER.fullmatch(line.text)
    if found is None or not line.ended:
        place.miss("", "is malformed")
        return
    place.item |= {"type": found["type"], "status": found["status"]}
    for own in ("transfer", "dejournaling"):
        if found[own]:
            place.put(own, found[own], _state)


def _state(value: str) -> str:
    """Read how far journal transfer or dejournaling is; the time of a disconnection is left out."""
    found = _STATES.fullmatch(value)
    if found is None:
        raise ValueError
    return found["state"]
