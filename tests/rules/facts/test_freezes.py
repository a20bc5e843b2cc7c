"""What logs show of freezes: pairs, durations, and whether one was at the time of a backup."""

from __future__ import annotations

from typing import Any, Final

import pytest

from auditor.azure.types.names import GUEST_FILE, PROTECTED_ITEM
from auditor.snapshot.known import Cause, PartialList
from auditor.snapshot.model import Part, Resource
from tests.estate import subscription as s
from tests.estate.subscription import Body
from tests.rules.facts.asking import INFINITY, ask, shown
from tests.rules.facts.guest import gap, guest, mirror_of
from tests.rules.facts.test_backups import ITEMS, VAULT_ID, item, point, vm_id

LOG: Final = "messages.log"
Event = tuple[str, str]
NIGHT: Final = "2026-11-01T01:03:27.1093412Z"
BACKUPS: Final = (item("i", vm_id("a")), point("i", "1", NIGHT, "AppConsistent"))


def pair(began: str, ended: str, day: str = "2026-11-01") -> list[Event]:
    times = (began, began, ended, ended)
    events = ("suspending", "suspended", "resuming", "resumed")
    return [(event, f"{day}T{at}") for event, at in zip(events, times, strict=True)]


def log(*events: Event, first: str = "2026-10-20T00:00:00.000", last: str = "", **properties: Any) -> Body:
    """Return a log of VM a; the last line is that of the last event if no other is given."""
    listed = [{"at": at, "event": event} for event, at in events]
    times = {"firstLine": first, "lastLine": last or (events[-1][1] if events else first)}
    return guest("a", LOG, "messages-log", events=listed, **{**times, **properties})


def asked(fact: str, *bodies: Body, gaps: tuple[Body, ...] = ()) -> object:
    """Return the answer of a fact of the log of VM a."""
    built = mirror_of(*bodies, gaps=gaps)
    (file,) = (found for found in built.graph.by_type[GUEST_FILE] if found.name == LOG)
    answer = ask(fact, built, file)
    if fact != "log.freezes":
        return shown(answer.value)
    found = PartialList.of(answer.value)
    seconds = [
        (part.path.removeprefix("properties."), shown(ask("log-event.freeze_seconds", built, part).value))
        for part in found.of_type(Part)
    ]
    return seconds if found.missing is None else [*seconds, found.missing.cause]


@pytest.mark.parametrize(
    ("events", "last", "expected"),
    [
        ([], "", []),
        (pair("01:03:24.101", "01:03:31.505"), "", [("events[0]", 8)]),
        (pair("01:00:00", "01:10:00") + pair("02:00:00", "02:00:01"), "", [("events[0]", 600), ("events[4]", 1)]),
        (pair("01:00:00", "01:00:05")[1:], "", [("events[0]", 5)]),
        (pair("01:00:00", "01:00:05")[2:], "", []),
        (pair("01:00:00", "01:00:05")[3:] + pair("02:00:00", "02:00:03"), "", [("events[1]", 3)]),
        (pair("01:00:00", "")[:2] + pair("01:30:00", "01:30:05"), "", [("events[0]", 1805)]),
        (pair("01:00:00", "")[:2], "2026-11-01T01:11:10.000", [("events[0]", (670, INFINITY))]),
        (pair("01:00:00", "")[:2], "2026-11-01T01:00:01.000", [("events[0]", (1, INFINITY))]),
        (pair("01:59:59", "03:00:02"), "", [("events[0]", (3, 3603))]),
        (pair("02:59:59", "02:00:02"), "", [("events[0]", Cause.GUEST)]),
        ([("suspended", "2026-11-01T01:00:00"), ("resumed", "2026-11-01T01:00:00Z")], "", [("events[0]", Cause.VALUE)]),
        ([("suspended", "2026-11-01T01:00:00"), ("resumed", "then")], "", [("events[0]", Cause.VALUE)]),
    ],
    ids=[
        "none",
        "a pair",
        "two pairs",
        "without the first line",
        "begins in the middle",
        "a thaw alone, and a pair",
        "two freezes and one thaw",
        "no thaw",
        "no thaw yet",
        "clock put forward",
        "clock put back",
        "a zone",
        "no time",
    ],
)
def test_pairs_and_their_durations(events: list[Event], last: str, expected: object) -> None:
    assert asked("log.freezes", log(*events, last=last)) == expected


def test_a_line_that_was_not_read_may_be_a_freeze() -> None:
    found = asked("log.freezes", log(*pair("01:00:00", "01:00:05")), gaps=(gap("a", LOG, "events[*]"),))
    assert found == [("events[0]", 5), Cause.GUEST]


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (log(*pair("01:03:24", "01:03:31")), True),
        (log(*pair("15:03:24", "15:03:31")), True),
        (log(*pair("17:10:00", "17:10:05")), False),
        (log(*pair("11:10:00", "11:10:05", day="2026-10-31")), True),
        (log(*pair("10:50:00", "10:50:05", day="2026-10-31")), False),
        (log(), False),
        (log(first="2026-10-31T11:00:00.000"), False),
        (log(first="2026-10-31T11:10:00.000"), Cause.GUEST),
        (log(*pair("01:03:24", "")[:2]), Cause.GUEST),
        (log(("suspended", "then"), ("resumed", "later")), Cause.GUEST),
        (log(takenAt="2026-11-01T00:30:00Z"), Cause.GUEST),
        (log(takenAt=None), Cause.VALUE),
        (log(firstLine=None), Cause.GUEST),
    ],
    ids=[
        "at that time",
        "in a zone before UTC",
        "too late for any zone",
        "in a zone behind UTC",
        "too early for any zone",
        "none",
        "none, and the log begins just early enough",
        "none, and the log begins too late",
        "no thaw",
        "no time",
        "log older than the backup",
        "log without a date",
        "log without a first line",
    ],
)
def test_whether_the_instance_was_frozen_for_its_last_backup(built: Body, expected: object) -> None:
    assert asked("log.froze_for_backup", built, *BACKUPS) == expected


def test_the_newest_recovery_point_that_is_older_than_the_log_counts() -> None:
    older, newer = point("i", "0", "2026-10-30T01:00:00Z", None), point("i", "2", "2026-11-01T03:00:00Z", None)
    assert asked("log.froze_for_backup", log(*pair("01:00:02", "01:00:09", day="2026-10-30")), *BACKUPS, older) is False
    assert asked("log.froze_for_backup", log(*pair("01:03:24", "01:03:31")), *BACKUPS, older, newer) is True


def test_recovery_points_that_were_not_read_are_unknown() -> None:
    (protected, malformed) = (BACKUPS[0], point("i", "1", "then", None))
    assert asked("log.froze_for_backup", log(), protected, malformed) is Cause.VALUE
    assert asked("log.froze_for_backup", log(), protected) is Cause.GUEST
    hidden = s.gap(f"{VAULT_ID}{ITEMS}i", f"{PROTECTED_ITEM}/recoverypoints", "throttled")
    assert asked("log.froze_for_backup", log(), protected, gaps=(hidden,)) is Cause.GAP


def test_files_of_both_failover_members_are_needed() -> None:
    built = mirror_of(log(), guest("b", LOG, "messages-log"), guest("c", LOG, "messages-log"))
    mirror = s.only(built).mirrors[0]
    found = PartialList.of(ask("database.logs", built, mirror).value)
    assert [file.id.split("/")[-3] for file in found.of_type(Resource)] == ["a", "b"]
    assert PartialList.of(ask("database.vms", built, mirror).value) == PartialList.of(mirror.failover)
    missing = PartialList.of(ask("database.backup_scripts", built, mirror).value)
    assert missing.incomplete_because is not None
    assert missing.incomplete_because.cause is Cause.GUEST
