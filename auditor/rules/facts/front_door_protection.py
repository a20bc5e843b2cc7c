"""Whether an Azure Front Door protects a public entrance: its WAF filters all requests, and no client can bypass it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.azure.paths import ABSENT
from auditor.azure.types.names import APPLICATION_GATEWAY
from auditor.estate.front_doors import Route
from auditor.estate.load_balancing import RULES
from auditor.rules.context import Context
from auditor.rules.facts.front_doors import front_doors, is_filtered
from auditor.rules.facts.internet import ip_configurations, targets_of
from auditor.rules.facts.logic import every, some
from auditor.rules.facts.reading import number_at
from auditor.snapshot.known import Answer, Cause, PartialList, Unknown
from auditor.snapshot.lookup import objects, parts, unusable, value
from auditor.snapshot.model import Part, Resource

_FRONTENDS: Final = "properties.frontendIPConfigurations[*]"
_OF_FRONT_DOORS: Final = "azurefrontdoor.backend"


def by_front_door(context: Context, owner: Resource) -> Answer:
    """Return `front-door` if the WAF of an Azure Front Door filters all requests to an entrance, absent if it does not.

    Security groups can admit the Front Doors of all customers only: whether requests of another one are refused is
    attested.
    """
    if context.deployment is None:
        return Answer(ABSENT)
    known = PartialList.of(front_doors(context, context.deployment).value)
    routes = [(door, route) for door in known.of_type(Resource) for route in _routes_to(context, door, owner)]
    filtered = every(is_filtered(context, door, route) for door, route in routes)
    if not routes:
        doubts = (context.topology.front_doors.reached(door).incomplete_because for door in known.of_type(Resource))
        filtered = Answer(next(filter(None, (known.missing, *doubts)), None) or False)
    others = some(_admits(context, owner, _OF_FRONT_DOORS)) if filtered.value is not False else filtered
    if filtered.value is False or others.value is True:
        return Answer(ABSENT, (*filtered.reads, *others.reads))
    unknown = next((each.value for each in (filtered, others) if isinstance(each.value, Unknown)), None)
    if unknown is None and some(_admits(context, owner)).value is not False:
        sentence = f"the servers behind {owner.name} refuse requests without the X-Azure-FDID of the own Front Door"
        unknown = Unknown.unattested(sentence)
    return Answer(unknown or "front-door", (*filtered.reads, *others.reads))


def _routes_to(context: Context, door: Resource, owner: Resource) -> list[Route]:
    """Return the routes of a Front Door that lead to an entrance, also by a Traffic Manager profile."""
    graph, doors = context.topology.graph, context.topology.front_doors
    addresses = [graph.follow(frontend, "publicIPAddress").value for frontend in parts(owner, _FRONTENDS)]
    own = {owner.key, *(address.key for address in addresses if isinstance(address, Resource))}
    for address in addresses:
        if isinstance(address, Resource):
            own |= {profile.key for profile in context.topology.dns.profiles_at(address)}
    routes = doors.routes(door).of_type(Route)
    return [route for route in routes if any(t.key in own for t in doors.leads_to(route).of_type(Resource))]


def _admits(context: Context, owner: Resource, except_tag: str = "") -> Iterator[Answer]:
    """Yield whether security groups let Internet addresses through to an entrance, without those of a service tag."""
    groups = context.topology.security_groups
    for place, ports in _receivers(context, owner):
        if isinstance(place, Unknown):
            yield Answer(place)
            continue
        reads = groups.of(place).reads
        for found in groups.admissions(place, ports, has_public_path=lambda: True, except_tag=except_tag):
            unknown = next(iter(found.because), None) if found.possible else None
            yield Answer(True if found.sure else unknown or bool(found.possible), reads)


def _receivers(context: Context, owner: Resource) -> Iterator[tuple[Part | Unknown, tuple[int, ...]]]:
    """Yield where requests to an entrance pass security groups: at the gateway's subnet, or at VMs; and the ports."""
    unclear = Unknown(Cause.VALUE, f"where requests to {owner.id} arrive is unknown", about=(owner.id,))
    if owner.type == APPLICATION_GATEWAY:
        places = objects(owner, "properties.gatewayIPConfigurations[*]")
        listed = objects(owner, "properties.frontendPorts[*]")
        ports = [number_at(port, "properties.port").value for port in listed.of_type(Part)]
        numbers = tuple(sorted({int(port) for port in ports if isinstance(port, int)}))
        whole = bool(numbers) and len(numbers) == len(ports)
        yield from ((place, numbers) for place in places.of_type(Part))
        doubts = (places.incomplete_because, listed.incomplete_because, None if whole and places.known else unclear)
        yield from ((unknown, ()) for unknown in doubts if unknown is not None)
        return
    rules = objects(owner, RULES)
    yield from ((unknown, ()) for unknown in (rules.incomplete_because,) if unknown is not None)
    for rule in rules.of_type(Part):
        frontend = context.topology.graph.follow(rule, "frontendIPConfiguration").value
        if isinstance(frontend, Part) and public_frontend(frontend).value is False:
            continue
        port = number_at(rule, "properties.backendPort").value
        vms = context.topology.load_balancing.vms_served(rule)
        configurations = [PartialList.of(ip_configurations(context, vm).value) for vm in vms.of_type(Resource)]
        found = PartialList.joined(*configurations, PartialList(missing=vms.incomplete_because))
        targets = targets_of(context, rule, found.of_type(Part))
        whole = isinstance(port, int) and (bool(targets) or not vms.known)
        yield from ((place, (port,)) for place in targets if isinstance(port, int))
        unknowns = (found.incomplete_because, None if whole else unclear)
        yield from ((unknown, ()) for unknown in unknowns if unknown is not None)


def public_frontend(frontend: Part) -> Answer:
    """Return whether a frontend is public."""
    address = value(frontend, "properties.publicIPAddress.id")
    if address.value is ABSENT:
        address = value(frontend, "properties.publicIPPrefix.id")
    if address.value is ABSENT:
        return Answer(False, address.reads)
    return Answer(True if isinstance(address.value, str) else unusable(address, "an id"), address.reads)
