"""Runbooks that start backups, and the size of the databases of online backups."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.snapshot.known import Cause
from tests.estate import subscription as s
from tests.estate.subscription import OTHER, SUB, Body, arm_id
from tests.rules.facts.asking import GAP, VALUE, ask, shown

DEPLOYMENT = """
- name: d
  product: iris
  subscriptions: ["00000000-0000-0000-0000-000000000001"]
  regions: {primary: westeurope, dr: none}
  mirrors: [{name: M, failover: [a, b], arbiter: none, dr: none, reporting: none, disks: {journal: [1]}}]
  tiers: none
"""
_ACCOUNT = "Automation/automationAccounts"
TYPES = [f"microsoft.automation/automationaccounts/{kind}" for kind in ("jobschedules", "runbooks", "schedules")]


def child(kind: str, name: str, group: str = "rg", subscription: str = SUB, **properties: Any) -> Body:
    account = arm_id(_ACCOUNT, "aa", group, subscription)
    return {"id": f"{account}/{kind}/{name}", "name": name, "properties": properties}


def job(group: str = "rg", subscription: str = SUB, **named: object) -> Body:
    own = {"schedule": {"name": "nightly"}, "runbook": {"name": "BACKUP"}, **named}
    return child("jobSchedules", "j", group, subscription, **own)


def runbook(state: object = "Published", **where: str) -> Body:
    return child("runbooks", "backup", **where, state=state)


def schedule(*, enabled: object = True, **where: str) -> Body:
    return child("schedules", "Nightly", **where, isEnabled=enabled)


def is_scheduled(*bodies: Body, **keywords: Any) -> object:
    vms = (s.vm("a"), s.vm("b"))
    built = s.topology(*vms, *bodies, deployment=DEPLOYMENT, also_listed=TYPES, **keywords)
    return shown(ask("deployment.backup_is_scheduled", built, s.only(built)).value)


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ((job(), runbook(), schedule()), True),
        ((job(), runbook("published"), schedule()), True),
        ((), False),
        ((runbook(), schedule()), False),
        ((job(), runbook("Edit"), schedule()), True),
        ((job(), runbook("New"), schedule()), False),
        ((job(), runbook(), schedule(enabled=False)), False),
        ((job(), runbook()), False),
        ((job(), runbook(7), schedule()), VALUE),
        ((job(), runbook(None), schedule()), VALUE),
        ((job(), runbook(), schedule(enabled="yes")), VALUE),
        ((job(runbook={}), runbook(), schedule()), VALUE),
        ((job("other"), runbook(group="other"), schedule(group="other")), Cause.ATTESTATION),
        ((job(subscription=OTHER),), Cause.ATTESTATION),
    ],
)
def test_an_enabled_schedule_starts_a_published_runbook(bodies: tuple[Body, ...], expected: object) -> None:
    assert is_scheduled(*bodies) == expected


@pytest.mark.parametrize("type_", TYPES)
def test_what_was_not_listed_may_start_a_backup(type_: str) -> None:
    assert is_scheduled(unlisted=[type_]) is GAP


def disk(name: str, gib: object) -> Body:
    return s.disk(name) | {"properties": {"diskSizeGB": gib}}


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [((100, 50, 7), 107), ((100, 50), 100), ((), 0), ((100, "x"), 100), (("x", 50), "?"), ((100, 50, None), "?")],
)
def test_the_disks_with_user_databases(sizes: tuple[object, ...], expected: object) -> None:
    """All but those of another declared purpose: the journals are at LUN 1."""
    names = [f"d{number}" for number in range(len(sizes))]
    built = s.topology(s.vm("a", disks=names), s.vm("b"), *map(disk, names, sizes), deployment=DEPLOYMENT)
    found = shown(ask("vm.database_gib", built, s.item(built, "Compute/virtualMachines", "a")).value)
    assert (found if isinstance(found, int | float) else "?") == expected
