"""Facts of the frontends of load balancers, and of the zones that they could be in."""

from __future__ import annotations

from auditor.azure import arm
from auditor.azure.paths import ABSENT, Absent
from auditor.azure.types.names import SKU
from auditor.rules.context import Context
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, Items, Read, Unknown
from auditor.snapshot.lookup import items, objects, value
from auditor.snapshot.model import Part, Resource
from auditor.snapshot.skus import cited_id

FRONTENDS = "properties.frontendIPConfigurations[*]"


@fact("balancer.frontends", "balancer", gives="frontend*")
def frontends(_: Context, balancer: Resource) -> Answer:
    """The frontends of a balancer."""
    return Answer(objects(balancer, FRONTENDS))


@fact("frontend.zones", "frontend", gives="text*")
def frontend_zones(context: Context, frontend: Part) -> Answer:
    """The availability zones of a frontend: its own where it is private, else those of its public address or prefix."""
    reads: tuple[Read, ...] = ()
    for name in ("publicIPAddress", "publicIPPrefix"):
        reference = value(frontend, f"properties.{name}.id")
        reads += reference.reads
        if isinstance(reference.value, str):
            found = context.topology.graph.get(reference.value)
            return Answer(found, reads) if isinstance(found, Unknown) else _zones_of_address(found, reads)
        if not isinstance(reference.value, Absent):
            reason = f"{frontend.id} names no {name} that makes sense (malformed)"
            malformed = Unknown(Cause.VALUE, reason, about=(frontend.resource.id,))
            unclear = reference.value if isinstance(reference.value, Unknown) else malformed
            return Answer(unclear, reads)
    return _zones(frontend, reads)


@fact("regional.has_zones", "balancer", "gateway", gives="boolean")
def has_zones(context: Context, resource: Resource) -> Answer:
    """Whether the region has availability zones, so that the SKU list offers some machine size in two of them."""
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
    gap = graph.listing(SKU, subscription)
    if gap is None and not seen:
        gap = Unknown(Cause.VALUE, f"the SKU list has no machine size in {region}, so that its zones are not known")
    return Answer(gap or False, (*place.reads, *seen))


def _zones(element: Resource | Part, reads: tuple[Read, ...]) -> Answer:
    found = items(element, "zones[*]")
    zones = Items.of(found.value)
    malformed = Unknown(Cause.VALUE, f"{element.id}: a zone is not a text (malformed)", about=(element.resource.id,))
    known = tuple(zone if isinstance(zone, str | Unknown) else malformed for zone in zones.known)
    return Answer(Items(known, zones.missing), (*reads, *found.reads, *value(element, "zones").reads))


def _zones_of_address(address: Resource, reads: tuple[Read, ...]) -> Answer:
    """Return the zones of a public address or prefix; where a Standard one has none, it may yet be in all of them.

    Azure has been spreading those over all zones, region by region, without writing it into them.
    """
    found = _zones(address, reads)
    tier = value(address, "sku.name")
    if isinstance(found.value, Items) and found.value == Items():
        if isinstance(tier.value, Unknown):
            return Answer(Items(missing=tier.value), found.reads)
        if isinstance(tier.value, str) and tier.value.lower() != "basic":
            reason = f"{address.id} names no zones; Azure spreads such addresses over all of them in ever more regions"
            return Answer(Items(missing=Unknown(Cause.VALUE, reason, about=(address.id,))), (*found.reads, *tier.reads))
    return found
