"""Facts of the frontends of load balancers, and of availability zones in their region."""

from __future__ import annotations

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import SKU
from auditor.rules.context import Context
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import items, malformed, objects, value
from auditor.snapshot.model import Part, Resource
from auditor.snapshot.skus import cited_id

FRONTENDS = "properties.frontendIPConfigurations[*]"


@fact("balancer.frontends", "balancer", gives="frontend*")
def frontends(_: Context, load_balancer: Resource) -> Answer:
    """The frontends of a load balancer."""
    return Answer(objects(load_balancer, FRONTENDS))


@fact("frontend.zones", "frontend", gives="text*")
def frontend_zones(context: Context, frontend: Part) -> Answer:
    """The availability zones of a frontend: its own if it is private, else those of its public IP address or prefix."""
    reads: tuple[Read, ...] = ()
    for name in ("publicIPAddress", "publicIPPrefix"):
        address = context.topology.graph.follow(frontend, name)
        reads += address.reads
        if isinstance(address.value, Resource):
            return _zones_of_address(address.value, reads)
        if address.value is not ABSENT:
            return Answer(address.value, reads)
    return _zones(frontend, reads)


@fact("regional.has_zones", "balancer", "gateway", gives="boolean")
def has_zones(context: Context, resource: Resource) -> Answer:
    """Whether the region has availability zones: the SKU list offers a VM size in at least two."""
    place = value(resource, "location")
    if not isinstance(place.value, str):
        return place
    region, subscription = arm.location(place.value), arm.subscription_of(resource.key)
    graph = context.topology.graph
    seen: list[Read] = []
    for sku in graph.by_type[SKU]:
        record = sku.body
        if str(record.get("resourceType")).lower() != "virtualmachines":
            continue
        where = cited_id(subscription, str(record.get("name")))
        infos = record.get("locationInfo")
        for index, info in enumerate(infos if isinstance(infos, list) else ()):
            if isinstance(info, dict) and arm.location(str(info.get("location"))) == region:
                zones = info.get("zones")
                seen.append(Read(where, f"locationInfo[{index}].zones", ABSENT if zones is None else zones))
                if isinstance(zones, list) and len(zones) > 1:
                    return Answer(True, (*place.reads, seen[-1]))
    unknown = graph.listing(SKU, subscription)
    if unknown is None and not seen:
        unknown = Unknown(Cause.VALUE, f"the SKU list has no VM size in {region}, so its zones are unknown")
    return Answer(unknown or False, (*place.reads, *seen))


def _zones(element: Resource | Part, reads: tuple[Read, ...]) -> Answer:
    found = items(element, "zones[*]")
    zones = PartialList.of(found.value)
    known = (
        zone if isinstance(zone, str | Unknown) else malformed(element, "zones[*]", zone, "a text")
        for zone in zones.known
    )
    return Answer(PartialList(tuple(known), zones.missing), (*reads, *found.reads, *value(element, "zones").reads))


def _zones_of_address(address: Resource, reads: tuple[Read, ...]) -> Answer:
    """Return the zones of a public IP address or prefix; unknown for a Standard one without zones.

    Azure makes those zone-redundant, region by region, without a change of the resource.
    """
    found = _zones(address, reads)
    tier = value(address, "sku.name")
    if isinstance(found.value, PartialList) and found.value == PartialList():
        if isinstance(tier.value, Unknown):
            return Answer(PartialList(missing=tier.value), found.reads)
        if isinstance(tier.value, str) and tier.value.lower() != "basic":
            reason = (
                f"{address.id} has no zones; in a growing number of regions Azure makes such addresses zone-redundant"
            )
            return Answer(
                PartialList(missing=Unknown(Cause.VALUE, reason, about=(address.id,))), (*found.reads, *tier.reads)
            )
    return found
