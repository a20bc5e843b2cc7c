"""A small Azure Resource Manager: holds a few resources, refuses what Azure refuses, notes what is written."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

from tests.tools.azcli import fake_compute
from tests.tools.azcli.fake_backup import FakeBackup, keeps_the_rest

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
PROVIDERS = f"{SUBSCRIPTION}/resourceGroups/RG/providers/"
VM = "microsoft.compute/virtualmachines"
PEERING = "microsoft.network/virtualnetworks/virtualnetworkpeerings"
DISK = "microsoft.compute/disks"
SNAPSHOT = "microsoft.compute/snapshots"

Body = dict[str, Any]

_TAGS = "/providers/microsoft.resources/tags/default"
_READ_ONLY = {
    "backendIPConfigurations",
    "fqdn",
    "id",
    "instanceView",
    "managedBy",
    "name",
    "provisioningState",
    "publicCertData",
    "resources",
    "type",
}


class RefusedError(Exception):
    """Azure refuses the request, with an HTTP status and a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Write:
    """A request that changes something."""

    request: str
    """The method and the last two segments of the path, such as `PUT disks/DISK`."""
    body: Any
    lost: tuple[str, ...]
    """The paths that the resource had and a PUT does not send."""


class FakeArm:
    """The resources of an estate file, and the requests that changed them since `writes` was last emptied."""

    def __init__(self, file: Path, resources: list[Body] | None = None) -> None:
        """Take the resources of the file, or others in their place as they are."""
        estate = yaml.safe_load(file.read_text(encoding="utf-8"))
        self._answers: dict[str, Any] = estate["answers"]
        self._resources: dict[str, Body] = {}
        self._backup = FakeBackup(self._resources)
        self.writes: list[Write] = []
        if resources is not None:
            self._resources.update((body["id"].lower(), copy.deepcopy(body)) for body in resources)
            for body in self._resources.values():
                _name_parts(body, body["id"])
            return
        for path, body in estate["resources"].items():
            self._put(PROVIDERS + path, {"location": "westeurope", **body})

    @property
    def resources(self) -> list[Body]:
        """The resources as they are now."""
        return [*self._resources.values()]

    def answer(self, method: str, url: str, body: Any) -> tuple[int, Any]:
        """Return the status and the body of the response to a request."""
        address = urlsplit(url)
        path = unquote(address.path).rstrip("/").replace("//", "/")
        lost: tuple[str, ...] = ()
        old = self._find(path)
        if method == "PUT" and old is not None and not keeps_the_rest(path):
            lost = tuple(sorted(_lost(old, body, "")))
        if method not in {"GET", "HEAD"}:
            self.writes.append(Write(f"{method} {'/'.join(path.split('/')[-2:])}", copy.deepcopy(body), lost))
        try:
            if method in {"GET", "HEAD"}:
                return 200, self._get(path, parse_qs(address.query))
            return self._change(method, path, body)
        except RefusedError as refused:
            return refused.status, {"error": {"code": "Refused", "message": str(refused)}}

    def _change(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if (backup := self._backup.change(method, path, body)) is not None:
            return backup
        if method == "POST" and (answer := self._answer(path)) is not None:
            return 200, answer
        if method == "POST":
            return 200, self._act(*path.rsplit("/", 1))
        if method == "DELETE":
            self._delete(path)
            return 200, None
        if "/deployments/" in path:
            self._deploy(path.partition("/providers/")[0], body["properties"]["template"]["resources"])
        if path.lower().endswith(_TAGS) and (tagged := self._find(path[: -len(_TAGS)])) is not None:
            tagged["tags"] = (tagged.get("tags") or {}) | body["properties"]["tags"]
            return 200, body
        new = self._put(path, body if method == "PUT" else _merged(self._find(path) or {}, body))
        return 201 if "/providers/Microsoft.Authorization/" in path else 200, new

    # Reading.

    def _get(self, path: str, query: dict[str, list[str]]) -> Any:
        found = self._find(path)
        if found is not None:
            return found
        if (backup := self._backup.get(path)) is not None:
            return backup
        if (answer := self._answer(path)) is not None:
            return answer
        if path.lower().endswith("/resources"):
            wanted = re.findall(r"(name|resourceType) eq '([^']*)'", query.get("$filter", [""])[0])
            keys = {"name": "name", "resourceType": "type"}
            return {
                "value": [
                    resource
                    for resource in self._resources.values()
                    if all(resource[keys[key]].lower() == value.lower() for key, value in wanted)
                ]
            }
        if len(_segments(path)) % 2 == 0:  # the path of a collection
            return {"value": [body for key, body in self._resources.items() if _type_of(key) == _type_of(path)]}
        raise RefusedError(404, f"{path} was not found")

    def _answer(self, path: str) -> Any:
        """Return what the estate file answers for a path, None if it has nothing."""
        return next((answer for key, answer in self._answers.items() if re.search(key, path, re.IGNORECASE)), None)

    def _find(self, path: str) -> Body | None:
        """Return a resource or a part of one."""
        found = self._resources.get(path.lower())
        return found or next((part for part in _dicts([*self._resources.values()]) if _is(part, path)), None)

    def _existing(self, path: str) -> Body:
        found = self._find(path)
        if found is None:
            raise RefusedError(404, f"{path} was not found")
        return found

    # Writing.

    def _put(self, path: str, body: Body) -> Body:
        new = _with_ids(copy.deepcopy(body), path)
        old = self._find(path)
        self._refuse(old or {}, new)
        _keep_members(old or {}, new)
        if old and "managedBy" in old:  # Azure alone changes it
            new["managedBy"] = old["managedBy"]
        if old and _type_of(path) == DISK and old["sku"]["name"] != new["sku"]["name"]:
            for performance in fake_compute.PERFORMANCE:  # Azure sets that of the new SKU
                new["properties"].pop(performance, None)
        if isinstance(new.get("properties"), dict):
            new["properties"]["provisioningState"] = "Succeeded"
        self._complete(old or {}, new)
        if old is not None and path.lower() not in self._resources:  # a part: its resource shows the change
            old.clear()
            old.update(new)
        elif old is None and (parts := self._parts(path)) is not None:
            parts.append(new)
        else:
            self._resources[path.lower()] = new
        if _type_of(path) == PEERING and old is None:
            self._connect(new)
        if _type_of(path) == "microsoft.network/networkinterfaces":
            for owner in self._resources.values():
                _join_pools(owner, new)
        return new

    def _connect(self, peering: Body) -> None:
        """Set the state of a new peering: connected if the other network has one that waits for it."""
        own = peering["id"].rsplit("/", 2)[0].lower()
        remote = self._existing(peering["properties"]["remoteVirtualNetwork"]["id"])
        peering["properties"]["peeringState"] = "Initiated"
        for other in remote["properties"].get("virtualNetworkPeerings") or ():
            properties = other["properties"]
            if (properties["remoteVirtualNetwork"]["id"].lower(), properties["peeringState"]) == (own, "Initiated"):
                properties["peeringState"] = peering["properties"]["peeringState"] = "Connected"

    def _parts(self, path: str) -> list[Body] | None:
        """Return the list in a resource to which a part belongs, None if it is no part of a resource."""
        owner, collection, _ = path.rsplit("/", 2)
        parts = (self._resources.get(owner.lower(), {}).get("properties") or {}).get(collection)
        return parts if isinstance(parts, list) else None

    def _complete(self, old: Body, new: Body) -> None:
        """Add what Azure adds to a VM, a disk or a snapshot."""
        kind = _type_of(new["id"])
        if kind == VM:
            view = old.get("properties", {}).get("instanceView")
            new["properties"].setdefault("instanceView", view or fake_compute.placed(new, self._resources))
            fake_compute.attach(new, self._resources)
        if kind in {DISK, SNAPSHOT}:
            fake_compute.fill(new, self._resources)

    def _deploy(self, group: str, resources: list[Body]) -> None:
        for resource in resources:
            body = {key: value for key, value in resource.items() if key not in {"apiVersion", "dependsOn"}}
            self._put(f"{group}/providers/{resource['type']}/{resource['name']}", body)

    def _delete(self, path: str) -> None:
        """Delete a resource; with a VM, what its delete options name."""
        deleted = self._existing(path)
        if _type_of(path) == VM:
            for reference, option in _references(deleted):
                if option == "Delete":
                    self._resources.pop(reference.lower(), None)
            fake_compute.detach(deleted, self._resources)
            for below in [key for key in self._resources if key.startswith(f"{path.lower()}/")]:
                del self._resources[below]
        if (parts := self._parts(path)) is not None:
            parts.remove(deleted)
        self._resources.pop(path.lower(), None)

    def _act(self, path: str, action: str) -> Body:
        """Perform an action, such as `deallocate`, and return its response."""
        if _type_of(path) == "microsoft.network/applicationgateways":
            self._existing(path)["properties"]["operationalState"] = "Running" if action == "start" else "Stopped"
        elif action in {"deallocate", "start", "restart"}:
            statuses = self._existing(path)["properties"]["instanceView"]["statuses"]
            statuses[0]["code"] = f"PowerState/{'deallocated' if action == 'deallocate' else 'running'}"
        elif action == "beginGetAccess":
            if self._runs_with(path):
                raise RefusedError(409, f"{path} is attached to a running VM")
            return {"accessSAS": "https://sas"}
        elif action == "publish":
            self._existing(path)["properties"]["state"] = "Published"
        elif action == "endGetAccess":
            self._existing(path)
        return {}

    # What Azure refuses.

    def _refuse(self, old: Body, new: Body) -> None:
        """Raise `RefusedError` for a body that Azure refuses; the old one is empty if the resource is new."""
        refusals = {
            VM: self._refuse_vm,
            DISK: self._refuse_disk,
            "microsoft.compute/availabilitysets": _refuse_availability_set,
            "microsoft.network/applicationgateways": _refuse_gateway,
            "microsoft.network/networksecuritygroups/securityrules": self._refuse_security_rule,
        }
        refuse = refusals.get(_type_of(new["id"]))
        if refuse is not None:
            refuse(old, new)

    def _refuse_vm(self, old: Body, new: Body) -> None:
        was, is_ = (body.get("properties", {}).get("securityProfile") or {} for body in (old, new))
        if old and was.get("encryptionAtHost") != is_.get("encryptionAtHost") and _runs(old):
            raise RefusedError(409, "encryption at host cannot be changed while the VM runs")
        luns = [disk["lun"] for disk in new["properties"]["storageProfile"].get("dataDisks") or ()]
        if len(luns) != len(set(luns)):
            raise RefusedError(409, f"two data disks have the same LUN: {luns}")
        for reference, _ in _references(new):
            used = self._existing(reference)
            others = [user for user in self._users(reference) if user.lower() != new["id"].lower()]
            if others and used["properties"].get("maxShares", 1) == 1:
                raise RefusedError(409, f"{reference} is used by {others[0]}")

    def _refuse_disk(self, old: Body, new: Body) -> None:
        if old and new["sku"]["name"] != old["sku"]["name"] and self._runs_with(new["id"]):
            raise RefusedError(409, "the SKU of a disk cannot be changed while its VM runs")
        shares = (body.get("properties", {}).get("maxShares") for body in (old, new))
        if old and len({*shares}) == 2 and self._users(new["id"]):
            raise RefusedError(409, "maxShares cannot be changed while the disk is attached")

    def _refuse_security_rule(self, old: Body, new: Body) -> None:
        priority, direction = (new["properties"][key] for key in ("priority", "direction"))
        if not old and not 100 <= priority <= 4096:
            raise RefusedError(400, f"the priority {priority} is not one of 100 to 4096")
        for other in self._parts(new["id"]) or ():
            same = (other["properties"]["priority"], other["properties"]["direction"]) == (priority, direction)
            if same and other["name"] != new["name"]:
                raise RefusedError(400, f"the security rules {other['name']} and {new['name']} have the same priority")

    def _users(self, path: str) -> list[str]:
        """Return the ids of the VMs that use a disk or a network interface."""
        vms = [body for key, body in self._resources.items() if _type_of(key) == VM]
        return [vm["id"] for vm in vms if path.lower() in (reference.lower() for reference, _ in _references(vm))]

    def _runs_with(self, path: str) -> bool:
        return any(_runs(self._existing(vm)) for vm in self._users(path))


def _runs(vm: Body) -> bool:
    return bool(vm["properties"]["instanceView"]["statuses"][0]["code"] == "PowerState/running")


def _refuse_availability_set(old: Body, new: Body) -> None:
    for count in ("platformFaultDomainCount", "platformUpdateDomainCount"):
        if old and new["properties"].get(count) != old["properties"][count]:
            raise RefusedError(409, f"{count} cannot be changed")


def _refuse_gateway(_: Body, new: Body) -> None:
    properties = new["properties"]
    if properties["sku"].get("capacity") and properties.get("autoscaleConfiguration"):
        raise RefusedError(400, "a gateway has either a capacity or an autoscale configuration")
    for rule in properties["requestRoutingRules"]:
        if {"redirectConfiguration", "backendAddressPool"} <= rule["properties"].keys():
            raise RefusedError(400, "a rule that redirects has no backend pool")


def _references(vm: Body) -> Iterator[tuple[str, str]]:
    """Yield the ids of the disks and network interfaces of a VM, with what happens to them when it is deleted."""
    storage = vm["properties"]["storageProfile"]
    for disk in (storage["osDisk"], *(storage.get("dataDisks") or ())):
        if "managedDisk" in disk and "id" in disk["managedDisk"]:
            yield disk["managedDisk"]["id"], disk.get("deleteOption", "Detach")
    for interface in vm["properties"]["networkProfile"]["networkInterfaces"]:
        yield interface["id"], interface.get("properties", {}).get("deleteOption", "Detach")


def _keep_members(old: Body, new: Body) -> None:
    """Give backend pools their members from network interfaces, which are no part of what is sent."""
    pools = [body.get("properties", {}).get("backendAddressPools") or [] for body in (old, new)]
    members = {pool["name"]: pool["properties"]["backendIPConfigurations"] for pool in pools[0] if _has_members(pool)}
    for pool in pools[1]:
        if pool["name"] in members:
            pool["properties"].setdefault("backendIPConfigurations", members[pool["name"]])


def _join_pools(owner: Body, interface: Body) -> None:
    """Make the IP configurations of a network interface members of those pools that they name, and of no other ones."""
    joined = {
        (pool["id"].lower(), configuration["id"])
        for configuration in interface["properties"]["ipConfigurations"]
        for collection in ("loadBalancerBackendAddressPools", "applicationGatewayBackendAddressPools")
        for pool in configuration["properties"].get(collection) or ()
    }
    for pool in (owner.get("properties") or {}).get("backendAddressPools") or ():
        properties, own = pool.setdefault("properties", {}), f"{interface['id']}/".lower()
        ids = [each["id"] for each in properties.get("backendIPConfigurations") or ()]
        others = [id_ for id_ in ids if not id_.lower().startswith(own)]
        members = others + sorted(id_ for into, id_ in joined if into == str(pool.get("id")).lower())
        if members != ids:
            properties["backendIPConfigurations"] = [{"id": id_} for id_ in members]
            properties["loadBalancerBackendAddresses"] = [
                address
                for address in properties.get("loadBalancerBackendAddresses") or ()
                if own not in str(address["properties"].get("networkInterfaceIPConfiguration")).lower()
            ]


def _has_members(pool: Body) -> bool:
    return "backendIPConfigurations" in pool.get("properties", {})


def _with_ids(body: Body, path: str) -> Body:
    """Return a body with the id, name and type of a path, also for the parts that have a name."""
    made: Body = expanded(body)
    made |= {"id": path, "name": path.rsplit("/", 1)[1], "type": _display_type_of(path)}
    _name_parts(made, path)
    return made


def _name_parts(body: Body, path: str) -> None:
    """Give the parts of a resource that have a name their ids."""
    for collection, parts in (body.get("properties") or {}).items():
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict) and "name" in part and "properties" in part:
                part.setdefault("id", f"{path}/{collection}/{part['name']}")


def expanded(value: Any) -> Any:
    """Return a copy in which `~Microsoft.Compute/disks/DISK` is the whole id."""
    if isinstance(value, dict):
        return {key: expanded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [expanded(item) for item in value]
    return PROVIDERS + value[1:] if isinstance(value, str) and value.startswith("~") else value


def _merged(old: Body, patch: Body) -> Body:
    both = {key: (old.get(key), value) for key, value in patch.items()}
    return {
        **old,
        **{k: _merged(a, b) if isinstance(a, dict) and isinstance(b, dict) else b for k, (a, b) in both.items()},
    }


def _lost(old: Any, new: Any, path: str) -> Iterator[str]:
    """Yield the paths of what is in an old body and not in a new one."""
    if isinstance(old, dict):
        for key, value in old.items():
            where = f"{path}.{key}".lstrip(".")
            if key in _READ_ONLY or value is None:
                continue
            if not isinstance(new, dict) or new.get(key) is None:
                yield where
            else:
                yield from _lost(value, new[key], where)
    elif isinstance(old, list):
        for index, value in enumerate(old):
            if not isinstance(new, list) or index >= len(new):
                yield f"{path}[{index}]"
            else:
                yield from _lost(value, new[index], f"{path}[{index}]")


def _dicts(value: Any) -> Iterator[Body]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _dicts(item)


def _is(part: Body, path: str) -> bool:
    """Return whether a dictionary is the part with an id, and not only a reference to it."""
    return "properties" in part and "name" in part and str(part.get("id")).lower() == path.lower()


def _segments(path: str) -> list[str]:
    return path.lower().rpartition("/providers/")[2].split("/")


def _type_of(path: str) -> str:
    segments = _segments(path)
    return "/".join([segments[0], *segments[1::2]])


def _display_type_of(path: str) -> str:
    segments = path.rpartition("/providers/")[2].split("/")
    return "/".join([segments[0], *segments[1::2]])


def body_of(data: str | bytes | None) -> Any:
    """Return the JSON body of a request."""
    return json.loads(data) if data else None
