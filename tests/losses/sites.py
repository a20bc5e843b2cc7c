"""Made-up deployments for the tests of losses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from auditor.losses.foreseen import Foreseen
from auditor.losses.loss import Loss
from auditor.losses.play import foresee
from auditor.losses.possible import named
from auditor.losses.site import (
    Arbiter,
    Endpoint,
    Entrance,
    MirrorModel,
    Profile,
    Seconds,
    Site,
    TierModel,
    Vm,
)
from auditor.snapshot.known import Cause, Unknown

PRIMARY: Final = "westeurope"
DR: Final = "northeurope"
WHY: Final = Unknown(Cause.VALUE, "no one knows")
NEVER: Final = Seconds(0, math.inf)


def vm(name: str, zone: str | Unknown, region: str = PRIMARY) -> Vm:
    return Vm(key=name, name=name, region=region, zone=zone)


def site(zones: Mapping[str, str | Unknown] | None = None, **changes: Any) -> Site:
    """Return a deployment with one mirror, a tier of web servers and a DR region; `zones` overrides those of VMs."""
    places: dict[str, str | Unknown] = {"db-a": "1", "db-b": "2", "arbiter": "3", "web-a": "1", "web-b": "2"}
    vms = {name: vm(name, zone) for name, zone in (places | dict(zones or {})).items()}
    vms |= {name: vm(name, "1", DR) for name in ("db-dr", "web-dr")}
    mirror_way = Entrance("lb-mirror", "lb-mirror", "balancer", PRIMARY, frozenset(), frozenset({"db-a", "db-b"}))
    web_way = Entrance("lb-web", "lb-web", "balancer", PRIMARY, frozenset(), frozenset({"web-a", "web-b"}))
    detection = Seconds(10, 20)
    ways = (mirror_way, web_way)
    whole = Site(
        name="hospital",
        region=PRIMARY,
        dr_region=DR,
        vms=vms,
        zones={PRIMARY: ("1", "2", "3"), DR: ("1", "2", "3")},
        mirrors=(
            MirrorModel(
                id="hospital/mirrors/DB",
                name="DB",
                members=("db-a", "db-b"),
                arbiter=Arbiter("arbiter"),
                asyncs=("db-dr",),
                more_asyncs=None,
                entrances=("lb-mirror",),
                more_entrances=None,
                qos=Seconds(8, 8),
            ),
        ),
        tiers=(TierModel("web", "web", frozenset({"web-a", "web-b"}), None, ("lb-web",), None),),
        dr_tiers=(TierModel("web-dr", "web", frozenset({"web-dr"}), None, (), None),),
        entrances={way.key: msgspec.structs.replace(way, detection=detection) for way in ways},
        profiles=(
            Profile("tm", "tm", (Endpoint("primary", PRIMARY, 1), Endpoint("dr", DR, 2)), None, Seconds(190, 190)),
        ),
        undeclared=(),
        links=((PRIMARY, DR),),
        takeover=Seconds(5, 5),
        decision=Seconds(2400, 2400),
        assumed=(),
        objectives={},
    )
    return msgspec.structs.replace(whole, **changes)


def after(where: Site, *losses: str, first: str = "") -> Foreseen:
    """Return the effect of losses, one after the other, as `--lose` spells them."""
    found: list[Loss] = []
    for text in losses:
        loss = named(where, text)
        assert isinstance(loss, Loss), loss
        found.append(loss)
    return foresee(where, found, first)
