"""Which load-balancing rules lead to the superserver of a mirror: by port, by IP version, by mirror on the same VMs."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.snapshot.known import Cause, PartialList
from auditor.snapshot.model import Part
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import DECLARATION, VALUE, ask, shown
from tests.rules.facts.guest import TAKEN, cpf

LB = arm_id("Network/loadBalancers", "lb")
VMS = (*(s.vm(name) for name in "abcw"), *(s.nic(f"{name}-nic") for name in "abcw"))
STATUS = {"protocol": "Http", "port": 52773, "requestPath": "/csp/bin/mirror_status.cxw"}


def deployment(*mirrors: str, tiers: str = "none") -> str:
    declared = ", ".join(f"{{{mirror}, failover: [a, b], arbiter: none, dr: none}}" for mirror in mirrors)
    return f"""
    - name: d
      product: healthshare
      regions: {{primary: westeurope, dr: none}}
      mirrors: [{declared}]
      tiers: {tiers}
    """


def rule(port: Any, frontend: str = "f1", pool: str = "p", protocol: str = "Tcp", probe: str = "status") -> Body:
    own = s.to("lb", pool, probe=probe)
    return {
        **own,
        "protocol": protocol,
        "backendPort": port,
        "frontendIPConfiguration": {"id": f"{LB}/frontendIPConfigurations/{frontend}"},
    }


def load_balancer(*rules: Body, **versions: Any) -> Body:
    """Return a load balancer with two pools of the members; `versions` are the IP versions of its frontends."""
    pools = {"p": s.by_nic("a-nic", "b-nic"), "p6": s.by_nic("a-nic", "b-nic"), "one": s.by_nic("a-nic")}
    return s.load_balancer(
        "lb",
        pools,
        {f"r{number}": body for number, body in enumerate(rules)},
        {"status": STATUS, "web": {"protocol": "Https", "port": 443, "requestPath": "/health"}},
        frontendIPConfigurations=[
            {
                "id": f"{LB}/frontendIPConfigurations/{name}",
                "name": name,
                "properties": {"privateIPAddressVersion": version} if version else {},
            }
            for name, version in {"f1": "IPv4", "f2": "IPv4", **versions}.items()
        ],
    )


def facts(*rules: Body, mirrors: tuple[str, ...] = ("name: M",), tiers: str = "none", **versions: Any) -> list[Any]:
    """Return, of each mirror, the IP versions of its frontends and the failover members without service."""
    built = s.topology(*VMS, load_balancer(*rules, **versions), deployment=deployment(*mirrors, tiers=tiers))
    return [
        (
            shown(ask("mirror.frontend_ip_versions", built, mirror).value),
            shown(ask("mirror.unserved", built, mirror).value),
        )
        for mirror in s.only(built).mirrors
    ]


SERVED: tuple[list[str], list[str]] = (["IPv4"], [])
NOWHERE: tuple[list[str], list[str]] = ([], ["a", "b"])
OPEN = (["..."], ["?", "?"])


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([rule(1972)], SERVED),
        ([rule(51773)], SERVED),
        ([rule(1972, protocol="tcp")], SERVED),
        ([rule(0, protocol="All")], SERVED),
        ([rule(1972), rule(52773)], SERVED),
        ([rule(1972), rule(51773)], SERVED),
        ([rule(1972), rule(443, "f2")], SERVED),
        ([rule(1972), rule(56772, "f2")], SERVED),
        ([rule(1972, pool="one")], (["IPv4"], ["b"])),
        ([rule(1972), rule(1972, "f2")], (["IPv4", "IPv4"], [])),
        ([rule(1972), rule(51773, "f2")], OPEN),
        ([rule(56772)], OPEN),
        ([rule(56772), rule(443)], OPEN),
        ([rule(56772), rule(0, protocol="All")], SERVED),
        ([rule(443), rule(52773)], NOWHERE),
        ([rule(8443, probe="web")], NOWHERE),
        ([rule(1972, protocol="Udp")], NOWHERE),
        ([rule(0)], OPEN),
        ([], NOWHERE),
    ],
)
def test_the_superserver_port_that_is_not_declared(rules: list[Body], expected: object) -> None:
    assert facts(*rules) == [expected]


def test_the_port_of_a_probe_is_no_superserver_port() -> None:
    built = s.topology(*VMS, load_balancer(rule(56772)), deployment=deployment("name: M"))
    (mirror,) = s.only(built).mirrors
    found = ask("mirror.superserver_rules", built, mirror).value
    assert isinstance(found, PartialList)
    assert found.missing is not None
    assert "56772" in found.missing.reason
    body = load_balancer(rule(56772))
    body["properties"]["probes"][0]["properties"] = {**STATUS, "port": 56772}
    built = s.topology(*VMS, body, deployment=deployment("name: M"))
    assert ask("mirror.superserver_rules", built, s.only(built).mirrors[0]).value == PartialList()


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([rule(56772)], SERVED),
        ([rule(56772), rule(1972, "f2")], SERVED),
        ([rule(0, protocol="All")], SERVED),
        ([rule(1972)], NOWHERE),
        ([rule("56772")], OPEN),
    ],
)
def test_the_superserver_port_that_is_declared(rules: list[Body], expected: object) -> None:
    assert facts(*rules, mirrors=("name: M, superserver: 56772",)) == [expected]


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ({"f2": "IPv6"}, ["IPv4", "IPv6"]),
        ({"f1": None, "f2": "IPv6"}, ["IPv4", "IPv6"]),
        ({"f1": None}, ["IPv4", "IPv4"]),
        ({"f1": "IPv6", "f2": "IPv6"}, ["IPv6", "IPv6"]),
        ({"f2": 6}, ["?", "IPv4"]),
    ],
)
def test_a_dual_stack_mirror_has_a_frontend_per_ip_version(versions: Body, expected: list[str]) -> None:
    ((found, unserved),) = facts(rule(1972), rule(1972, "f2", "p6"), **versions)
    assert (found, unserved) == (expected, [])


M, N = "name: M", "name: N"


@pytest.mark.parametrize(
    ("rules", "mirrors", "expected"),
    [
        ([rule(1972), rule(51773, "f2")], (M, N), [OPEN, OPEN]),
        ([rule(1972)], (M, N), [OPEN, OPEN]),
        ([rule(443)], (M, N), [NOWHERE, NOWHERE]),
        ([rule(1972), rule(51773, "f2")], (f"{M}, superserver: 1972", N), [SERVED, SERVED]),
        ([rule(1972), rule(51773, "f2")], (f"{M}, superserver: 1972", f"{N}, superserver: 51773"), [SERVED, SERVED]),
        ([rule(1972), rule(1972, "f2")], (f"{M}, superserver: 1972", N), [(["IPv4", "IPv4"], []), NOWHERE]),
        ([rule(56772), rule(1972, "f2")], (f"{M}, superserver: 56772", N), [SERVED, SERVED]),
        ([rule(1972)], (M, N, "name: O"), [OPEN, OPEN, OPEN]),
    ],
)
def test_two_mirrors_on_the_same_vms(rules: list[Body], mirrors: tuple[str, ...], expected: list[object]) -> None:
    assert facts(*rules, mirrors=mirrors) == expected


def keys(name: str, *rules: Body, mirrors: tuple[str, ...], tiers: str = "none") -> list[set[str]]:
    """Return the last segments of the ids that a fact gives of each mirror."""
    built = s.topology(*VMS, load_balancer(*rules), deployment=deployment(*mirrors, tiers=tiers))
    answers = [ask(name, built, mirror).value for mirror in s.only(built).mirrors]
    return [{part.id.split("/")[-1] for part in PartialList.of(found).of_type(Part)} for found in answers]


def test_the_rules_of_a_mirror_are_not_those_of_another_on_the_same_vms() -> None:
    rules = rule(1972), rule(51773, "f2", "p6"), rule(52773)
    declared = f"{M}, superserver: 1972", f"{N}, superserver: 51773"
    assert keys("mirror.rules", *rules, mirrors=declared) == [{"r0", "r2"}, {"r1", "r2"}]
    assert keys("mirror.pools", *rules, mirrors=declared) == [{"p"}, {"p", "p6"}]
    assert keys("mirror.rules", *rules, mirrors=(M,)) == [{"r0", "r1", "r2"}]


def test_web_traffic_to_members_that_are_web_servers_is_not_that_of_the_mirror() -> None:
    rules = rule(1972), rule(443, "f2", "p6", probe="web"), rule(8443, "f2", "p6")
    web = "[{role: web, members: [a, b]}]"
    assert keys("mirror.rules", *rules, mirrors=(M,), tiers=web) == [{"r0", "r2"}]
    assert keys("mirror.rules", *rules, mirrors=(M,), tiers=web.replace("a, b", "w")) == [{"r0", "r1", "r2"}]
    assert keys("mirror.rules", *rules, mirrors=(M,), tiers=web.replace("a, b", "a")) == [{"r0", "r1", "r2"}]


def test_a_mirror_that_two_deployments_declare_is_one() -> None:
    text = deployment(M) + deployment(M).replace("name: d", "name: e")
    built = s.topology(*VMS, load_balancer(rule(1972)), deployment=text)
    (mirror,) = built.deployments[0].mirrors
    assert shown(ask("mirror.frontend_ip_versions", built, mirror).value) == ["IPv4"]


@pytest.mark.parametrize("role", ["dr", "reporting", "arbiter"])
def test_a_role_that_may_have_more_members_leaves_the_rules_of_a_mirror_known(role: str) -> None:
    rosters = {"dr": "none", "reporting": "none", "arbiter": "none"}
    rosters.pop(role)
    text = f"""
    - name: d
      product: iris
      regions: {{primary: westeurope, dr: none}}
      mirrors: [{{name: M, failover: [a, b], {", ".join(f"{name}: none" for name in rosters)}}}]
      tiers: none
    """
    built = s.topology(*VMS, load_balancer(rule(1972)), deployment=text)
    (mirror,) = s.only(built).mirrors
    for name in ("mirror.rules", "mirror.pools", "mirror.frontends", "mirror.unserved"):
        found = ask(name, built, mirror).value
        assert isinstance(found, PartialList)
        assert found.complete, name


@pytest.mark.parametrize(
    ("keywords", "cause"),
    [
        ({"unlisted": ["microsoft.network/loadbalancers"]}, Cause.GAP),
        ({"gaps": [s.gap(arm_id("Network/networkInterfaces", "a-nic"))]}, Cause.GAP),
    ],
)
def test_what_was_not_read_leaves_the_rules_of_a_mirror_open(keywords: Body, cause: Cause) -> None:
    built = s.topology(*VMS, deployment=deployment(M), **keywords)
    found = ask("mirror.superserver_rules", built, s.only(built).mirrors[0]).value
    assert isinstance(found, PartialList)
    assert found.missing is not None
    assert found.missing.cause is cause


def test_the_reason_says_how_to_declare_the_port() -> None:
    for rules, mirrors, words in (
        ([rule(56772), rule(56773, "f2")], (M,), "lead to port 56772 and 56773 of its failover members"),
        ([rule(1972)], (N, M), "the superserver ports of mirrors M and N, which are on the same VMs, are not declared"),
    ):
        built = s.topology(*VMS, load_balancer(*rules), deployment=deployment(*mirrors))
        found = ask("mirror.superserver_rules", built, s.only(built).mirrors[0]).value
        assert isinstance(found, PartialList)
        assert found.missing is not None
        assert found.missing.cause is DECLARATION
        assert words in found.missing.reason
        assert "add `superserver: PORT`" in found.missing.reason
        assert found.missing.about == (LB,)


def test_two_mirrors_on_the_same_vms_cannot_have_one_port() -> None:
    text = deployment(M, N).replace("failover:", "superserver: 1972, failover:")
    built = s.topology(*VMS, load_balancer(rule(1972)), deployment=text)
    for mirror in s.only(built).mirrors:
        found = ask("mirror.superserver_rules", built, mirror).value
        assert isinstance(found, PartialList)
        assert found.missing is not None
        assert found.missing.reason.startswith("mirrors M and N are on the same VMs and have the same superserver")


def test_a_port_that_is_not_a_number_is_unknown() -> None:
    built = s.topology(*VMS, load_balancer(rule("1972")), deployment=deployment(M))
    found = ask("mirror.superserver_rules", built, s.only(built).mirrors[0]).value
    assert isinstance(found, PartialList)
    assert found.missing is not None
    assert found.missing.cause is VALUE


@pytest.mark.parametrize(
    ("rules", "ports", "expected"),
    [
        ([rule(1972), rule(2575)], "[2575]", []),
        ([rule(1972)], "[2575]", [2575]),
        ([rule(1972), rule(2575, pool="one")], "[2575]", [2575]),
        ([rule(1972), rule(2575), rule(6661, pool="one")], "[2575, 6661]", [6661]),
        ([rule(0, protocol="All")], "[2575]", []),
        ([rule(1972), rule("many")], "[2575]", [VALUE]),
    ],
)
def test_other_declared_ports_need_load_balancing_rules(rules: list[Body], ports: str, expected: list[object]) -> None:
    built = s.topology(*VMS, load_balancer(*rules), deployment=deployment(f"name: M, ports: {ports}"))
    answer: Any = ask("mirror.unserved_ports", built, s.only(built).mirrors[0]).value
    assert answer.missing is None
    assert [shown(port) for port in answer.known] == expected


def test_a_declared_other_port_is_not_taken_for_the_superserver() -> None:
    """Without a usual port the only other one would be unknown."""
    built = s.topology(*VMS, load_balancer(rule(2575)), deployment=deployment("name: M, ports: [2575]"))
    assert shown(ask("mirror.unserved", built, s.only(built).mirrors[0]).value) == ["a", "b"]


def test_failover_members_may_be_those_of_another_mirror() -> None:
    for mirrors, shared in ((("name: M",), []), (("name: M", "name: N"), ["a", "b"])):
        built = s.topology(*VMS, load_balancer(rule(1972)), deployment=deployment(*mirrors))
        assert shown(ask("mirror.shared_members", built, s.only(built).mirrors[0]).value) == shared


def stated(vm: str, port: int, mirror: str = "M", file: str = "iris.cpf", **properties: Any) -> Body:
    """Return the CPF of a mirror member with a superserver port."""
    found = cpf(vm, mirrors=[{"name": mirror}], startup={"defaultPort": port}, **properties)
    return {**found, "id": found["id"].replace("iris.cpf", file), "name": file}


A, B = stated("a", 56772), stated("b", 56772)


@pytest.mark.parametrize(
    ("rules", "files", "mirrors", "expected"),
    [
        # The CPFs come before the declared port, and before the usual ones.
        ([rule(56772)], [A, B], (M,), [SERVED]),
        ([rule(1972)], [A, B], (M,), [NOWHERE]),
        ([rule(56772)], [A, B], ("name: M, superserver: 1972",), [SERVED]),
        ([rule(1972)], [A, B], ("name: M, superserver: 1972",), [NOWHERE]),
        ([rule(1972), rule(51773, "f2")], [stated("a", 1972), stated("b", 1972)], (M,), [SERVED]),
        # One CPF shows the port of the mirror; without any, all is as declared.
        ([rule(56772)], [A], (M,), [SERVED]),
        ([rule(1972)], [stated("a", 56772, takenAt="2026-10-01T02:00:00Z")], (M,), [SERVED]),
        ([rule(1972)], [stated("dr", 56772)], (M,), [SERVED]),
        # Each member has the port of its own CPF.
        ([rule(56772)], [A, stated("b", 1972)], (M,), [(["IPv4"], ["b"])]),
        ([rule(56772), rule(1972)], [A, stated("b", 1972)], (M,), [SERVED]),
        ([rule(0, protocol="All")], [A, stated("b", 1972)], (M,), [SERVED]),
        # Of two mirrors on the same VMs, each has the port of its own instances.
        (
            [rule(56772), rule(56773, "f2")],
            [A, B, stated("a", 56773, "N", "n.cpf"), stated("b", 56773, "N", "n.cpf")],
            (M, N),
            [SERVED, SERVED],
        ),
        ([rule(1972), rule(51773, "f2")], [stated("a", 1972)], (M, N), [SERVED, SERVED]),
        (
            [rule(1972), rule(51773, "f2")],
            [stated("a", 1972)],
            (f"{M}, superserver: 1972", f"{N}, superserver: 51773"),
            [SERVED, SERVED],
        ),
        ([rule(1972)], [stated("a", 1972), stated("a", 1972, "N", "n.cpf")], (M, N), [OPEN, OPEN]),
    ],
)
def test_the_superserver_port_that_cpfs_show(
    rules: list[Body], files: list[Body], mirrors: tuple[str, ...], expected: object
) -> None:
    built = s.topology(*VMS, *files, load_balancer(*rules), deployment=deployment(*mirrors), taken_at=TAKEN)
    names = "mirror.frontend_ip_versions", "mirror.unserved"
    found = [tuple(shown(ask(name, built, mirror).value) for name in names) for mirror in s.only(built).mirrors]
    assert found == expected
