"""Facts of losses: their kinds and effects, what is shown of them, and objectives."""

from __future__ import annotations

import math
from typing import Any, Final

import pytest

from auditor.estate.topology import Topology
from auditor.losses.loss import LossKind
from auditor.rules.facts.losses import SingleLoss, singles
from auditor.snapshot.known import Cause, Interval, PartialList, Unknown
from tests.estate import subscription as s
from tests.rules.facts.asking import ask
from tests.rules.facts.test_site import NICS, VMS, ZONES

DEPLOYMENT: Final = """
- name: d
  product: iris
  regions: {primary: westeurope, dr: none}
  mirrors: [{name: M, failover: [a, b], arbiter: ARBITER, dr: none, reporting: none}]
  tiers: [{role: web, members: none}, {role: app, members: none}]
"""


def built(arbiter: str = "arb", more: str = "") -> Topology:
    return s.topology(*VMS, *NICS, ZONES, deployment=DEPLOYMENT.replace("ARBITER", arbiter) + more)


def listed(topology: Topology) -> PartialList:
    found = ask("deployment.losses", topology, s.only(topology)).value
    assert isinstance(found, PartialList)
    return found


def loss(topology: Topology, wanted: str) -> SingleLoss:
    return next(each for each in listed(topology).of_type(SingleLoss) if each.loss.id == wanted)


def test_each_loss_has_its_kind_and_name() -> None:
    topology = built()
    zone = loss(topology, "zone:westeurope/1")
    assert zone.id == "d/losses/zone:westeurope/1"
    assert ask("loss.kind", topology, zone).value == "zone"
    assert ask("loss.name", topology, zone).value == "westeurope/1"
    assert {each.loss.kind for each in listed(topology).of_type(SingleLoss)} == {
        *(LossKind.VM, LossKind.DISK, LossKind.ZONE, LossKind.LINK, LossKind.REGION, LossKind.ARBITER_NETWORK),
    }


@pytest.mark.parametrize(
    ("arbiter", "wanted", "effect"),
    [
        ("arb", "machine:a", "serves"),
        ("none", "machine:a", "stops"),
        ("arb", "region:westeurope", "lost"),
        ("w1", "zone:westeurope/1", "stops"),
        ("w2", "zone:westeurope/1", Cause.VALUE),
    ],
)
def test_the_effect_of_a_loss(arbiter: str, wanted: str, effect: object) -> None:
    topology = built(arbiter)
    found = ask("loss.effect", topology, loss(topology, wanted)).value
    assert (found.cause if isinstance(found, Unknown) else found) == effect


def test_an_effect_shows_why_and_where_the_vms_of_the_mirror_are() -> None:
    topology = built("w1")
    reads = ask("loss.effect", topology, loss(topology, "zone:westeurope/1")).reads
    assert [(read.resource.rpartition("/")[2], read.value) for read in reads if read.path == "zones[0]"] == [
        *(("a", "1"), ("w1", "1")),
    ]
    assert any(read.path == "because" and "M has no primary" in str(read.value) for read in reads)


def test_the_time_of_a_takeover_has_an_upper_bound_if_it_is_declared() -> None:
    topology = built()
    found = ask("loss.seconds", topology, loss(topology, "machine:a")).value
    assert isinstance(found, Interval)
    assert math.isinf(found.high)
    declared = built(more="  settings: {takeover_seconds: 10}\n")
    found = ask("loss.seconds", declared, loss(declared, "machine:a")).value
    assert isinstance(found, Interval)
    assert (found.low, found.high) == (14, 18)  # half to one QoS timeout of 8 s


def test_losses_are_computed_once_for_a_topology() -> None:
    topology = built()
    own = s.only(topology)
    assert singles(s.context(topology), own) is singles(s.context(topology), own)


def test_losses_of_what_is_not_declared_may_be_missing() -> None:
    assert listed(built()).missing is None
    assert listed(built("lost")).missing is None  # whatever the arbiter is, the members are known
    topology = s.topology(VMS[0], ZONES, deployment=DEPLOYMENT.replace("ARBITER", "none"))
    assert listed(topology).missing is not None


@pytest.mark.parametrize(
    ("objective", "met"),
    [
        ("machine: {rto: 60s}", "met"),
        ("machine: {rto: 10s}", "breached"),
        ("machine: {rto: 16s}", Cause.VALUE),
        ("machine: {rpo: 0s}", "met"),
        ("region: {rto: 4h}", "breached"),
    ],
)
def test_an_objective_is_met_or_breached(objective: str, met: object) -> None:
    topology = built(more=f"  settings: {{takeover_seconds: 10}}\n  objectives: {{{objective}}}\n")
    found: Any = ask("deployment.objectives", topology, s.only(topology)).value
    (one,) = found.known
    answer = ask("objective.met", topology, one).value
    assert (answer.cause if isinstance(answer, Unknown) else answer) == met
    assert one.id.startswith(f"d/objectives/{objective.partition(':')[0]}/")


def test_without_objectives_there_are_none() -> None:
    topology = built()
    assert ask("deployment.objectives", topology, s.only(topology)).value == PartialList()
