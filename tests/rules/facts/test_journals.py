"""The days between backups, and whether logs show that the VSS writer started."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.snapshot.known import Cause, PartialList
from auditor.snapshot.model import Part
from tests.estate import subscription as s
from tests.estate.subscription import Body
from tests.rules.facts.asking import ask, shown
from tests.rules.facts.guest import gap, guest, mirror_of, vm_of
from tests.rules.facts.test_backups import VAULT_ID, item, vm_id

POLICY = f"{VAULT_ID}/backupPolicies/p"
LOG = "messages.log"
ALLOCATED, WRITER = ("memory-allocated", "2026-11-01T00:00:00"), ("vss-writer-started", "2026-11-01T00:00:09")


def policy(frequency: object) -> Body:
    return {"id": POLICY, "properties": {"schedulePolicy": {"scheduleRunFrequency": frequency}}}


@pytest.mark.parametrize(
    ("bodies", "gaps", "expected"),
    [
        ([], (), 1),
        ([item("i", vm_id("a"), policyId=POLICY), policy("Daily")], (), 1),
        ([item("i", vm_id("a"), policyId=POLICY), policy("hourly")], (), 1),
        ([item("i", vm_id("a"), policyId=POLICY), policy("Weekly")], (), 7),
        ([item("i", vm_id("a"), policyId=POLICY), policy("Yearly")], (), Cause.VALUE),
        ([item("i", vm_id("a"), policyId=POLICY), policy(None)], (), Cause.VALUE),
        ([item("i", vm_id("a"), policyId=POLICY)], (s.gap(POLICY),), Cause.GAP),
    ],
    ids=["no backup", "daily", "hourly", "weekly", "another word", "absent", "not read"],
)
def test_the_days_between_backups(bodies: list[Body], gaps: tuple[Body, ...], expected: object) -> None:
    built = mirror_of(*bodies, gaps=gaps)
    assert shown(ask("vm.backup_interval_days", built, vm_of(built)).value) == expected


def log(*events: tuple[str, str], last: str = "2026-11-01T01:00:00", **properties: Any) -> Body:
    listed = [{"at": at, "event": event} for event, at in events]
    return guest("a", LOG, "messages-log", events=listed, **{"lastLine": last, **properties})


@pytest.mark.parametrize(
    ("bodies", "gaps", "expected"),
    [
        ([], (), []),
        ([log(ALLOCATED, WRITER)], (), []),
        ([log(WRITER)], (), []),
        ([log(ALLOCATED)], (), ["properties.events[0]"]),
        ([log(ALLOCATED, WRITER, ALLOCATED)], (), ["properties.events[2]"]),
        ([log(ALLOCATED, last="2026-11-01T00:00:05")], (), []),
        ([log(ALLOCATED, last="then")], (), [Cause.VALUE]),
        ([log(ALLOCATED)], (gap("a", LOG, "events[*]"),), [Cause.GUEST]),
        ([log(ALLOCATED, takenAt="2026-10-01T00:00:00Z")], (), []),
    ],
    ids=["no log", "both", "no start", "no writer", "a later start", "just now", "no time", "not read", "old"],
)
def test_starts_after_which_the_writer_did_not_start(
    bodies: list[Body], gaps: tuple[Body, ...], expected: list[object]
) -> None:
    built = mirror_of(*bodies, gaps=gaps)
    found = PartialList.of(ask("vm.starts_without_vss", built, vm_of(built)).value)
    assert [each.path if isinstance(each, Part) else shown(each) for each in found.known] == expected
