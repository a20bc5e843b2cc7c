"""Facts of the roles that a deployment cannot do without."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from auditor.azure import arm
from auditor.estate.declaration import DeclaredTier, Role
from auditor.estate.deployments import TIERS_OF
from auditor.estate.subjects import Deployment, Members, declared_region
from auditor.rules.context import Context
from auditor.rules.facts.reading import required, text_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, Items, Unknown
from auditor.snapshot.lookup import value
from auditor.snapshot.model import Resource


class Need(msgspec.Struct, frozen=True, eq=False):
    """A role that a deployment cannot do without, and the machines that have it in the primary region."""

    id: str
    role: Role
    machines: Members


@fact("deployment.needs", "deployment", gives="need*")
def needs(_: Context, deployment: Deployment) -> Answer:
    """The roles that the product has by the reference, and those that were declared: of each mirror and each tier.

    A role that was declared as `none` is among them where the product needs it.
    """
    missing = deployment.more_mirrors
    if not deployment.declared.product:
        missing = missing or Unknown(Cause.DECLARATION, f"nobody declared the product of {deployment.id}")
    return Answer(Items((*_mirrors_needed(deployment), *_tiers_needed(deployment)), missing))


@fact("need.role", "need", gives="text")
def need_role(_: Context, need: Need) -> Answer:
    """The role of the machines."""
    return Answer(str(need.role))


@fact("need.machines", "need", gives="vm*")
def need_machines(_: Context, need: Need) -> Answer:
    """The machines that have the role in the primary region."""
    reads = (value(machine, "location").reads[0] for machine in Items.of(need.machines).only(Resource))
    return Answer(need.machines, tuple(reads))


def _mirrors_needed(deployment: Deployment) -> Iterator[Need]:
    if not deployment.mirrors and deployment.more_mirrors is None:
        yield Need(f"{deployment.id}/mirrors", Role.MIRROR_FAILOVER, deployment.machines[Role.MIRROR_FAILOVER])
    for mirror in deployment.mirrors:
        yield Need(f"{mirror.id}/failover", Role.MIRROR_FAILOVER, _in_primary_region(deployment, mirror.failover))
        yield Need(f"{mirror.id}/arbiter", Role.MIRROR_ARBITER, mirror.arbiter)


def _tiers_needed(deployment: Deployment) -> Iterator[Need]:
    declared = deployment.declared.tiers or ()
    expected = TIERS_OF.get(deployment.declared.product, frozenset())
    for tier in declared:
        if tier.role in expected or not tier.members.none:
            yield Need(_tier_id(deployment, tier.role, tier.product), tier.role, _tier_members(deployment, tier))
    for (role, product), machines in deployment.expected.items() if deployment.declared.product else ():
        yield Need(_tier_id(deployment, role, product), role, machines)


def _tier_id(deployment: Deployment, role: Role, product: str) -> str:
    return "/".join(filter(None, (deployment.id, "tiers", role, product)))


def _tier_members(deployment: Deployment, declared: DeclaredTier) -> Members:
    if declared.members.none:
        return Items()
    own = [tier.members for tier in deployment.tiers if tier.declared is declared]
    if not own:
        return Unknown(Cause.DECLARATION, f"nobody declared who is in the {declared.role} tier of {deployment.id}")
    known = tuple({str(id(member)): member for tier in own for member in tier.known}.values())
    return _in_primary_region(deployment, Items(known, own[0].missing))


def _in_primary_region(deployment: Deployment, machines: Members) -> Members:
    """Return the machines of the primary region; one of which the region is not known stands as unknown."""
    if isinstance(machines, Unknown):
        return machines
    primary = declared_region(deployment.declared, "primary")
    known: list[object] = []
    for machine in machines.known:
        place = required(text_at(machine, "location")).value if isinstance(machine, Resource) else machine
        if not isinstance(place, str):
            known.append(place)
        elif isinstance(primary, Unknown):
            known.append(primary)
        elif arm.location(place) == primary:
            known.append(machine)
    return Items(tuple(known), machines.missing)
