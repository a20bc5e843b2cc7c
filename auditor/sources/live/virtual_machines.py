"""Virtual machines: their states, their disks, and the SKUs and quotas of the regions where they are."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Final
from urllib.parse import quote

import msgspec

from auditor.azure import arm
from auditor.azure.types.names import DISK, VM
from auditor.snapshot.model import GapReason, Resource
from auditor.snapshot.skus import sku
from auditor.sources.live import reads
from auditor.sources.live.bodies import name_of, object_at, refusing_deep_bodies, resource_of, text_at
from auditor.sources.live.client import ArmClient
from auditor.sources.live.completeness import SubscriptionAccess
from auditor.sources.live.lists import read_list
from auditor.sources.live.responses import NotReadError, UnknownTypeError, shown
from auditor.sources.live.results import ReadResult, merged

_AVAILABILITY_SETS: Final = "availabilitysets"
"""The kind of SKU record with the number of fault domains that availability sets can have in a region."""


async def read_virtual_machines(access: SubscriptionAccess) -> ReadResult:
    """Read the VMs of a subscription with their states, its disks, and what Azure offers in their regions."""
    vms, disks, (views, error) = await asyncio.gather(
        read_list(access, reads.OF_SUBSCRIPTION[VM]),
        read_list(access, reads.OF_SUBSCRIPTION[DISK]),
        _read_states(access),
    )
    owners, result = ReadResult(), ReadResult()
    owners.merge(vms, disks)
    regions = await merged(*_read_regions(access, vms, disks))
    result.merge(owners, _merge_states(access, vms, views, error), regions)
    for listing in (reads.SIZES, reads.USAGES):
        inherited = access.inherit_gap(result, listing.name, owners, VM, DISK)
        if not inherited and (access.subscription, listing.key) not in result.incomplete:
            access.mark_complete(result, listing.name, listing.action)
    return result


async def _read_states(access: SubscriptionAccess) -> tuple[dict[str, dict[str, object]], NotReadError | None]:
    """Return instance views with nothing but the state, by the key of the VM, and why there may be more."""
    path = reads.STATUSES.request(access.subscription)
    views: dict[str, dict[str, object]] = {}
    try:
        async for body in access.client.items(path):
            view = object_at(body, "properties", "instanceView")
            if view is not None:
                views[arm.key(name_of(body, path, "id"))] = view
    except NotReadError as error:
        none = error.not_registered or isinstance(error, UnknownTypeError)
        return views, error if views or not none else None
    return views, None


def _merge_states(
    access: SubscriptionAccess, vms: ReadResult, views: dict[str, dict[str, object]], error: NotReadError | None
) -> ReadResult:
    """Return the VMs of which a state was read."""
    result = ReadResult()
    for vm in vms.resources.values():
        if vm.key in views:
            try:
                result.add(
                    _merge_instance_view(vm, views[vm.key], f"GET {reads.STATUSES.request(access.subscription)}")
                )
            except NotReadError as malformed:
                error = malformed
    if error is not None:
        access.record_gap(result, reads.STATUS, error, reads.STATUSES.action)
    return result


def _read_regions(
    access: SubscriptionAccess, vms: ReadResult, disks: ReadResult
) -> Iterator[Coroutine[None, None, ReadResult]]:
    """Yield the steps that read what Azure offers in each region where there is a VM or a disk.

    Of VM sizes, that is every size of a VM in any of them: what one region uses, another may have to offer.
    """
    sizes = {text_at(vm.body, "properties", "hardwareProfile", "vmSize").lower() for vm in vms.resources.values()}
    in_use: dict[str, set[str]] = {vm.location: set() for vm in vms.resources.values()}
    for disk in disks.resources.values():
        in_use.setdefault(disk.location, set()).add(text_at(disk.body, "sku", "name").lower())
    for region, names in in_use.items():
        if region:
            yield _read_skus(access, region, names | sizes)
            yield _read_usages(access, region)


async def _read_skus(access: SubscriptionAccess, region: str, names: set[str]) -> ReadResult:
    """Read the SKU records of a region: of availability sets, and of the VM sizes and disk types in use."""
    path = f"{reads.SIZES.request(access.subscription)}&$filter=location%20eq%20'{quote(region, safe='')}'"
    result = ReadResult()
    try:
        async for body in access.client.items(path):
            name, kind = name_of(body, path, "name").lower(), text_at(body, "resourceType").lower()
            if name in names or kind == _AVAILABILITY_SETS:
                with refusing_deep_bodies(f"GET {path}"):
                    result.add(sku(body, subscription=access.subscription))
    except NotReadError as error:
        access.record_gap(result, reads.SIZES.name, error, reads.SIZES.action)
        result.incomplete.add((access.subscription, reads.SIZES.key))
    return result


async def _read_usages(access: SubscriptionAccess, region: str) -> ReadResult:
    """Read the quotas of a region with their usage. Azure gives them no id; they get one here."""
    scope = f"{access.subscription}/providers/Microsoft.Compute/locations/{quote(region, safe='')}"
    path = reads.USAGES.request(scope)
    result = ReadResult()
    try:
        async for body in access.client.items(path):
            arm_id = f"{scope}/usages/{name_of(body, path, 'name', 'value')}"
            result.add(resource_of({**body, "id": arm_id}, f"GET {path}"))
    except NotReadError as error:
        access.record_gap(result, reads.USAGES.name, error, reads.USAGES.action)
        result.incomplete.add((access.subscription, reads.USAGES.key))
    return result


async def read_instance_view(client: ArmClient, vm: Resource) -> ReadResult:
    """Read the placement and the health of a VM, which no list contains."""
    result = ReadResult()
    try:
        result.add(await _with_instance_view(client, vm))
    except NotReadError as error:
        result.record_gap(client.progress, vm.id, "properties.instanceView", error, reads.INSTANCE.action)
    return result


async def _with_instance_view(client: ArmClient, vm: Resource) -> Resource:
    path = reads.INSTANCE.request(vm.id)
    view = object_at(await client.get(path), "properties", "instanceView")
    if view is None:
        detail = f"{shown(path)} returned no instance view"
        raise NotReadError(GapReason.MALFORMED, detail=detail, call=f"GET {path}")
    return _merge_instance_view(vm, view, f"GET {path}")


def _merge_instance_view(vm: Resource, view: dict[str, object], call: str) -> Resource:
    """Return a VM with its instance view, as Azure returns it for `$expand=instanceView`.

    Raises:
        NotReadError: the view is nested too deeply.
    """
    properties = vm.body.get("properties")
    if not isinstance(properties, dict):
        return vm
    with refusing_deep_bodies(call):
        return msgspec.structs.replace(vm, body={**vm.body, "properties": {**properties, "instanceView": view}})
