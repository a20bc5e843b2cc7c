"""Facts of the state and use of VMs: power state, extensions, and whether they hold data or stand by."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import EXTENSION, MAINTENANCE_ASSIGNMENT, SCHEDULE
from auditor.estate.declaration import Role
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.arithmetic import total
from auditor.rules.facts.reading import text_at, unviewed
from auditor.rules.facts.roles import may_have_role, roles_of
from auditor.rules.facts.sizes import size_of
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import objects, required, unread, unusable, value
from auditor.snapshot.model import Part, Resource

POWER: Final = "powerstate/"

DATA_ROLES: Final = (Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.MIRROR_REPORTING, Role.DB, Role.APP)
"""Roles of VMs with InterSystems databases, and of application servers, which work on them."""

ALWAYS_NEEDED: Final = (Role.MIRROR_FAILOVER, Role.MIRROR_ARBITER, Role.MIRROR_DR, Role.MIRROR_REPORTING, Role.DB)
"""Roles that are needed all the time, in any region."""

IRREPLACEABLE: Final = (Role.MIRROR_FAILOVER, Role.MIRROR_ARBITER, Role.MIRROR_DR, Role.DB)
"""Roles in which no other VM does the work of one that is stopped, or would after the next failure."""


@fact("vm.power_state", "vm", gives="text")
def power_state(_: Context, vm: Resource) -> Answer:
    """The power state in the VM's instance view: `running`, `stopped`, `deallocated`, ...; absent if it has none."""
    view = value(vm, "properties.instanceView")
    if isinstance(view.value, Unknown):
        return view
    if view.value is ABSENT:
        return Answer(unviewed(vm), view.reads)
    statuses = objects(vm, "properties.instanceView.statuses[*]")
    unknown = statuses.missing
    for status in statuses.known:
        code = value(status, "code") if isinstance(status, Part) else Answer(status)
        if isinstance(code.value, str) and code.value.lower().startswith(POWER):
            return Answer(code.value[len(POWER) :].lower(), code.reads)
        if isinstance(code.value, Unknown):
            unknown = unknown or code.value
    return Answer(unknown or ABSENT, (Read(vm.id, "properties.instanceView.statuses", ABSENT),))


@fact("vm.extensions", "vm", gives="extension*")
def extensions(context: Context, vm: Resource) -> Answer:
    """The extensions of the VM, whether read as resources or found in its body."""
    graph = context.topology.graph
    resources = context.topology.once(_extensions_by_vm).get(vm.key, ())
    found: dict[str, object] = {extension.key: extension for extension in resources}
    for inside in objects(vm, "resources[*]").known:
        if isinstance(inside, Part) and arm.type_of(inside.key) == EXTENSION and inside.key not in found:
            whole = isinstance(inside.body, dict) and inside.body.get("properties") is not None
            reason = f"{inside.id} is listed in its VM, but was not read"
            found[inside.key] = inside if whole else Unknown(Cause.GAP, reason, about=(inside.id,))
    unknown = graph.listing(EXTENSION, arm.subscription_of(vm.key)) or _unread_extensions(vm)
    return Answer(PartialList(tuple(found[key] for key in sorted(found)), unknown))


def _extensions_by_vm(topology: Topology) -> dict[str, list[Resource]]:
    """Return all extensions by the key of their VM."""
    found: dict[str, list[Resource]] = defaultdict(list)
    for extension in topology.graph.by_type.get(EXTENSION, ()):
        found[arm.parent_of(extension.key)].append(extension)
    return found


def _unread_extensions(vm: Resource) -> Unknown | None:
    """Return why the extensions of a VM were not read, or None."""
    for gap in vm.unread:
        if arm.canonical_type(gap.what) == EXTENSION:
            return Unknown.of(gap)
    return unread(vm, "resources") if vm.unread else None


@fact("vm.shutdown_schedules", "vm", gives="schedule*")
def shutdown_schedules(context: Context, vm: Resource) -> Answer:
    """The schedules by which Azure shuts down the VM at a time of the day, whether enabled or not."""
    graph, subscription = context.topology.graph, arm.subscription_of(vm.key)
    known = tuple(edge.source for edge in graph.referrers(vm.key, SCHEDULE))
    reads = (Read(schedule.id, "properties.targetResourceId", vm.id) for schedule in known)
    missing = graph.listing(SCHEDULE, subscription) or _astray(context.topology, vm)
    return Answer(PartialList(known, missing), tuple(reads))


_NAMED_BY_VM: Final = "shutdown-computevm-"


def _astray(topology: Topology, vm: Resource) -> Unknown | None:
    """Return why a schedule of unknown target may shut down a VM, None if all have the names of other VMs.

    Azure names it `shutdown-computevm-<name of the VM>`, in the resource group of the VM.
    """
    own = (arm.group_of(vm.key), _NAMED_BY_VM + arm.name_of(vm.key))
    for schedule, unknown in topology.once(_of_unknown_targets):
        name, same = arm.name_of(schedule.key), arm.subscription_of(schedule.key) == arm.subscription_of(vm.key)
        if same and (not name.startswith(_NAMED_BY_VM) or (arm.group_of(schedule.key), name) == own):
            return unknown
    return None


def _target(topology: Topology, schedule: Resource) -> Answer:
    """Return what a schedule is for; absent if it is that of a lab."""
    found = topology.graph.follow(schedule, "targetResourceId")
    of_lab = str(text_at(schedule, "properties.taskType").value).lower() != _SHUTDOWN_OF_VM
    return found if of_lab else required(found)


_SHUTDOWN_OF_VM: Final = "computevmshutdowntask"


def _of_unknown_targets(topology: Topology) -> tuple[tuple[Resource, Unknown], ...]:
    """Return the schedules of which it is unknown what they shut down: it was not read, or does not exist."""
    schedules = topology.graph.by_type.get(SCHEDULE, ())
    found = ((each, _target(topology, each)) for each in schedules)
    return tuple(
        (each, target.value)
        for each, target in found
        # One that leads to what was not read leads to no VM that was.
        if isinstance(target.value, Unknown)
        and not (target.value.cause is Cause.GAP and any(isinstance(read.value, str) for read in target.reads))
    )


@fact("vm.maintenance_assignments", "vm", gives="maintenance-assignment*")
def maintenance_assignments(context: Context, vm: Resource) -> Answer:
    """The assignments of maintenance configurations to the VM, or to its dedicated host."""
    graph, host = context.topology.graph, text_at(vm, "properties.host.id")
    is_host = isinstance(host.value, str) and arm.type_of(host.value) == _HOST
    owners = (vm.key, arm.key(str(host.value))) if is_host else (vm.key,)
    unknown = None if is_host or host.value is ABSENT else unusable(host, "the id of a dedicated host")
    below = context.topology.once(_assignments)
    known = {found.key: found for owner in owners for found in below.get(owner, ())}
    # What shows that the VM has a host of its own, and what is assigned.
    reads = (*host.reads, *size_of(vm).reads, *(Read(found.id, "", found.name) for found in known.values()))
    unlisted = graph.listing(MAINTENANCE_ASSIGNMENT, arm.subscription_of(vm.key))
    return Answer(PartialList(tuple(known.values()), unlisted or unknown), reads)


_HOST: Final = "microsoft.compute/hostgroups/hosts"


def _assignments(topology: Topology) -> dict[str, list[Resource]]:
    """Return the maintenance assignments by the key of what they are for, below which Azure puts them."""
    found: dict[str, list[Resource]] = defaultdict(list)
    for assignment in topology.graph.by_type.get(MAINTENANCE_ASSIGNMENT, ()):
        found[assignment.key.rpartition("/providers/")[0]].append(assignment)
    return found


@fact("vm.keeps_data", "vm", gives="boolean")
def keeps_data(context: Context, vm: Resource) -> Answer:
    """Whether the VM is a database server, mirrored or not, or an application server."""
    return Answer(_has_role(context, vm, DATA_ROLES))


@fact("vm.is_web_or_print_server", "vm", gives="boolean")
def is_web_or_print_server(context: Context, vm: Resource) -> Answer:
    """Whether the VM is a web or print server."""
    return Answer(_has_role(context, vm, (Role.WEB, Role.PRINT)))


@fact("vm.stands_by", "vm", gives="boolean")
def stands_by(context: Context, vm: Resource) -> Answer:
    """Whether the VM is needed only when the primary region is lost.

    That is a web, application or print server in another region; not an arbiter, and no server with a database.
    """
    place = required(text_at(vm, "location"))
    if not isinstance(place.value, str):
        return place
    follows = _has_role(context, vm, ALWAYS_NEEDED)
    if context.deployment is None or follows is True:
        return Answer(False, place.reads)
    primary = context.deployment.regions.primary
    if isinstance(primary, Unknown):
        return Answer(primary, place.reads)
    if arm.location(place.value) == primary:
        return Answer(False, place.reads)
    return Answer(follows if isinstance(follows, Unknown) else True, place.reads)


@fact("vm.is_failover_member", "vm", gives="boolean")
def is_failover_member(context: Context, vm: Resource) -> Answer:
    """Whether the VM is a failover member of a mirror."""
    return Answer(_has_role(context, vm, (Role.MIRROR_FAILOVER,)))


@fact("vm.is_irreplaceable", "vm", gives="boolean")
def is_irreplaceable(context: Context, vm: Resource) -> Answer:
    """Whether the VM has a role in which no other VM can replace it.

    These are the failover members, the arbiter and the DR asyncs of a mirror, and database servers without mirror.
    """
    return Answer(_has_role(context, vm, IRREPLACEABLE))


@fact("vm.other_web_servers", "vm", gives="number")
def other_web_servers(context: Context, vm: Resource) -> Answer:
    """The number of other VMs that run in the web tier of the VM; of several tiers, the lowest. Absent without one."""
    tiers = [
        tier for tier in (context.deployment.tiers if context.deployment else ()) if tier.declared.role == Role.WEB
    ]
    own = [tier.members for tier in tiers if any(member.key == vm.key for member in tier.members.of_type(Resource))]
    counts = [_running(context, members, besides=vm) for members in own]
    return min(counts, key=lambda count: count.value.low, default=Answer(ABSENT))  # type: ignore[attr-defined]


def _running(context: Context, members: PartialList, besides: Resource) -> Answer:
    states = [power_state(context, member) for member in members.of_type(Resource) if member.key != besides.key]
    known = [
        state if isinstance(state.value, Unknown) else Answer(int(state.value == "running"), state.reads)
        for state in states
    ]
    return total(known, members.incomplete_because)


def _has_role(context: Context, vm: Resource, roles: tuple[Role, ...]) -> bool | Unknown:
    """Return whether a VM has one of some roles; unknown if the members of a role are not all known."""
    return any(role in roles for role in roles_of(context, vm)) or may_have_role(context, vm, roles) or False
