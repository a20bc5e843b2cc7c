"""Facts of the frontends of load balancers, and of availability zones in their region."""

from __future__ import annotations

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.rules.context import Context
from auditor.rules.facts.zones import zones_offered
from auditor.rules.registry import fact, once
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import items, malformed, value
from auditor.snapshot.model import Part, Resource

FRONTENDS = "properties.frontendIPConfigurations[*]"


@fact("balancer.frontends", "balancer", gives="frontend*")
def frontends(context: Context, load_balancer: Resource) -> Answer:
    """The frontends of a load balancer."""
    return Answer(context.topology.graph.objects(load_balancer, FRONTENDS))


@fact("frontend.zones", "frontend", gives="text*")
@once
def frontend_zones(context: Context, frontend: Part) -> Answer:
    """The availability zones of a frontend: its own if it is private, else those of its public IP address or prefix."""
    reads: tuple[Read, ...] = ()
    for name in ("publicIPAddress", "publicIPPrefix"):
        address = context.topology.graph.follow(frontend, name)
        reads += address.reads
        if isinstance(address.value, Resource):
            return _zones(context, address.value, reads)
        if address.value is not ABSENT:
            return Answer(address.value, reads)
    return _zones(context, frontend, reads)


@fact("regional.has_zones", "balancer", "gateway", gives="boolean")
def has_zones(context: Context, resource: Resource) -> Answer:
    """Whether the region has two or more availability zones, by the subscription's zone mappings or SKU list.

    If neither was read, a frontend in a zone shows that it has.
    """
    offered = _has_zones(context, resource)
    listed = context.topology.graph.objects(resource, FRONTENDS)
    for frontend in listed.of_type(Part) if isinstance(offered.value, Unknown) else ():
        zones = frontend_zones(context, frontend)
        if PartialList.of(zones.value).of_type(str):
            return Answer(True, zones.reads)
    return offered


def _has_zones(context: Context, resource: Resource) -> Answer:
    """Return whether the region of a resource has two or more zones, by what Azure offers there."""
    place = value(resource, "location")
    if not isinstance(place.value, str):
        return place
    number, reads = zones_offered(context, arm.location(place.value), arm.subscription_of(resource.key))
    several = number.low > 1 or (False if number.high <= 1 else number.because[0])
    return Answer(several, (*place.reads, *reads))


def _zones(context: Context, element: Resource | Part, reads: tuple[Read, ...]) -> Answer:
    """Return the zones of a frontend, or of a public IP address or prefix.

    Those of a Standard one without zones are unknown in a region that has some: Azure makes it zone-redundant, in one
    region after the other, without a change of the resource.
    """
    found, whole = items(element, "zones[*]"), value(element, "zones")
    zones = PartialList.of(found.value)
    reads = (*reads, *found.reads, *whole.reads)
    if not isinstance(whole.value, list | Unknown) and whole.value is not ABSENT:
        return Answer(PartialList(missing=malformed(element, "zones", whole.value, "a list")), reads)
    known = tuple(
        zone if isinstance(zone, str | Unknown) else malformed(element, "zones[*]", zone, "a text")
        for zone in zones.known
    )
    if known or zones.missing is not None:
        return Answer(PartialList(known, zones.missing), reads)
    sku, in_region = value(element.resource, "sku.name"), _has_zones(context, element.resource)
    reads = (*reads, *sku.reads, *in_region.reads)
    if sku.value is ABSENT or str(sku.value).lower() == "basic" or in_region.value is False:
        return Answer(PartialList(), reads)
    reason = f"{element.id} has no zones; in a growing number of regions Azure makes it zone-redundant all the same"
    unknown = Unknown(Cause.VALUE, reason, about=(element.resource.id,))
    return Answer(PartialList(missing=sku.value if isinstance(sku.value, Unknown) else unknown), reads)
