"""What Azure adds to VMs, disks and snapshots that are created: where a VM runs, and what a copy has of its source."""

from __future__ import annotations

from collections import Counter
from typing import Any

Body = dict[str, Any]
Resources = dict[str, Body]

PERFORMANCE = ("diskIOPSReadWrite", "diskMBpsReadWrite")


def placed(vm: Body, resources: Resources) -> Body:
    """Return the instance view of a new VM that runs, in the domains of its availability set with the fewest VMs."""
    status = {"code": "PowerState/running", "level": "Info", "displayStatus": "VM running"}
    view: Body = {"statuses": [status]}
    id_ = _set_of(vm)
    if not id_:
        return view
    others = [body for body in resources.values() if _set_of(body) == id_ and body["id"].lower() != vm["id"].lower()]
    counts = resources.get(id_, {}).get("properties", {})
    for domain, count in (("platformFaultDomain", 2), ("platformUpdateDomain", 5)):
        used = Counter(other["properties"].get("instanceView", {}).get(domain) for other in others)
        numbers = [*range(counts.get(f"{domain}Count", count))]
        view[domain] = min(numbers, key=used.__getitem__)
    return view


def _set_of(vm: Body) -> str:
    properties = vm.get("properties")
    found = properties.get("availabilitySet") if isinstance(properties, dict) else None
    return str(found["id"]).lower() if isinstance(found, dict) else ""


def attach(vm: Body, resources: Resources) -> None:
    """Note in the disks of a VM that they are attached, and in the VM what they are."""
    storage = vm["properties"]["storageProfile"]
    for attached in (storage["osDisk"], *(storage.get("dataDisks") or ())):
        disk = resources.get(attached.get("managedDisk", {}).get("id", "").lower())
        if disk is None:
            continue
        disk["managedBy"] = vm["id"]
        attached["managedDisk"].setdefault("storageAccountType", disk["sku"]["name"])
        attached.setdefault("diskSizeGB", disk["properties"].get("diskSizeGB"))


def detach(vm: Body, resources: Resources) -> None:
    """Note that the disks of a VM that is deleted are attached no more."""
    for disk in resources.values():
        if str(disk.get("managedBy", "")).lower() == vm["id"].lower():
            del disk["managedBy"]


def fill(copy: Body, resources: Resources) -> None:
    """Give a snapshot, or a disk that is a copy, what it has of its source."""
    source = resources.get(str(copy["properties"].get("creationData", {}).get("sourceResourceId")).lower())
    if source is None:
        return
    properties = copy["properties"]
    for key in PERFORMANCE:  # a snapshot has none, but shows here what it was
        if key in source["properties"]:
            properties.setdefault(key, source["properties"][key])
    if "/snapshots/" in copy["id"]:
        properties["completionPercent"] = 100.0
