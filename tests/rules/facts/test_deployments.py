"""Facts about declarations of deployments, and about sightings without a declaration."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.types.names import LOAD_BALANCER, TRAFFIC_MANAGER, VM
from auditor.snapshot.known import Answer, PartialList
from tests.estate import subscription as s
from tests.estate.subscription import SUB, Body, arm_id
from tests.rules.facts.asking import DECLARATION, ask, said, shown
from tests.rules.facts.mirrored import (
    FOUR,
    LEAN,
    NICS,
    VMS,
    WEB,
    estate,
)


def test_what_was_not_declared_about_a_deployment() -> None:
    tags = {"iris-deployment": "d", "iris-role": "mirror-failover", "iris-mirror": "M"}
    built = s.topology(s.vm("a", tags=tags))
    deployment = s.only(built)
    (mirror,) = deployment.mirrors
    for name, element in (
        ("group.region", mirror),
        ("deployment.product", deployment),
        ("deployment.primary_region", deployment),
    ):
        assert said(name, built, element) is DECLARATION, name
    assert ask("deployment.environment", built, deployment).value == "production"
    built = estate()
    assert ask("deployment.product", built, s.only(built)).value == "iris"
    assert ask("deployment.primary_region", built, s.only(built)).value == "westeurope"


@pytest.mark.parametrize(("written", "expected"), [("North Europe", "northeurope"), ("none", "none")])
def test_the_dr_region(written: str, expected: str) -> None:
    built = s.topology(deployment=LEAN.replace("dr: northeurope", f"dr: {written}"))
    assert ask("deployment.dr_region", built, s.only(built)).value == expected


def profiles_of(**keywords: Any) -> Answer:
    built = s.topology(*FOUR, *NICS, s.network(), deployment=LEAN, **keywords)
    return ask("deployment.profiles", built, s.only(built))


def test_the_profiles_of_a_deployment() -> None:
    assert shown(profiles_of().value) == []
    assert shown(profiles_of(unlisted=[TRAFFIC_MANAGER]).value) == ["..."]


def test_declared_members() -> None:
    built = s.topology(*VMS, deployment=WEB.replace("[x]", '[lost, {name: "w*"}]'))
    members = ask("deployment.members", built, s.only(built)).value
    assert isinstance(members, PartialList)
    found = [(said("member.kind", built, m), ask("member.matches", built, m)) for m in members.known]
    assert [(kind, s.names(matches.value)) for kind, matches in found] == [
        ("name", ["w"]),
        ("name", []),
        ("glob", ["w"]),
    ]
    assert [read.value for read in found[0][1].reads] == ["w"]


def sightings(*bodies: Body, deployment: str = WEB, **keywords: Any) -> object:
    """Return each sighting: the name of the VM, the roles that agree with it, and the path that shows it."""
    built = s.topology(*bodies, deployment=deployment, **keywords)
    value = ask("subscription.sightings", built, built.subscriptions[0]).value
    if not isinstance(value, PartialList):
        return shown(value)
    agreed = [(seen, ask("sighting.agreed_roles", built, seen)) for seen in value.known]
    rows = [(seen.id.rpartition("/")[2], shown(a.value), a.reads[0].path) for seen, a in agreed]  # type: ignore[attr-defined]
    return rows + ["..."] * bool(value.missing)


TAG = "tags['iris-role']"
STATUS = "properties.probes[0].properties.requestPath"


def status(path: object = "/csp/bin/Mirror_Status.cxw", members: Body | None = None) -> Body:
    pools = {"pool": members or s.by_nic("w-nic", "x-nic")}
    return s.load_balancer("lb", pools, {"r": s.to("lb", "pool", probe="p")}, {"p": {"requestPath": path}})


def test_sightings_by_tag() -> None:
    w, x = s.vm("w", tags={"IRIS-role": "WEB"}), s.vm("x", tags={"iris-role": "web"})
    stranger, empty = s.vm("y", tags={"iris-role": "db"}), s.vm("z", tags={"iris-role": ""})
    assert sightings(w, x, stranger, empty) == [("w", ["web"], TAG), ("x", [], TAG), ("y", [], TAG)]
    assert sightings(w, deployment="") is DECLARATION
    assert sightings(*VMS, deployment=WEB) == []


def test_sightings_by_the_probe_for_the_status_page() -> None:
    seen = [("w", ["web"], STATUS), ("x", [], STATUS)]
    assert sightings(*VMS, status()) == seen
    assert sightings(*VMS, status("/csp/bin/mirror_status.cmx?x=1")) == seen
    twice = status()
    twice["properties"]["loadBalancingRules"] *= 2
    assert sightings(*VMS, twice) == seen
    for path in ("/health", None):
        assert sightings(*VMS, status(path)) == []
    assert sightings(*VMS, status(7)) == []


@pytest.mark.parametrize(
    "hidden",
    [
        {"unlisted": [VM]},
        {"unlisted": [LOAD_BALANCER]},
        {"gaps": [s.gap(arm_id("Compute/virtualMachines", "y"))]},
        {"gaps": [s.gap(arm_id("Network/loadBalancers", "y"))]},
    ],
)
def test_there_may_be_sightings_in_what_was_not_read(hidden: Any) -> None:
    assert sightings(*VMS, **hidden) == ["..."]


def test_there_may_be_sightings_where_a_load_balancer_has_unknown_targets() -> None:
    w = s.vm("w", tags={"iris-role": "web"})
    lost = [("w", ["web"], TAG), "..."]
    assert sightings(w, status(members=s.by_nic("lost-nic"))) == lost
    no_pool = s.load_balancer(
        "lb", {}, {"r": s.to("lb", "pool", probe="p")}, {"p": {"requestPath": "/mirror_status.cxw"}}
    )
    no_probe = s.load_balancer("lb", {"pool": {}}, {"r": s.to("lb", "pool", probe="p")})
    junk = s.load_balancer("lb", {"pool": {}})
    junk["properties"]["loadBalancingRules"] = "junk"
    malformed = s.load_balancer("lb", {"pool": {}}, {"r": s.to("lb", "pool", probe="p")}, {"p": {}})
    malformed["properties"]["probes"][0]["properties"] = "junk"
    for lb in (no_pool, no_probe, junk, malformed):
        assert sightings(w, lb) == lost
    elsewhere = {**status(), "id": arm_id("Network/loadBalancers", "lb", subscription=s.OTHER)}
    here = f"{WEB}  subscriptions: [{SUB}]\n"
    assert sightings(w, s.vm("x"), elsewhere, deployment=here) == lost[:1]


def test_roles_may_agree_where_a_roster_was_not_read() -> None:
    x = s.vm("x", tags={"iris-role": "print"})
    text = WEB.replace("{role: db, members: none}", "{role: print, members: [{tag: {a: b}}]}")
    hidden = [s.gap(arm_id("Compute/virtualMachines", "y"))]
    assert sightings(x, s.vm("w"), deployment=text, gaps=hidden) == [("x", ["..."], TAG), "..."]
    undeclared = WEB.replace(", {role: db, members: none}", "")
    assert sightings(x, s.vm("w"), deployment=undeclared) == [("x", [], TAG)]
