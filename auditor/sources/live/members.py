"""What only members of declared deployments are read for: each costs a request of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import msgspec

from auditor.azure import arm, paths
from auditor.azure.types import REFERENCES
from auditor.azure.types.names import CONNECTION, PROTECTED_ITEM
from auditor.estate.declaration import DeclaredDeployment, LoadBalancerRole, Role
from auditor.estate.deployments import DeploymentResolver
from auditor.estate.graph import Graph
from auditor.estate.load_balancing import LoadBalancing
from auditor.estate.subjects import Deployment
from auditor.estate.tags import from_tags
from auditor.snapshot.model import GapReason, Resource, Snapshot
from auditor.sources.live import reads
from auditor.sources.live.bodies import resource_of, resources_of, text_at
from auditor.sources.live.client import ArmClient
from auditor.sources.live.responses import NotReadError
from auditor.sources.live.results import ReadResult, merged
from auditor.sources.live.virtual_machines import read_instance_view

_DATABASE_ROLES: Final = frozenset({Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.MIRROR_REPORTING, Role.DB})
_RECOVERY_POINTS: Final = 30
"""How many of the newest recovery points of a database server are kept."""
_NAME: Final = "more about the members of deployments"
"""Name of the step in progress messages."""


class MemberReads(msgspec.Struct, frozen=True):
    """What is to be read more of the members of deployments."""

    vms: tuple[Resource, ...]
    """Members, whose instance views are read."""
    protected_items: tuple[Resource, ...]
    """Backups of database servers, whose recovery points are read."""
    vaults: tuple[Resource, ...]
    """The vaults of these backups, of which a list does not return everything."""
    load_balancers: tuple[Resource, ...]
    """Those in front of mirrors, whose probe metrics are read."""
    connections: tuple[Resource, ...]
    """Connections of the gateways that their virtual networks use, whose states are read."""
    unlisted: tuple[str, ...]
    """Keys of resources that deployments refer to, and that no list contains."""


def plan(snapshot: Snapshot, declared: tuple[DeclaredDeployment, ...]) -> MemberReads:
    """Return what is to be read more of the deployments that a file or tags declare."""
    graph = Graph(snapshot)
    resolver = DeploymentResolver(graph, LoadBalancing(graph))
    deployments = [resolver.build(deployment) for deployment in from_tags(graph, declared)]
    roles: dict[str, set[Role]] = defaultdict(set)
    load_balancers: dict[str, Resource] = {}
    for deployment in deployments:
        for key, found in deployment.roles.items():
            roles[key].update(found)
        for load_balancer in deployment.load_balancers[LoadBalancerRole.MIRROR].of_type(Resource):
            load_balancers[load_balancer.key] = load_balancer
    connections = {
        connection.key: connection
        for deployment in deployments
        for connection in deployment.scope[CONNECTION].of_type(Resource)
    }
    databases = {key for key, found in roles.items() if found & _DATABASE_ROLES}
    protected_items = tuple(
        found
        for found in snapshot.resources
        if found.type == PROTECTED_ITEM and arm.key(text_at(found.body, "properties", "sourceResourceId")) in databases
    )
    vaults = {item.key.partition("/backupfabrics/")[0] for item in protected_items}
    return MemberReads(
        vms=tuple(found for found in snapshot.resources if found.key in roles),
        protected_items=protected_items,
        vaults=tuple(found for found in snapshot.resources if found.key in vaults),
        load_balancers=tuple(load_balancers.values()),
        connections=tuple(connections.values()),
        unlisted=tuple(sorted(_unlisted(graph, deployments))),
    )


def _unlisted(graph: Graph, deployments: Iterable[Deployment]) -> set[str]:
    """Return the keys of resources to which those of deployments refer, and which no list contains."""
    in_scope = {
        found.key: found
        for deployment in deployments
        for items in deployment.scope.values()
        for found in items.of_type(Resource)
    }
    targets = (
        arm.owner_of(value)
        for found in in_scope.values()
        for reference in REFERENCES.get(found.type, ())
        if reference.reached and not reference.may_name_nothing(found.body)
        for value in paths.values(found.body, paths.parse(reference.path))
        if isinstance(value, str)
    )
    return {key for key in targets if key not in graph.resources and arm.type_of(key) in reads.OF_SUBSCRIPTION}


async def read_members(client: ArmClient, wanted: MemberReads, snapshot: Snapshot) -> ReadResult:
    """Read more of the members of deployments; the snapshot has what the lists contain."""
    client.progress.begins(_NAME)
    result = await merged(
        *(_read_unlisted(client, key, snapshot) for key in wanted.unlisted),
        *(read_instance_view(client, vm) for vm in wanted.vms),
        *(_read_recovery_points(client, item) for item in wanted.protected_items),
        *(_read_vault(client, vault) for vault in wanted.vaults),
        *(_read_probe_metrics(client, load_balancer) for load_balancer in wanted.load_balancers),
        *(_read_state(client, connection) for connection in wanted.connections),
    )
    client.progress.read(_NAME, len(wanted.vms))
    return result


async def read_unlisted(client: ArmClient, keys: Iterable[str], snapshot: Snapshot) -> ReadResult:
    """Read resources to which deployments refer, and which no list of the snapshot contains."""
    return await merged(*(_read_unlisted(client, key, snapshot) for key in keys))


async def _read_unlisted(client: ArmClient, key: str, snapshot: Snapshot) -> ReadResult:
    """Read a resource that a deployment refers to and no list contains.

    If it exists, something that roles do not show hides it, such as a deny assignment, and may hide others: the list
    is not complete. If the list has a gap, that gap says enough.
    """
    listing, subscription = reads.OF_SUBSCRIPTION[arm.type_of(key)], arm.subscription_of(key)
    listed = (subscription, listing.key) in snapshot.listed
    path = f"{key}?api-version={listing.version}"
    result = ReadResult()
    try:
        result.add_with_properties(resource_of(await client.get(path), f"GET {path}", listing.key))
        detail = f"the list does not contain {key}, and may not contain others"
        hidden = NotReadError(GapReason.FORBIDDEN, detail=detail, call=f"GET {path}")
    except NotReadError as error:
        if error.not_found:
            return result
        if listed or subscription not in snapshot.scopes:
            result.record_gap(client.progress, key, listing.name, error, listing.action)
        hidden = error
    if listed:
        result.record_gap(client.progress, subscription, listing.name, hidden, listing.action)
        result.incomplete.add((subscription, listing.key))
    return result


async def _read_recovery_points(client: ArmClient, item: Resource) -> ReadResult:
    """Read the newest recovery points of a protected VM."""
    result = ReadResult()
    try:
        points = [point async for point in resources_of(client, reads.RECOVERY_POINTS.request(item.id))]
    except NotReadError as error:
        result.record_gap(client.progress, item.id, reads.RECOVERY_POINTS.name, error, reads.RECOVERY_POINTS.action)
        return result
    points.sort(key=lambda point: text_at(point.body, "properties", "recoveryPointTime"), reverse=True)
    for point in points[:_RECOVERY_POINTS]:
        result.add_with_properties(point)
    return result


async def _read_vault(client: ArmClient, vault: Resource) -> ReadResult:
    """Read a vault with its redundancy and its protection against deletion, which lists leave out."""
    result = ReadResult()
    path = reads.WHOLE_VAULT.request(vault.id)
    try:
        result.add_with_properties(resource_of(await client.get(path), f"GET {path}", vault.type))
    except NotReadError as error:
        for what in ("properties.redundancySettings", "properties.securitySettings"):
            result.record_gap(client.progress, vault.id, what, error, reads.WHOLE_VAULT.action)
    return result


async def _read_probe_metrics(client: ArmClient, load_balancer: Resource) -> ReadResult:
    """Read which backend addresses answered the probes of a load balancer; metrics have no properties."""
    result = ReadResult()
    try:
        async for found in resources_of(client, reads.AVAILABILITY.request(load_balancer.id)):
            result.add(found)
    except NotReadError as error:
        result.record_gap(client.progress, load_balancer.id, reads.AVAILABILITY.name, error, reads.AVAILABILITY.action)
    return result


async def _read_state(client: ArmClient, connection: Resource) -> ReadResult:
    """Read a connection with its state."""
    result = ReadResult()
    path = reads.CONNECTION_STATE.request(connection.id)
    try:
        result.add_with_properties(resource_of(await client.get(path), f"GET {path}", connection.type))
    except NotReadError as error:
        action = reads.CONNECTION_STATE.action
        result.record_gap(client.progress, connection.id, "properties.connectionStatus", error, action)
    return result
