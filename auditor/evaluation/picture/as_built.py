"""What is built: the VMs and entrances of a deployment, and the lines between them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise
from typing import Final

from auditor.azure import arm, paths
from auditor.azure.types import display_type
from auditor.azure.types.names import (
    APPLICATION_GATEWAY,
    FRONT_DOOR,
    FRONT_DOOR_CLASSIC,
    LOAD_BALANCER,
    NIC,
    PUBLIC_ADDRESS,
    TRAFFIC_MANAGER,
    VM,
)
from auditor.estate.dns import ENDPOINTS
from auditor.estate.front_doors import Route
from auditor.estate.load_balancing import POOLS
from auditor.estate.subjects import Deployment
from auditor.estate.topology import Topology
from auditor.evaluation.picture.model import Edge, Node
from auditor.evaluation.picture.rows import (
    ANYWHERE,
    ARBITERS,
    GATEWAYS,
    LOAD_BALANCERS,
    MIRROR_LOAD_BALANCERS,
    NAMES,
    OTHERS,
    UNREAD,
    mirror_row,
    tier_row,
    vms,
)
from auditor.rules.context import Context
from auditor.rules.facts.neighbours import neighbours
from auditor.rules.facts.placement import availability_set, fault_domain, zone
from auditor.rules.facts.zones import Zone, physical_zone
from auditor.snapshot.known import PartialList, Unknown
from auditor.snapshot.lookup import body_at, parts, value
from auditor.snapshot.model import Part, Resource

_PARTS: Final = (
    "properties.storageProfile.osDisk.managedDisk.id",
    "properties.storageProfile.dataDisks[*].managedDisk.id",
    "properties.networkProfile.networkInterfaces[*].id",
)
"""The ids of the disks and network interfaces of a VM."""
_DETAILS: Final = {VM: "properties.hardwareProfile.vmSize", APPLICATION_GATEWAY: "properties.sku.name"}


def _declared(topology: Topology) -> frozenset[str]:
    """Return the keys of the VMs of all deployments."""
    return frozenset(key for each in topology.deployments for key in each.roles)


class AsBuilt:
    """The nodes and edges of a deployment."""

    def __init__(self, topology: Topology, deployment: Deployment, found_at: Collection[str]) -> None:
        """Take the keys of the subjects of listed findings."""
        self._topology = topology
        self._balancing = topology.load_balancing
        self._deployment = deployment
        self._context = Context(topology, deployment)
        self._found_at = found_at
        self._subscriptions = {arm.subscription_of(key) for key in deployment.roles}
        self._nodes: dict[str, Node] = {}

    def nodes(self) -> tuple[Node, ...]:
        """Return everything that is drawn, each once, in the order of its declaration."""
        deployment = self._deployment
        for mirror in deployment.mirrors:
            for members in (mirror.failover, mirror.dr, mirror.reporting):
                self._add(mirror_row(mirror), vms(members))
            self._add(ARBITERS, vms(mirror.arbiter))
        for tier in deployment.tiers:
            self._add(tier_row(tier.declared.role, tier.declared.product), vms(tier.members))
        declared = self._topology.once(_declared)
        beside = PartialList.of(neighbours(self._context, deployment).value).of_type(Resource)
        for vm in (vm for vm in beside if vm.key not in declared and vm.type == VM):
            self._add(self._row_beside(vm), [vm], undeclared=True)
        scope = deployment.scope
        for owner in scope[LOAD_BALANCER].of_type(Resource):
            self._add(self._row_of_load_balancer(owner), [owner])
        self._add(GATEWAYS, scope[APPLICATION_GATEWAY].of_type(Resource))
        for type_ in (TRAFFIC_MANAGER, FRONT_DOOR, FRONT_DOOR_CLASSIC):
            self._add(NAMES, scope[type_].of_type(Resource))
        return tuple(self._nodes.values())

    def _add(self, row: str, resources: Iterable[Resource], *, undeclared: bool = False) -> None:
        for found in resources:
            if found.key not in self._nodes:
                self._nodes[found.key] = Node(
                    id=found.id,
                    name=found.name,
                    type=display_type(found.type),
                    detail=_detail(found),
                    row=row,
                    region=None if row == NAMES else found.location or UNREAD,
                    place=self._place(found) if found.type == VM else None,
                    roles=tuple(self._deployment.roles.get(found.key, ())),
                    undeclared=undeclared,
                    parts=tuple(self._parts(found)) if found.type == VM else (),
                )

    def _parts(self, vm: Resource) -> Iterator[str]:
        """Yield the ids of the disks and network interfaces of a VM that are subjects of listed findings."""
        resources = self._topology.graph.resources
        for path in _PARTS:
            for arm_id in paths.values(body_at(vm, path), paths.parse(path)):
                key = arm.key(arm_id) if isinstance(arm_id, str) else ""
                if key in self._found_at and key in resources:
                    yield resources[key].id

    def _place(self, vm: Resource) -> str:
        """Return the zone or fault domain of a VM; zones of several subscriptions are named as physical ones."""
        number = zone(self._context, vm).value
        if isinstance(number, str):
            subscription = arm.subscription_of(vm.key)
            if self._subscriptions <= {subscription}:
                return f"zone {number}"
            physical = physical_zone(self._context, Zone(vm.location, subscription, number)).value
            return physical if isinstance(physical, str) else f"zone {number} ({arm.name_of(subscription)})"
        if isinstance(number, Unknown):
            return f"zone {UNREAD}"
        if not isinstance(availability_set(self._context, vm).value, str):
            return ANYWHERE
        domain = fault_domain(self._context, vm).value
        return f"fault domain {domain if isinstance(domain, int) else UNREAD}"

    def _row_beside(self, vm: Resource) -> str:
        """Return the row of the members with which an undeclared VM shares a backend pool."""
        for pool in self._balancing.pools_of(vm):
            for member in PartialList.of(self._balancing.vms(pool).value).of_type(Resource):
                node = self._nodes.get(member.key)
                if node is not None and not node.undeclared:
                    return node.row
        return OTHERS

    def _row_of_load_balancer(self, owner: Resource) -> str:
        rows = {self._nodes[vm.key].row for vm in self._behind(owner) if vm.key in self._nodes}
        return MIRROR_LOAD_BALANCERS if any(row.startswith("mirror/") for row in rows) else LOAD_BALANCERS

    def _behind(self, owner: Resource) -> list[Resource]:
        """Return the VMs in the backend pools of a load balancer or application gateway."""
        pools = (PartialList.of(self._balancing.vms(pool).value) for pool in parts(owner, POOLS))
        return PartialList.joined(*pools).of_type(Resource)

    # --- lines

    def edges(self) -> tuple[Edge, ...]:
        """Return the lines between what is drawn."""
        found = [*self._named(), *self._pooled(), *_mirrored(self._deployment)]
        keys = {arm.key(node.id) for node in self._nodes.values()}
        return tuple(dict.fromkeys(edge for edge in found if {arm.key(edge.source), arm.key(edge.target)} <= keys))

    def _named(self) -> Iterator[Edge]:
        """Yield where the names lead to: endpoints of Traffic Manager profiles, and origins of Front Doors."""
        dns, doors = self._topology.dns, self._topology.front_doors
        for profile in self._deployment.scope[TRAFFIC_MANAGER].of_type(Resource):
            for endpoint in parts(profile, ENDPOINTS):
                active = str(value(endpoint, "properties.endpointStatus").value).lower() != "disabled"
                for holder in self._holders(dns.target(endpoint).value):
                    yield Edge(profile.id, holder.id, "name", active)
        for type_ in (FRONT_DOOR, FRONT_DOOR_CLASSIC):
            for door in self._deployment.scope[type_].of_type(Resource):
                for route in doors.routes(door).of_type(Route):
                    for origin in (o for o in doors.origins(route).known if isinstance(o, Resource | Part)):
                        for target in doors.targets(origin).known:
                            for holder in self._holders(target):
                                yield Edge(door.id, holder.id, "name")

    def _holders(self, target: object) -> Iterator[Resource]:
        """Yield what receives the traffic to a target: what has the public IP address, or the target itself."""
        if not isinstance(target, Resource):
            return
        if target.type != PUBLIC_ADDRESS:
            yield target
            return
        for holder in self._topology.public_addresses.holders(target):
            if holder.type == NIC:
                yield from (edge.source for edge in self._topology.graph.referrers(holder.key, VM))
            else:
                yield holder

    def _pooled(self) -> Iterator[Edge]:
        """Yield the members of backend pools; an application gateway can lead to a load balancer."""
        scope = self._deployment.scope
        for gateway in scope[APPLICATION_GATEWAY].of_type(Resource):
            load_balancers = {found.key: found for found in self._load_balancers_behind(gateway)}
            behind = {vm.key for found in load_balancers.values() for vm in self._behind(found)}
            for found in (*load_balancers.values(), *(vm for vm in self._behind(gateway) if vm.key not in behind)):
                yield Edge(gateway.id, found.id, "pool")
        for owner in scope[LOAD_BALANCER].of_type(Resource):
            for vm in self._behind(owner):
                yield Edge(owner.id, vm.id, "pool")

    def _load_balancers_behind(self, gateway: Resource) -> Iterator[Resource]:
        """Yield the load balancers whose frontends are in the backend pools of an application gateway."""
        networks = sorted(self._balancing.networks(gateway) or ())
        for pool in parts(gateway, POOLS):
            for entry in parts(pool, "properties.backendAddresses[*]"):
                address = value(entry, "ipAddress").value
                if isinstance(address, str):
                    holder = self._balancing.private_addresses.holder(networks, address)
                    if isinstance(holder, Part) and holder.resource.type == LOAD_BALANCER:
                        yield holder.resource


def _mirrored(deployment: Deployment) -> Iterator[Edge]:
    """Yield the lines of mirrors: between failover members, to their asyncs, and to the arbiter."""
    for mirror in deployment.mirrors:
        failover = vms(mirror.failover)
        for one, other in pairwise(failover):
            yield Edge(one.id, other.id, "sync")
        for behind in (*vms(mirror.dr), *vms(mirror.reporting)):
            yield from (Edge(member.id, behind.id, "async") for member in failover[-1:])
        for arbiter in vms(mirror.arbiter):
            yield from (Edge(member.id, arbiter.id, "arbiter") for member in failover)


def _detail(found: Resource) -> str | None:
    """Return the size of a VM, or the SKU of anything else."""
    text = value(found, _DETAILS.get(found.type, "sku.name")).value
    return text.removeprefix("Standard_") or None if isinstance(text, str) else None
