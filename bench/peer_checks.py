"""What `bench/peers.py` runs with the Python of other tools: it needs nothing of this project."""

from __future__ import annotations

import importlib
import json
import sys
import time
import types
from pathlib import Path
from typing import Any, Final

_VALUES: Final = (
    ("properties.storageProfile.osDisk.managedDisk.storageAccountType", "Premium_LRS"),
    ("properties.storageProfile.osDisk.caching", "ReadWrite"),
    ("properties.storageProfile.diskControllerType", "SCSI"),
    ("properties.osProfile.linuxConfiguration.disablePasswordAuthentication", True),
    ("properties.osProfile.linuxConfiguration.provisionVMAgent", True),
    ("properties.securityProfile.encryptionAtHost", True),
    ("properties.securityProfile.securityType", "TrustedLaunch"),
    ("properties.diagnosticsProfile.bootDiagnostics.enabled", True),
    ("properties.osProfile.allowExtensionOperations", True),
    ("properties.provisioningState", "Succeeded"),
)
"""Ten properties of a VM, each with the value that a check requires."""
_PROWLER: Final = (
    "vm_desired_sku_size",
    "vm_ensure_using_managed_disks",
    "vm_linux_enforce_ssh_authentication",
)
"""Checks of Prowler that read nothing but VMs; a fourth raises an error on VMs without UEFI settings."""


def c7n(vms: list[dict[str, Any]]) -> float:
    """Return the microseconds of a value filter of Cloud Custodian for a VM, as plain JSON: no joins, no evidence."""
    from c7n.filters.core import ValueFilter  # noqa: PLC0415 - of that virtual environment

    filters = [ValueFilter({"type": "value", "key": key, "op": "ne", "value": value}) for key, value in _VALUES]
    begun = time.process_time()
    for each in filters:
        each.process(vms)
    return 1e6 * (time.process_time() - begun) / len(vms) / len(filters)


def prowler(vms: list[dict[str, Any]]) -> float:
    """Return the microseconds of a check of Prowler for a VM: its own checks, on VMs as its own service reads them."""
    package = "prowler.providers.azure.services.vm"
    models = importlib.import_module("azure.mgmt.compute.models")
    found = [models.VirtualMachine.from_dict(vm) for vm in vms]
    none = types.SimpleNamespace(list=tuple, list_all=tuple)
    client = types.SimpleNamespace(
        virtual_machines=types.SimpleNamespace(list_all=lambda *_, **__: found, list=lambda *_, **__: found),
        disks=none,
        virtual_machine_scale_sets=none,
    )
    service = importlib.import_module(f"{package}.vm_service").VirtualMachines
    vm_client = service.__new__(service)
    vm_client.clients = {"estate": client}
    vm_client.subscriptions = {"estate": "00000001-0000-4000-8000-000000000000"}
    vm_client.audit_config = {}
    vm_client.resource_groups = None
    vm_client.virtual_machines = vm_client._get_virtual_machines()  # noqa: SLF001 - what its constructor calls
    sys.modules[f"{package}.vm_client"] = types.ModuleType("vm_client")
    sys.modules[f"{package}.vm_client"].vm_client = vm_client  # type: ignore[attr-defined]
    checks = [getattr(importlib.import_module(f"{package}.{name}.{name}"), name)() for name in _PROWLER]
    begun = time.process_time()
    results = [result for check in checks for result in check.execute()]
    taken = time.process_time() - begun
    if len(results) != len(vms) * len(checks):
        raise SystemExit(f"{len(results)} results of {len(checks)} checks for {len(vms)} VMs")
    return 1e6 * taken / len(results)


def main() -> None:
    """Run the tool that the command line names, on a file of VMs."""
    name, file = sys.argv[1:]
    print({"c7n": c7n, "prowler": prowler}[name](json.loads(Path(file).read_bytes())))


if __name__ == "__main__":
    main()
