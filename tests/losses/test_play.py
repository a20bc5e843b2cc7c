"""The effect of losses on a deployment."""

from __future__ import annotations

import msgspec
import pytest

from auditor.losses.foreseen import Effect
from auditor.losses.play import pairs, single
from auditor.losses.site import Arbiter, Seconds
from tests.losses.sites import NEVER, WHY, after, site

STOPPING = {
    "region:westeurope",
    "balancer:lb-mirror",
    "balancer:lb-web",
    "profile:tm",
    "endpoint:tm/primary",
}
"""What a deployment as the reference architecture wants it does not survive without a person."""


def test_a_deployment_over_three_zones_is_stopped_by_its_region_and_single_entrances_only() -> None:
    found = {one.losses[0].id: one.effect for one in single(site())}
    assert {name for name, effect in found.items() if effect is not Effect.SERVES} == STOPPING
    assert {
        "zone:westeurope/1",
        "machine:db-a",
        "disk:db-b",
        "link:westeurope/1-2",
        "arbiter-network:DB",
    } <= found.keys()


@pytest.mark.parametrize("beside", ["1", "2"])
def test_an_arbiter_beside_a_member_stops_it_whichever_is_primary(beside: str) -> None:
    where = site({"arbiter": beside})
    found = after(where, f"zone:westeurope/{beside}")
    assert found.effect is Effect.STOPS
    assert found.first == ""
    assert found.unless.startswith("unless ")
    assert after(where, f"zone:westeurope/{3 - int(beside)}").effect is Effect.SERVES


def test_the_order_decides() -> None:
    assert after(site(), "machine:db-b", "machine:arbiter", first="db-a").effect is Effect.SERVES
    assert after(site(), "machine:arbiter", "machine:db-b", first="db-a").effect is Effect.SERVES
    assert after(site(), "machine:arbiter", "machine:db-a", first="db-a").effect is Effect.STOPS
    assert after(site(), "machine:db-b+machine:arbiter", first="db-a").effect is Effect.STOPS
    together = after(site(), "machine:db-b+machine:arbiter", first="db-a")
    assert together.unless == "unless db-b is lost before arbiter, by more than about one QoS timeout"


def test_times() -> None:
    lost = after(site(), "machine:db-a", first="db-a")
    assert lost.seconds == Seconds(4 + 5 + 10, 8 + 5 + 20)
    assert after(site(), "machine:db-b", first="db-a").seconds == Seconds(4, 8)
    assert after(site(), "machine:db-a").seconds == Seconds(19, 33)
    in_order = after(site(), "machine:arbiter", "machine:db-b", first="db-a")
    assert in_order.seconds == Seconds(20, 24)
    assert after(site(), "machine:web-a").seconds == Seconds(10, 20)
    assert after(site(takeover=NEVER), "machine:db-a").seconds == Seconds(14, float("inf"))
    region = after(site(), "region:westeurope")
    assert region.seconds == Seconds(2400 + 190, 2400 + 190)
    assert region.rpo is not None
    assert after(site(), "zone:westeurope/1").rpo == Seconds(0, 0)


def test_the_last_vm_of_a_tier() -> None:
    assert after(site(), "machine:web-a", "machine:web-b").effect is Effect.STOPS
    assert after(site({"web-b": "1"}), "zone:westeurope/1").effect is Effect.STOPS


def test_a_load_balancer_that_does_not_lead_to_the_new_primary() -> None:
    where = site()
    way = msgspec.structs.replace(where.entrances["lb-mirror"], vms=frozenset({"db-a"}))
    where = msgspec.structs.replace(where, entrances={**where.entrances, "lb-mirror": way})
    found = after(where, "machine:db-a")
    assert (found.effect, found.first) == (Effect.STOPS, "db-a")
    assert [each.text for each in found.because] == ["lb-mirror does not lead to db-b, the new primary of DB"]
    assert after(where, "machine:db-b", first="db-a").effect is Effect.SERVES
    unclear = msgspec.structs.replace(way, doubt=WHY)
    where = msgspec.structs.replace(where, entrances={**where.entrances, "lb-mirror": unclear})
    assert after(where, "machine:db-a").effect is Effect.UNKNOWN


def test_a_placement_that_is_not_known_is_decided_where_all_completions_agree() -> None:
    where = site({"arbiter": WHY})
    found = after(where, "zone:westeurope/1")
    assert found.effect is Effect.UNKNOWN
    assert found.unknown == (WHY,)
    assert found.completions == (
        "serves if arbiter is elsewhere",
        "stops if arbiter is in zone:westeurope/1",
    )
    assert after(where, "zone:westeurope/3").effect is Effect.SERVES
    assert after(site({"web-b": WHY}), "zone:westeurope/1").effect is Effect.UNKNOWN
    assert after(site({"web-b": WHY}), "zone:westeurope/2").effect is Effect.SERVES
    assert after(site({"web-b": WHY, "arbiter": "1"}), "zone:westeurope/1").effect is Effect.STOPS


def test_what_is_not_declared_may_be_lost_with_a_zone() -> None:
    where = site(undeclared=(WHY,))
    assert after(where, "zone:westeurope/1").effect is Effect.UNKNOWN
    assert after(where, "machine:db-a").effect is Effect.SERVES
    assert after(where, "region:westeurope").effect is Effect.STOPS


def test_without_arbiter_a_lost_primary_stops_it() -> None:
    where = site()
    mirror = msgspec.structs.replace(where.mirrors[0], arbiter=None)
    where = msgspec.structs.replace(where, mirrors=(mirror,))
    assert after(where, "machine:db-a", first="db-a").effect is Effect.STOPS
    assert after(where, "machine:db-b", first="db-a").effect is Effect.SERVES
    assert after(where, "machine:db-a").first == "db-a"
    assert after(where, "disk:db-a").effect is Effect.SERVES
    outside = msgspec.structs.replace(mirror, arbiter=Arbiter(None))
    where = msgspec.structs.replace(where, mirrors=(outside,))
    assert after(where, "machine:db-a").effect is Effect.SERVES
    assert after(where, "arbiter-network:DB", "machine:db-a", first="db-a").effect is Effect.STOPS


def test_a_mirror_without_a_member_is_lost() -> None:
    where = site(dr_region="")
    mirror = msgspec.structs.replace(where.mirrors[0], asyncs=())
    where = msgspec.structs.replace(where, mirrors=(mirror,))
    assert after(where, "region:westeurope").effect is Effect.LOST
    assert after(where, "region:westeurope").seconds is None


def test_pairs_are_those_of_which_each_alone_is_harmless() -> None:
    found = {one.id for one in pairs(site())}
    assert "machine:web-a+machine:web-b" in found
    assert "machine:arbiter+disk:db-a" in found
    assert not any(name in one for one in found for name in STOPPING)
    assert not any("web-" in one and "machine:db-" in one for one in found)


def test_a_pair_is_one_of_which_nothing_smaller_stops_it() -> None:
    """Two disks are less than two VMs, and a VM is less than its zone."""
    found = {one.id for one in pairs(site())}
    assert "disk:db-a+disk:db-b" in found
    assert "machine:db-a+machine:db-b" not in found
    assert not any("zone:" in one for one in found)
