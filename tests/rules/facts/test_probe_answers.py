"""How many failover members answer the health probes, by what Azure measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from auditor.azure.paths import ABSENT
from tests.estate import subscription as s
from tests.estate.subscription import VNET, Body, arm_id
from tests.rules.facts.asking import GAP, VALUE, ask, said

LB = arm_id("Network/loadBalancers", "lb")
DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope, dr: none}
  mirrors: [{name: M, failover: [a, b], arbiter: none, dr: none, superserver: 1972}]
  tiers: none
"""
UP, DOWN = [100, 100, 100], [0, 0, 0]


def series(address: str, averages: Sequence[Any], port: str = "1972") -> Body:
    dimensions = [{"name": {"value": "BackendIPAddress"}, "value": address}]
    dimensions += [{"name": {"value": "backendport"}, "value": port}] if port else []
    return {"metadatavalues": dimensions, "data": [{} if one is None else {"average": one} for one in averages]}


def built(
    *timeseries: Body, sku: str = "Standard", state: str = "None", more_rules: Body | None = None, **keywords: Any
) -> Any:
    interfaces = [
        s.nic(
            f"{name}-nic",
            vm=name,
            ipConfigurations=[
                {
                    "id": s.configuration_id(f"{name}-nic"),
                    "name": "ipconfig1",
                    "properties": {"privateIPAddress": address, "subnet": {"id": f"{VNET}/subnets/default"}},
                }
            ],
        )
        for name, address in {"a": "10.0.0.4", "b": "10.0.0.5"}.items()
    ]
    entry = {"networkInterfaceIPConfiguration": {"id": s.configuration_id("a-nic")}, "adminState": state}
    pool = {**s.by_nic("a-nic", "b-nic"), "loadBalancerBackendAddresses": [{"properties": entry}]}
    rule = {**s.to("lb", "p"), "protocol": "Tcp", "backendPort": 1972}
    balancing = s.load_balancer("lb", {"p": pool}, {"r": rule, **(more_rules or {})})
    metric = {"id": f"{LB}/providers/Microsoft.Insights/metrics/DipAvailability", "type": "Microsoft.Insights/metrics"}
    measured = [{**metric, "name": {"value": "DipAvailability"}, "timeseries": list(timeseries)}] if timeseries else []
    bodies = [*(s.vm(name) for name in "ab"), *interfaces, s.network(), {**balancing, "sku": {"name": sku}}, *measured]
    return s.topology(*bodies, deployment=DEPLOYMENT, **keywords)


def answering(*timeseries: Body, **keywords: Any) -> object:
    found = built(*timeseries, **keywords)
    return said("mirror.answering_members", found, s.only(found).mirrors[0])


def test_each_load_balancing_rule_is_measured() -> None:
    every = {"second": {**s.to("lb", "p"), "protocol": "All", "backendPort": 0}}
    other = {"second": {**s.to("lb", "p"), "protocol": "Tcp", "backendPort": 51773}}
    up_and_down = (series("10.0.0.4", UP), series("10.0.0.5", DOWN))
    assert answering(*up_and_down, more_rules=every) == 1
    assert answering(*up_and_down, more_rules=other) == 1, "it leads to another port"
    assert answering(series("10.0.0.4", UP, "51773"), series("10.0.0.5", DOWN)) == (0, 1)
    assert answering(series("10.0.0.5", DOWN)) == (0, 1)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (UP, DOWN, 1),
        (UP, UP, 2),
        (DOWN, DOWN, 0),
        ([90, 95.5, 100], [10, 0, 1], 1),
        ([0, 0, 0, 100, 100, 100], [100, 100, 100, 0, 0, 0], 1),
        ([100, 100, 100, None], [0, 0, 0, None], 1),
        ([100, 100, 50], DOWN, (0, 1)),
        ([100, 0, 0], [0, 100, 100], (0, 2)),
        ([], DOWN, (0, 1)),
        (["much"], UP, (1, 2)),
    ],
)
def test_members_answer_for_a_quarter_of_an_hour(one: list[Any], other: list[Any], expected: object) -> None:
    assert answering(series("10.0.0.4", one), series("10.0.0.5", other)) == expected


def test_series_are_told_apart_by_address_and_port() -> None:
    others = series("10.0.0.4", DOWN, port="443"), series("10.0.0.9", UP)
    assert answering(series("10.0.0.4", UP), series("10.0.0.5", DOWN, port=""), *others) == 1
    assert answering(series("10.0.0.4", UP), series("10.0.0.4", DOWN), series("10.0.0.5", DOWN)) == (0, 1)


def test_an_admin_state_makes_it_unknown() -> None:
    assert answering(series("10.0.0.4", UP), series("10.0.0.5", UP), state="Up") is VALUE


def test_basic_load_balancers_have_no_metrics() -> None:
    assert answering(sku="basic") is ABSENT


def test_metrics_that_were_not_read_are_unknown() -> None:
    found = built()
    unread: Any = ask("mirror.answering_members", found, s.only(found).mirrors[0]).value
    assert (unread.low, unread.high) == (0, 2)
    assert [(unknown.cause, unknown.optional) for unknown in unread.because] == [(GAP, True), (GAP, True)]
    forbidden = built(gaps=[s.gap(LB, "Microsoft.Insights/metrics")])
    hidden: Any = ask("mirror.answering_members", forbidden, s.only(forbidden).mirrors[0]).value
    assert [(unknown.cause, unknown.optional) for unknown in hidden.because] == [(GAP, False), (GAP, False)]
