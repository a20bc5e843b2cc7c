"""Facts of what the deployment file names, and of what exists under that name or a similar one."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from auditor.azure import arm
from auditor.azure.types.names import STORAGE_ACCOUNT, VAULT, VIRTUAL_NETWORK
from auditor.estate.declaration import NONE
from auditor.estate.graph import Graph
from auditor.estate.names import Names
from auditor.estate.regions import Places, network_in, places_of
from auditor.estate.subjects import DeclaredMember, Deployment, Mirror
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.disks import ATTACHMENTS
from auditor.rules.facts.superserver_ports import stated_ports
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown, interval
from auditor.snapshot.lookup import objects, required, value
from auditor.snapshot.model import Part, Resource


class Name(msgspec.Struct, frozen=True, eq=False):
    """A region, resource group, LUN, port or vault that the deployment file names, or the files that it requires."""

    id: str
    deployment: str
    path: str
    """Its place in the deployment, such as `regions.primary`."""
    written: str
    existing: Answer
    """The name itself if something has it, else the most similar names; incomplete where names were not read."""


@fact("deployment.names", "deployment", gives="name*")
def names(context: Context, deployment: Deployment) -> Answer:
    """The names in the deployment file other than those of members: regions, resource groups, LUNs, vault and account.

    A superserver port is one of them if CPFs of failover members show theirs, and `guest: required` if no file from
    inside the VMs was supplied.
    """
    declared = deployment.declared
    found = {
        **_regions(context.topology.graph, deployment),
        **_groups(context.topology, deployment),
        **dict(entry for mirror in deployment.mirrors for entry in (*_luns(mirror), *_ports(context, mirror))),
    }
    if declared.backup:
        named = {"vault": (declared.backup.vault, VAULT), "account": (declared.backup.account, STORAGE_ACCOUNT)}
        for key, (wanted, type_) in named.items():
            if wanted:
                found[f"backup.{key}"] = wanted, _resources(context.topology, wanted, type_)
    if not context.topology.guest_files.are_enough_for(deployment):
        reason = (
            f"{declared.name} requires files from inside its VMs (`guest: required`), and none was supplied: give them "
            "with `--guest DIR`, or write `guest: optional`"
        )
        found["guest"] = declared.guest, Answer(Unknown(Cause.GUEST, reason))
    known = (
        Name(f"{declared.name}/{path}", declared.name, path, written, _explained(existing, path, written))
        for path, (written, existing) in found.items()
    )
    return Answer(PartialList(tuple(known)))


def _explained(existing: Answer, path: str, written: str) -> Answer:
    """Return the existing names, with the declared one in the reason why there may be more."""
    names = existing.value
    if not isinstance(names, PartialList) or names.missing is None:
        return existing
    reason = f"whether {path} '{written}' exists is not known: {names.missing.reason}"
    return Answer(PartialList(names.known, msgspec.structs.replace(names.missing, reason=reason)), existing.reads)


@fact("name.written", "name", gives="text")
def written(_: Context, name: Name) -> Answer:
    """The name as the deployment file has it."""
    return Answer(name.written, (Read(name.deployment, name.path, name.written),))


@fact("name.existing", "name", gives="text*")
def existing(_: Context, name: Name) -> Answer:
    """The name itself if something has it, else the names that exist, the most similar first.

    A region has a member of the deployment; a DR region without members has at least a virtual network.
    """
    return name.existing


@fact("member.written", "member", gives="text")
def member_written(_: Context, member: DeclaredMember) -> Answer:
    """The declared member as the deployment file has it: a name, an ARM id, a glob or tags."""
    text = str(member.selector)
    return Answer(text, (Read(member.id, member.selector.kind, text),))


@fact("member.existing", "member", gives="text*")
def member_existing(context: Context, member: DeclaredMember) -> Answer:
    """The declared member itself if it matches a VM, else the names, ids or tags of VMs, the most similar first."""
    if member.matches.known:
        reads = (Read(vm.id, "name", vm.name) for vm in member.matches.of_type(Resource))
        return Answer(PartialList((str(member.selector),)), tuple(reads))
    similar = context.topology.names.of_vms(member.selector.kind, _subscriptions(context)).similar(str(member.selector))
    return Answer(PartialList(similar, member.matches.missing))


def _subscriptions(context: Context) -> tuple[str, ...]:
    return context.deployment.subscriptions if context.deployment else ()


# --- regions ----------------------------------------------------------------------------------------------------------

_Names = dict[str, tuple[str, Answer]]
"""By its place in the deployment, a name and the existing names."""


def _regions(graph: Graph, deployment: Deployment) -> _Names:
    declared = deployment.declared
    places = places_of(declared, deployment.declared_members, deployment.roles)
    found = {}
    if declared.primary_region:
        found["regions.primary"] = declared.primary_region, _region_of_members(places, declared.primary_region)
    if declared.dr_region not in {"", NONE}:
        existing = _region_of_members(places, declared.dr_region)
        if places.regions.keys() <= {declared.primary_region, declared.dr_region}:
            existing = _region_of_networks(graph, deployment, existing)
        found["regions.dr"] = declared.dr_region, existing
    return found


def _region_of_members(places: Places, region: str) -> Answer:
    if region in places.regions:
        return Answer(PartialList((region,)), tuple(places.regions[region]))
    reads = tuple(read for own in places.regions.values() for read in own)
    return Answer(PartialList(Names(places.regions).similar(region), places.missing), reads)


def _region_of_networks(graph: Graph, deployment: Deployment, members: Answer) -> Answer:
    """Return the existing names of a DR region, to which virtual networks without members count too."""
    region = deployment.declared.dr_region
    named = PartialList.of(members.value)
    if region in named.known:
        return members
    prepared = network_in(graph, region, deployment.subscriptions)
    if isinstance(prepared, Resource):
        return Answer(PartialList((region,)), value(prepared, "location").reads)
    networks = graph.in_subscriptions(VIRTUAL_NETWORK, deployment.subscriptions)
    others = {network.location for network in networks if network.location}
    similar = Names(others - {deployment.declared.primary_region}).similar(region)
    return Answer(PartialList(similar, named.missing or prepared), members.reads)


# --- resource groups, LUNs, ports, vaults, accounts -------------------------------------------------------------------


def _groups(topology: Topology, deployment: Deployment) -> _Names:
    wanted = deployment.declared.resource_groups
    return {
        f"scope.resourceGroups[{index}]": (group, _group(topology, deployment, group))
        for index, group in enumerate(wanted)
    }


def _group(topology: Topology, deployment: Deployment, group: str) -> Answer:
    """Return a declared resource group if something is in it, else the groups that there are."""
    graph, subscriptions = topology.graph, deployment.subscriptions
    for resource in graph.in_groups((group,), subscriptions)[:1]:
        return Answer(PartialList((group,)), (Read(resource.id, "", resource.name),))
    similar = topology.names.of_groups(subscriptions).similar(group)
    return Answer(PartialList(similar, graph.unlisted(arm.RESOURCE_GROUP, subscriptions)))


def _luns(mirror: Mirror) -> Iterator[tuple[str, tuple[str, Answer]]]:
    """Yield the declared LUNs; one names something if a mirror member has a data disk at it."""
    rosters = (mirror.failover, mirror.dr, mirror.reporting)
    vms = PartialList.joined(*(roster for roster in rosters if isinstance(roster, PartialList)))
    missing = vms.incomplete_because
    known: dict[int, list[Read]] = {}
    for vm in vms.of_type(Resource):
        attachments = objects(vm, ATTACHMENTS)
        missing = missing or attachments.incomplete_because
        for attachment in attachments.of_type(Part):
            number = required(value(attachment, "lun"))
            bounds = interval(number.value)
            if bounds is not None:
                known.setdefault(int(bounds.low), []).extend(number.reads)
            elif isinstance(number.value, Unknown):
                missing = missing or number.value
    for purpose, luns in sorted(mirror.declared.disks.items()):
        for index, lun in enumerate(luns):
            there = PartialList((str(lun),)) if lun in known else PartialList(tuple(map(str, sorted(known))), missing)
            path = f"mirrors['{mirror.declared.name}'].disks.{purpose}[{index}]"
            yield path, (str(lun), Answer(there, tuple(known.get(lun, ()))))


def _ports(context: Context, mirror: Mirror) -> Iterator[tuple[str, tuple[str, Answer]]]:
    """Yield the declared superserver port if CPFs show that of a failover member, with those that exist."""
    stated, reads = stated_ports(context, mirror)
    if stated and mirror.declared.superserver:
        existing = PartialList(tuple(map(str, sorted({*stated.values()}))))
        yield (
            f"mirrors['{mirror.declared.name}'].superserver",
            (str(mirror.declared.superserver), Answer(existing, reads)),
        )


def _resources(topology: Topology, wanted: str, type_: str) -> Answer:
    """Return the ids of the resources of a type of which one is declared."""
    found = topology.graph.get(wanted)
    if isinstance(found, Resource):
        return Answer(PartialList((wanted,)), (Read(found.id, "", found.name),))
    missing = found if found.cause is Cause.GAP else None
    return Answer(PartialList(topology.names.of_type(type_).similar(wanted), missing))


def _unlisted(graph: Graph, type_: str, deployment: Deployment) -> Unknown | None:
    """Return why the resources of a type in the subscriptions of a deployment may not all be known, or None."""
    return graph.unlisted(type_, deployment.subscriptions)
