"""Web Gateways by their CSP.ini: servers of application paths, encryption, and what Traffic Manager requests."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure import arm
from auditor.snapshot.known import Cause
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import ask, shown

DEPLOYMENT = """
- name: d
  product: iris
  subscriptions: ["00000000-0000-0000-0000-000000000001"]
  regions: {primary: westeurope, dr: none}
  mirrors: [{name: M, failover: [a, b], arbiter: none, dr: none, reporting: none}]
  tiers: [{role: web, members: [w]}, {role: app, members: [x]}, {role: print, members: [p]}]
"""
TAKEN = "2026-11-01T02:00:00Z"
GUEST = Cause.GUEST
VMS = tuple(body for name in "abpwx" for body in (s.vm(name), s.nic(f"{name}-nic", vm=name)))


def csp(vm: str = "w", **properties: Any) -> Body:
    own = {"kind": "csp-ini", "takenAt": TAKEN, **properties}
    return {"id": f"{arm_id('Compute/virtualMachines', vm)}/guest/CSP.ini", "name": "CSP.ini", "properties": own}


def gap(what: str) -> Body:
    return {"scope": csp()["id"], "what": f"properties.{what}", "reason": "malformed"}


def asked(name: str, element: str, *files: Body, gaps: tuple[Body, ...] = ()) -> list[object]:
    """Return the answers of a fact for each part, or for the file itself."""
    built = s.topology(*VMS, *files, deployment=DEPLOYMENT, taken_at=TAKEN, gaps=gaps)
    found = built.graph.resources[arm.key(csp()["id"])]
    parts = [found] if element == "file" else list(ask(f"csp.{element}", built, found).value.known)  # type: ignore[attr-defined]
    return [names(ask(name, built, part).value) if hasattr(part, "body") else shown(part) for part in parts]


def names(value: object) -> object:
    """Return the names of the items of a list, and why it may have more."""
    if not hasattr(value, "known"):
        return shown(value)
    listed = [item.body["name"] if hasattr(item, "body") else shown(item) for item in value.known]
    return listed + ([] if value.missing is None else ["..."])  # type: ignore[attr-defined]


def server(name: str, **properties: Any) -> Body:
    return {"name": name, "enabled": True, "address": "10.0.0.9", **properties}


def path(name: str, **properties: Any) -> Body:
    return {"path": name, "enabled": True, "alternatives": [], **properties}


def test_tiers_have_the_files_that_their_role_needs_or_that_were_supplied() -> None:
    built = s.topology(*VMS, csp("x"), deployment=DEPLOYMENT, taken_at=TAKEN)
    found = {
        tier.declared.role.value: shown(ask("tier.web_gateways", built, tier).value) for tier in s.only(built).tiers
    }
    assert found == {"web": ["?"], "app": ["CSP.ini"], "print": []}
    cpfs = {tier.declared.role.value: shown(ask("tier.cpfs", built, tier).value) for tier in s.only(built).tiers}
    assert cpfs == {"web": [], "app": ["?"], "print": ["?"]}


@pytest.mark.parametrize(
    ("level", "expected"), [(0, "none"), (1, "none"), (2, "none"), (3, "kerberos"), (4, "tls"), (10, "tls"), (7, GUEST)]
)
def test_a_security_level_says_how_a_connection_is_encrypted(level: int, expected: object) -> None:
    assert asked("server.encryption", "servers", csp(servers=[server("A", securityLevel=level)])) == [expected]


def test_what_a_file_does_not_say_of_a_server_is_unknown() -> None:
    file = csp(servers=[server("A"), server("B", enabled=False), {"name": "C", "address": "10.0.0.9"}])
    assert asked("server.encryption", "servers", file) == [GUEST]
    assert asked("server.oldest_tls", "servers", file) == [GUEST]
    assert asked("server.encryption", "servers", file, gaps=(gap("servers[1].enabled"),)) == [GUEST]


@pytest.mark.parametrize(
    ("managers", "expected"),
    [
        (["10.10.4.20", "10.*.*.*", "10.10.4.4-6", "fd00::1"], []),
        (["*.*.*.*", "10.0.0.1"], ["*.*.*.*"]),
        (["0-255.*.*.*"], ["0-255.*.*.*"]),
        (["*"], ["*"]),
        (None, []),
    ],
)
def test_managers_are_limited_by_the_first_number_of_an_address(managers: object, expected: object) -> None:
    assert asked("csp.unlimited_managers", "file", csp(system={"systemManager": managers})) == [expected]


SERVERS = [server("A"), server("B"), server("LOCAL")]


@pytest.mark.parametrize(
    ("own", "system", "expected"),
    [
        ({"defaultServer": "a"}, {}, ["A"]),
        ({"defaultServer": "A", "alternatives": ["a", "B"], "alternativeServers": "FailOver"}, {}, ["A", "B"]),
        ({"defaultServer": "A", "alternatives": ["B"], "alternativeServers": "Disabled"}, {}, ["A"]),
        ({"defaultServer": "A", "alternatives": ["A"]}, {}, ["A"]),
        ({"defaultServer": "A", "alternatives": ["B"]}, {}, ["A", GUEST]),
        ({}, {"defaultServer": "B"}, ["B"]),
        ({}, {}, ["LOCAL"]),
        ({"defaultServer": "C"}, {}, [GUEST]),
    ],
)
def test_a_path_leads_to_its_default_and_alternative_servers(own: Body, system: Body, expected: object) -> None:
    file = csp(servers=SERVERS, paths=[path("/x", **own)], system=system)
    assert asked("path.servers", "paths", file) == [expected]


def test_servers_of_a_path_that_were_not_read_are_unknown() -> None:
    file = csp(servers=SERVERS, paths=[path("/x", defaultServer="A", alternativeServers="FailOver")])
    assert asked("path.servers", "paths", file, gaps=(gap("paths[0].alternatives[*]"),)) == [["A", "..."]]
    nameless = csp(servers=SERVERS, paths=[path("/x")])
    assert asked("path.servers", "paths", nameless, gaps=(gap("paths[0].defaultServer"),)) == [[GUEST]]
    cut = csp(servers=[server("A")], paths=[path("/x", defaultServer="B")])
    assert asked("path.servers", "paths", cut, gaps=(gap("servers[*]"),)) == [[GUEST]]


def test_paths_that_are_not_enabled_do_not_count() -> None:
    file = csp(servers=SERVERS, paths=[path("/x", enabled=False, defaultServer="A"), {"path": "/y"}])
    assert asked("path.servers", "paths", file) == []
