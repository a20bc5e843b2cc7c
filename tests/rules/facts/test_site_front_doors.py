"""Azure Front Doors direct users to a region: what their loss, and that of their origins, does to a deployment."""

from __future__ import annotations

import math
from typing import Any

import pytest

from auditor.azure import arm
from auditor.azure.types.names import FRONT_DOOR, FRONT_DOOR_ROUTE, ORIGIN, TRAFFIC_MANAGER
from auditor.losses.foreseen import Effect
from auditor.losses.play import single
from auditor.losses.possible import losses
from auditor.losses.site import Endpoint, Seconds, Site
from auditor.rules.facts.site import site_of
from auditor.snapshot.known import Unknown
from tests.estate import subscription as s
from tests.estate.edge import classic_front_door, front_door
from tests.estate.subscription import Body, arm_id
from tests.losses.sites import after
from tests.rules.facts.test_front_doors import DEPLOYMENT, FAR, NEAR, REGIONS, backend, built_with, to

SETTINGS: Body = {
    "loadBalancingSettings": {"sampleSize": 4, "successfulSamplesRequired": 3},
    "healthProbeSettings": {"probePath": "/", "probeIntervalInSeconds": 30},
}
DECIDED = f"{DEPLOYMENT}  settings: {{dr_decision_minutes: 40}}\n"
WEST, NORTH = Endpoint("o0", "westeurope", 1), Endpoint("o1", "northeurope", 2)


def site(*bodies: Body, **keywords: Any) -> Site:
    built = built_with(*bodies, **{"deployment": DECIDED, **keywords})
    return site_of(s.context(built), s.only(built))


def test_an_origin_fails_when_too_few_of_its_samples_were_successful() -> None:
    """Two of the last four fail, 30 s apart; Microsoft states no longest time, since probes may be rarer."""
    found = site(*front_door("door", *REGIONS, group=SETTINGS))
    (profile,) = found.profiles
    assert (profile.name, profile.group, profile.endpoints, profile.more_endpoints) == ("door", "", (WEST, NORTH), None)
    assert profile.switch == Seconds(30, math.inf)
    assert found.more_profiles is None
    (said,) = [each for each in found.assumed if "Front Door" in each.text]
    assert said.text == (
        "door: Azure Front Door leaves a failed origin after 30 s at least; Microsoft states no longest time"
    )
    assert len(said.reads) == 3
    (unset,) = site(*front_door("door", *REGIONS)).profiles
    assert unset.switch == Seconds(0, math.inf)


def test_a_front_door_and_its_origin_in_the_primary_region_are_single() -> None:
    found = site(*front_door("door", *REGIONS, group=SETTINGS))
    assert {loss.id for loss in losses(found) if "door" in loss.id} == {
        *("profile:door", "endpoint:door/o0", "endpoint:door/o1")
    }
    assert after(found, "endpoint:door/o0").effect is after(found, "profile:door").effect is Effect.STOPS
    assert after(found, "endpoint:door/o1").effect is Effect.SERVES
    assert after(found, "profile:door").seconds is None
    assert after(found, "region:westeurope").seconds == Seconds(2430, math.inf)


def test_origins_of_one_priority_replace_each_other() -> None:
    second = to(NEAR, 1)
    found = site(*front_door("door", to(NEAR, 1), second, to(FAR, 2), group=SETTINGS))
    lost = after(found, "endpoint:door/o0")
    assert (lost.effect, lost.seconds) == (Effect.SERVES, Seconds(30, math.inf))


def test_without_an_origin_there_a_person_must_add_one() -> None:
    unbounded = Seconds(2400, math.inf)
    assert after(site(*front_door("door", to(NEAR, 1))), "region:westeurope").seconds == unbounded
    unclear = site(*front_door("door", to(NEAR, 1), {"hostName": "x.example", "priority": 2}))
    assert after(unclear, "region:westeurope").seconds == unbounded
    off = site(*front_door("door", to(NEAR, 1), to(FAR, 2, enabledState="Disabled")))
    assert after(off, "region:westeurope").seconds == unbounded


def test_a_front_door_before_traffic_manager_leaves_the_region_to_it() -> None:
    ends = [{"target": a["properties"]["dnsSettings"]["fqdn"], "priority": n} for n, a in enumerate((NEAR, FAR), 1)]
    manager = s.profile("tm", *ends, trafficRoutingMethod="Priority", dnsConfig={"ttl": 60}, monitorConfig={})
    manager["properties"]["dnsConfig"]["fqdn"] = "tm.trafficmanager.net"
    for number, end in enumerate(manager["properties"]["endpoints"]):
        end["name"] = f"e{number}"
    found = site(*front_door("door", {"hostName": "tm.trafficmanager.net"}, group=SETTINGS), manager)
    assert {profile.name: (len(profile.endpoints), profile.more_endpoints) for profile in found.profiles} == {
        "door": (0, None),
        "tm": (2, None),
    }
    assert after(found, "region:westeurope").seconds == Seconds(2490, 2590)
    assert after(found, "profile:door").effect is Effect.STOPS


def test_each_origin_group_directs_users_of_its_own() -> None:
    door = front_door("door", *REGIONS, group=SETTINGS)
    own, text = arm_id("Cdn/profiles", "door"), "/originGroups/group"
    other = [
        {**body, "id": body["id"].replace(text, "/originGroups/second"), "name": "second"}
        for body in door
        if text in body["id"]
    ]
    route = {**door[2], "id": f"{own}/afdEndpoints/web/routes/api"}
    route["properties"] = {**route["properties"], "originGroup": {"id": f"{own}/originGroups/second"}}
    found = site(*door, *other, route)
    assert {profile.group for profile in found.profiles} == {"group", "second"}
    ids = {loss.id: loss for loss in losses(found) if "door" in loss.id}
    assert len(ids) == 5
    assert {"profile:door", "endpoint:door/second/o0", "endpoint:door/group/o1"} <= ids.keys()
    assert len(ids["profile:door"].entrances) == 2
    assert after(found, "endpoint:door/second/o0").effect is Effect.STOPS


def test_a_front_door_of_the_classic_tier() -> None:
    found = site(classic_front_door("door", backend(NEAR, 1), backend(FAR, 2)))
    (profile,) = found.profiles
    assert [(end.region, end.priority) for end in profile.endpoints] == [("westeurope", 1), ("northeurope", 2)]
    assert profile.switch == Seconds(0, math.inf)
    assert after(found, "profile:door").effect is Effect.STOPS


@pytest.mark.parametrize("hidden", [FRONT_DOOR, FRONT_DOOR_ROUTE, ORIGIN, TRAFFIC_MANAGER])
def test_what_was_not_listed_of_front_doors_turns_no_effect_into_another(hidden: str) -> None:
    bodies = front_door("door", *REGIONS, group=SETTINGS)
    before = {one.id: one for one in single(site(*bodies))}
    less = site(*(body for body in bodies if arm.type_of(body["id"]) != hidden), unlisted=[hidden])
    assert isinstance(less.more_profiles, Unknown)
    after_ = {one.id: one for one in single(less)}
    assert len(after_) > 5
    for name, one in after_.items():
        assert one.effect in {before[name].effect, Effect.UNKNOWN}
    region = after_["region:westeurope"]
    assert region.seconds is not None
    assert region.seconds.most == math.inf
