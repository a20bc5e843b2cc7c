"""Facts of the roles that a deployment needs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from auditor.azure import arm
from auditor.estate.declaration import DeclaredTier, Role
from auditor.estate.deployments import TIERS_OF
from auditor.estate.subjects import Deployment, Members, Mirror
from auditor.rules.context import Context
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Unknown
from auditor.snapshot.lookup import required, value
from auditor.snapshot.model import Resource


class Need(msgspec.Struct, frozen=True, eq=False):
    """A role that a deployment needs, and the VMs that have it in the primary region."""

    id: str
    role: Role
    vms: Members


@fact("deployment.needs", "deployment", gives="need*")
def needs(_: Context, deployment: Deployment) -> Answer:
    """The roles of each mirror and tier: those that the product needs by the reference architecture, and the declared.

    A role that is declared as `none` is among them if the product needs it.
    """
    unknown = deployment.more_mirrors
    if not deployment.declared.product:
        unknown = unknown or Unknown(Cause.DECLARATION, f"the product of {deployment.id} is not declared")
    return Answer(PartialList((*_mirrors_needed(deployment), *_tiers_needed(deployment)), unknown))


@fact("need.role", "need", gives="text")
def need_role(_: Context, need: Need) -> Answer:
    """The role that is needed."""
    return Answer(str(need.role))


@fact("need.machines", "need", gives="vm*")
def need_vms(_: Context, need: Need) -> Answer:
    """The VMs that have the role in the primary region."""
    reads = (value(vm, "location").reads[0] for vm in PartialList.of(need.vms).of_type(Resource))
    return Answer(need.vms, tuple(reads))


def _mirrors_needed(deployment: Deployment) -> Iterator[Need]:
    if not deployment.mirrors and deployment.more_mirrors is None:
        yield Need(f"{deployment.id}/mirrors", Role.MIRROR_FAILOVER, deployment.vms[Role.MIRROR_FAILOVER])
    for mirror in deployment.mirrors:
        yield Need(f"{mirror.id}/failover", Role.MIRROR_FAILOVER, _in_primary_region(deployment, mirror.failover))
        yield Need(f"{mirror.id}/arbiter", Role.MIRROR_ARBITER, _arbiter(mirror))


def _arbiter(mirror: Mirror) -> Members:
    """Return the VM of the arbiter; only an attestation can say that there is one outside of Azure."""
    address = mirror.declared.arbiter_address
    if not address:
        return mirror.arbiter
    reason = f"nothing in Azure shows that the arbiter of {mirror.id} is at {address}: attest it"
    return Unknown(Cause.ATTESTATION, reason, optional=True)


def _tiers_needed(deployment: Deployment) -> Iterator[Need]:
    declared = deployment.declared.tiers or ()
    expected = TIERS_OF.get(deployment.declared.product, frozenset())
    for tier in declared:
        if tier.role in expected or not tier.members.none:
            yield Need(_tier_id(deployment, tier.role, tier.product), tier.role, _tier_members(deployment, tier))
    for (role, product), vms in deployment.expected.items() if deployment.declared.product else ():
        yield Need(_tier_id(deployment, role, product), role, vms)


def _tier_id(deployment: Deployment, role: Role, product: str) -> str:
    return "/".join(filter(None, (deployment.id, "tiers", role, product)))


def _tier_members(deployment: Deployment, declared: DeclaredTier) -> Members:
    if declared.members.none:
        return PartialList()
    own = [tier.members for tier in deployment.tiers if tier.declared is declared]
    if not own:
        return Unknown(
            Cause.DECLARATION, f"the members of the {declared.role} tier of {deployment.id} are not declared"
        )
    known = tuple({str(id(member)): member for tier in own for member in tier.known}.values())
    return _in_primary_region(deployment, PartialList(known, own[0].missing))


def _in_primary_region(deployment: Deployment, vms: Members) -> Members:
    """Return the VMs in the primary region; a VM whose region is unknown becomes an unknown element."""
    if isinstance(vms, Unknown):
        return vms
    primary = deployment.regions.primary
    known: list[object] = []
    for vm in vms.known:
        place = required(text_at(vm, "location")).value if isinstance(vm, Resource) else vm
        if not isinstance(place, str):
            known.append(place)
        elif isinstance(primary, Unknown):
            known.append(primary)
        elif arm.location(place) == primary:
            known.append(vm)
    return PartialList(tuple(known), vms.missing)
