"""Every placement of a mirror over three zones, against a prediction that knows nothing of the automaton.

The prediction is of the statements of the vendor (`oracle.yaml`): O5, O7 to O9, O11 to O16, G5 and G8.
"""

from __future__ import annotations

from itertools import product

import msgspec
import pytest

from auditor.losses.foreseen import Effect
from auditor.losses.loss import LossKind, union
from auditor.losses.play import foresee, pairs, single
from auditor.losses.possible import losses
from auditor.losses.site import Site
from auditor.snapshot.known import Unknown
from tests.losses.sites import PRIMARY, WHY, site

ZONES = ("1", "2", "3")
TIER = {"web-a": "1", "web-b": "2"}
MIRROR = ("db-a", "db-b", "arbiter")


def goes_on(primary: str, backup: str, lost: set[str], *, arbiter: bool) -> bool:
    """Return whether a member is primary in the worst case, after VMs of a mirror are lost by one cause."""
    if primary in lost and backup in lost:
        return False  # O15, O16
    if arbiter and "arbiter" in lost:
        return not lost & {primary, backup}  # O9, O11 and O12; else O7
    if primary in lost:
        return arbiter  # O5, else G5
    return True  # O8, G8


def stopped_by(lost: set[str], *, arbiter: bool) -> bool:
    """Return whether the loss of VMs stops the deployment, whichever member is primary."""
    orders = (("db-a", "db-b"), ("db-b", "db-a"))
    return lost >= TIER.keys() or not all(goes_on(one, other, lost, arbiter=arbiter) for one, other in orders)


@pytest.mark.slow
@pytest.mark.parametrize("arbiter", [True, False])
def test_each_placement_of_members_and_arbiter_over_three_zones(arbiter: bool) -> None:
    checked = 0
    for chosen in product(ZONES, repeat=3):
        places = dict(zip(MIRROR, chosen, strict=True))
        where = site(places)
        if not arbiter:
            where = msgspec.structs.replace(where, mirrors=(msgspec.structs.replace(where.mirrors[0], arbiter=None),))
        places |= TIER
        causes = {f"zone:{PRIMARY}/{zone}": {vm for vm, own in places.items() if own == zone} for zone in ZONES}
        causes |= {f"machine:{vm}": {vm} for vm in places}
        found = {one.id: one.effect is not Effect.SERVES for one in single(where)}
        for name, lost in causes.items():
            checked += 1
            assert found[name] is stopped_by(lost, arbiter=arbiter), (places, name)
    assert checked == 27 * (3 + 5)


@pytest.mark.slow
def test_each_pair_of_vms() -> None:
    """A pair of VMs stops it if one of the two, or its disk, stops it together with the other one, or its disk."""
    stopping = {
        frozenset(vm for part in one.losses[0].parts for vm in (*part.vms, *part.instances))
        for one in pairs(site())
        if one.losses[0].kinds <= {LossKind.VM, LossKind.DISK}
    }
    every = [*MIRROR, *TIER]
    expected = {
        frozenset((one, other))
        for number, one in enumerate(every)
        for other in every[number + 1 :]
        if stopped_by({one, other}, arbiter=True)
    }
    assert stopping == expected


# --- a lost network in a region of two zones --------------------------------------------------------------------------

LINK = f"link:{PRIMARY}/1-2"
CAUSES = ((LINK,), (LINK, "machine:db-a"), (LINK, "disk:db-b"), (LINK, "machine:arbiter"))


def of_two_zones(zones: dict[str, str | Unknown], led: frozenset[str]) -> Site:
    """Return a deployment in two zones with one web server, whose mirror is reached by a load balancer."""
    where = site(zones)
    way = msgspec.structs.replace(where.entrances["lb-mirror"], vms=led)
    tiers = (msgspec.structs.replace(where.tiers[0], vms=frozenset({"web-a"}), entrances=()),)
    vms = {key: vm for key, vm in where.vms.items() if key != "web-b"}
    return msgspec.structs.replace(
        where,
        vms=vms,
        tiers=tiers,
        entrances={"lb-mirror": way},
        zones={**where.zones, PRIMARY: ("1", "2")},
    )


def effects_of_causes(where: Site) -> tuple[Effect, ...]:
    by_id = {loss.id: loss for loss in losses(where)}
    return tuple(foresee(where, (union(*(by_id[name] for name in cause)),)).effect for cause in CAUSES)


@pytest.mark.slow
@pytest.mark.parametrize("led", [frozenset({"db-a", "db-b"}), frozenset({"db-a"})])
def test_each_unknown_place_in_two_zones_is_decided_exactly_where_all_completions_agree(led: frozenset[str]) -> None:
    nodes = (*MIRROR, "web-a")
    known = {
        zones: effects_of_causes(of_two_zones(dict(zip(nodes, zones, strict=True)), led))
        for zones in product(("1", "2"), repeat=len(nodes))
    }
    checked = 0
    for zones in product(("1", "2", "?"), repeat=len(nodes)):
        places = {node: WHY if zone == "?" else zone for node, zone in zip(nodes, zones, strict=True)}
        fitting = [own for each, own in known.items() if all(a in {"?", b} for a, b in zip(zones, each, strict=True))]
        for cause, found, possible in zip(
            CAUSES, effects_of_causes(of_two_zones(places, led)), zip(*fitting, strict=True), strict=True
        ):
            checked += 1
            assert found is (possible[0] if len(set(possible)) == 1 else Effect.UNKNOWN), (places, cause, possible)
    assert checked == 3**4 * len(CAUSES)
