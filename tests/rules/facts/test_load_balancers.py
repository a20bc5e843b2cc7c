"""Load balancers: their rules, probes and targets."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.estate.load_balancing import POOLS, RULES
from auditor.snapshot.known import PartialList
from auditor.snapshot.lookup import parts
from auditor.snapshot.model import Part
from tests.estate import subscription as s
from tests.estate.subscription import Body
from tests.rules.facts.asking import VALUE, ask, said
from tests.rules.facts.mirrored import (
    VMS,
    WEB,
)


def load_balancer_fact(name: str, body: Body, *bodies: Body, deployment: str = WEB) -> object:
    built = s.topology(*VMS, body, *bodies, deployment=deployment)
    return ask(name, built, s.item(built, "Network/loadBalancers", "lb")).value


def ids(value: object) -> list[str]:
    assert isinstance(value, PartialList)
    return [part.id.rpartition("/")[2] for part in value.known if isinstance(part, Part)] + ["..."] * bool(
        value.missing
    )


def test_the_rules_and_probes_that_lead_to_web_servers() -> None:
    pools = {"web": s.by_nic("w-nic"), "app": s.by_nic("x-nic")}
    rules = {
        "a": s.to("lb", "web", probe="p"),
        "b": s.to("lb", "app", "web", probe="P", plural=True),
        "c": s.to("lb", "web"),
        "d": s.to("lb", "app", probe="q"),
        "e": {},
    }
    lb = s.load_balancer("lb", pools, rules, {"p": {}, "q": {}})
    assert ids(load_balancer_fact("balancer.web_rules", lb)) == ["a", "b", "c"]
    assert ids(load_balancer_fact("balancer.web_probes", lb)) == ["p"]
    assert ids(load_balancer_fact("balancer.web_rules", lb, deployment="")) == []


@pytest.mark.parametrize(
    ("pools", "rules", "expected"),
    [
        ({"web": s.by_nic("lost-nic")}, {"r": s.to("lb", "web", probe="p")}, ["..."]),
        ({}, {"r": s.to("lb", "web", probe="p")}, ["..."]),
        ({"web": {"backendIPConfigurations": "junk"}}, {"r": s.to("lb", "web")}, ["..."]),
        ({"web": s.by_nic("w-nic", "lost-nic")}, {"r": s.to("lb", "web", probe="p")}, ["r"]),
    ],
)
def test_rules_that_may_lead_to_web_servers(pools: Any, rules: Any, expected: list[str]) -> None:
    assert ids(load_balancer_fact("balancer.web_rules", s.load_balancer("lb", pools, rules))) == expected


def test_an_unreadable_probe_or_rule_makes_the_list_of_probes_incomplete() -> None:
    lb = s.load_balancer("lb", {"web": s.by_nic("w-nic")}, {"r": s.to("lb", "web", probe="lost")})
    assert ids(load_balancer_fact("balancer.web_probes", lb)) == ["..."]
    lb["properties"]["loadBalancingRules"] = ["junk"]
    assert ids(load_balancer_fact("balancer.web_probes", lb)) == ["..."]
    assert ids(load_balancer_fact("balancer.web_rules", lb)) == ["..."]
    stub = {**lb, "properties": None}
    assert ids(load_balancer_fact("balancer.web_probes", stub)) == ["..."]


def test_the_vms_of_a_pool_and_the_probe_of_a_rule() -> None:
    rules = {"with": s.to("lb", "web", probe="p"), "none": s.to("lb", "web"), "lost": s.to("lb", "web", probe="q")}
    built = s.topology(*VMS, s.load_balancer("lb", {"web": s.by_nic("w-nic")}, rules, {"p": {}}))
    lb = s.item(built, "Network/loadBalancers", "lb")
    (pool,) = parts(lb, POOLS)
    vms = ask("pool.machines", built, pool)
    assert s.names(vms.value) == ["w"]
    assert vms.reads[0].path == "properties.backendAddressPools[0].properties.backendIPConfigurations[0].id"
    probes = [ask("rule.probes", built, rule).value for rule in parts(lb, RULES)]
    assert [ids(value) for value in probes] == [["p"], [], []]
    assert s.names(probes[2]) == ["?"]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"intervalInSeconds": 5, "probeThreshold": 2}, 10),
        ({"intervalInSeconds": 5, "probeThreshold": 0}, 5),
        ({"intervalInSeconds": 5, "numberOfProbes": 4}, 5),
        ({"probeThreshold": 2}, 30),
        ({}, 15),
        ({"intervalInSeconds": "5"}, VALUE),
        ({"intervalInSeconds": 5, "probeThreshold": True}, VALUE),
    ],
)
def test_how_long_a_probe_takes(properties: Body, expected: object) -> None:
    built = s.topology(s.load_balancer("lb", {}, probes={"probe": properties}))
    (probe,) = parts(s.item(built, "Network/loadBalancers", "lb"), "properties.probes[*]")
    assert said("probe.detection_seconds", built, probe) == expected
