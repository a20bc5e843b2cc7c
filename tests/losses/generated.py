"""Generated deployments, all of whose properties are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
from hypothesis import strategies as st

from auditor.losses.site import AT_ONCE, Arbiter, Entrance, MirrorModel, Seconds, Site, TierModel, Vm
from tests.losses.sites import DR, PRIMARY, site

ZONES: Final = ("1", "2", "3")
PRIMARIES: Final = ("db-a", "db-b")


class Mirror(NamedTuple):
    """What varies of a mirror."""

    zones: tuple[str, str]
    arbiter: str
    """Its zone, or `none`, `outside`, `db-a` for a wrong place, `shared` for that of the first mirror."""
    asyncs: int
    led: tuple[str, ...]
    """The members to which its load balancer leads; without one, clients find the primary by themselves."""
    zonal: str
    """The zone that the load balancer needs; "" for none."""


class Tier(NamedTuple):
    """What varies of a tier."""

    zones: tuple[str, ...]
    led: int
    """To how many of its VMs its load balancer leads; there is none for 0."""
    zonal: str


_zone = st.sampled_from(ZONES)
_zonal = st.sampled_from(("", "", *ZONES))
_mirrors = st.builds(
    Mirror,
    st.tuples(_zone, _zone),
    st.sampled_from((*ZONES, *ZONES, "none", "outside", "db-a", "shared")),
    st.integers(0, 2),
    st.sampled_from(((), PRIMARIES, PRIMARIES, ("db-a",))),
    _zonal,
)
_tiers = st.builds(Tier, st.lists(_zone, min_size=1, max_size=3).map(tuple), st.integers(0, 3), _zonal)


class Plan(NamedTuple):
    """What varies of a deployment."""

    mirrors: tuple[Mirror, ...]
    tiers: tuple[Tier, ...]


plans = st.builds(
    Plan, st.lists(_mirrors, min_size=1, max_size=2).map(tuple), st.lists(_tiers, min_size=0, max_size=2).map(tuple)
)


def same(name: str) -> str:
    return name


def build(plan: Plan, named: Callable[[str], str] = same) -> Site:
    """Return the deployment of a plan; `named` is how each of its VMs is called."""
    vms: dict[str, Vm] = {}
    ways: dict[str, Entrance] = {}

    def vm(name: str, zone: str, region: str = PRIMARY) -> str:
        key = named(name)
        vms[key] = Vm(key=key, name=key, region=region, zone=zone)
        return key

    def way(name: str, zonal: str, led: list[str]) -> tuple[str, ...]:
        if led:
            ways[name] = Entrance(
                name, name, "balancer", PRIMARY, frozenset(filter(None, (zonal,))), frozenset(led), detection=_PROBED
            )
        return tuple(key for key in (name,) if led)

    mirrors: list[MirrorModel] = []
    for number, each in enumerate(plan.mirrors):
        members = [vm(f"{name}{number}", zone) for name, zone in zip(PRIMARIES, each.zones, strict=True)]
        arbiter: Arbiter | None = None if each.arbiter == "none" else Arbiter(None)
        if each.arbiter == "db-a":
            arbiter = Arbiter(members[0])
        elif each.arbiter in ZONES:
            arbiter = Arbiter(vm(f"arbiter{number}", each.arbiter))
        elif each.arbiter == "shared" and number:
            arbiter = mirrors[0].arbiter  # type: ignore[assignment] # it is known
        led = [member for member, name in zip(members, PRIMARIES, strict=True) if name in each.led]
        mirrors.append(
            MirrorModel(
                id=f"mirrors/{number}",
                name=f"M{number}",
                members=(members[0], members[1]),
                arbiter=arbiter,
                asyncs=tuple(vm(f"dr{number}-{one}", "1", DR) for one in range(each.asyncs)),
                more_asyncs=None,
                entrances=way(f"lb-mirror{number}", each.zonal, led),
                more_entrances=None,
                qos=Seconds(8, 8),
            )
        )
    tiers = []
    for number, one in enumerate(plan.tiers):
        keys = [vm(f"web{number}-{index}", zone) for index, zone in enumerate(one.zones)]
        entrances = way(f"lb-web{number}", one.zonal, keys[: one.led])
        tiers.append(TierModel(f"tiers/{number}", f"web{number}", frozenset(keys), None, entrances, None))
    changes: dict[str, Any] = {"dr_tiers": (), "profiles": (), "tiers": tuple(tiers), "takeover": AT_ONCE}
    return msgspec.structs.replace(site(), vms=vms, entrances=ways, mirrors=tuple(mirrors), **changes)


_PROBED: Final = Seconds(10, 20)
