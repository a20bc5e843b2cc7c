"""What separates two VMs, so that they do not fail together: regions, availability zones or fault domains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from auditor.azure.paths import ABSENT
from auditor.rules.context import Context
from auditor.rules.facts.placement import fault_domain, fault_domain_group, region, zone
from auditor.rules.facts.zones import Zone, same_zone, zone_of
from auditor.snapshot.known import Answer, Unknown
from auditor.snapshot.lookup import required
from auditor.snapshot.model import Resource

REGION: Final = "region"
ZONE: Final = "zone"
FAULT_DOMAIN: Final = "fault-domain"
UNRELATED: Final = "unrelated"
NOTHING: Final = "nothing"

_STRENGTH: Final = (UNRELATED, FAULT_DOMAIN, ZONE, REGION)
"""Weakest first."""


def apart(context: Context, one: Resource, other: Resource) -> Answer:
    """Return what separates two VMs; `nothing` if Azure guarantees nothing."""
    found = _apart(context, one, other)
    return Answer(NOTHING, found.reads) if found.value is ABSENT else found


def apart_from_member(context: Context, arbiter: Resource, member: Resource) -> Answer:
    """Return what separates an arbiter from a failover member.

    `unrelated` if the member is in no zone and they share no set: no number shows that they share a fault domain.
    """
    found = _apart(context, arbiter, member)
    in_zone = isinstance(zone(context, member).value, str)
    if found.value is ABSENT or (in_zone and found.value == FAULT_DOMAIN):
        return Answer(NOTHING if in_zone else UNRELATED, found.reads)
    return found


def weakest(answers: Sequence[Answer]) -> Answer:
    """Return the weakest separation of several pairs of VMs, absent without a pair."""
    nothing = next((answer for answer in answers if answer.value == NOTHING), None)
    if nothing is not None:
        return nothing
    reads = tuple(read for answer in answers for read in answer.reads)
    known = [answer.value for answer in answers if isinstance(answer.value, str)]
    unknown = next((answer.value for answer in answers if isinstance(answer.value, Unknown)), None)
    return Answer(unknown or min(known, key=_STRENGTH.index, default=ABSENT), reads)


def _apart(context: Context, one: Resource, other: Resource) -> Answer:
    """Return what separates two VMs; absent if they share neither zones nor a set that would show it."""
    places = [region(context, vm) for vm in (one, other)]
    if all(isinstance(place.value, str) for place in places) and places[0].value != places[1].value:
        return Answer(REGION, tuple(read for place in places for read in place.reads))
    zones = [zone_of(context, vm) for vm in (one, other)]
    reads = tuple(read for found in zones for read in found.reads)
    unknown = next((found.value for found in zones if isinstance(found.value, Unknown)), None)
    if unknown is not None:
        return Answer(unknown, reads)
    first, second = (found.value for found in zones)
    if not isinstance(first, Zone) or not isinstance(second, Zone):
        domains = _apart_in_set(context, one, other)
        return Answer(domains.value, (*reads, *domains.reads))
    # A VM in a zone is in no availability set, and a scale set in zones shows no fault domains.
    same = same_zone(context, first, second)
    found = same.value if isinstance(same.value, Unknown) else NOTHING if same.value else ZONE
    return Answer(found, (*reads, *same.reads))


def _apart_in_set(context: Context, one: Resource, other: Resource) -> Answer:
    """Return what separates two VMs in one set; absent if they are not in one."""
    groups = [fault_domain_group(context, vm) for vm in (one, other)]
    reads = tuple(read for group in groups for read in group.reads)
    unknown = next((group.value for group in groups if isinstance(group.value, Unknown)), None)
    if unknown is not None:
        return Answer(unknown, reads)
    ids = {group.value.lower() if isinstance(group.value, str) else "" for group in groups}
    if len(ids) > 1 or "" in ids:
        return Answer(ABSENT, reads)
    # Azure assigns a fault domain to every VM of a set, so its absence proves nothing.
    domains = [required(fault_domain(context, vm)) for vm in (one, other)]
    reads += tuple(read for domain in domains for read in domain.reads)
    unknown = next((domain.value for domain in domains if isinstance(domain.value, Unknown)), None)
    if unknown is not None:
        return Answer(unknown, reads)
    return Answer(NOTHING if domains[0].value == domains[1].value else FAULT_DOMAIN, reads)
