"""The arbiter of a mirror as its losses need it: a VM, also where it is declared by address, or a host elsewhere."""

from __future__ import annotations

import ipaddress

from auditor.azure.types.names import NIC, VM
from auditor.estate.private_addresses import Unheld
from auditor.estate.subjects import Deployment, Mirror
from auditor.losses.site import Arbiter, Assumption
from auditor.rules.context import Context
from auditor.snapshot.known import Cause, PartialList, Unknown
from auditor.snapshot.model import Resource


def arbiter_model(context: Context, mirror: Mirror) -> Arbiter | Unknown | None:
    """Return the arbiter; None if declared as none."""
    if mirror.declared.arbiter_address:
        host = host_of_arbiter(context, mirror)
        return Arbiter(host.key if isinstance(host, Resource) else host)
    found = PartialList.of(mirror.arbiter)
    if found.incomplete_because is not None:
        unfound = mirror.declared.arbiter.declared and not mirror.declared.arbiter.none
        return Arbiter(found.incomplete_because) if unfound else found.incomplete_because
    vms = found.of_type(Resource)
    if len(vms) > 1:
        reason = f"mirror {mirror.declared.name} is declared with {len(vms)} arbiters: it has one at most"
        return Unknown(Cause.DECLARATION, reason)
    return Arbiter(vms[0].key) if vms else None


def host_of_arbiter(context: Context, mirror: Mirror) -> Resource | Unknown | None:
    """Return the VM that has the declared address of the arbiter, as both failover members understand it.

    None if no address is declared, or nothing in Azure can have it: the arbiter is then outside of Azure. Unknown if
    something else has it, or that was not read, or if it is a domain name that resembles the computer name of a VM.
    """
    address, deployment = mirror.declared.arbiter_address, context.deployment
    if not address or deployment is None:
        return None
    public = context.topology.dns.address(address)
    if isinstance(public, Resource):
        return _with_public(context, public)
    members = PartialList.of(mirror.failover).of_type(Resource)
    found = [_seen_from(context, deployment, address, member) for member in members]
    if len({each.key if isinstance(each, Resource) else each for each in found}) <= 1:
        return found[0] if found else None
    reason = f"the failover members of {mirror.declared.name} do not both reach the same host by {address}"
    return next((each for each in found if isinstance(each, Unknown)), Unknown(Cause.VALUE, reason))


def said_of_arbiter(context: Context, mirror: Mirror) -> Assumption | None:
    """Return where an arbiter is taken to be that is declared by address."""
    address, host = mirror.declared.arbiter_address, host_of_arbiter(context, mirror)
    if not address or isinstance(host, Unknown):
        return None
    where = "outside of Azure: nothing that was read has it" if host is None else f"that of {host.name}"
    return Assumption(f"mirror {mirror.declared.name}: the address of the arbiter, {address}, is {where}")


def _with_public(context: Context, address: Resource) -> Resource | Unknown:
    """Return the VM whose network interface has a public IP address."""
    holders = context.topology.public_addresses.holders(address)
    vms = [context.topology.load_balancing.vm_of(holder.id) for holder in holders if holder.type == NIC]
    if len(vms) == len(holders) == 1:
        return _as_vm(vms[0], address.id)
    return Unknown(Cause.VALUE, f"nothing shows which VM has {address.id}", about=(address.id,))


def _seen_from(context: Context, deployment: Deployment, address: str, member: Resource) -> Resource | Unknown | None:
    """Return the VM that has an address as a failover member understands it; None if nothing in Azure can have it."""
    found = context.topology.named_hosts.find(address, member, deployment).value
    if isinstance(found, Unknown):
        # Such an unknown is about nothing but the member: no virtual network can have the address, no VM the name.
        is_nowhere = found.optional and {*found.about} <= {member.id}
        return None if is_nowhere else found
    if isinstance(found, Resource) and not _is_address(address) and "." in address:
        reason = f"whether {address} is {found.id}, which has that computer name, is unknown"
        return Unknown(Cause.VALUE, reason, about=(found.id,))
    return _as_vm(found, address)


def _as_vm(found: object, address: str) -> Resource | Unknown:
    if isinstance(found, Resource) and found.type == VM:
        return found
    if isinstance(found, Unheld):
        return found.unknown
    return found if isinstance(found, Unknown) else Unknown(Cause.VALUE, f"{address} is not that of a single VM")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
