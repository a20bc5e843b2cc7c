"""In what the CPFs of mirror members differ."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.snapshot.known import Cause
from tests.estate import subscription as s
from tests.estate.subscription import Body
from tests.rules.facts.asking import ask, shown
from tests.rules.facts.guest import cpf, gap, mirror_of

OWN: Body = {
    "configFile": {"product": "IRIS", "version": "2025.1"},
    "databases": [{"name": "IRISSYS", "directory": "/iris/sys/mgr/"}, {"name": "DB", "directory": "/iris/db/"}],
    "namespaces": [{"name": "NS", "globals": "DB"}],
    "maps": [{"namespace": "NS", "sha256": "00"}],
    "startup": {"defaultPort": 1972, "systemMode": "LIVE"},
    "config": {"globals": [0, 0, 1000], "wijdir": "/iris/wij/"},
}


def unlike(*files: Body, gaps: tuple[Body, ...] = ()) -> list[object]:
    built = mirror_of(*files, gaps=gaps)
    found = ask("mirror.unlike_settings", built, s.only(built).mirrors[0]).value
    return [*map(shown, found.known), *([shown(found.missing)] if found.missing else [])]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"configFile": {"product": "IRIS", "version": "2025.2"}}, ["configFile.version"]),
        ({"configFile": {"version": "2025.1"}}, [Cause.GUEST]),
        ({"databases": [{"name": "db", "directory": "/other/"}, {"name": "irissys"}]}, []),
        ({"databases": [{"name": "DB"}]}, ["databases"]),
        ({"databases": [{"directory": "/iris/db/"}]}, [Cause.VALUE]),
        ({"databases": ["DB"]}, [Cause.VALUE]),
        ({"databases": []}, ["databases"]),
        ({"namespaces": [{"name": "NS", "globals": "DB", "routines": "CODE"}]}, ["namespaces"]),
        ({"maps": []}, ["maps"]),
        ({"startup": {"defaultPort": 51773, "systemMode": "live"}}, ["startup.defaultPort"]),
        ({"startup": {"defaultPort": 1972}}, [Cause.GUEST]),
        ({"config": {"globals": [0, 0, 2000]}}, ["config.globals"]),
        ({"config": {"globals": [0, 0, 1000], "wijdir": "/iris/sys/"}}, []),
    ],
)
def test_settings_of_failover_members_are_compared(changes: Body, expected: list[object]) -> None:
    assert unlike(cpf("a", **OWN), cpf("b", **OWN | changes)) == expected


def test_what_was_not_read_hides_no_difference() -> None:
    other = {**OWN, "config": {"globals": [0, 0, 2000]}}
    unread = (gap("b", "iris.cpf", "databases[*]"), gap("b", "iris.cpf", "config.gmheap"))
    assert unlike(cpf("a", **OWN), cpf("b", **OWN), gaps=unread) == [Cause.GUEST]
    assert unlike(cpf("a", **OWN), cpf("b", **other), gaps=unread) == ["config.globals", Cause.GUEST]
    assert unlike(cpf("a", **OWN)) == [Cause.GUEST]
    assert unlike() == [Cause.GUEST]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"config": {"globals": [0, 0, 10]}, "startup": {"defaultPort": 51773}}, []),
        ({"namespaces": []}, ["namespaces"]),
        ({"takenAt": "2026-10-01T02:00:00Z", "namespaces": []}, [Cause.GUEST]),
    ],
)
def test_a_dr_async_may_be_smaller(changes: Any, expected: list[object]) -> None:
    assert unlike(cpf("a", **OWN), cpf("b", **OWN), cpf("c", **OWN | changes)) == expected
