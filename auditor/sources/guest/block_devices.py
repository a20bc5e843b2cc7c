"""What `lsblk -J -o NAME,HCTL,MODEL,MOUNTPOINTS,TYPE,PKNAME` prints: which disk is below which mount point.

The LUN of an Azure data disk is the last number of its SCSI address on host 1. With NVMe it is the namespace less 2, on
the controller of remote disks; namespace 1 is the OS disk. The temporary disk is 0:0:0:1, with VMs of generation 1 the
second target of its host, or a local NVMe disk (https://learn.microsoft.com/azure/virtual-machines/enable-nvme-remote-faqs).
"""

from __future__ import annotations

import re
from typing import Any, Final

from auditor.snapshot.guest_kinds import GuestKind
from auditor.sources.guest.content import Builder, Content, Place, text
from auditor.sources.guest.json_text import misspelled, parsed

KEY: Final = "blockdevices"
COLUMNS: Final = ("NAME", "HCTL", "MODEL", "TYPE", "PKNAME")
"""Columns of lsblk that are read, beside MOUNTPOINTS."""
_KEYS: Final = ("name", "hctl", "model", "mountpoint", "mountpoints", "type", "pkname", "children")
_DEEPEST: Final = 12
_MOST: Final = 4096
_NAME: Final = re.compile(r"[\w.:!/-]{1,128}")
_HCTL: Final = re.compile(r"(\d{1,4}):(\d{1,4}):(\d{1,4}):(\d{1,5})")
_NVME: Final = re.compile(r"nvme\d{1,4}n(\d{1,5})")
_REMOTE: Final = "MSFT NVMe Accelerator"
_LOCAL: Final = "Microsoft NVMe Direct Disk"
_TEMPORARY: Final = re.compile(r"0:0:0:1|\d+:0:1:0")
_FIRST_DATA_NAMESPACE: Final = 2
_DATA_HOST: Final = "1"


def parse(whole: str) -> Content:
    """Return the devices as one list; each has the names of those that it lies on."""
    builder = Builder(GuestKind.BLOCK_DEVICES)
    found = parsed(whole)
    devices = found.get(KEY) if isinstance(found, dict) else None
    if not isinstance(devices, list):
        builder.miss("devices", "the file is not the JSON of lsblk; it may be cut")
        return builder.content()
    known: dict[str, dict[str, Any]] = {}
    _walk(builder, devices, "", known, 0)
    builder.properties["devices"] = [*known.values()]
    return builder.content()


def _walk(builder: Builder, devices: list[Any], parent: str, known: dict[str, dict[str, Any]], level: int) -> None:
    for device in devices:
        name = device.get("name") if isinstance(device, dict) else None
        if not isinstance(name, str) or not _NAME.fullmatch(name) or level > _DEEPEST or len(known) >= _MOST:
            builder.miss("devices[*]", "a device is malformed")
            continue
        if wrong := misspelled(device, _KEYS):
            builder.miss("devices[*]", f"{name} has the key {wrong}, which is misspelled")
        item = known.setdefault(name, _device(builder, device, name, len(known)))
        on = parent or device.get("pkname")
        if isinstance(on, str) and _NAME.fullmatch(on) and on not in item["on"]:
            item["on"].append(on)
        children = device.get("children", [])
        if isinstance(children, list):
            _walk(builder, children, name, known, level + 1)
        else:
            builder.miss("devices[*]", f"the devices on {name} are malformed")


def _device(builder: Builder, device: dict[str, Any], name: str, index: int) -> dict[str, Any]:
    item: dict[str, Any] = {"name": name, "on": []}
    for own in ("type", "model"):
        value = device.get(own)
        if isinstance(value, str):
            Place(builder, f"devices[{index}]", item).put(own, value.strip(), text)
    points = device.get("mountpoints", [device.get("mountpoint")])
    points = points if isinstance(points, list) else [points]
    item["mountPoints"] = [point for point in points if isinstance(point, str) and point.startswith(("/", "["))]
    item |= _azure_disk(device.get("hctl"), name, str(item.get("model", "")))
    return item


def _azure_disk(address: object, name: str, model: str) -> dict[str, Any]:
    """Return whether a disk is the temporary one, and its LUN, as far as its address or model shows them."""
    found = _HCTL.fullmatch(address.strip()) if isinstance(address, str) else None
    if found is not None:
        temporary = _TEMPORARY.fullmatch(found[0]) is not None
        shown: dict[str, Any] = {"temporary": temporary} if temporary or found[3] == "0" else {}
        return shown | {"lun": int(found[4])} if found[1] == _DATA_HOST and shown == {"temporary": False} else shown
    nvme = _NVME.fullmatch(name)
    if nvme is None or not model.startswith((_LOCAL, _REMOTE)):
        return {}
    if model.startswith(_LOCAL):
        return {"temporary": True}
    lun = int(nvme[1]) - _FIRST_DATA_NAMESPACE
    return {"temporary": False, "lun": lun} if lun >= 0 else {"temporary": False}
