"""What `lsblk -J -o NAME,HCTL,MODEL,MOUNTPOINTS,TYPE,PKNAME` prints: which disk is below which mount point.

The LUN of an Azure data disk is the last number of its SCSI address on host 1. With NVMe it is the namespace less 2, on
the controller of remote disks; namespace 1 is the OS disk. The temporary disk is 0:0:0:1 or 1:0:1:0, or a local NVMe
disk (https://learn.microsoft.com/azure/virtual-machines/enable-nvme-remote-faqs).
"""

from __future__ import annotations

import re
from typing import Any, Final

from auditor.snapshot.guest_kinds import GuestKind
from auditor.sources.guest.content import Builder, Content, Place, text
from auditor.sources.guest.json_text import parsed

KEY: Final = "blockdevices"
_DEEPEST: Final = 12
_MOST: Final = 4096
_NAME: Final = re.compile(r"[\w.:!/-]{1,128}")
_HCTL: Final = re.compile(r"(\d{1,4}):(\d{1,4}):(\d{1,4}):(\d{1,5})")
_NVME: Final = re.compile(r"nvme\d{1,4}n(\d{1,5})")
_REMOTE: Final = "MSFT NVMe Accelerator"
_LOCAL: Final = "Microsoft NVMe Direct Disk"
_TEMPORARY: Final = {"0:0:0:1", "1:0:1:0"}
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
    address = device.get("hctl")
    if isinstance(address, str) and (found := _HCTL.fullmatch(address.strip())):
        item["temporary"] = address.strip() in _TEMPORARY
        if found[1] == _DATA_HOST and not item["temporary"]:
            item["lun"] = int(found[4])
    elif nvme := _NVME.fullmatch(name):
        model = str(item.get("model", ""))
        item["temporary"] = model.startswith(_LOCAL)
        if model.startswith(_REMOTE) and int(nvme[1]) >= _FIRST_DATA_NAMESPACE:
            item["lun"] = int(nvme[1]) - _FIRST_DATA_NAMESPACE
    return item
