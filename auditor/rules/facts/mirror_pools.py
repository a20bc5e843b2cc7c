"""Facts of the VMs that are in the backend pools of mirrors, and of those that should be."""

from __future__ import annotations

from typing import Final

import msgspec

from auditor.azure import arm
from auditor.estate.subjects import Mirror
from auditor.rules.context import Context
from auditor.rules.facts.mirror_members import stated_failover
from auditor.rules.facts.mirror_traffic import pools
from auditor.rules.facts.pools import joining
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, PartialList, Unknown
from auditor.snapshot.model import Part, Resource

MEMBER: Final = "failover-member"
OTHER: Final = "other"


class PoolVm(msgspec.Struct, frozen=True, eq=False):
    """A VM that is in a backend pool of a mirror, or should be."""

    mirror: Mirror
    pool: Part
    vm: Resource

    @property
    def id(self) -> str:
        """Return the id for evidence."""
        return f"{self.vm.name} in {arm.name_of(self.pool.id)} of {self.pool.resource.name}"


@fact("mirror.pool_vms", "mirror", gives="pool-vm*")
def pool_vms(context: Context, mirror: Mirror) -> Answer:
    """The VMs in each backend pool of `mirror.pools`, and the failover members, by CPFs or as declared."""
    found, members = (PartialList.of(each(context, mirror).value) for each in (pools, stated_failover))
    known: list[object] = [*found.of_type(Unknown), *members.of_type(Unknown)]
    missing = found.missing or members.missing
    for pool in found.of_type(Part):
        inside = PartialList.of(context.topology.load_balancing.vms(pool).value)
        vms = {vm.key: vm for vm in (*inside.of_type(Resource), *members.of_type(Resource))}
        known += (PoolVm(mirror, pool, vm) for vm in vms.values())
        known += inside.of_type(Unknown)
        missing = missing or inside.missing
    return Answer(PartialList(tuple(known), missing))


@fact("pool-vm.role", "pool-vm", gives="text")
def role(context: Context, place: PoolVm) -> Answer:
    """What the VM is in the mirror, by CPFs or as declared: `failover-member` or `other`."""
    found = stated_failover(context, place.mirror)
    reads = (*found.reads, *context.topology.load_balancing.shown_by(place.pool, place.vm))
    is_member = _has(PartialList.of(found.value), place.vm)
    return Answer(is_member if isinstance(is_member, Unknown) else MEMBER if is_member else OTHER, reads)


@fact("pool-vm.is_in_pool", "pool-vm", gives="boolean")
def is_in_pool(context: Context, place: PoolVm) -> Answer:
    """Whether the VM is in the backend pool, by network interface or by address.

    Of a VM that is not, in a pool of network interfaces, its own primary one is in the evidence.
    """
    balancing = context.topology.load_balancing
    found = balancing.vms(place.pool)
    reads = balancing.shown_by(place.pool, place.vm) or joining(context, place.vm, [place.pool])
    return Answer(_has(PartialList.of(found.value), place.vm), reads)


def _has(vms: PartialList, vm: Resource) -> bool | Unknown:
    return any(one.key == vm.key for one in vms.of_type(Resource)) or vms.incomplete_because or False
