"""Facts of deployments, of what was declared for them, and of roles that can be seen without being declared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from auditor.azure import arm
from auditor.azure.types.names import LOAD_BALANCER, TRAFFIC_MANAGER, VM
from auditor.estate.declaration import NONE, Role
from auditor.estate.graph import Graph
from auditor.estate.load_balancing import RULES, STATUS_PAGE
from auditor.estate.subjects import DeclaredMember, Deployment, Subscription, declared_region
from auditor.estate.tags import TAG_ROLE
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.reading import UNRECOGNISED
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, Items, Read, Unknown
from auditor.snapshot.lookup import objects, parts, value
from auditor.snapshot.model import Part, Resource

ASKED_FOR_STATUS = frozenset({Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.WEB})
"""Who is asked for it: members of a mirror, and web servers whose gateway passes the question on."""


class Sighting(msgspec.Struct, frozen=True, eq=False):
    """A machine that something in Azure shows in a role, whether or not it was declared."""

    machine: Resource
    seen: frozenset[str]
    """The roles of which it must have one."""
    declared: Items
    """The roles that it has by the deployment file or by tags, and why it may have others."""
    read: Read

    @property
    def id(self) -> str:
        """Return the id of the machine."""
        return self.machine.id


@fact("deployment.environment", "deployment", gives="text")
def environment(_: Context, deployment: Deployment) -> Answer:
    """`production` or `non-production`; what was not declared is production."""
    return Answer(deployment.declared.environment)


@fact("deployment.product", "deployment", gives="text")
def product(_: Context, deployment: Deployment) -> Answer:
    """`trakcare`, `healthshare` or `iris`."""
    reason = f"nobody declared the product of {deployment.declared.name}"
    return Answer(deployment.declared.product or Unknown(Cause.DECLARATION, reason))


@fact("deployment.primary_region", "deployment", gives="text")
def primary_region(_: Context, deployment: Deployment) -> Answer:
    """The region in which the deployment normally works."""
    return Answer(declared_region(deployment.declared, "primary"))


@fact("deployment.dr_region", "deployment", gives="text")
def dr_region(_: Context, deployment: Deployment) -> Answer:
    """The region that takes over when the primary one is lost; `none` where there is none on purpose."""
    return Answer(declared_region(deployment.declared, "DR"))


@fact("deployment.regions", "deployment", gives="text*")
def regions(_: Context, deployment: Deployment) -> Answer:
    """The primary region and the DR region; the primary one alone where there is no other on purpose."""
    own = (declared_region(deployment.declared, "primary"), declared_region(deployment.declared, "DR"))
    return Answer(Items(tuple(region for region in own if region != NONE)))


@fact("deployment.profiles", "deployment", gives="profile*")
def profiles(_: Context, deployment: Deployment) -> Answer:
    """The Traffic Manager profiles that lead to the deployment."""
    return Answer(deployment.scope[TRAFFIC_MANAGER])


@fact("deployment.members", "deployment", gives="member*")
def choices(_: Context, deployment: Deployment) -> Answer:
    """The members that the deployment file names or selects."""
    return Answer(Items(deployment.declared_members))


@fact("member.kind", "member", gives="text")
def member_kind(_: Context, member: DeclaredMember) -> Answer:
    """How the member was declared: `name`, `id`, `glob` or `tag`."""
    return Answer(member.selector.kind)


@fact("member.matches", "member", gives="vm*")
def member_matches(_: Context, member: DeclaredMember) -> Answer:
    """The virtual machines that the declared member names."""
    reads = (Read(machine.id, "name", machine.name) for machine in member.matches.only(Resource))
    return Answer(member.matches, tuple(reads))


@fact("subscription.sightings", "subscription", gives="sighting*")
def sightings(context: Context, subscription: Subscription) -> Answer:
    """The machines that a tag, or a pool whose probe asks for the mirror status page, shows in a role.

    Unknown where no deployment is recognised in the subscription at all.
    """
    if not subscription.deployments:
        return Answer(UNRECOGNISED)
    graph = context.topology.graph
    declared, missing = _declared(context.topology)
    known: list[Sighting] = []
    gaps = [graph.listing(type_, subscription.id) for type_ in (VM, LOAD_BALANCER)]
    for sight in (*_by_tag(graph, subscription.id), *_by_probe(context, subscription.id)):
        if isinstance(sight, Unknown):
            gaps.append(sight)
        else:
            machine, roles, read = sight
            own = Items(tuple(declared.get(machine.key, ())), missing)
            known.append(Sighting(machine, roles, own, read))
    return Answer(Items(tuple(known), next(filter(None, gaps), None)))


@fact("sighting.agreed_roles", "sighting", gives="text*")
def agreed_roles(_: Context, sighting: Sighting) -> Answer:
    """The roles in which the machine is seen and which it was also declared to have."""
    agreed = tuple(role for role in sighting.declared.known if role in sighting.seen)
    return Answer(Items(agreed, sighting.declared.missing), (sighting.read,))


def _declared(topology: Topology) -> tuple[dict[str, list[Role]], Unknown | None]:
    """Return the roles of each machine over all deployments, and why a roster may hold machines that are not known."""
    roles: dict[str, list[Role]] = defaultdict(list)
    missing = None
    for deployment in topology.deployments:
        for key, own in deployment.roles.items():
            roles[key] += own
        for roster in deployment.machines.values():
            gap = Items.of(roster).open_end
            if gap is not None and gap.cause is Cause.GAP:
                missing = missing or gap
    return roles, missing


_Sight = tuple[Resource, frozenset[str], Read] | Unknown
"""A machine, the roles in which it is seen and what shows it; or why there may be more."""


def _of_type(graph: Graph, type_: str, subscription: str) -> Iterator[Resource]:
    return (found for found in graph.by_type.get(type_, ()) if arm.subscription_of(found.key) == subscription)


def _by_tag(graph: Graph, subscription: str) -> Iterator[_Sight]:
    for machine in _of_type(graph, VM, subscription):
        found = value(machine, f"tags['{TAG_ROLE}']")
        if isinstance(found.value, Unknown):
            yield found.value
        elif isinstance(found.value, str) and found.value:
            yield machine, frozenset({found.value.lower()}), found.reads[0]


def _by_probe(context: Context, subscription: str) -> Iterator[_Sight]:
    balancing, graph = context.topology.balancing, context.topology.graph
    seen: set[str] = set()
    for balancer in _of_type(graph, LOAD_BALANCER, subscription):
        gap = objects(balancer, RULES).open_end
        if gap is not None:
            yield gap
        for rule in parts(balancer, RULES):
            probe = balancing.probe(rule).value
            path = value(probe, "properties.requestPath") if isinstance(probe, Part) else Answer(probe)
            if isinstance(path.value, Unknown):
                yield path.value
            if not isinstance(path.value, str) or not STATUS_PAGE.search(path.value):
                continue
            machines = balancing.machines_served(rule)
            if machines.open_end is not None:
                yield machines.open_end
            for machine in machines.only(Resource):
                if machine.key not in seen:
                    seen.add(machine.key)
                    yield machine, ASKED_FOR_STATUS, path.reads[0]
