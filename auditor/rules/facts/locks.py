"""Facts of resource locks, which keep resources from being deleted by mistake."""

from __future__ import annotations

from typing import Final

from auditor.azure import arm
from auditor.azure.types.names import LOCK
from auditor.estate.declaration import LoadBalancerRole, Role
from auditor.estate.subjects import Deployment
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.backups import vaults
from auditor.rules.facts.disks import data_disks
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, PartialList, Read, Unknown
from auditor.snapshot.lookup import required
from auditor.snapshot.model import Resource

_LEVELS: Final = frozenset({"cannotdelete", "readonly"})
_DATABASES: Final = (Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.DB)


@fact("deployment.unlocked", "deployment", gives="text*")
def unlocked(context: Context, deployment: Deployment) -> Answer:
    """What no lock keeps from being deleted: backup vaults, the mirrors' load balancers, disks of database servers.

    A lock of the resource, of its resource group and of its subscription counts. The OS disks are left out.
    """
    servers = [PartialList.of(deployment.vms[role]) for role in _DATABASES]
    disks = [PartialList.of(data_disks(context, vm).value) for own in servers for vm in own.of_type(Resource)]
    needed = PartialList.joined(
        PartialList.of(vaults(context, deployment).value),
        deployment.load_balancers[LoadBalancerRole.MIRROR],
        *disks,
        *(PartialList(missing=own.incomplete_because) for own in servers),
    )
    locks, graph = context.topology.once(_levels), context.topology.graph
    known: list[object] = [*needed.of_type(Unknown)]
    reads: list[Read] = []
    for resource in {found.key: found for found in needed.of_type(Resource)}.values():
        subscription = arm.subscription_of(resource.key)
        places = (resource.key, resource.key.partition("/providers/")[0], subscription)
        levels = [level for place in places for level in locks.get(place, ())]
        if any(level.value in _LEVELS for level in levels):
            reads += next(level.reads for level in levels if level.value in _LEVELS)
            continue
        unclear = next((level.value for level in levels if isinstance(level.value, Unknown)), None)
        unknown = unclear or graph.listing(LOCK, subscription)
        known.append(unknown or resource.id)
        reads += () if unknown else (Read(resource.id, "", resource.name),)
    return Answer(PartialList(tuple(known), needed.missing), tuple(dict.fromkeys(reads)))


def _levels(topology: Topology) -> dict[str, list[Answer]]:
    """Return the levels of locks in lower case, by the key of the resource, group or subscription that is locked."""
    found: dict[str, list[Answer]] = {}
    for lock in topology.graph.by_type.get(LOCK, ()):
        level = required(text_at(lock, "properties.level"))
        known = Answer(level.value.lower(), level.reads) if isinstance(level.value, str) else level
        found.setdefault(lock.key.rpartition("/providers/")[0], []).append(known)
    return found
