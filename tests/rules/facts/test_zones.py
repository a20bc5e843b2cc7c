"""Availability zones: in how many VMs are, and which are the same in two subscriptions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.azure import arm
from auditor.snapshot.known import Interval, Unknown
from tests.estate import subscription as s
from tests.estate.subscription import OTHER, SUB, Body
from tests.rules.facts.asking import GAP, VALUE, ask, shown

BOTH = (SUB, OTHER)
DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope, dr: northeurope}
  mirrors: [{name: M, failover: [a, b], arbiter: arb, dr: none, reporting: none}]
  tiers: [{role: web, members: [w1, w2, w3]}, {role: app, members: none}]
"""
SAME = (s.region("westeurope", "1", "2", "3"), s.region("westeurope", "1", "2", "3", subscription=OTHER))
TURNED = (s.region("westeurope", "1", "2", "3"), s.region("westeurope", "2", "3", "1", subscription=OTHER))


def here(zone: str, location: str = "westeurope") -> Body:
    return {"zone": zone, "location": location}


def there(zone: str, location: str = "westeurope") -> Body:
    return {"zone": zone, "location": location, "subscription": OTHER}


def said(name: str, a: Body, b: Body, arbiter: Body, *regions: Body) -> object:
    """Return a fact of a mirror whose VMs are in two subscriptions."""
    vms = [s.vm(vm, **where) for vm, where in (("a", a), ("b", b), ("arb", arbiter))]
    built = s.topology(*vms, *regions, deployment=DEPLOYMENT, scopes=BOTH)
    found = ask(name, built, s.only(built).mirrors[0]).value
    if isinstance(found, Unknown):
        assert "availabilityZoneMappings of GET /subscriptions/ID/locations" in found.reason
    return shown(found)


@pytest.mark.parametrize(
    ("a", "b", "regions", "separation", "zones"),
    [
        (here("1"), here("2"), (), "zone", 2),
        (there("1"), there("1"), (), "nothing", 1),
        (here("1"), there("2"), (), GAP, (1, 2)),
        (here("1"), there("1"), (), GAP, (1, 2)),
        (here("1"), there("2"), SAME, "zone", 2),
        (here("1"), there("1"), SAME, "nothing", 1),
        (here("2"), there("1"), TURNED, "nothing", 1),
        (here("1"), there("1"), TURNED, "zone", 2),
        (here("1"), there("1"), TURNED[:1], GAP, (1, 2)),
        (here("1"), there("1"), (TURNED[0], s.region("westeurope", subscription=OTHER)), VALUE, (1, 2)),
        (here("1"), there("1", "northeurope"), (), "region", 2),
        (here("1"), there("1", "northeurope"), SAME, "region", 2),
    ],
)
def test_zones_of_two_subscriptions(
    a: Body, b: Body, regions: tuple[Body, ...], separation: object, zones: object
) -> None:
    assert said("mirror.separation", a, b, here("3"), *regions) == separation
    assert said("group.zones", a, b, here("3"), *regions) == zones


@pytest.mark.parametrize(
    ("arbiter", "regions", "expected"),
    [
        (there("3"), (), GAP),
        (there("1"), (), GAP),
        (there("3"), SAME, "zone"),
        (there("2"), SAME, "nothing"),
        (there("3"), TURNED, "nothing"),
        (there("2"), TURNED, "zone"),
        (there("1", "northeurope"), (), "region"),
        ({"subscription": OTHER}, SAME, "nothing"),
    ],
)
def test_an_arbiter_in_another_subscription(arbiter: Body, regions: tuple[Body, ...], expected: object) -> None:
    assert said("mirror.arbiter_separation", here("1"), here("2"), arbiter, *regions) == expected


def test_what_is_certain_of_zones_that_cannot_be_compared() -> None:
    where = {"w1": here("1"), "w2": here("2"), "w3": there("1")}
    built = s.topology(*(s.vm(vm, **at) for vm, at in where.items()), deployment=DEPLOYMENT, scopes=BOTH)
    found = ask("group.zones", built, s.only(built).tiers[0]).value
    assert isinstance(found, Interval)
    assert (found.low, found.high) == (2, 3)


@pytest.mark.parametrize(
    ("b", "regions", "expected"), [(there("2"), (), GAP), (there("2"), SAME, 99.99), (there("3"), TURNED, (0, 99.9))]
)
def test_what_azure_promises_of_zones_of_two_subscriptions(
    b: Body, regions: tuple[Body, ...], expected: object
) -> None:
    assert said("group.sla_percent", here("1"), b, here("3"), *regions) == expected


def test_a_region_is_not_a_resource_group_or_a_resource() -> None:
    assert arm.type_of(f"{SUB}/locations/westeurope") == arm.LOCATION
    assert arm.type_of(f"{SUB}/resourceGroups/locations") == arm.RESOURCE_GROUP
    assert arm.type_of(f"{SUB}/regions/westeurope") == ""


ZONES = st.sampled_from(["1", "2", "3"])
PLACES = st.builds(lambda where, zone: where(zone), st.sampled_from([here, there]), ZONES)


@pytest.mark.slow
@given(PLACES, PLACES, PLACES, st.permutations(["1", "2", "3"]), st.sets(st.sampled_from([0, 1])))
def test_a_mapping_that_was_not_read_changes_nothing_but_to_unknown(
    a: Body, b: Body, arbiter: Body, other: list[str], hidden: set[int]
) -> None:
    regions = (s.region("westeurope", "1", "2", "3"), s.region("westeurope", *other, subscription=OTHER))
    left = [region for index, region in enumerate(regions) if index not in hidden]
    for name in ("mirror.separation", "mirror.arbiter_separation"):
        whole = said(name, a, b, arbiter, *regions)
        assert whole in {"zone", "nothing"}
        assert said(name, a, b, arbiter, *left) in {whole, GAP}
    exact = said("group.zones", a, b, arbiter, *regions)
    found = said("group.zones", a, b, arbiter, *left)
    low, high = found if isinstance(found, tuple) else (found, found)
    assert low <= exact <= high
