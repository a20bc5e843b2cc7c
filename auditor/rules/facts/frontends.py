"""Facts of the frontends of load balancers, and of availability zones in their region."""

from __future__ import annotations

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.rules.context import Context
from auditor.rules.facts.zones import zones_offered
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import items, malformed, objects, value
from auditor.snapshot.model import Part, Resource

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
            return _zones(address.value, reads)
        if address.value is not ABSENT:
            return Answer(address.value, reads)
    return _zones(frontend, reads)


@fact("regional.has_zones", "balancer", "gateway", gives="boolean")
def has_zones(context: Context, resource: Resource) -> Answer:
    """Whether the region has two or more availability zones, by the subscription's zone mappings or SKU list.

    If neither was read, a frontend in a zone shows that it has.
    """
    place = value(resource, "location")
    if not isinstance(place.value, str):
        return place
    number, reads = zones_offered(context, arm.location(place.value), arm.subscription_of(resource.key))
    several = number.low > 1 or (False if number.high <= 1 else number.because[0])
    for frontend in objects(resource, FRONTENDS).of_type(Part) if isinstance(several, Unknown) else ():
        zones = frontend_zones(context, frontend)
        if PartialList.of(zones.value).of_type(str):
            return Answer(True, (*place.reads, *zones.reads))
    return Answer(several, (*place.reads, *reads))


def _zones(element: Resource | Part, reads: tuple[Read, ...]) -> Answer:
    found = items(element, "zones[*]")
    zones = PartialList.of(found.value)
    known = (
        zone if isinstance(zone, str | Unknown) else malformed(element, "zones[*]", zone, "a text")
        for zone in zones.known
    )
    own = Answer(PartialList(tuple(known), zones.missing), (*reads, *found.reads, *value(element, "zones").reads))
    return _or_unknown(own, element, value(element.resource, "sku.name"))


def _or_unknown(found: Answer, element: Resource | Part, sku: Answer) -> Answer:
    """Return the zones of a frontend, or of a public IP address or prefix; unknown for a Standard one without zones.

    Azure makes those zone-redundant, region by region, without a change of the resource.
    """
    if not isinstance(found.value, PartialList) or found.value != PartialList():
        return found
    unknown = sku.value if isinstance(sku.value, Unknown) else None
    if isinstance(sku.value, str) and sku.value.lower() != "basic":
        reason = f"{element.id} has no zones; in a growing number of regions Azure makes it zone-redundant all the same"
        unknown = Unknown(Cause.VALUE, reason, about=(element.resource.id,))
    if unknown is None:
        return found
    return Answer(PartialList(missing=unknown), (*found.reads, *sku.reads))
