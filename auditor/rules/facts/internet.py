"""Facts of Internet exposure: network interfaces, security groups, open ports and public paths of VMs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, cast

import msgspec

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.ranges import INTERNET, size
from auditor.azure.types.names import LOAD_BALANCER
from auditor.estate.admission import Admission
from auditor.estate.load_balancing import NAT_RULES, RULES, LoadBalancing
from auditor.estate.security_rules import SecurityRule
from auditor.estate.subjects import Deployment
from auditor.rules.context import Context
from auditor.rules.facts.load_balancers import unlisted_load_balancers
from auditor.rules.facts.superserver_ports import known_ports
from auditor.rules.registry import fact, once
from auditor.snapshot.known import Answer, Cause, Interval, PartialList, Read, Unknown
from auditor.snapshot.lookup import parts, unusable, value
from auditor.snapshot.model import Part, Resource

SENSITIVE_PORTS: Final = (22, 1972, 2188, 3389, 5985, 5986, 51773, 52773, 57772)
"""SSH, superserver, arbiter and agent, RDP, WinRM (two), superserver, web server of IRIS and of Caché."""

_TCP: Final = frozenset({"tcp", "all"})
_CLOSED_BY_DEFAULT: Final = frozenset({"standard", "standardv2", "gateway"})


class PublicPath(msgspec.Struct, frozen=True, eq=False):
    """A path from the Internet to an IP configuration of a VM, before security groups are applied."""

    id: str
    kind: str
    configuration: str
    """The key of the IP configuration."""
    port: int
    """The port of the VM to which it leads; 0 for every port."""
    sku: Answer
    """The SKU of the public IP address or load balancer; a Standard one is closed until a security group allows it."""
    reads: tuple[Read, ...]


class Opening(msgspec.Struct, frozen=True, eq=False):
    """A sensitive port of an IP configuration that security groups open to Internet addresses."""

    configuration: Part
    vm: Resource
    port: int
    is_superserver: bool
    """Whether it is the superserver port of a mirror of the VM, by CPFs or as declared."""
    admission: Admission
    groups: Answer
    reads: tuple[Read, ...]
    """The routes and security rules that open it; without security groups the properties that would refer to one."""

    @property
    def id(self) -> str:
        """Return the id of the IP configuration with the port."""
        return f"{self.configuration.id}:{self.port}"


def reads_of(context: Context, rules: Iterable[SecurityRule]) -> Iterator[Read]:
    """Yield what people need to recognise security rules, and the routes that their service tags include."""
    for rule in rules:
        yield from _shown(context, rule).reads


@once
def _shown(_: Context, rule: SecurityRule) -> Answer:
    """Return what `reads_of` yields of one rule as reads."""
    found = (read for name in _SHOWN for read in value(rule.part, name).reads) if rule.part else ()
    return Answer(ABSENT, (*rule.sources.reads, *(read for read in found if read.value not in (ABSENT, "", []))))


_SHOWN: Final = (
    "name",
    "properties.priority",
    "properties.access",
    "properties.sourceAddressPrefix",
    "properties.sourceAddressPrefixes",
    "properties.destinationPortRange",
    "properties.destinationPortRanges",
)


# --- interfaces -------------------------------------------------------------------------------------------------------


@fact("vm.network_interfaces", "vm", gives="interface*")
def network_interfaces(context: Context, vm: Resource) -> Answer:
    """The network interfaces of the VM."""
    found = context.topology.graph.follow_all(vm, "networkInterfaces")
    if found.value == PartialList():
        reason = f"{vm.id} has no network interface, which every VM has"
        return Answer(PartialList(missing=Unknown(Cause.VALUE, reason, about=(vm.id,))))
    return Answer(found.value)


@fact("vm.ip_configurations", "vm", gives="configuration*")
def ip_configurations(context: Context, vm: Resource) -> Answer:
    """The IP configurations of the VM's network interfaces; each has an address in a subnet."""
    interfaces = PartialList.of(network_interfaces(context, vm).value)
    unknown = interfaces.incomplete_because
    known: list[object] = []
    for interface in interfaces.of_type(Resource):
        found = context.topology.graph.objects(interface, "properties.ipConfigurations[*]")
        known += found.known
        unknown = unknown or found.missing
        if not found.known and found.missing is None:
            reason = f"{interface.id} has no IP configuration"
            unknown = unknown or Unknown(Cause.VALUE, reason, about=(interface.id,))
    return Answer(PartialList(tuple(known), unknown))


@fact("configuration.security_groups", "configuration", gives="security-group*")
def security_groups(context: Context, configuration: Part) -> Answer:
    """The security groups of an IP configuration: that of its subnet and that of its network interface."""
    return context.topology.security_groups.of(configuration)


# --- openings ---------------------------------------------------------------------------------------------------------


@fact("vm.internet_openings", "vm", gives="opening*")
def internet_openings(context: Context, vm: Resource) -> Answer:
    """The management and InterSystems ports that security groups open to an Internet address.

    Of each IP configuration they are TCP 22, 1972, 2188, 3389, 5985, 5986, 51773, 52773 and 57772, and the superserver
    ports of the VM's mirrors, by their CPFs or as declared. Without a security group all of them are open. The service
    tag VirtualNetwork includes the prefixes of the subnet's route table, and every address behind a VPN gateway with a
    default site. Which routes a gateway has learned, no resource shows: that one of them is a default route counts as
    possible only where a public path leads to the VM.
    """
    configurations = PartialList.of(ip_configurations(context, vm).value)
    unknown = configurations.incomplete_because
    known: list[Opening] = []
    reads: list[Read] = []
    filtering = context.topology.security_groups
    superservers = _superserver_ports(context, vm)
    ports = (*SENSITIVE_PORTS, *sorted(superservers - {*SENSITIVE_PORTS}))

    def has_public_path() -> bool:
        return _public_paths(context, vm).value != PartialList()

    for configuration in configurations.of_type(Part):
        groups = filtering.of(configuration)
        admissions = filtering.admissions(configuration, ports, has_public_path=has_public_path)
        for port, found in zip(ports, admissions, strict=True):
            if not found.possible:
                continue
            if found.sure or found.bounded:
                shown = _admitting(context, found).reads or groups.reads
                known.append(Opening(configuration, vm, port, port in superservers, found, groups, shown))
            else:
                unknown = unknown or _unknown_admission(found)
        reads += filtering.reads(configuration)
    return Answer(PartialList(tuple(known), unknown), tuple(reads))


@once
def _admitting(context: Context, found: Admission) -> Answer:
    """Return an admission with reads of the rules that admit."""
    return Answer(found, tuple(reads_of(context, found.rules)))


def _superserver_ports(context: Context, vm: Resource) -> frozenset[int]:
    """Return the superserver ports of the mirrors of which the VM is a member, as far as they are known."""
    by_member = _ports_of_members(context, context.deployment).value if context.deployment else {}
    return cast("dict[str, frozenset[int]]", by_member).get(vm.key, frozenset())


@once
def _ports_of_members(context: Context, deployment: Deployment) -> Answer:
    """Return the superserver ports of mirrors, as far as they are known, by the key of each member."""
    found: dict[str, frozenset[int]] = defaultdict(frozenset)
    for mirror in deployment.mirrors:
        for member in PartialList.joined(mirror.failover, mirror.dr, mirror.reporting).of_type(Resource):
            found[member.key] |= known_ports(context, mirror)
    return Answer(found)


@fact("opening.is_superserver", "opening", gives="boolean")
def is_superserver(_: Context, opening: Opening) -> Answer:
    """Whether the port is the superserver port of a mirror of the VM, by its CPFs or as declared."""
    return Answer(opening.is_superserver, opening.reads)


@fact("opening.port", "opening", gives="number")
def opening_port(_: Context, opening: Opening) -> Answer:
    """The TCP port."""
    return Answer(opening.port, opening.reads)


@fact("opening.internet_share", "opening", gives="number")
def internet_share(_: Context, opening: Opening) -> Answer:
    """The share of Internet addresses that are allowed: 1 for all, 0.000001 for some thousand.

    It is 1, too, if the service tag AzureCloud or one of its regions is allowed: anyone can rent a VM there.
    """
    whole = size(INTERNET[opening.admission.family])
    low, high = size(opening.admission.sure) / whole, size(opening.admission.possible) / whole
    found = low if low == high else Interval(low, high, opening.admission.because)
    return Answer(found, opening.reads)


@fact("opening.public_paths", "opening", gives="path*")
def opening_paths(context: Context, opening: Opening) -> Answer:
    """The public paths that lead to the open port.

    Without a security group only Basic public IP addresses and load balancers count: Standard ones are closed until a
    security group allows traffic.
    """
    paths = PartialList.of(_public_paths(context, opening.vm).value)
    unknown = paths.incomplete_because
    groups = opening.groups.value
    unfiltered = isinstance(groups, PartialList) and not groups.known
    known: list[PublicPath] = []
    for path in paths.of_type(PublicPath):
        if path.configuration != opening.configuration.key or path.port not in {0, opening.port}:
            continue
        if unfiltered and isinstance(path.sku.value, Unknown):
            unknown = unknown or path.sku.value
        elif not (unfiltered and str(path.sku.value).lower() in _CLOSED_BY_DEFAULT):
            known.append(path)
    reads = tuple(read for path in known for read in path.reads)
    return Answer(PartialList(tuple(known), unknown), reads)


def _unknown_admission(found: Admission) -> Unknown:
    return next(iter(found.because), Unknown(Cause.VALUE, "a security rule is malformed"))


# --- public paths -----------------------------------------------------------------------------------------------------


@fact("vm.public_paths", "vm", gives="path*")
def public_paths(context: Context, vm: Resource) -> Answer:
    """The paths from the Internet to the VM, before security groups are applied.

    They are its own public IP addresses, and TCP load-balancing rules and inbound NAT rules from a public frontend to
    it. An application gateway is a proxy, not a path.
    """
    found = _public_paths(context, vm)
    paths = PartialList.of(found.value).of_type(PublicPath)
    return Answer(found.value, tuple(read for path in paths for read in path.reads))


@fact("path.kind", "path", gives="text")
def path_kind(_: Context, path: PublicPath) -> Answer:
    """The kind of the path: `address` (public IP address), `balancing` or `nat` (rules of a load balancer)."""
    return Answer(path.kind, path.reads)


@fact("path.port", "path", gives="number")
def path_port(_: Context, path: PublicPath) -> Answer:
    """The port of the VM to which the path leads; 0 for every port."""
    return Answer(path.port, path.reads)


def _public_paths(context: Context, vm: Resource) -> Answer:
    found = PartialList.of(ip_configurations(context, vm).value)
    configurations, unknown = found.of_type(Part), found.incomplete_because
    paths: list[PublicPath] = []
    for configuration in configurations:
        for path in _own_address(context, configuration):
            if isinstance(path, Unknown):
                unknown = unknown or path
            else:
                paths.append(path)
    for load_balancer in _load_balancers(context, vm, configurations):
        for path in _through(context, load_balancer, configurations):
            if isinstance(path, Unknown):
                unknown = unknown or path
            else:
                paths.append(path)
    unknown = unknown or unlisted_load_balancers(context, [vm])
    return Answer(PartialList(tuple(paths), unknown))


def _own_address(context: Context, configuration: Part) -> Iterator[PublicPath | Unknown]:
    """Yield the path by the public IP address of an IP configuration."""
    reference = value(configuration, "properties.publicIPAddress.id")
    if isinstance(reference.value, str):
        address = context.topology.graph.get(reference.value)
        sku = value(address, "sku.name") if isinstance(address, Resource) else Answer(address)
        yield PublicPath(reference.value, "address", configuration.key, 0, sku, reference.reads)
    elif reference.value is not ABSENT:
        yield unusable(reference, "an id")


def _load_balancers(context: Context, vm: Resource, configurations: list[Part]) -> list[Resource]:
    """Return the load balancers that may send traffic to the VM."""
    graph = context.topology.graph
    found = [pool.resource for pool in context.topology.load_balancing.pools_of(vm)]
    for configuration in configurations:
        found += [edge.source for edge in graph.referrers(configuration.key, LOAD_BALANCER)]
        for rule in parts(configuration, "properties.loadBalancerInboundNatRules[*]"):
            reference = value(rule, "id").value
            owner = graph.owner(reference) if isinstance(reference, str) else None
            found += [owner] if isinstance(owner, Resource) else []
    load_balancers = {resource.key: resource for resource in found if resource.type == LOAD_BALANCER}
    return [load_balancers[key] for key in sorted(load_balancers)]


def _through(context: Context, load_balancer: Resource, configurations: list[Part]) -> Iterator[PublicPath | Unknown]:
    """Yield the paths through a load balancer to IP configurations, and why there may be more."""
    sku = value(load_balancer, "sku.name")
    for kind, listed in (("balancing", RULES), ("nat", NAT_RULES)):
        rules = context.topology.graph.objects(load_balancer, listed)
        if rules.missing is not None:
            yield rules.missing
        for rule in rules.known:
            if isinstance(rule, Unknown):
                yield rule
            elif isinstance(rule, Part):
                targets = targets_of(context, rule, configurations)
                if not targets:
                    continue
                arrival = _arrival(context, rule)
                if isinstance(arrival, Unknown):
                    yield arrival
                elif arrival is not None:
                    port, reads = arrival
                    for configuration in targets:
                        yield PublicPath(rule.id, kind, configuration.key, port, sku, reads)


def targets_of(context: Context, rule: Part, configurations: list[Part]) -> list[Part]:
    """Return the IP configurations to which a rule sends traffic."""
    balancing = context.topology.load_balancing
    wanted = [pool for pool in balancing.pools_of_rules((rule,)) if pool.resource.key == rule.resource.key]
    direct = value(rule, "properties.backendIPConfiguration.id").value
    key = arm.key(direct) if isinstance(direct, str) else ""
    return [
        configuration
        for configuration in configurations
        if configuration.key == key
        or any(_holds(balancing, pool, configuration) for pool in wanted)
        or any(arm.key(str(value(entry, "id").value)) == rule.key for entry in parts(configuration, _NAT_OF_INTERFACE))
    ]


_NAT_OF_INTERFACE: Final = "properties.loadBalancerInboundNatRules[*]"


def _holds(balancing: LoadBalancing, pool: Part, configuration: Part) -> bool:
    """Return whether an IP configuration is in a backend pool: a reference of either one, or the same address."""
    return balancing.names(pool, configuration) or any(
        arm.key(str(value(entry, "id").value)) == pool.key
        for entry in parts(configuration, "properties.loadBalancerBackendAddressPools[*]")
    )


def _arrival(context: Context, rule: Part) -> tuple[int, tuple[Read, ...]] | Unknown | None:
    """Return the port to which a rule sends traffic from the Internet, with its reads; None if it sends none."""
    protocol = value(rule, "properties.protocol")
    if isinstance(protocol.value, str) and protocol.value.lower() not in _TCP:
        return None
    frontend = context.topology.graph.follow(rule, "frontendIPConfiguration")
    public = _public(frontend.value) if isinstance(frontend.value, Part) else frontend
    if not isinstance(public.value, str):
        return None if public.value is ABSENT else unusable(public, "an id")
    if not isinstance(protocol.value, str):
        return unusable(protocol, "a protocol")
    port = value(rule, "properties.backendPort")
    if isinstance(port.value, bool) or not isinstance(port.value, int | float):
        return unusable(port, "a port")
    return int(port.value), (*port.reads, *public.reads)


def _public(frontend: Part) -> Answer:
    """Return the id of the public IP address or prefix of a frontend; absent if it is private."""
    address = value(frontend, "properties.publicIPAddress.id")
    return value(frontend, "properties.publicIPPrefix.id") if address.value is ABSENT else address
