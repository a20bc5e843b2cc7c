"""The effect of losses on a deployment."""

from __future__ import annotations

import math

import msgspec
import pytest

from auditor.losses import play
from auditor.losses.foreseen import Effect, Foreseen
from auditor.losses.loss import Loss
from auditor.losses.play import pairs, single
from auditor.losses.possible import losses, named
from auditor.losses.site import Arbiter, Endpoint, Seconds, Site, TierModel
from auditor.snapshot.known import Cause, Unknown
from tests.losses.generated import Mirror, Plan, Tier, build
from tests.losses.sites import DR, NEVER, PRIMARY, WHY, after, site, vm

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


def test_what_is_not_declared_may_have_nothing_in_the_dr_region() -> None:
    assert after(site(), "region:westeurope").seconds == Seconds(2590, 2590)
    assert after(site(undeclared=(WHY,)), "region:westeurope").seconds == Seconds(2400, math.inf)


def test_without_an_endpoint_there_a_person_must_direct_users_to_the_dr_region() -> None:
    profile = msgspec.structs.replace(site().profiles[0], endpoints=(Endpoint("primary", PRIMARY, 1),))
    assert after(site(profiles=(profile,)), "region:westeurope").seconds == Seconds(2400, math.inf)


def test_a_mirror_without_a_member_is_lost() -> None:
    where = site(dr_region="")
    mirror = msgspec.structs.replace(where.mirrors[0], asyncs=())
    where = msgspec.structs.replace(where, mirrors=(mirror,))
    assert after(where, "region:westeurope").effect is Effect.LOST
    assert after(where, "region:westeurope").seconds is None


def test_each_loss_has_a_name_of_its_own() -> None:
    """Resources of several resource groups can have one name: their losses are named by id."""
    where = site()
    ways, members = where.entrances, {"db-a": "/g1/set", "db-b": "/g2/SET"}
    in_sets = {key: msgspec.structs.replace(where.vms[key], set=own, fault_domain=0) for key, own in members.items()}
    alike = msgspec.structs.replace(
        where,
        vms={**where.vms, **in_sets},
        entrances={key: msgspec.structs.replace(way, key=f"/{key}", name="LB") for key, way in ways.items()},
        mirrors=(msgspec.structs.replace(where.mirrors[0], entrances=("lb-mirror",)),),
        profiles=(*where.profiles, msgspec.structs.replace(where.profiles[0], key="/tm-2", name="TM")),
    )
    names = [loss.id for loss in losses(alike)]
    assert sorted({*names}) == sorted(names)
    assert {"fault-domain:/g1/set/0", "balancer:/lb-web", "profile:/tm-2", "endpoint:/tm-2/dr"} <= {*names}
    assert "balancer:lb-web" in {loss.id for loss in losses(where)}


@pytest.mark.parametrize("name", ["link:westeurope/2-1", "LINK:WestEurope/1-2", "link:northeurope-westeurope"])
def test_a_network_is_named_from_either_end(name: str) -> None:
    found = named(site(), name)
    assert isinstance(found, Loss)
    assert found.name in {"westeurope/1-2", "westeurope-northeurope"}


def test_a_name_may_have_a_plus_sign() -> None:
    mirror = msgspec.structs.replace(site().mirrors[0], name="A+B")
    found = named(site(mirrors=(mirror,)), "arbiter-network:a+b+machine:db-a")
    assert isinstance(found, Loss)
    assert [part.id for part in found.parts] == ["arbiter-network:A+B", "machine:db-a"]
    assert named(site(), "machine:db-a+") == Unknown(Cause.VALUE, "hospital has no machine:db-a+")


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


def test_what_shares_nothing_is_played_in_no_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pairs of a deployment grow with its tiers, not with the square of their number."""
    together: list[str] = []

    def foresee(own: play.Play, lost: tuple[Loss, ...]) -> Foreseen:
        together.extend(loss.id for loss in lost if loss.parts)
        return before(own, lost)

    before = play.Play.foresee
    monkeypatch.setattr(play.Play, "foresee", foresee)
    for number in (4, 8):
        names = [(f"web-{each}-a", f"web-{each}-b") for each in range(number)]
        tiers = tuple(TierModel(one, one, frozenset({one, other}), None, (), None) for one, other in names)
        vms = {name: vm(name, "") for pair in names for name in pair}
        zones: dict[str, tuple[str, ...] | Unknown] = {PRIMARY: ()}
        where = site(mirrors=(), tiers=tiers, entrances={}, profiles=())
        where = msgspec.structs.replace(where, vms=vms, zones=zones)
        together.clear()
        assert [one.id for one in pairs(where)] == together
        assert len(together) == number


def test_planned_losses_are_over_when_the_next_one_begins() -> None:
    """Update domains restart one after the other; a backup that restarts is back before the primary does."""
    vms = site().vms
    domains = {"db-a": 0, "db-b": 1, "arbiter": 2}
    placed = {
        key: msgspec.structs.replace(vms[key], set="avset", update_domain=number) for key, number in domains.items()
    }
    where = site(vms={**vms, **placed})
    assert after(where, "update-domain:avset/0", "update-domain:avset/1", first="db-a").effect is Effect.SERVES
    assert after(where, "update-domain:avset/2", "update-domain:avset/0", first="db-a").effect is Effect.SERVES
    assert after(where, "machine:db-b", "update-domain:avset/0", first="db-a").effect is Effect.STOPS
    hidden = after(where, "update-domain:avset/1", "machine:db-a", first="db-a")
    assert hidden.effect is Effect.STOPS
    (note,) = after(where, "update-domain:avset/1", first="db-a").because
    assert note.text == "while db-b restarts, db-a would not become primary again by itself if it restarted too"


def test_an_entrance_that_is_lost_stops_its_clients_though_another_one_is_left() -> None:
    where = site()
    gateway = msgspec.structs.replace(where.entrances["lb-web"], key="agw", name="agw", kind="gateway")
    tier = msgspec.structs.replace(where.tiers[0], entrances=("lb-web", "agw"))
    where = site(entrances={**where.entrances, "agw": gateway}, tiers=(tier,))
    assert after(where, "gateway:agw").effect is Effect.STOPS
    second = msgspec.structs.replace(gateway, key="agw-2", name="agw-2")
    tier = msgspec.structs.replace(tier, entrances=("lb-web", "agw", "agw-2"))
    where = site(entrances={**where.entrances, "agw-2": second}, tiers=(tier,))
    found = after(where, "gateway:agw")
    assert found.effect is Effect.UNKNOWN
    assert found.unknown[0].reason.endswith("shows whether the clients of agw reach the tier web by agw-2")


def test_that_it_would_serve_in_another_order_is_said_only_where_all_of_it_would() -> None:
    assert after(site({"arbiter": "1"}), "zone:westeurope/1").unless
    assert after(site({"arbiter": "1", "web-b": "1"}), "zone:westeurope/1").unless == ""


def test_what_a_person_can_do() -> None:
    beside = after(site({"arbiter": "1"}), "zone:westeurope/1", first="db-b")
    assert [each.text for each in beside.because] == [
        "DB has no primary: db-b sees neither db-a nor the arbiter, and waits",
        "no DR async can be promoted while db-b waits",
    ]
    region = [each.text for each in after(site(), "region:westeurope").because]
    assert region[:3] == [
        "DB has no failover member left",
        "a person can promote db-dr; the latest data may be lost",
        "db-dr has then no automatic failover before there is a second member",
    ]
    disks = after(site(dr_region=""), "disk:db-a", "disk:db-b", "region:northeurope")
    assert disks.effect is Effect.LOST
    agent = after(site(), "machine:arbiter", "disk:db-a", first="db-a")
    assert [each.text for each in agent.because] == [
        "db-b takes over only if the ISCAgent of db-a still answers without its disk"
    ]


def test_an_unknown_arbiter_is_decided_where_all_cases_agree() -> None:
    mirror = site().mirrors[0]

    def of(arbiter: Arbiter | Unknown) -> Site:
        return site(mirrors=(msgspec.structs.replace(mirror, arbiter=arbiter),))

    assert after(of(WHY), "machine:db-b", first="db-a").effect is Effect.UNKNOWN  # the arbiter may be on it
    assert after(of(WHY), "machine:web-a").effect is Effect.SERVES
    assert after(of(WHY), "disk:db-a").effect is Effect.SERVES
    lost = after(of(Arbiter(WHY)), "machine:db-a", first="db-a")
    assert (lost.effect, lost.unknown) == (Effect.UNKNOWN, (WHY,))
    assert lost.completions == (
        "serves if the arbiter is elsewhere",
        "stops if the arbiter is lost with machine:db-a",
    )
    assert after(of(Arbiter("db-b")), "machine:db-b", first="db-a").effect is Effect.STOPS


def test_a_profile_uses_the_endpoints_of_its_first_priority() -> None:
    ends = (Endpoint("one", PRIMARY, 1), Endpoint("dr", DR, 2), Endpoint("two", PRIMARY, 3))
    (profile,) = site().profiles
    where = site(profiles=(msgspec.structs.replace(profile, endpoints=ends),))
    assert after(where, "endpoint:tm/one").effect is Effect.STOPS
    assert after(where, "endpoint:tm/dr").effect is Effect.SERVES
    assert after(where, "endpoint:tm/one", "endpoint:tm/dr").seconds == Seconds(190, 190)
    unclear = (Endpoint("one", PRIMARY, 1), Endpoint("dr", WHY, 2))
    where = site(profiles=(msgspec.structs.replace(profile, endpoints=unclear),))
    assert after(where, "endpoint:tm/one").effect is Effect.UNKNOWN


def test_what_holds_with_and_without_failover_is_known_where_neither_is() -> None:
    mirror = msgspec.structs.replace(site().mirrors[0], no_failover=WHY)
    built = site(mirrors=(mirror,))
    assert after(built, "machine:arbiter").effect is Effect.SERVES
    assert after(built, "machine:db-a").effect is Effect.UNKNOWN
    assert after(built, "machine:db-a").unknown == (WHY,)
    assert after(built, "region:westeurope").effect is Effect.STOPS


def test_a_case_that_is_unknown_and_one_that_stops_it_are_unknown_together() -> None:
    where = site({"arbiter": WHY})
    way = msgspec.structs.replace(where.entrances["lb-mirror"], vms=frozenset({"db-a"}), doubt=WHY)
    where = msgspec.structs.replace(where, entrances={**where.entrances, "lb-mirror": way})
    found = after(where, "zone:westeurope/1", first="db-a")
    assert (found.effect, found.completions) == (Effect.UNKNOWN, ())


def test_a_vm_in_no_known_zone_is_lost_with_all_zones_of_its_region() -> None:
    zones: dict[str, tuple[str, ...] | Unknown] = {PRIMARY: ("1", "2")}
    where = msgspec.structs.replace(site({"web-b": WHY}, mirrors=()), zones=zones)
    assert after(where, "zone:westeurope/1").effect is Effect.UNKNOWN
    assert after(where, "zone:westeurope/1+zone:westeurope/2").effect is Effect.STOPS
    assert after(where, "zone:westeurope/1", "zone:westeurope/2").effect is Effect.STOPS


@pytest.mark.slow
def test_a_lost_network_is_played_for_many_mirrors_whose_places_are_unknown() -> None:
    """The cases of mirrors are joined by what matters to tiers: all combinations of their places would never end."""
    plan = Plan((Mirror(("1", "2"), "3", 1, (), ""),) * 16, (Tier(("1", "2", "3"), 2, ""),) * 2)
    for zones in (("1", "2", "3"), ("1", "2")):
        where = build(plan)
        vms = {
            key: msgspec.structs.replace(own, zone=WHY) if own.region == PRIMARY else own
            for key, own in where.vms.items()
        }
        where = msgspec.structs.replace(where, vms=vms, zones={**where.zones, PRIMARY: zones})
        found = after(where, f"link:{PRIMARY}/1-2")
        assert found.effect is Effect.UNKNOWN
        assert [text.split()[0] for text in found.completions] == ["serves", "stops"]
