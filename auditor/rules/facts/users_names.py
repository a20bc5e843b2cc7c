"""Facts of the domain names by which users reach a deployment."""

from __future__ import annotations

from collections import defaultdict
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import (
    DNS_ZONE,
    FRONT_DOOR_CLASSIC,
    FRONT_DOOR_ENDPOINT,
    PUBLIC_ADDRESS,
    RECORD_SET,
    TRAFFIC_MANAGER,
)
from auditor.estate.indexes import Index
from auditor.estate.subjects import Deployment
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.reading import text_at
from auditor.rules.facts.roles import unlisted
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import items, value
from auditor.snapshot.model import Resource

PROFILE: Final = "traffic-manager"
DOOR: Final = "front-door"
ADDRESS: Final = "address"
ELSEWHERE: Final = "elsewhere"
NOWHERE: Final = "nowhere"

_ADDRESS_RECORDS: Final = ("a", "aaaa")
_ADDRESSES: Final = {
    "a": "properties.ARecords[*].ipv4Address",
    "aaaa": "properties.AAAARecords[*].ipv6Address",
}


class UsersName(NamedTuple):
    """A declared domain name by which users reach a deployment."""

    id: str
    name: str


@fact("deployment.users_names", "deployment", gives="users-name*")
def users_names(_: Context, deployment: Deployment) -> Answer:
    """The domain names by which users reach the deployment (`dns` in the deployment file); empty if not declared."""
    found = (UsersName(f"{deployment.id}/dns/{name}", name) for name in deployment.declared.dns)
    return Answer(PartialList(tuple(found)))


@fact("users-name.leads_to", "users-name", gives="text")
def leads_to(context: Context, users_name: UsersName) -> Answer:
    """Where public DNS zones lead the name: `traffic-manager`, `front-door`, `address`, `elsewhere` or `nowhere`.

    `traffic-manager` and `front-door` are a profile and an Azure Front Door of the deployment, `address` one public IP
    address, `elsewhere` another service or deployment; `nowhere` if the zone has no such name. Unknown if no zone that
    was read has it.
    """
    return _resolve(context, users_name.name, frozenset())


def _resolve(context: Context, name: str, above: frozenset[str]) -> Answer:
    """Return where a name leads that other names, `above`, lead to."""
    zones = _zones(context.topology, name)
    if name in above or not zones:
        # Names that Azure assigns are in none of these zones.
        return _known_name(context, name) or Answer(_no_zone(context, name))
    answers = [_in_zone(context, zone, name, above | {name}) for zone in zones]
    reads = tuple(read for answer in answers for read in answer.reads)
    if len({answer.value for answer in answers}) > 1:
        reason = f"{len(zones)} zones have {name}, and lead it to different places; which one is in use is unknown"
        return Answer(Unknown(Cause.VALUE, reason, about=tuple(zone.id for zone in zones)), reads)
    return Answer(answers[0].value, reads)


def _hosts(topology: Topology) -> dict[str, Read]:
    """Return the properties that assign names to Front Doors, by the lower-case name; the first of the same name."""
    found: dict[str, Read] = {}
    for type_, path in ((FRONT_DOOR_ENDPOINT, "properties.hostName"), (FRONT_DOOR_CLASSIC, "properties.cName")):
        for host in (value(door, path) for door in topology.graph.by_type.get(type_, ())):
            if isinstance(host.value, str):
                found.setdefault(host.value.lower(), host.reads[0])
    return found


def _known_name(context: Context, name: str) -> Answer | None:
    """Return where a name leads that Azure assigned to a profile or public IP address; None for any other name."""
    profile = context.topology.dns.profile(name)
    if isinstance(profile, Unknown):
        return Answer(profile)
    if profile is not None:
        return Answer(_own_profile(context, profile.key), value(profile, "properties.dnsConfig.fqdn").reads)
    host = context.topology.once(_hosts).get(name)
    if host is not None:
        return Answer(_own_front_door(context, arm.owner_of(host.resource)), (host,))
    address = context.topology.dns.address(name)
    if isinstance(address, Resource):
        return Answer(ADDRESS, (Read(address.id, "", address.name),))
    return Answer(ELSEWHERE) if address is None else None


def _own_profile(context: Context, key: str) -> str | Unknown:
    """Return whether a profile is one of the deployment, `elsewhere` if it is not."""
    deployment = context.deployment
    if deployment is None:
        return ELSEWHERE
    if any(profile.key == key for profile in deployment.scope[TRAFFIC_MANAGER].of_type(Resource)):
        return PROFILE
    return unlisted(context, deployment, TRAFFIC_MANAGER) or ELSEWHERE


def _own_front_door(context: Context, key: str) -> str | Unknown:
    """Return whether a Front Door is one of the deployment, `elsewhere` if it is not."""
    found = context.topology.graph.get(key)
    if isinstance(found, Unknown) or context.deployment is None:
        return found if isinstance(found, Unknown) else ELSEWHERE
    own = context.deployment.scope[found.type]
    return DOOR if found in own.known else own.missing or ELSEWHERE


def _no_zone(context: Context, name: str) -> Unknown:
    graph = context.topology.graph
    reason = f"where {name} leads is unknown: no DNS zone that was read has it"
    return graph.unlisted(DNS_ZONE, graph.snapshot.scopes) or Unknown(Cause.VALUE, reason)


def _zones(topology: Topology, name: str) -> list[Resource]:
    """Return the public zones with the longest name that a domain name ends with."""
    zones = topology.once(_public_zones)
    found = (zones.of(suffix) for suffix in _parents(name))
    return list(next(filter(None, found), ()))


def _public_zones(topology: Topology) -> Index[str, Resource]:
    """Return the public DNS zones by their lower-case names."""
    return Index(
        (zone.name.lower().rstrip("."), zone)
        for zone in topology.graph.by_type.get(DNS_ZONE, ())
        if str(value(zone, "properties.zoneType").value).lower() != "private"
    )


# --- records ----------------------------------------------------------------------------------------------------------


def _in_zone(context: Context, zone: Resource, name: str, above: frozenset[str]) -> Answer:
    """Return where the records of a zone lead a name."""
    records = context.topology.once(_records).get(zone.key, {})
    relative = name.removesuffix(zone.name.lower().rstrip(".")).rstrip(".")
    delegated = next((label for label in _parents(relative) if "ns" in records.get(label, {})), None)
    if delegated is not None:
        reason = f"{zone.id} delegates {delegated} to a zone that was not read"
        return Answer(Unknown(Cause.VALUE, reason, about=(zone.id,)))
    wildcards = (f"*.{parent}" for parent in _parents(relative)[1:])
    labels = (relative or "@", *wildcards, "*")
    found = next((records[label] for label in labels if label in records), {})
    answers = [_of_record(context, found[kind], kind, above) for kind in ("cname", *_ADDRESS_RECORDS) if kind in found]
    reads = tuple(read for answer in answers for read in answer.reads)
    if not answers:
        unread = context.topology.graph.listing(RECORD_SET, arm.subscription_of(zone.key))
        return Answer(unread or NOWHERE, (Read(zone.id, "name", zone.name),))
    worst = next((answer.value for answer in answers if answer.value in {ADDRESS, ELSEWHERE, NOWHERE}), None)
    unknown = next((answer.value for answer in answers if isinstance(answer.value, Unknown)), None)
    unknown = unknown or context.topology.graph.listing(RECORD_SET, arm.subscription_of(zone.key))
    return Answer(worst or unknown or answers[0].value, reads)


def _parents(relative: str) -> list[str]:
    """Return a name below a zone, and each name between it and the zone: `a.b` and `b`."""
    labels = relative.split(".") if relative else []
    return [".".join(labels[start:]) for start in range(len(labels))]


def _records(topology: Topology) -> dict[str, dict[str, dict[str, Resource]]]:
    """Return the record sets by zone, name below the zone, and lower-case kind."""
    found: defaultdict[str, defaultdict[str, dict[str, Resource]]] = defaultdict(lambda: defaultdict(dict))
    for type_, records in topology.graph.by_type.items():
        if type_.startswith(f"{DNS_ZONE}/"):
            for record in records:
                zone, kind, label = record.key.rsplit("/", 2)
                found[zone][label][kind] = record
    return {zone: dict(names) for zone, names in found.items()}


def _of_record(context: Context, record: Resource, kind: str, above: frozenset[str]) -> Answer:
    """Return where a record set leads."""
    alias = text_at(record, "properties.targetResource.id")
    if alias.value is not ABSENT:
        return Answer(_of_alias(context, alias.value, above), alias.reads)
    if kind == "cname":
        cname = text_at(record, "properties.CNAMERecord.cname")
        if not isinstance(cname.value, str):
            return Answer(cname.value if isinstance(cname.value, Unknown) else NOWHERE, cname.reads)
        found = _resolve(context, cname.value.lower().rstrip("."), above)
        return Answer(found.value, (*cname.reads, *found.reads))
    listed = items(record, _ADDRESSES[kind])
    known = [context.topology.dns.address(str(address)) for address in PartialList.of(listed.value).known]
    if any(isinstance(address, Resource) for address in known):
        return Answer(ADDRESS, listed.reads)
    reason = f"{record.id} leads to addresses that belong to no public IP address that was read"
    unknown = PartialList.of(listed.value).missing or next((each for each in known if isinstance(each, Unknown)), None)
    gap = unknown if unknown is not None and unknown.cause is Cause.GAP else None
    return Answer(gap or Unknown(Cause.VALUE, reason, about=(record.id,)), listed.reads)


def _of_alias(context: Context, target: object, above: frozenset[str]) -> str | Unknown:
    """Return where the resource leads to which an alias record refers."""
    if not isinstance(target, str):
        return target if isinstance(target, Unknown) else NOWHERE
    type_ = arm.type_of(target)
    if type_ == TRAFFIC_MANAGER:
        return _own_profile(context, arm.key(target))
    if type_ == FRONT_DOOR_ENDPOINT:
        return _own_front_door(context, arm.owner_of(target))
    if type_ == PUBLIC_ADDRESS:
        return ADDRESS
    record = context.topology.graph.get(target)
    if type_.startswith(f"{DNS_ZONE}/") and isinstance(record, Resource) and record.key not in above:
        found = _of_record(context, record, arm.name_of(type_), above | {record.key}).value
        return found if isinstance(found, str | Unknown) else NOWHERE
    reason = f"an alias record leads to {target}, which is not evaluated"
    return record if isinstance(record, Unknown) else Unknown(Cause.VALUE, reason, about=(target,))
