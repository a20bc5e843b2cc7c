"""The losses of the known-good deployments, and what the place of a VM changes, predicted from their files alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from auditor.losses.foreseen import Effect
from auditor.losses.play import single
from auditor.rules.context import Context
from auditor.rules.facts.site import site_of
from tests import estates

PRODUCTS: Final = ("hsie", "hspi", "hshi", "hspc", "hshc")
SINGLE: Final = {
    "trakcare-current": {
        "region:westeurope",
        "balancer:lb-mirror",
        "balancer:lb-web",
        "gateway:agw-trakcare",
        "endpoint:tm-trakcare/primary",
        "profile:tm-trakcare",
    },
    "trakcare-2018": {
        "region:northeurope",
        "balancer:lb-mirror",
        "balancer:lb-web",
        "gateway:agw-trakcare",
        "endpoint:tm-trakcare/primary",
        "profile:tm-trakcare",
    },
    "healthshare-current": {
        "region:westeurope",
        "gateway:agw-healthshare",
        *(f"balancer:lb-{product}-{tier}" for product in PRODUCTS for tier in ("mirror", "web")),
        *(f"endpoint:tm-{product}/primary" for product in PRODUCTS),
        *(f"profile:tm-{product}" for product in PRODUCTS),
    },
}
"""What the reference architecture itself has once: the region, its entrances, and the Traffic Manager profiles."""


def stopping(name: str, body: estates.Body) -> set[str]:
    """Return the losses that stop the deployment of an estate."""
    built = estates.topology(name, body)
    (deployment,) = built.deployments
    found = {one.id: one.effect for one in single(site_of(Context(built, deployment), deployment))}
    assert Effect.UNKNOWN not in found.values()
    return {loss for loss, effect in found.items() if effect is not Effect.SERVES}


@pytest.mark.slow
@pytest.mark.parametrize("name", SINGLE)
def test_a_known_good_deployment_is_stopped_by_what_it_has_once(name: str) -> None:
    assert stopping(name, estates.body_of(name)) == SINGLE[name]


# --- brute force over the files ---------------------------------------------------------------------------------------


def predicted(name: str, body: estates.Body) -> set[str]:
    """Return the losses of zones, VMs, and networks between zones that stop the deployment of an estate.

    It knows the mirroring guide (`oracle.yaml`) and the two files of the estate, and nothing of the automaton.
    """
    (declared,) = estates.declared_of(name)["deployments"]
    region = declared["regions"]["primary"]
    vms = {i["name"]: i.get("zones", [""])[0] for i in body["value"] if is_vm(i) and i["location"] == region}
    zones = sorted({"1", "2", "3"} if any(vms.values()) else set())
    causes = {f"machine:{vm}": {vm} for vm in vms}
    causes |= {f"zone:{region}/{zone}": {vm for vm, own in vms.items() if own == zone} for zone in zones}
    found = set()
    for mirror in declared["mirrors"]:
        (one, other), arbiter = mirror["failover"], mirror["arbiter"]
        for cause, lost in causes.items():
            left = {one, other} - lost
            if not left or (arbiter in lost and len(left) < 2):  # O15, O16; O9, O12
                found.add(cause)
    for tier in declared["tiers"]:
        own = [vm for vm in tier["members"] if vm in vms]
        found |= {cause for cause, lost in causes.items() if own and lost.issuperset(own)}
        needed = [m for m in declared["mirrors"] if "product" not in tier or m["product"] == tier["product"]]
        for primary in (vm for mirror in needed for vm in mirror["failover"]):
            for cut in ({"1", "2"}, {"1", "3"}, {"2", "3"}) if zones else ():
                if own and all({vms[vm], vms[primary]} == cut for vm in own):
                    found.add(f"link:{region}/{'-'.join(sorted(cut))}")
    return found


def is_vm(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type", "").lower() == "microsoft.compute/virtualmachines"


def moves(name: str) -> Iterator[tuple[str, str]]:
    """Yield each VM of the mirrors of a known-good deployment with each other zone."""
    (declared,) = estates.declared_of(name)["deployments"]
    for number, mirror in enumerate(declared["mirrors"]):
        for vm in (*mirror["failover"], mirror["arbiter"], *(mirror["dr"] if number == 0 else ())):
            (own,) = estates.find(estates.shared_body(name), vm)["zones"]
            yield from ((vm, zone) for zone in ("1", "2", "3") if zone != own)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "number"), [("trakcare-current", 8), ("healthshare-current", 32)])
def test_a_vm_of_a_mirror_in_another_zone_changes_the_losses_that_are_predicted(name: str, number: int) -> None:
    body = estates.body_of(name)
    before, expected = stopping(name, body), predicted(name, body)
    changes = []
    for vm, zone in moves(name):
        moved = estates.body_of(name)
        moved["value"] = [{**i, "zones": [zone]} if i.get("name") == vm and is_vm(i) else i for i in moved["value"]]
        changes.append(stopping(name, moved) ^ before)
        assert changes[-1] == predicted(name, moved) ^ expected, (vm, zone)
    assert len(changes) == number
    assert {"zone:westeurope/1", "zone:westeurope/2", "zone:westeurope/3"} <= set().union(*changes)
