"""A deployment as far as losses concern it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Final

from auditor.azure import arm
from auditor.estate.declaration import NONE, Role
from auditor.estate.subjects import Deployment, Tier
from auditor.estate.tags import TIER_ROLES
from auditor.losses.site import UNBOUNDED, Assumption, Objective, Seconds, Site, TierModel
from auditor.rules.context import Context
from auditor.rules.facts.site_arbiters import host_of_arbiter
from auditor.rules.facts.site_entrances import Ways, in_pools, profiles_of, ways_to
from auditor.rules.facts.site_front_doors import doors_of
from auditor.rules.facts.site_mirrors import mirror_model
from auditor.rules.facts.site_places import Places
from auditor.rules.facts.vm_state import power_state
from auditor.snapshot.known import Cause, PartialList, Unknown
from auditor.snapshot.model import Resource

TAKEOVER, DECISION = "takeover_seconds", "dr_decision_minutes"
"""Settings: how long a new primary needs to open its databases, and a person to decide for the DR region."""
_SECONDS: Final = {TAKEOVER: 1, DECISION: 60}
_UNITS: Final = {1: "s", 60: "min"}


def site_of(context: Context, deployment: Deployment) -> Site:
    """Return a deployment as far as losses concern it: the VMs that it needs, and what leads to them."""
    resources = {vm.key: vm for vm in _vms(context, deployment)}
    pooled, missing = in_pools(context, resources.values())
    owners = {pool.resource.key for found in pooled.values() for pool in found.values()}
    places = Places(context, {arm.subscription_of(key) for key in (*resources, *owners)})
    ways = ways_to(context, places, pooled, missing)
    vms = {key: places.vm(vm) for key, vm in sorted(resources.items())}
    regions = sorted({vm.region for vm in vms.values() if isinstance(vm.region, str)})
    mirrors = [mirror_model(context, mirror, ways) for mirror in deployment.mirrors]
    managed, more_managed = profiles_of(context, deployment)
    doors = doors_of(context, deployment)
    profiles, more_profiles = (*managed, *doors.profiles), more_managed or doors.more
    primary, dr = deployment.regions.primary, deployment.regions.dr
    takeover, decision = (_declared(deployment, name) for name in (TAKEOVER, DECISION))
    return Site(
        name=deployment.id,
        region=primary,
        dr_region="" if dr == NONE else dr,
        vms=vms,
        zones={region: places.zones(region) for region in regions},
        mirrors=tuple(model for model, _ in mirrors),
        tiers=tuple(_tiers(deployment, primary, ways)),
        dr_tiers=tuple(_tiers(deployment, dr, ways)),
        entrances=ways.entrances,
        profiles=profiles,
        more_profiles=more_profiles or (None if profiles or dr == NONE else _directed_otherwise(deployment)),
        undeclared=tuple(dict.fromkeys(_undeclared(deployment))),
        links=tuple(combinations(regions, 2)),
        takeover=takeover,
        decision=decision,
        assumed=(
            *(each for _, assumed in mirrors for each in assumed),
            *doors.assumed,
            *_entrances_in_one_zone(ways),
            *_assumed(deployment, takeover, decision),
        ),
        objectives={
            kind: Objective(own.rto, own.rpo, own.line) for kind, own in deployment.declared.objectives.items()
        },
    )


def said_of_stopped(context: Context, site: Site) -> Iterator[Assumption]:
    """Yield that VMs of a deployment run which did not when their state was read."""
    vms = (context.topology.graph.resources[key] for key in site.vms)
    states = [(vm, power_state(context, vm)) for vm in vms]
    stopped = [(vm, state) for vm, state in states if isinstance(state.value, str) and state.value != "running"]
    if stopped:
        names = ", ".join(sorted(vm.name for vm, _ in stopped))
        reads = tuple(read for _, state in stopped for read in state.reads)
        yield Assumption(f"running again, although not when their state was read: {names}", reads)


def _entrances_in_one_zone(ways: Ways) -> Iterator[Assumption]:
    """Yield that entrances keep their network; one in several zones, or in a region without zones, does in any case."""
    names = sorted(way.name for way in ways.entrances.values() if way.zones != frozenset())
    if names:
        yield Assumption(f"a lost network between zones does not separate {', '.join(names)} from its VMs")


def _directed_otherwise(deployment: Deployment) -> Unknown:
    """Return that users reach the DR region in an unknown time, such as that of a person's change of DNS."""
    reason = (
        f"no Traffic Manager or Front Door directs users of {deployment.id} to the DR region; how long that takes, "
    )
    return Unknown(Cause.VALUE, f"{reason}nothing in Azure shows", optional=True)


def _vms(context: Context, deployment: Deployment) -> Iterator[Resource]:
    """Yield the VMs that the deployment needs; it does without reporting asyncs."""
    for mirror in deployment.mirrors:
        for members in (mirror.failover, mirror.arbiter, mirror.dr):
            yield from PartialList.of(members).of_type(Resource)
        addressed = host_of_arbiter(context, mirror)
        if isinstance(addressed, Resource):
            yield addressed
    for tier in deployment.tiers:
        if tier.region in {deployment.regions.primary, deployment.regions.dr}:
            yield from tier.members.of_type(Resource)


def _tiers(deployment: Deployment, region: str | Unknown, ways: Ways) -> Iterator[TierModel]:
    """Yield the tiers in a region."""
    for tier in deployment.tiers:
        if tier.region == region:
            yield from _databases(tier, ways) if tier.declared.role is Role.DB else (_tier(deployment, tier, ways),)


def _databases(tier: Tier, ways: Ways) -> Iterator[TierModel]:
    """Yield each VM with databases that are not mirrored by itself, since no other one has its data."""
    for vm in tier.members.of_type(Resource):
        entrances, more_entrances = ways.to((vm.key,))
        yield TierModel(
            id=f"{tier.id}/{vm.name}",
            name=tier.name,
            vms=frozenset({vm.key}),
            more_vms=None,
            entrances=entrances,
            more_entrances=more_entrances,
            mirrors=(),
            holds_data=True,
        )


def _tier(deployment: Deployment, tier: Tier, ways: Ways) -> TierModel:
    vms = frozenset(vm.key for vm in tier.members.of_type(Resource))
    entrances, more_entrances = ways.to(vms)
    return TierModel(
        id=tier.id,
        name=tier.name,
        vms=vms,
        more_vms=tier.members.incomplete_because,
        entrances=entrances,
        more_entrances=more_entrances,
        mirrors=_mirrors_of(deployment, tier),
        uses=_used_by(deployment, tier),
    )


def _used_by(deployment: Deployment, tier: Tier) -> tuple[str, ...]:
    """Return the application servers of the same region that web servers may use: of their product, or of all."""
    product = tier.declared.product
    return tuple(
        other.id
        for other in deployment.tiers
        if tier.declared.role is Role.WEB and other.declared.role is Role.APP and other.region == tier.region
        if not product or other.declared.product in {product, ""}
    )


def _mirrors_of(deployment: Deployment, tier: Tier) -> tuple[str, ...] | None:
    """Return the mirrors of the product of a tier; None if it serves all, or the product has none of its own."""
    product = tier.declared.product
    own = tuple(mirror.id for mirror in deployment.mirrors if mirror.declared.product == product)
    return own if own and product != deployment.declared.product else None


def _undeclared(deployment: Deployment) -> Iterator[Unknown]:
    """Yield why there may be further mirrors, tiers, or databases that are not mirrored."""
    if isinstance(deployment.regions.primary, Unknown):  # its tiers are then unknown too
        yield deployment.regions.primary
    if deployment.more_mirrors is not None:
        yield deployment.more_mirrors
    there = {tier.declared.role for tier in deployment.tiers}
    others = [deployment.vms[role] for role in TIER_ROLES if role not in there]
    databases = [tier.members for tier in deployment.tiers if tier.declared.role is Role.DB]
    for members in (*deployment.expected.values(), *others, *databases):
        unknown = PartialList.of(members).incomplete_because
        if unknown is not None:
            yield unknown


def _declared(deployment: Deployment, name: str) -> Seconds:
    """Return a setting in seconds; without an upper bound if it is not declared."""
    found = deployment.declared.settings.get(name)
    return Seconds(0, UNBOUNDED) if found is None else Seconds(found * _SECONDS[name], found * _SECONDS[name])


def _assumed(deployment: Deployment, takeover: Seconds, decision: Seconds) -> Iterator[Assumption]:
    if deployment.mirrors:
        yield Assumption("every VM runs, and every backup member is active and has caught up")
        yield Assumption(_said("a new primary opens its databases", takeover, TAKEOVER))
    if deployment.regions.dr != NONE:
        yield Assumption(_said("a person decides for the DR region", decision, DECISION))


def _said(what: str, time: Seconds, name: str) -> str:
    setting = f"settings.{name}"
    if math.isinf(time.most):
        return f"{what} in an unknown time: no {setting}"
    unit = _SECONDS[name]
    return f"{what} in {time.most / unit:g} {_UNITS[unit]}, by {setting}"
