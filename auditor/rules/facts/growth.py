"""Facts of the growth of a smaller DR region to full size: missing vCPUs, quotas, reservations, restricted sizes.

A size family has a quota of vCPUs in each region of a subscription, and all families together have another one (vCPU
quotas of Azure VMs). Both count deallocated VMs and the capacity that is reserved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from auditor.azure import arm
from auditor.azure.types.names import CAPACITY_RESERVATION, SKU, USAGE, VM
from auditor.estate.declaration import NONE
from auditor.estate.subjects import Deployment, Members, Mirror
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts.arithmetic import computed, number, total
from auditor.rules.facts.placement import zone
from auditor.rules.facts.reading import number_at, text_at
from auditor.rules.facts.redundancy import Group, counterpart, vms_of
from auditor.rules.facts.sizes import size_of, vcpus
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import items, required, unusable
from auditor.snapshot.model import Resource
from auditor.snapshot.skus import cited_id

SETTING: Final = "dr_capacity_ratio"
"""The setting with which a deployment file lets the DR region be smaller than the primary region."""
ALL_FAMILIES: Final = "cores"
"""The name of the quota of all size families together (total regional vCPUs)."""


class _Sized(NamedTuple):
    """A VM with what its size says."""

    vm: Resource
    size: str
    family: str
    vcpus: float
    reads: tuple[Read, ...]


class _Wanted(NamedTuple):
    """A VM size that the DR region needs more of."""

    size: str
    zones: frozenset[str] | None
    """The zones in which it must be offered: some zone, if there are any, if empty; outside of zones if None."""


class Growth(msgspec.Struct, frozen=True, eq=False):
    """The vCPUs of one quota that the DR region lacks to be as large as the primary region."""

    deployment: str
    subscription: str
    region: str
    quota: str
    """A size family, such as `standardEDSv5Family`, or `ALL_FAMILIES`."""
    missing: float
    wanted: frozenset[_Wanted]
    """The sizes of the family that are needed; those of each family for the quota of all."""
    reads: tuple[Read, ...]

    @property
    def id(self) -> str:
        """Return the id for evidence."""
        return f"{self.deployment}/growth/{self.region}/{self.quota}"

    @property
    def sizes(self) -> list[str]:
        """Return the names of the sizes that are needed, in lower case."""
        return sorted({wanted.size.lower() for wanted in self.wanted})


@fact("deployment.dr_is_to_grow", "deployment", gives="boolean")
def is_to_grow(_: Context, deployment: Deployment) -> Answer:
    """Whether the DR region may be smaller until it is needed: the setting `dr_capacity_ratio` is below 1."""
    ratio = deployment.declared.settings.get(SETTING, 1.0)
    reads = (Read(deployment.id, f"settings.{SETTING}", ratio),)
    return Answer(ratio < 1, reads)


@fact("deployment.dr_growth", "deployment", gives="growth*")
def growth(context: Context, deployment: Deployment) -> Answer:
    """The quotas of vCPUs from which the DR region must take what it lacks to be as large as the primary region.

    Of a mirror the largest members are compared, of a tier the sums; what has as many vCPUs there lacks nothing.
    """
    primary, region = deployment.regions.primary, deployment.regions.dr
    if not isinstance(region, str) or not isinstance(primary, str) or region == NONE:
        return Answer(PartialList() if region == NONE else next(r for r in (region, primary) if isinstance(r, Unknown)))
    undeclared = (PartialList.of(vms).incomplete_because for vms in deployment.expected.values())
    unknown = deployment.more_mirrors or next(filter(None, undeclared), None)
    found: dict[tuple[str, str], list[Growth]] = defaultdict(list)
    groups: list[Group] = [*deployment.mirrors, *(tier for tier in deployment.tiers if tier.region == primary)]
    for group in groups:
        for lacking in _lacking(context, deployment, group, region):
            if isinstance(lacking, Unknown):
                unknown = unknown or lacking
            else:
                found[lacking.subscription, lacking.quota].append(lacking)
    return Answer(PartialList(tuple(map(_sum, found.values())), unknown))


@fact("growth.missing_vcpus", "growth", gives="number")
def missing_vcpus(_: Context, found: Growth) -> Answer:
    """The virtual CPUs that the DR region lacks to be as large as the primary region."""
    return Answer(found.missing, found.reads)


@fact("growth.available_vcpus", "growth", gives="number")
def available_vcpus(context: Context, found: Growth) -> Answer:
    """The virtual CPUs that the quota leaves in the DR region, and those of unused capacity reservations there."""
    quota = f"{found.subscription}/providers/Microsoft.Compute/locations/{found.region}/usages/{found.quota}"
    graph = context.topology.graph
    usage = graph.resources.get(arm.key(quota))
    if usage is None:
        unread = graph.listing(USAGE, found.subscription)
        return Answer(unread or Unknown(Cause.VALUE, f"Azure lists no quota {found.quota} in {found.region}"))
    numbers = [required(number_at(usage, path)) for path in ("limit", "currentValue")]
    left = computed(numbers, lambda limit, used: max(limit - used, 0))
    return total([left, reserved_vcpus(context, found)])


@fact("growth.reserved_vcpus", "growth", gives="number")
def reserved_vcpus(context: Context, found: Growth) -> Answer:
    """The virtual CPUs of unused capacity reservations for the needed sizes in the DR region."""
    graph = context.topology.graph
    numbers = [
        _unused(context, found, reservation)
        for reservation in graph.in_subscriptions(CAPACITY_RESERVATION, (found.subscription,))
        if _may_serve(reservation, found)
    ]
    return total(numbers, graph.listing(CAPACITY_RESERVATION, found.subscription))


@fact("growth.restricted_sizes", "growth", gives="text*")
def restricted_sizes(context: Context, found: Growth) -> Answer:
    """The needed VM sizes that the DR region does not offer to the subscription, or not in the needed zones."""
    known: list[object] = []
    reads: list[Read] = []
    for wanted in sorted(found.wanted, key=lambda wanted: (wanted.size, sorted(wanted.zones or ()))):
        offered = _is_offered(context, found, wanted)
        reads += offered.reads
        if isinstance(offered.value, Unknown):
            known.append(offered.value)
        elif offered.value is False:
            known.append(wanted.size)
    return Answer(PartialList(tuple(dict.fromkeys(known))), tuple(reads))


# --- what is lacking --------------------------------------------------------------------------------------------------


def _lacking(context: Context, deployment: Deployment, group: Group, region: str) -> Iterator[Growth | Unknown]:
    """Yield what the counterpart of a group lacks of each size family and of all, or why that is unknown."""
    if isinstance(group, Mirror) and group.declared.dr.none:
        return
    own, there = _sized(context, vms_of(group)), _sized(context, counterpart(context, group))
    unknown = own.incomplete_because or there.incomplete_because
    if unknown is not None:
        yield unknown
        return
    here, dr = own.of_type(_Sized), there.of_type(_Sized)
    if isinstance(group, Mirror):
        here, dr = _largest(here), _largest(dr)
    needs, has = _by_family(here), _by_family(dr)
    lacks = sum(needs.values()) - sum(has.values())
    if lacks <= 0:
        return
    places = [zone(context, vm.vm).value for vm in dr or here]
    unknown = next((place for place in places if isinstance(place, Unknown)), None)
    if unknown is not None:
        yield unknown
        return
    zones = _zones_wanted(group, [place for place in places if isinstance(place, str)], has_dr=bool(dr))
    subscription = arm.subscription_of((dr or here)[0].vm.key)
    reads = tuple(read for vm in (*here, *dr) for read in vm.reads)
    wanted: set[_Wanted] = set()
    for family, needed in needs.items():
        missing = needed - has.get(family, 0)
        if missing > 0:
            # VMs of a tier are added. A DR async is resized: another family must then have all of its vCPUs.
            count = missing if isinstance(group, Mirror) else min(missing, lacks)
            sizes = frozenset(_Wanted(vm.size, zones) for vm in here if vm.family == family)
            wanted |= sizes
            yield Growth(deployment.id, subscription, region, family, count, sizes, reads)
    yield Growth(deployment.id, subscription, region, ALL_FAMILIES, lacks, frozenset(wanted), reads)


def _zones_wanted(group: Group, zones: list[str], *, has_dr: bool) -> frozenset[str] | None:
    """Return the zones in which a size must be offered, by those of the VMs in the DR region or else of its models.

    A DR async stays in its zone when it is resized. A VM that is added may be in any zone.
    """
    if not zones:
        return None
    return frozenset(zones) if has_dr and isinstance(group, Mirror) else frozenset()


def _sum(parts: list[Growth]) -> Growth:
    """Return what several groups lack of one quota as one."""
    return msgspec.structs.replace(
        parts[0],
        missing=sum(part.missing for part in parts),
        wanted=frozenset().union(*(part.wanted for part in parts)),
        reads=tuple(read for part in parts for read in part.reads),
    )


def _largest(vms: list[_Sized]) -> list[_Sized]:
    return [max(vms, key=lambda found: found.vcpus)] if vms else []


def _by_family(vms: Iterable[_Sized]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for vm in vms:
        found[vm.family] += vm.vcpus
    return found


def _sized(context: Context, vms: Members) -> PartialList:
    """Return VMs with what their sizes say."""
    members = PartialList.of(vms)
    known = (_of_size(context, vm) if isinstance(vm, Resource) else vm for vm in members.known)
    return PartialList(tuple(known), members.missing)


def _of_size(context: Context, vm: Resource) -> _Sized | Unknown:
    size, cpus = size_of(vm), vcpus(context, vm)
    if not isinstance(size.value, str):
        return unusable(size, "a text")
    if not isinstance(cpus.value, int | float):
        return unusable(cpus, "a number")
    records = context.topology.once(_records).get((size.value.lower(), vm.location), [])
    family = next((str(record.body["family"]) for record in records if record.body.get("family")), "")
    reason = f"the SKU list has no family of {size.value} in {vm.location}"
    unknown = Unknown(Cause.VALUE, reason, about=(vm.id,))
    return _Sized(vm, size.value, family, cpus.value, cpus.reads) if family else unknown


# --- what Azure offers ------------------------------------------------------------------------------------------------


def _records(topology: Topology) -> Mapping[tuple[str, str], list[Resource]]:
    """Return the SKU records of VM sizes by size, in lower case, and region."""
    found: dict[tuple[str, str], list[Resource]] = defaultdict(list)
    for record in topology.graph.by_type[SKU]:
        if str(record.body.get("resourceType")).lower() == "virtualmachines":
            for region in _list(record.body.get("locations")):
                found[str(record.body.get("name")).lower(), arm.location(str(region))].append(record)
    return found


def _is_offered(context: Context, found: Growth, wanted: _Wanted) -> Answer:
    """Return whether a size is offered to the subscription, and has no restriction, where it is needed."""
    records = context.topology.once(_records).get((wanted.size.lower(), found.region), [])
    own = [record for record in records if arm.subscription_of(record.key) == found.subscription]
    shared = [record for record in records if not arm.subscription_of(record.key)]
    answers = [_offers(found, wanted, record) for record in own or shared]
    if answers and all(answer.value == answers[0].value for answer in answers):
        return answers[0]
    graph = context.topology.graph
    reason = f"several subscriptions have different restrictions of {wanted.size} in {found.region}"
    if not answers:
        unread = graph.listing(SKU, found.subscription)
        if unread is None and _was_read(context, found, wanted.size):
            return Answer(False, (Read(cited_id(found.subscription, wanted.size), "locations", []),))
        reason = f"Azure lists no {wanted.size} in {found.region}"
        return Answer(unread or Unknown(Cause.VALUE, reason))
    return Answer(Unknown(Cause.VALUE, reason), tuple(read for answer in answers for read in answer.reads))


def _was_read(context: Context, found: Growth, size: str) -> bool:
    """Return whether the SKU list of the region would have the size: it was read there, and a VM of it exists."""
    listed = any(region == found.region for _, region in context.topology.once(_records))
    return listed and (found.subscription, size.lower()) in context.topology.once(_sizes_in_use)


def _sizes_in_use(topology: Topology) -> frozenset[tuple[str, str]]:
    """Return the subscriptions and sizes of all VMs: only these sizes are read live."""
    return frozenset((arm.subscription_of(vm.key), str(size_of(vm).value).lower()) for vm in topology.graph.by_type[VM])


def _offers(found: Growth, wanted: _Wanted, record: Resource) -> Answer:
    """Return whether a SKU record offers a size where it is needed."""
    cited = cited_id(found.subscription, wanted.size)
    restrictions = [
        (index, entry) for index, entry in enumerate(_list(record.body.get("restrictions"))) if isinstance(entry, dict)
    ]
    closed: dict[str, Read] = {}
    for index, entry in restrictions:
        read = Read(cited, f"restrictions[{index}]", entry)
        info = entry.get("restrictionInfo")
        places = _list(info.get("locations")) if isinstance(info, dict) else []
        if found.region not in {arm.location(str(place)) for place in places or _list(entry.get("values"))}:
            continue
        if str(entry.get("type")).lower() == "location":
            return Answer(False, (read,))
        zones = _list(info.get("zones")) if isinstance(info, dict) else []
        closed |= {str(number): read for number in zones}
    return Answer(True) if wanted.zones is None else _in_zones(found, wanted.size, wanted.zones, record, closed)


def _in_zones(found: Growth, size: str, zones: frozenset[str], record: Resource, closed: Mapping[str, Read]) -> Answer:
    """Return whether a size is offered in the needed zones, of which some are closed to the subscription."""
    cited = cited_id(found.subscription, size)
    for index, info in enumerate(_list(record.body.get("locationInfo"))):
        if isinstance(info, dict) and arm.location(str(info.get("location"))) == found.region:
            offered = {str(number) for number in _list(info.get("zones"))}
            is_open = offered - closed.keys()
            reads = (
                Read(cited, f"locationInfo[{index}].zones", sorted(offered)),
                *{read.path: read for read in closed.values()}.values(),
            )
            return Answer(zones <= is_open and bool(is_open or not offered), reads)
    return Answer(Unknown(Cause.VALUE, f"the SKU list has no zones of {size} in {found.region}"))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


# --- capacity reservations --------------------------------------------------------------------------------------------


def _may_serve(reservation: Resource, found: Growth) -> bool:
    """Return whether a capacity reservation is in the region, and for one of the needed sizes."""
    size, place = text_at(reservation, "sku.name").value, text_at(reservation, "location").value
    if isinstance(place, str) and arm.location(place) != found.region:
        return False
    return isinstance(size, Unknown) or str(size).lower() in found.sizes


def _unused(context: Context, found: Growth, reservation: Resource) -> Answer:
    """Return the virtual CPUs of a capacity reservation that no VM is to use."""
    capacity, size = required(number_at(reservation, "sku.capacity")), required(text_at(reservation, "sku.name"))
    users = PartialList.of(items(reservation, "properties.virtualMachinesAssociated[*]").value)
    if not isinstance(size.value, str):
        return size
    name = size.value
    each = context.topology.graph.capability("virtualMachines", name, found.region, found.subscription, "vCPUs")
    free = computed([capacity, number(each)], lambda count, cpus: max(count - len(users.known), 0) * cpus)
    return Answer(users.incomplete_because or free.value, free.reads)
