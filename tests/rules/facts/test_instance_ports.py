"""The ports at which instances listen: by the CPF, by `iris list`, by the version, and what health probes request."""

from __future__ import annotations

from typing import Any

import pytest

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
  tiers: none
"""
TAKEN = "2026-11-01T02:00:00Z"
GUEST, GAP = Cause.GUEST, Cause.GAP
IRIS: Body = {"product": "IRIS", "version": "2025.1"}
VMS = (s.vm("a"), s.vm("b"), s.nic("a-nic", vm="a"), s.nic("b-nic", vm="b"))


def guest(vm: str, file: str, kind: str, **properties: Any) -> Body:
    own = {"kind": kind, "takenAt": TAKEN, **properties}
    return {"id": f"{arm_id('Compute/virtualMachines', vm)}/guest/{file}", "name": file, "properties": own}


def cpf(vm: str, config: Body | None = None, **startup: Any) -> Body:
    return guest(vm, "iris.cpf", "cpf", configFile=IRIS if config is None else config, startup=startup)


def instances(vm: str, *ports: int) -> Body:
    listed = [{"name": f"I{port}", "superServerPort": port} for port in ports]
    return guest(vm, "iris-list.txt", "instances", instances=listed)


def gap(vm: str, file: str, what: str) -> Body:
    return {
        "scope": f"{arm_id('Compute/virtualMachines', vm)}/guest/{file}",
        "what": f"properties.{what}",
        "reason": "malformed",
    }


def port_of_a(*files: Body, gaps: tuple[Body, ...] = ()) -> object:
    built = s.topology(*VMS, *files, deployment=DEPLOYMENT, taken_at=TAKEN, gaps=gaps)
    (file,) = (found for found in ask("mirror.cpfs", built, s.only(built).mirrors[0]).value.known[:1])  # type: ignore[attr-defined]
    return shown(ask("cpf.superserver_port", built, file).value)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([cpf("a", defaultPort=51773)], 51773),
        ([cpf("a", defaultPort=1972), instances("a", 1972, 51773)], 1972),
        ([cpf("a", defaultPort=1972), instances("a", 51773)], GUEST),
        ([cpf("a", defaultPort=1972), instances("b", 51773)], 1972),
        ([cpf("a", defaultPort=1972), instances("a")], 1972),
        ([cpf("a")], GUEST),
        ([cpf("a"), instances("a", 51773)], 51773),
        ([cpf("a"), instances("a", 1972, 51773)], GUEST),
        ([cpf("a"), guest("a", "iris-list.txt", "instances", instances=[{"name": "I"}])], GUEST),
    ],
)
def test_the_superserver_port_is_that_of_the_cpf_or_of_the_only_instance(files: list[Body], expected: object) -> None:
    assert port_of_a(*files) == expected


def test_a_list_that_was_not_read_whole_neither_supplies_nor_contradicts_a_port() -> None:
    unread = (gap("a", "iris-list.txt", "instances[*]"),)
    assert port_of_a(cpf("a", defaultPort=1972), instances("a", 51773), gaps=unread) == 1972
    assert port_of_a(cpf("a"), instances("a", 51773), gaps=unread) == GUEST
    assert port_of_a(cpf("a"), instances("a", 51773), gaps=(gap("a", "iris.cpf", "startup"),)) == GUEST


def silent(*files: Body, port: Any = 52773, protocol: Any = "Http", gaps: tuple[Body, ...] = ()) -> object:
    """Return the names of the probes at whose port a failover member has no web server, or causes of unknowns."""
    probe = {"protocol": protocol, "port": port, "requestPath": "/csp/bin/mirror_status.cxw"}
    rule = {**s.to("lb", "p", probe="status"), "protocol": "Tcp", "backendPort": 1972}
    load_balancer = s.load_balancer("lb", {"p": s.by_nic("a-nic", "b-nic")}, {"r": rule}, {"status": probe})
    built = s.topology(*VMS, load_balancer, *files, deployment=DEPLOYMENT, taken_at=TAKEN, gaps=gaps)
    found = ask("mirror.silent_probes", built, s.only(built).mirrors[0]).value
    return [item.body["name"] if hasattr(item, "body") else shown(item) for item in found.known]  # type: ignore[attr-defined]


PRIVATE: Body = {"webServer": True, "webServerPort": 52773}
OFF: Body = {"webServer": False, "webServerPort": 52773}
CACHE: Body = {"product": "Cache", "version": "2017.2"}


@pytest.mark.parametrize(
    ("files", "port", "expected"),
    [
        ([cpf("a", **PRIVATE), cpf("b", **PRIVATE)], 52773, []),
        ([cpf("a", **PRIVATE), cpf("b", **OFF)], 52773, ["status"]),
        ([cpf("a", **PRIVATE)], 52773, [GUEST]),
        ([cpf("a", **OFF)], 52773, ["status"]),
        ([cpf("a", **PRIVATE), cpf("b", webServer=True, webServerPort=52774)], 52773, ["status"]),
        ([cpf("a", **PRIVATE), cpf("b", webServerPort=80)], 52773, ["status"]),
        ([cpf("a", **PRIVATE), cpf("b", webServerPort=52773)], 52773, [GUEST]),
        ([cpf("a", **PRIVATE), cpf("b", webServer=True)], 52773, [GUEST]),
        ([cpf("a", **PRIVATE), cpf("b", {"product": "IRIS", "version": "2023.1.3"})], 52773, []),
        ([cpf("a", **PRIVATE), cpf("b", {"product": "IRIS", "version": "2023.2"})], 52773, [GUEST]),
        ([cpf("a", **PRIVATE), cpf("b", {"product": "IRIS", "version": "new"})], 52773, [GUEST]),
        ([cpf("a", CACHE), cpf("b", CACHE)], 57772, [GUEST]),
        ([], 80, []),
        ([], 443, []),
        ([cpf("a", **PRIVATE), cpf("b", **PRIVATE)], 8080, [GUEST]),
        ([cpf("a", **OFF), cpf("b", **OFF)], 8080, [GUEST]),
        ([cpf("a", webServer=True, webServerPort=8080), cpf("b", webServer=True, webServerPort=8080)], 8080, []),
    ],
)
def test_a_probe_needs_a_web_server_at_its_port(files: list[Body], port: int, expected: object) -> None:
    assert silent(*files, port=port) == expected


def test_a_probe_of_tcp_needs_none_and_one_that_was_not_read_is_unknown() -> None:
    assert silent(port=52773, protocol="Tcp") == []
    assert silent(cpf("a", **OFF), cpf("b", **OFF), port="80") == [Cause.VALUE]


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (cpf("a", webServer=False), False),
        (cpf("a", webServer=True), True),
        (cpf("a"), GUEST),
        (cpf("a", {"product": "IRIS", "version": "2023.1.2"}), True),
        (cpf("a", {"version": "2018.1"}), GUEST),
    ],
)
def test_the_private_web_server_starts_by_the_cpf_or_the_version(file: Body, expected: object) -> None:
    built = s.topology(*VMS, file, deployment=DEPLOYMENT, taken_at=TAKEN)
    (found,) = ask("mirror.cpfs", built, s.only(built).mirrors[0]).value.known[:1]  # type: ignore[attr-defined]
    assert shown(ask("cpf.runs_private_web_server", built, found).value) == expected
