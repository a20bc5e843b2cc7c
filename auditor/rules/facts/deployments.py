"""Facts of deployments, of their declarations, and of roles that resources show without a declaration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from auditor.azure.types.names import LOAD_BALANCER, TRAFFIC_MANAGER, VM
from auditor.estate.declaration import NONE, Role
from auditor.estate.graph import Graph
from auditor.estate.load_balancing import RULES, STATUS_PAGE
from auditor.estate.subjects import DeclaredMember, Deployment, Subscription
from auditor.estate.tags import TAG_DEPLOYMENT, TAG_ROLE
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.reading import UNRECOGNISED, has_no_vm
from auditor.rules.facts.roles import unlisted
from auditor.rules.facts.stated_roles import Stated, stated_roles
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import objects, parts, value
from auditor.snapshot.model import Part, Resource

ROLES_WITH_STATUS_PAGE = frozenset({Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.WEB})
"""Roles of VMs that answer requests for it: mirror members, and web servers, whose CSP Gateway forwards them."""


class Sighting(msgspec.Struct, frozen=True, eq=False):
    """A VM that a tag, a probe or a CPF shows in a role, declared or not."""

    vm: Resource
    seen: frozenset[str]
    """The roles of which it has at least one."""
    declared: PartialList
    """The roles that it has by the deployment file or by tags, and why the list may be incomplete."""
    read: Read

    @property
    def id(self) -> str:
        """Return the id of the VM."""
        return self.vm.id


@fact("deployment.environment", "deployment", gives="text")
def environment(_: Context, deployment: Deployment) -> Answer:
    """`production` or `non-production`; production if not declared."""
    return Answer(deployment.declared.environment)


@fact("deployment.product", "deployment", gives="text")
def product(_: Context, deployment: Deployment) -> Answer:
    """`trakcare`, `healthshare` or `iris`."""
    reason = f"the product of {deployment.declared.name} is not declared"
    return Answer(deployment.declared.product or Unknown(Cause.DECLARATION, reason))


@fact("deployment.primary_region", "deployment", gives="text")
def primary_region(_: Context, deployment: Deployment) -> Answer:
    """The primary region, in which the deployment normally works, such as `westeurope`."""
    return Answer(deployment.regions.primary)


@fact("deployment.dr_region", "deployment", gives="text")
def dr_region(_: Context, deployment: Deployment) -> Answer:
    """The DR region, which takes over when the primary region is lost; `none` if declared as none."""
    return Answer(deployment.regions.dr)


@fact("deployment.regions", "deployment", gives="text*")
def regions(_: Context, deployment: Deployment) -> Answer:
    """The primary region and the DR region; only the primary region if the DR region is declared as none."""
    own = (deployment.regions.primary, deployment.regions.dr)
    return Answer(PartialList(tuple(region for region in own if region != NONE)))


@fact("deployment.profiles", "deployment", gives="profile*")
def profiles(context: Context, deployment: Deployment) -> Answer:
    """The Traffic Manager profiles with an endpoint at the deployment; undeclared async members have none."""
    known = deployment.scope[TRAFFIC_MANAGER].known
    return Answer(PartialList(known, unlisted(context, deployment, TRAFFIC_MANAGER)))


@fact("deployment.members", "deployment", gives="member*")
def members(_: Context, deployment: Deployment) -> Answer:
    """The declared members: the entries of all member lists in the deployment file."""
    return Answer(PartialList(deployment.declared_members))


@fact("member.kind", "member", gives="text")
def member_kind(_: Context, member: DeclaredMember) -> Answer:
    """How the declared member selects VMs: `name`, `id`, `glob` or `tag`."""
    return Answer(member.selector.kind)


@fact("member.matches", "member", gives="vm*")
def member_matches(_: Context, member: DeclaredMember) -> Answer:
    """The VMs that the declared member matches."""
    reads = (Read(vm.id, "name", vm.name) for vm in member.matches.of_type(Resource))
    return Answer(member.matches, tuple(reads))


@fact("vm.other_deployments", "vm", gives="text*")
def other_deployments(context: Context, vm: Resource) -> Answer:
    """The other deployments to which the VM belongs: those of which it is a member, and the one that its tag names."""
    own = context.deployment.id.casefold() if context.deployment else ""
    found = {name.casefold(): name for name in context.topology.once(_deployments_by_vm).get(vm.key, ())}
    tagged = value(vm, f"tags['{TAG_DEPLOYMENT}']")
    if isinstance(tagged.value, str) and tagged.value:
        found.setdefault(tagged.value.casefold(), tagged.value)
    found.pop(own, None)
    unknown = tagged.value if isinstance(tagged.value, Unknown) else None
    return Answer(PartialList(tuple(found[name] for name in sorted(found)), unknown), tagged.reads)


def _deployments_by_vm(topology: Topology) -> dict[str, list[str]]:
    """Return the deployments of which each VM is a member, by its key."""
    found: dict[str, list[str]] = defaultdict(list)
    for deployment in topology.deployments:
        for key in deployment.roles:
            found[key].append(deployment.id)
    return found


@fact("subscription.sightings", "subscription", gives="sighting*")
def sightings(context: Context, subscription: Subscription) -> Answer:
    """The VMs that a tag, a backend pool whose probe requests the mirror status page, or a CPF shows in a role.

    A CPF shows the members and the arbiter of its mirror by their addresses, in roles that the deployment file declares
    for the mirror. Unknown if no deployment is recognised in the subscription; none if it has no VM.
    """
    graph = context.topology.graph
    if not subscription.deployments:
        return Answer(PartialList() if has_no_vm(graph, subscription.id) else UNRECOGNISED)
    declared, unknown = _declared(context.topology)
    known: list[Sighting] = []
    unknowns = [graph.listing(type_, subscription.id) for type_ in (VM, LOAD_BALANCER)]
    sources = (
        _by_tag(graph, subscription.id),
        _by_probe(context, subscription.id),
        stated_roles(context, subscription),
    )
    for sight in (sight for source in sources for sight in source):
        if isinstance(sight, Unknown):
            unknowns.append(sight)
        else:
            vm, roles, read = sight
            own = PartialList(tuple(declared.get(vm.key, ())), unknown)
            known.append(Sighting(vm, roles, own, read))
    return Answer(PartialList(tuple(known), next(filter(None, unknowns), None)))


@fact("sighting.agreed_roles", "sighting", gives="text*")
def agreed_roles(_: Context, sighting: Sighting) -> Answer:
    """The roles that a tag, probe or CPF shows and that are also declared for the VM."""
    agreed = tuple(role for role in sighting.declared.known if role in sighting.seen)
    return Answer(PartialList(agreed, sighting.declared.missing), (sighting.read,))


def _declared(topology: Topology) -> tuple[dict[str, list[Role]], Unknown | None]:
    """Return the roles of each VM by its key, over all deployments, and why a list of members may be incomplete."""
    roles: dict[str, list[Role]] = defaultdict(list)
    unknown = None
    for deployment in topology.deployments:
        for key, own in deployment.roles.items():
            roles[key] += own
        for roster in deployment.vms.values():
            reason = PartialList.of(roster).incomplete_because
            if reason is not None and reason.cause is Cause.GAP:
                unknown = unknown or reason
    return roles, unknown


def _by_tag(graph: Graph, subscription: str) -> Iterator[Stated]:
    for vm in graph.in_subscriptions(VM, (subscription,)):
        found = value(vm, f"tags['{TAG_ROLE}']")
        if isinstance(found.value, Unknown):
            yield found.value
        elif isinstance(found.value, str) and found.value:
            yield vm, frozenset({found.value.lower()}), found.reads[0]


def _by_probe(context: Context, subscription: str) -> Iterator[Stated]:
    balancing, graph = context.topology.load_balancing, context.topology.graph
    seen: set[str] = set()
    for load_balancer in graph.in_subscriptions(LOAD_BALANCER, (subscription,)):
        unknown = objects(load_balancer, RULES).incomplete_because
        if unknown is not None:
            yield unknown
        for rule in parts(load_balancer, RULES):
            probe = graph.follow(rule, "probe").value
            path = value(probe, "properties.requestPath") if isinstance(probe, Part) else Answer(probe)
            if isinstance(path.value, Unknown):
                yield path.value
            if not isinstance(path.value, str) or not STATUS_PAGE.search(path.value):
                continue
            vms = balancing.vms_served(rule)
            if vms.incomplete_because is not None:
                yield vms.incomplete_because
            for vm in vms.of_type(Resource):
                if vm.key not in seen:
                    seen.add(vm.key)
                    yield vm, ROLES_WITH_STATUS_PAGE, path.reads[0]
