"""Small subscriptions in raw ARM shape."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from auditor import yaml_documents
from auditor.azure import arm
from auditor.azure.types import REFERENCES, VERSIONS
from auditor.azure.types.names import FRONT_DOOR, FRONT_DOOR_ENDPOINT, ORIGIN_GROUP, SKU, VM
from auditor.estate import deployment_file
from auditor.estate.declaration import DeclaredDeployment
from auditor.estate.graph import Graph
from auditor.estate.subjects import Deployment
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.snapshot.known import PartialList, Unknown
from auditor.snapshot.model import Resource
from auditor.sources import arm_json

Body = dict[str, Any]

SUB = "/subscriptions/00000000-0000-0000-0000-000000000001"
OTHER = "/subscriptions/00000000-0000-0000-0000-000000000002"
VNET = f"{SUB}/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet"
_JOINED_BY_NAME = {FRONT_DOOR, FRONT_DOOR_ENDPOINT, ORIGIN_GROUP, f"{ORIGIN_GROUP}/origins"}
TYPES = sorted({VM, SKU, *_JOINED_BY_NAME, *REFERENCES} | {r.to for refs in REFERENCES.values() for r in refs})
"""The types of the reference graph, and those of Front Doors, which lead to resources by their names."""


def arm_id(type_: str, name: str, group: str = "rg", subscription: str = SUB) -> str:
    return f"{subscription}/resourceGroups/{group}/providers/Microsoft.{type_}/{name}"


def resource(
    type_: str, name: str, *, group: str = "rg", subscription: str = SUB, top: Body | None = None, **properties: Any
) -> Body:
    """Return a resource; `top` has the keys besides its properties."""
    own = {"id": arm_id(type_, name, group, subscription), "name": name, "type": f"Microsoft.{type_}"}
    return {**own, "location": "westeurope", **(top or {}), "properties": properties}


def vm(  # noqa: PLR0913 - VMs differ in all of them
    name: str,
    *,
    nics: Iterable[str] | None = None,
    disks: Iterable[str] = (),
    size: str = "Standard_D2s_v5",
    location: str = "westeurope",
    zone: str = "",
    tags: Body | None = None,
    group: str = "rg",
    subscription: str = SUB,
    **properties: Any,
) -> Body:
    """Return a VM with a network interface `<name>-nic`, and with disks at LUN 0, 1, ..."""
    nics = [f"{name}-nic"] if nics is None else nics
    where = {"group": group, "subscription": subscription}
    return resource(
        "Compute/virtualMachines",
        name,
        **where,
        top={"location": location, **({"zones": [zone]} if zone else {}), **({"tags": tags} if tags else {})},
        hardwareProfile={"vmSize": size},
        networkProfile={
            "networkInterfaces": [{"id": arm_id("Network/networkInterfaces", nic, **where)} for nic in nics]
        },
        storageProfile={
            "dataDisks": [
                {"lun": lun, "managedDisk": {"id": arm_id("Compute/disks", disk, **where)}}
                for lun, disk in enumerate(disks)
            ]
        },
        **properties,
    )


def nic(name: str, *, vm: str = "", address: str = "", vnet: str = VNET, **properties: Any) -> Body:
    configuration = {"privateIPAddress": address, "subnet": {"id": f"{vnet}/subnets/default"}}
    if vm:
        properties["virtualMachine"] = {"id": arm_id("Compute/virtualMachines", vm)}
    configurations = [{"name": "ipconfig1", "properties": configuration}]
    return resource("Network/networkInterfaces", name, **{"ipConfigurations": configurations, **properties})


def network(vnet: str = VNET, **properties: Any) -> Body:
    """Return a virtual network."""
    return resource("Network/virtualNetworks", arm.name_of(vnet), **properties)


def network_gateway(name: str, vnet: str = VNET, **properties: Any) -> Body:
    """Return a gateway of a virtual network."""
    configurations = [{"name": "default", "properties": {"subnet": {"id": f"{vnet}/subnets/GatewaySubnet"}}}]
    return resource("Network/virtualNetworkGateways", name, **{"ipConfigurations": configurations, **properties})


def flow_log(name: str, target: str | None) -> Body:
    """Return the flow log of a security group or network."""
    return resource("Network/networkWatchers", f"watcher/flowLogs/{name}", targetResourceId=target)


def public(name: str, *, fqdn: str = "", address: str = "", of: str = "", **keywords: Any) -> Body:
    """Return a public IP address; `of` is the id of the IP configuration or frontend that has it."""
    properties: Body = {"ipAddress": address} if address else {}
    properties |= {"dnsSettings": {"fqdn": fqdn}} if fqdn else {}
    properties |= {"ipConfiguration": {"id": of}} if of else {}
    return resource("Network/publicIPAddresses", name, **keywords, **properties)


def profile(name: str, *endpoints: Body, **properties: Any) -> Body:
    """Return a Traffic Manager profile; an endpoint that refers to no resource is external."""
    kinds = ("externalEndpoints", "azureEndpoints")
    typed = [
        {"type": f"Microsoft.Network/trafficManagerProfiles/{kinds['targetResourceId' in end]}", "properties": end}
        for end in endpoints
    ]
    return resource("Network/trafficManagerProfiles", name, **{"endpoints": typed, **properties})


def disk(name: str, mbps: Any = 200, sku: str = "Premium_LRS") -> Body:
    return resource("Compute/disks", name, top={"sku": {"name": sku}}, diskMBpsReadWrite=mbps, diskSizeGB=1024)


def configuration_id(nic_name: str) -> str:
    return arm_id("Network/networkInterfaces", nic_name) + "/ipConfigurations/ipconfig1"


def by_nic(*names: str) -> Body:
    """Return the properties of a backend pool with network interfaces."""
    return {"backendIPConfigurations": [{"id": configuration_id(name)} for name in names]}


def by_address(*addresses: str, vnet: str = VNET, key: str = "virtualNetwork") -> Body:
    """Return the properties of a backend pool with IP addresses."""
    network = {"id": vnet if key == "virtualNetwork" else f"{vnet}/subnets/default"}
    return {"loadBalancerBackendAddresses": [{"properties": {"ipAddress": a, key: network}} for a in addresses]}


def load_balancer(
    name: str,
    pools: dict[str, Body],
    rules: dict[str, Body] | None = None,
    probes: dict[str, Body] | None = None,
    **properties: Any,
) -> Body:
    """Return a load balancer; by default it has one load-balancing rule for each pool."""
    own = arm_id("Network/loadBalancers", name)
    if rules is None:
        rules = {f"rule-{pool}": to(name, pool) for pool in pools}

    def children(kind: str, of: dict[str, Body]) -> list[Body]:
        return [{"id": f"{own}/{kind}/{n}", "name": n, "properties": body} for n, body in of.items()]

    return resource(
        "Network/loadBalancers",
        name,
        backendAddressPools=children("backendAddressPools", pools),
        loadBalancingRules=children("loadBalancingRules", rules),
        probes=children("probes", probes or {}),
        **properties,
    )


def to(load_balancer_name: str, *pools: str, probe: str = "", plural: bool = False) -> Body:
    """Return the properties of a rule that leads to pools."""
    own = arm_id("Network/loadBalancers", load_balancer_name)
    ids = [{"id": f"{own}/backendAddressPools/{pool}"} for pool in pools]
    rule: Body = {"backendAddressPools": ids} if plural else {"backendAddressPool": ids[0]} if ids else {}
    return {**rule, **({"probe": {"id": f"{own}/probes/{probe}"}} if probe else {})}


def gateway(name: str, *backends: Body, vnet: str = VNET) -> Body:
    """Return an application gateway with one pool, in a subnet of a network."""
    own = arm_id("Network/applicationGateways", name)
    return resource(
        "Network/applicationGateways",
        name,
        gatewayIPConfigurations=[{"properties": {"subnet": {"id": f"{vnet}/subnets/gateway"}}}],
        backendAddressPools=[
            {"id": f"{own}/backendAddressPools/pool", "properties": {"backendAddresses": list(backends)}}
        ],
    )


def size(name: str = "Standard_D2s_v5", locations: Sequence[str] = ("westeurope",), **capabilities: Any) -> Body:
    return {
        "resourceType": "virtualMachines",
        "name": name,
        "locations": list(locations),
        "capabilities": [{"name": key, "value": found} for key, found in capabilities.items()],
    }


def offered(location: str, *zones: str, kind: str = "virtualMachines") -> Body:
    """Return a SKU record that is offered in zones of a region."""
    return {
        **size(locations=[location]),
        "resourceType": kind,
        "locationInfo": [{"location": location, "zones": [*zones]}],
    }


def region(name: str, *physical: str, subscription: str = SUB) -> Body:
    """Return a region as Azure lists it for a subscription; the numbers of its physical zones are 1, 2, ..."""
    mappings = [{"logicalZone": str(n), "physicalZone": f"{name}-az{zone}"} for n, zone in enumerate(physical, start=1)]
    own = {"id": f"{subscription}/locations/{name}", "name": name, "type": "Region"}
    return {**own, **({"availabilityZoneMappings": mappings} if mappings else {})}


def gap(scope: str, what: str = "", reason: str = "forbidden") -> Body:
    """Return a gap, by default of a whole resource."""
    return {"scope": scope, "what": what or arm.type_of(scope), "reason": reason}


@cache
def declare(text: str) -> tuple[DeclaredDeployment, ...]:
    """Return the deployments of a file, whose list begins on line 3."""
    whole = "format: auditor.deployment/1\ndeployments:\n" + textwrap.indent(textwrap.dedent(text).strip("\n"), "  ")
    return deployment_file.load(yaml_documents.parse(whole.encode(), "deployment.yaml"))


def topology(  # noqa: PLR0913 - each is a side of a subscription
    *bodies: Body,
    deployment: str = "",
    gaps: Iterable[Body] = (),
    unlisted: Iterable[str] = (),
    also_listed: Iterable[str] = (),
    scopes: Iterable[str] = (SUB,),
    taken_at: str = "",
) -> Topology:
    """Return the topology of some resources; every type of the graph is listed, except `unlisted` ones."""
    hidden = {type_.lower() for type_ in unlisted}
    listed = {scope: [type_ for type_ in (*TYPES, *also_listed) if type_ not in hidden] for scope in scopes}
    body = {"value": bodies, "listed": listed, "apiVersion": VERSIONS, "gaps": list(gaps)}
    body["takenAt"] = taken_at
    return Topology(arm_json.decode(json.dumps(body).encode(), "test"), declare(deployment) if deployment else ())


def graph(*bodies: Body, **keywords: Any) -> Graph:
    return topology(*bodies, **keywords).graph


def only(built: Topology) -> Deployment:
    """Return the only deployment."""
    (found,) = built.deployments
    return found


def context(built: Topology) -> Context:
    """Return the input of facts: the topology and its first deployment, if it has any."""
    return Context(built, next(iter(built.deployments), None))


def item(built: Topology, type_: str, name: str, group: str = "rg") -> Resource:
    """Return the resource of a name."""
    found = built.graph.get(arm_id(type_, name, group))
    assert isinstance(found, Resource), found
    return found


def names(found: object) -> list[str]:
    """Return the names in a list, `?` where a member is unknown, `...` where there may be more."""
    if isinstance(found, Unknown):
        return ["?"]
    assert isinstance(found, PartialList)

    def name(member: object) -> str:
        return member.name if isinstance(member, Resource) else "?" if isinstance(member, Unknown) else str(member)

    return sorted(map(name, found.known)) + ["..."] * bool(found.missing)
