"""Facts of the servers that files inside VMs name, in a CSP.ini or for ECP: whose their addresses are."""

from __future__ import annotations

from typing import Final

import msgspec

from auditor.azure import arm
from auditor.estate.declaration import Role
from auditor.estate.load_balancing import RULES
from auditor.estate.private_addresses import Unheld
from auditor.estate.subjects import Mirror, Tier
from auditor.rules.context import Context
from auditor.rules.facts.load_balancers import referred_to, unlisted_load_balancers
from auditor.rules.facts.reading import text_at
from auditor.rules.facts.roles import may_have_role, roles_of
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Unknown
from auditor.snapshot.lookup import objects, required, value
from auditor.snapshot.model import Part, Resource

_TARGETS: Final = {
    Role.MIRROR_FAILOVER: "failover-member",
    Role.MIRROR_DR: "dr-member",
    Role.MIRROR_REPORTING: "reporting-member",
}
"""What the members of a mirror are called as targets, by their roles."""


@fact("cpf.ecp_servers", "guest-file", gives="ecp-server*")
def ecp_servers(_: Context, cpf: Resource) -> Answer:
    """The data servers that a CPF names for ECP."""
    return Answer(objects(cpf, "properties.ecpServers[*]"))


@fact("server.host", "gateway-server", "ecp-server", gives="text")
def host(context: Context, server: Part) -> Answer:
    """The ARM id of the VM, or of the frontend of a load balancer, that has the address of the server."""
    found = host_of(context, server)
    return Answer(found.value.id, found.reads) if isinstance(found.value, Resource | Part) else found


@fact("server.target", "gateway-server", "ecp-server", gives="text")
def target(context: Context, server: Part) -> Answer:
    """What has the address of the server.

    `itself` is the VM of the file, `failover-member`, `dr-member` and `reporting-member` are members of a mirror,
    `frontend` is one from which a load balancer sends traffic to such a member, and `other` is anything else.
    """
    found = host_of(context, server)
    if isinstance(found.value, Part):
        return Answer(_of_frontend(context, found.value), found.reads)
    if not isinstance(found.value, Resource):
        return found
    return Answer(_of_vm(context, server, found.value), found.reads)


@fact("server.leads_back", "gateway-server", "ecp-server", gives="boolean")
def leads_back(context: Context, server: Part) -> Answer:
    """Whether the address is a frontend from which a load balancer sends traffic to the VM of the file itself."""
    found = host_of(context, server)
    if not isinstance(found.value, Part):
        return found if isinstance(found.value, Unknown) else Answer(False, found.reads)
    served = vms_behind(context, found.value)
    back = _vm_of(server) in {vm.key for vm in served.of_type(Resource)}
    return Answer(back or served.incomplete_because or False, found.reads)


@fact("tier.mirror_members", "tier", gives="text*")
def mirror_members(context: Context, tier: Tier) -> Answer:
    """The ARM ids of the members, in the region of the tier, of the mirror of its product.

    A tier without a product has those of all mirrors.
    """
    found = [_members_in_region(mirror, tier) for mirror in _mirrors_of(context, tier)]
    known = tuple(vm.id for each in found for vm in each.of_type(Resource))
    return Answer(PartialList(known, _unknown(context, found)))


@fact("tier.mirror_hosts", "tier", gives="text*")
def mirror_hosts(context: Context, tier: Tier) -> Answer:
    """The ARM ids of what leads to nothing but the mirror of its product in the region of the tier.

    They are the frontends from which load balancers send traffic to members in that region, and the member if there is
    only one. A tier without a product has those of all mirrors.
    """
    found = [_members_in_region(mirror, tier) for mirror in _mirrors_of(context, tier)]
    known: list[object] = []
    unknown = _unknown(context, found)
    for members in found:
        vms = members.of_type(Resource)
        known += [vm.id for vm in vms if len(vms) == 1 and members.complete]
        rules = PartialList(tuple(context.topology.load_balancing.rules_serving(vms)))
        frontends = PartialList.of(referred_to(context, rules, "frontendIPConfiguration").value)
        known += [frontend.id for frontend in frontends.of_type(Part)]
        unknown = unknown or frontends.incomplete_because or unlisted_load_balancers(context, vms)
    return Answer(PartialList(tuple(known), unknown))


def _mirrors_of(context: Context, tier: Tier) -> list[Mirror]:
    """Return the mirrors of the product of a tier."""
    mirrors = context.deployment.mirrors if context.deployment else ()
    return [mirror for mirror in mirrors if tier.declared.product in {"", mirror.declared.product}]


def _members_in_region(mirror: Mirror, tier: Tier) -> PartialList:
    """Return the members of a mirror in the region of a tier."""
    members = PartialList.joined(mirror.failover, mirror.dr, mirror.reporting)
    places = [(vm, value(vm, "location").value) for vm in members.of_type(Resource)]
    known = tuple(vm for vm, place in places if isinstance(place, str) and vm.location == tier.region)
    unplaced = next((place for _, place in places if isinstance(place, Unknown)), None)
    return PartialList(known, members.incomplete_because or unplaced)


def _unknown(context: Context, members: list[PartialList]) -> Unknown | None:
    """Return why there may be further members, or mirrors."""
    more = context.deployment.more_mirrors if context.deployment else None
    return next((each.missing for each in members if each.missing is not None), more)


def host_of(context: Context, server: Part) -> Answer:
    """Return the VM or frontend that has the address of a server, or why that is unknown."""
    address = required(text_at(server, "address"))
    vm = context.topology.graph.get(_vm_of(server))
    if context.deployment is None or isinstance(vm, Unknown):
        return Answer(vm)
    if not isinstance(address.value, str):
        return Answer(_of_file(address.value), address.reads)
    found = context.topology.named_hosts.find(address.value, vm, context.deployment)
    unheld = isinstance(found.value, Unheld)
    known = found.value.unknown if unheld else found.value  # type: ignore[attr-defined]  # of Unheld
    return Answer(_of_file(known), (*address.reads, *found.reads))


def vms_behind(context: Context, frontend: Part) -> PartialList:
    """Return the VMs to which a load balancer sends the traffic of a frontend."""
    rules = objects(frontend.resource, RULES)
    own = [rule for rule in rules.of_type(Part) if _is_from(rule, frontend)]
    served = map(context.topology.load_balancing.vms_served, own)
    return PartialList.joined(*served, PartialList(missing=rules.incomplete_because))


def _is_from(rule: Part, frontend: Part) -> bool:
    named = value(rule, "properties.frontendIPConfiguration.id").value
    return isinstance(named, str) and arm.key(named) == frontend.key


def _of_frontend(context: Context, frontend: Part) -> str | Unknown:
    served = vms_behind(context, frontend)
    found = [_of_member(context, vm) for vm in served.of_type(Resource)]
    if any(isinstance(each, str) for each in found):
        return "frontend"
    unknown = next((each for each in found if isinstance(each, Unknown)), served.incomplete_because)
    return unknown or "other"


def _of_vm(context: Context, server: Part, vm: Resource) -> str | Unknown:
    return "itself" if vm.key == _vm_of(server) else _of_member(context, vm) or "other"


def _of_member(context: Context, vm: Resource) -> str | Unknown | None:
    """Return which member of a mirror a VM is, None if it is none."""
    found = next((_TARGETS[role] for role in roles_of(context, vm) if role in _TARGETS), None)
    return found or may_have_role(context, vm, _TARGETS)


def _vm_of(server: Part) -> str:
    """Return the key of the VM of the file that names a server."""
    return arm.parent_of(server.resource.key)


def _of_file(found: object) -> object:
    """Return an unknown that lies in an address or name in a file as one that the file causes."""
    if isinstance(found, Unknown) and found.cause is Cause.VALUE:
        return msgspec.structs.replace(found, cause=Cause.GUEST)
    return found
