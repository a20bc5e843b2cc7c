"""Growth of a smaller DR region: missing vCPUs, quotas, capacity reservations and restricted sizes."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.types.names import CAPACITY_RESERVATION, SKU, USAGE
from auditor.rules.facts.growth import Growth
from auditor.snapshot.known import PartialList
from tests.estate import subscription as s
from tests.estate.subscription import Body
from tests.rules.facts.asking import DECLARATION, GAP, INFINITY, VALUE, ask, said, shown
from tests.rules.facts.mirrored import DEPLOYMENT, estate

OTHER = s.SUB[:-1] + "9"


def size(name: str, family: str, vcpus: int, *places: str, **rest: Any) -> Body:
    """Return the SKU record of a size in a region, with its zones."""
    region, *zones = places or ("northeurope", "1", "2", "3")
    body = s.size(name, [region], vCPUs=str(vcpus))
    return {**body, "family": family, "locationInfo": [{"location": region, "zones": zones}], **rest}


def quota(name: str, used: int, limit: int) -> Body:
    scope = f"{s.SUB}/providers/Microsoft.Compute/locations/northeurope"
    return {"id": f"{scope}/usages/{name}", "currentValue": used, "limit": limit}


def restricted(kind: str, *zones: str) -> Body:
    info = {"locations": ["North Europe"], **({"zones": [*zones]} if zones else {})}
    return {"restrictions": [{"type": kind, "values": ["North Europe"], "restrictionInfo": info}]}


def reserved(count: int, *users: str, **rest: Any) -> Body:
    body = {"location": "North Europe", "sku": {"name": "E8", "capacity": count}, **rest}
    return s.resource(
        "Compute/capacityReservationGroups",
        "group/capacityReservations/e8",
        top=body,
        virtualMachinesAssociated=[{"id": user} for user in users],
    )


HERE = tuple(size(name, family, vcpus, "westeurope") for name, family, vcpus in (("E8", "E", 8), ("D4", "D", 4)))
THERE = (size("E8", "E", 8), size("D4", "D", 4))
QUOTAS = (quota("E", 4, 100), quota("D", 4, 6), quota("cores", 8, 50))
VMS = (
    s.vm("a", size="E8", zone="1"),
    s.vm("b", size="E8", zone="2"),
    s.vm("dr", size="D4", location="northeurope", zone="1"),
    s.vm("w1", size="D4", zone="1"),
    s.vm("w2", size="D4", zone="2"),
    s.vm("n", size="D4", location="northeurope", zone="2"),
)


def growths(*bodies: Body, **keywords: Any) -> dict[str, tuple[object, ...]]:
    """Return by quota what is missing, available and restricted."""
    keywords = {"also_listed": (USAGE, CAPACITY_RESERVATION), **keywords}
    built = estate(*bodies, **keywords)
    found = ask("deployment.dr_growth", built, s.only(built)).value
    assert isinstance(found, PartialList), found
    names = ("missing_vcpus", "available_vcpus", "restricted_sizes")
    known = {
        growth.quota: tuple(said(f"growth.{name}", built, growth) for name in names) for growth in found.of_type(Growth)
    }
    return known | ({"...": (found.missing.cause,)} if found.missing else {})


def test_a_mirror_lacks_its_whole_size_in_another_family_and_a_tier_what_its_sum_lacks() -> None:
    assert growths(*HERE, *THERE, *QUOTAS, *VMS) == {"E": (8, 96, []), "D": (4, 2, []), "cores": (8, 42, [])}


def test_what_is_as_large_lacks_nothing() -> None:
    same = [body for body in VMS if body["name"] not in {"dr", "n"}]
    more = (s.vm("dr", size="E8", location="northeurope"), s.vm("n", size="E8", location="northeurope"))
    assert growths(*HERE, *THERE, *QUOTAS, *same, *more) == {}


@pytest.mark.parametrize(
    ("offer", "sizes"),
    [
        (size("E8", "E", 8, **restricted("Location")), ["E8"]),
        (size("E8", "E", 8, **restricted("Zone", "1")), ["E8"]),
        (size("E8", "E", 8, **restricted("Zone", "2", "3")), []),
        (size("E8", "E", 8, "northeurope", "2", "3"), ["E8"]),
        (size("E8", "E", 8, locationInfo="junk"), ["?"]),
        (size("E8", "E", 8, restrictions=[{"type": "Location", "values": ["westus"]}, "junk"]), []),
        (None, ["E8"]),
    ],
)
def test_a_mirror_member_grows_in_its_zone(offer: Body | None, sizes: list[str]) -> None:
    offers = [THERE[1], *([offer] if offer else [])]
    assert growths(*HERE, *offers, *QUOTAS, *VMS)["E"][2] == sizes


@pytest.mark.parametrize(
    ("offer", "sizes"),
    [
        (size("D4", "D", 4, **restricted("Zone", "1", "2")), []),
        (size("D4", "D", 4, **restricted("Zone", "1", "2", "3")), ["D4"]),
        (size("D4", "D", 4, "northeurope"), []),
    ],
)
def test_a_vm_of_a_tier_may_be_added_in_any_zone(offer: Body, sizes: list[str]) -> None:
    assert growths(*HERE, THERE[0], offer, *QUOTAS, *VMS)["D"][2] == sizes


def test_restrictions_of_another_subscription_do_not_count_and_different_ones_of_unknown_owners_are_unknown() -> None:
    closed = size("E8", "E", 8, **restricted("Location"))
    theirs = {**closed, "id": f"{OTHER}/providers/Microsoft.Compute/skus/virtualMachines:E8::northeurope"}
    assert growths(*HERE, *THERE, theirs, *QUOTAS, *VMS)["E"][2] == []
    own = {**closed, "id": f"{s.SUB}/providers/Microsoft.Compute/skus/virtualMachines:E8::northeurope"}
    assert growths(*HERE, *THERE, own, *QUOTAS, *VMS)["E"][2] == ["E8"]
    assert growths(*HERE, *THERE, closed, *QUOTAS, *VMS)["E"][2] == ["?"]


def test_a_size_that_was_not_read_is_not_one_that_is_not_offered() -> None:
    offers = (*HERE, THERE[1])
    assert growths(*offers, *QUOTAS, *VMS, unlisted=[SKU])["E"][2] == ["?"]
    assert growths(*HERE, *QUOTAS, *VMS).keys() == {"..."}, "nothing was read of the region"


def test_reserved_capacity_needs_no_quota() -> None:
    full = (quota("E", 96, 100), quota("D", 0, 100), quota("cores", 0, 100))
    vm = s.arm_id("Compute/virtualMachines", "x")
    for count, users, available in ((1, (), 12), (3, (vm,), 20), (1, (vm, vm), 4)):
        assert growths(*HERE, *THERE, *full, *VMS, reserved(count, *users))["E"][1] == available
    for elsewhere in ({"location": "westeurope"}, {"sku": {"name": "D4", "capacity": 1}}):
        assert growths(*HERE, *THERE, *full, *VMS, reserved(1, **elsewhere))["E"][1] == 4
    for unclear in ({"sku": {"name": "E8"}}, {"sku": {"name": 1}}, {"sku": {"name": "E8", "capacity": "many"}}):
        assert growths(*HERE, *THERE, *full, *VMS, reserved(1, **unclear))["E"][1] == (4, INFINITY)
    unread = growths(*HERE, *THERE, *full, *VMS, also_listed=[USAGE])
    assert unread["E"][1] == (4, INFINITY)


def test_quotas_that_were_not_read_are_unknown() -> None:
    assert growths(*HERE, *THERE, *VMS)["E"][1] == VALUE
    assert growths(*HERE, *THERE, *VMS, also_listed=[CAPACITY_RESERVATION])["E"][1] == GAP
    odd = {**quota("E", 1, 1), "limit": "junk"}
    assert growths(*HERE, *THERE, *VMS, odd)["E"][1] == (0, INFINITY)


def test_what_the_region_lacks_is_unknown_where_a_vm_or_its_size_is() -> None:
    assert growths(*HERE, *THERE, *QUOTAS, *VMS[:2], *VMS[3:])["..."] == (DECLARATION,)
    assert growths(*HERE, *QUOTAS, *VMS, unlisted=[SKU])["..."] == (GAP,)
    without_family = [{**offer, "family": None} for offer in THERE]
    assert growths(*HERE, *without_family, *QUOTAS, *VMS)["..."] == (VALUE,)
    undeclared = DEPLOYMENT.replace("{role: app, members: [w1, w2, n]}", "{role: print, members: none}")
    assert growths(*HERE, *THERE, *QUOTAS, *VMS, deployment=undeclared)["..."] == (DECLARATION,)


@pytest.mark.parametrize(("region", "found"), [("", DECLARATION), (", dr: none", []), (", dr: northeurope", None)])
def test_a_deployment_without_a_dr_region_lacks_nothing(region: str, found: object) -> None:
    built = estate(*HERE, *THERE, *VMS, deployment=DEPLOYMENT.replace(", dr: northeurope", region))
    answer = shown(ask("deployment.dr_growth", built, s.only(built)).value)
    assert answer == found or (found is None and len(answer) == 3)  # type: ignore[arg-type] # then it is a list


def test_the_setting_says_whether_the_region_may_be_smaller() -> None:
    smaller = DEPLOYMENT.replace("  mirrors", "  settings: {dr_capacity_ratio: 0.5}\n  mirrors")
    for text, found in ((DEPLOYMENT, False), (smaller, True)):
        built = estate(*VMS, deployment=text)
        assert ask("deployment.dr_is_to_grow", built, s.only(built)).value is found
    none = DEPLOYMENT.replace("dr: [dr]", "dr: none")
    assert growths(*HERE, *THERE, *QUOTAS, *VMS, deployment=none).keys() == {"D", "cores"}
