"""Objectives are met only by what is known."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import msgspec
import pytest

from auditor.losses.foreseen import Effect, Foreseen
from auditor.losses.loss import Loss, LossKind
from auditor.losses.objectives import KINDS, Compared, Met, compare
from auditor.losses.play import single
from auditor.losses.site import Endpoint, Objective, Seconds
from auditor.snapshot.known import Unknown
from tests.losses.sites import DR, NEVER, PRIMARY, WHY, site

BOUNDS = (None, Seconds(0, 0), Seconds(17, 29), Seconds(17, 61), Seconds(17, math.inf), Seconds(61, 70), NEVER)
"""Times around an objective of 60 s."""


def seen(effect: Effect, seconds: Seconds | None, kind: LossKind = LossKind.ZONE) -> Foreseen:
    return Foreseen((Loss(kind, f"{PRIMARY}/1"),), "together", "", effect, seconds, rpo=seconds)


def compared(*foreseen: Foreseen, kind: str = "zone", objective: Objective | None = None) -> Compared:
    (found,) = compare(site(objectives={kind: objective or Objective(rto=60)}), foreseen)
    return found


@pytest.mark.parametrize(
    ("seconds", "met"),
    [*zip(BOUNDS, ("unknown", "met", "met", "unknown", "unknown", "breached", "unknown"), strict=True)],
)
def test_an_objective_is_met_by_the_longest_time_and_breached_by_the_shortest(
    seconds: Seconds | None, met: str
) -> None:
    assert compared(seen(Effect.SERVES, seconds)).met == met
    assert compared(seen(Effect.SERVES, seconds), objective=Objective(rpo=60)).met == met


@pytest.mark.parametrize("kind", KINDS)
def test_what_stops_breaches_except_where_a_person_decides_in_time(kind: str) -> None:
    for effect, seconds in product((Effect.STOPS, Effect.LOST), BOUNDS):
        found = compared(seen(effect, seconds, KINDS[kind][0]), kind=kind)
        by_person = kind == "region" and effect is Effect.STOPS and seconds is not None
        assert found.by_person is by_person
        assert found.met == (compared(seen(Effect.SERVES, seconds)).met if by_person else Met.BREACHED)


def test_the_unknown_never_meets_an_objective_and_never_breaches_it() -> None:
    for kind, seconds in product(KINDS, BOUNDS):
        for objective in (Objective(rto=60), Objective(rpo=60)):
            found = compared(seen(Effect.UNKNOWN, seconds, KINDS[kind][0]), kind=kind, objective=objective)
            assert found.met is Met.UNKNOWN
            assert found.unknown


def test_the_worst_loss_of_the_kind_decides() -> None:
    fast, slow = seen(Effect.SERVES, Seconds(17, 29)), seen(Effect.SERVES, Seconds(17, 50))
    unknown = seen(Effect.UNKNOWN, None)
    stops = seen(Effect.STOPS, None)
    other = seen(Effect.LOST, None, LossKind.REGION)
    pair = msgspec.structs.replace(stops, losses=(Loss(LossKind.ZONE, "a"), Loss(LossKind.ZONE, "b")))
    assert (compared(slow, fast, other, pair).met, compared(slow, fast, other, pair).worst) == (Met.MET, slow)
    assert (compared(slow, unknown, fast).met, compared(slow, unknown, fast).worst) == (Met.UNKNOWN, unknown)
    assert (compared(stops, unknown, fast).met, compared(stops, unknown, fast).worst) == (Met.BREACHED, stops)


def test_an_objective_of_losses_that_cannot_be_seen_is_not_met() -> None:
    found = compared(seen(Effect.SERVES, Seconds(0, 0), LossKind.LINK), kind="planned")
    assert (found.met, found.worst) == (Met.UNKNOWN, None)
    assert compare(site(), [seen(Effect.SERVES, Seconds(0, 0))]) == ()


@pytest.mark.parametrize("kind", ["fault-domain", "planned"])
def test_a_zone_bounds_what_it_takes_in_part(kind: str) -> None:
    """Where no set shows a fault domain or an update domain, none takes more than one zone."""
    fast, stops = seen(Effect.SERVES, Seconds(17, 29)), seen(Effect.STOPS, None)
    met, unknown = compared(fast, kind=kind), compared(fast, stops, kind=kind)
    assert (met.met, met.worst, met.by_zone) == (Met.MET, fast, True)
    assert (unknown.met, unknown.worst, unknown.by_zone) == (Met.UNKNOWN, stops, True)
    own = seen(Effect.SERVES, Seconds(1, 2), KINDS[kind][0])
    assert (compared(fast, own, kind=kind).met, compared(stops, own, kind=kind).met) == (Met.MET, Met.UNKNOWN)
    assert compared(fast, seen(Effect.STOPS, None, KINDS[kind][0]), kind=kind).met is Met.BREACHED


@pytest.mark.parametrize(("kind", "number"), [("fault-domain", "fault_domain"), ("planned", "update_domain")])
def test_a_vm_in_no_zone_and_no_set_may_fail_with_any_other(kind: str, number: str) -> None:
    """What sets show meets an objective only if every VM is in a zone, or has a number in a set."""
    own = seen(Effect.SERVES, Seconds(1, 2), KINDS[kind][0])
    where = site(dict.fromkeys(("db-a", "db-b", "arbiter", "web-a", "web-b"), ""), objectives={kind: Objective(rto=60)})
    in_set = {key: msgspec.structs.replace(vm, set="s", **{number: 0}) for key, vm in where.vms.items()}
    (met,) = compare(msgspec.structs.replace(where, vms=in_set), [own])
    assert (met.met, met.worst, met.by_zone) == (Met.MET, own, False)
    (alone,) = compare(msgspec.structs.replace(where, vms={**in_set, "arbiter": where.vms["arbiter"]}), [own])
    assert alone.met is Met.UNKNOWN
    assert alone.unknown
    assert "arbiter is in no zone and no set" in alone.unknown.reason
    asked = msgspec.structs.replace(where, vms={**in_set, "arbiter": where.vms["arbiter"]})
    (asked_for,) = compare(asked, [own], every=False)
    assert asked_for.met is Met.MET


@pytest.mark.parametrize("kind", [LossKind.ZONE, LossKind.REGION])
def test_zones_of_the_dr_region_alone_meet_no_objective(kind: LossKind) -> None:
    def foreseen(region: str) -> Foreseen:
        name = f"{region}/1" if kind is LossKind.ZONE else region
        return Foreseen((Loss(kind, name),), "together", "", Effect.SERVES, Seconds(0, 0))

    where = site(objectives={str(kind): Objective(rto=60)})
    (met,), (unknown,) = compare(where, [foreseen(PRIMARY), foreseen(DR)]), compare(where, [foreseen(DR)])
    assert (met.met, unknown.met) == (Met.MET, Met.UNKNOWN)
    assert unknown.unknown
    assert unknown.unknown.reason == f"no loss of the kind {kind} can be seen in {PRIMARY}"


def test_where_more_vms_may_belong_to_the_deployment_no_objective_is_met() -> None:
    where = site(objectives={"machine": Objective(rto=60), "zone": Objective(rto=60)}, undeclared=(WHY,))
    assert [one.met for one in compare(where, single(where))] == [Met.UNKNOWN] * 2
    asked = compare(where, [one for one in single(where) if one.id == "machine:db-a"], every=False)
    assert [one.met for one in asked] == [Met.MET, Met.UNKNOWN], "what was asked for is met; of zones nothing was"


def test_a_deployment() -> None:
    """The arbiter is in a zone of its own; a person decides that the DR region takes over."""
    objectives = {
        "region": Objective(rto=3600, rpo=900),
        "zone": Objective(rto=60, rpo=0),
        "machine": Objective(rto=60),
    }
    found = {(one.kind, one.measure): one for one in compare(site(objectives=objectives), single(site()))}
    assert {key: one.met for key, one in found.items()} == {
        ("machine", "rto"): Met.MET,
        ("zone", "rto"): Met.MET,
        ("zone", "rpo"): Met.MET,
        ("region", "rto"): Met.MET,
        ("region", "rpo"): Met.UNKNOWN,
    }
    region = found["region", "rto"]
    assert region.by_person
    assert region.worst
    assert region.worst.id == f"region:{PRIMARY}"
    assert DR not in region.worst.id


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"takeover": NEVER}, "settings.takeover_seconds"), ({"decision": NEVER}, "settings.dr_decision_minutes")],
)
def test_a_time_without_bound_names_the_setting_that_is_missing(change: dict[str, Any], reason: str) -> None:
    where = site(objectives={"zone": Objective(rto=60), "region": Objective(rto=3600)}, **change)
    (unknown,) = (one.unknown for one in compare(where, single(where)) if one.met is Met.UNKNOWN)
    assert unknown is not None
    assert reason in unknown.reason


def test_a_way_to_the_dr_region_that_is_not_known_has_its_reason() -> None:
    objectives = {"region": Objective(rto=3600)}
    only_here = msgspec.structs.replace(site().profiles[0], endpoints=(Endpoint("primary", PRIMARY, 1),))
    reasons = []
    for where in (
        site(objectives=objectives, dr_region=WHY),
        site(objectives=objectives, profiles=(only_here,)),
        site(objectives=objectives, more_profiles=WHY),
        site(objectives=objectives, profiles=(msgspec.structs.replace(site().profiles[0], switch=NEVER),)),
    ):
        (found,) = compare(where, single(where))
        assert found.met is Met.UNKNOWN
        assert found.unknown
        reasons.append(found.unknown.reason)
    assert reasons == [
        WHY.reason,
        "no enabled endpoint of tm leads to northeurope: a person must first add or enable one",
        WHY.reason,
        "no source states how long it lasts at most",
    ]


def test_an_unknown_placement_leaves_its_reason() -> None:
    where = site({"arbiter": WHY}, objectives={"zone": Objective(rto=60)})
    (found,) = compare(where, single(where))
    assert found.met is Met.UNKNOWN
    assert isinstance(found.unknown, Unknown)
    assert found.unknown == WHY
