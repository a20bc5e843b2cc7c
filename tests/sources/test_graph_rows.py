"""Rows of Azure Resource Graph, spelled as the bodies of Azure Resource Manager."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auditor.snapshot.model import Resource
from auditor.sources import arm_json
from auditor.sources.graph_rows import as_body

Body = dict[str, Any]

VM = "/subscriptions/s/resourceGroups/rg/providers/microsoft.compute/virtualmachines/a"
POWER = {"code": "PowerState/deallocated", "level": "Info", "displayStatus": "VM deallocated"}
COLUMNS = {"subscriptionId": "s", "resourceGroup": "rg", "tenantId": "t", "kind": "", "managedBy": "", "sku": None}


def row(**properties: Any) -> Body:
    return {"id": VM, "type": "microsoft.compute/virtualmachines", "zones": ["1"], **COLUMNS, "properties": properties}


def test_the_power_state_is_found_where_arm_has_it() -> None:
    view = {"computerName": "a", "osName": "rhel", "powerState": POWER}
    found = as_body(row(vmId="1", extended={"instanceView": view}))
    expected = {"vmId": "1", "instanceView": {"computerName": "a", "osName": "rhel", "statuses": [POWER]}}
    assert found["properties"] == expected


def test_an_instance_view_of_null_is_none() -> None:
    found = as_body(row(instanceView=None, extended={"instanceView": {"powerState": POWER}}))
    assert found["properties"] == {"instanceView": {"statuses": [POWER]}}


def test_columns_that_arm_does_not_have_are_left_out() -> None:
    assert as_body(row()).keys() == {"id", "type", "zones", "sku", "properties"}


@pytest.mark.parametrize(
    "body",
    [
        {"id": VM, "resourceGroup": "rg", "properties": {}},
        {"id": "/subscriptions/s", "subscriptionId": "s", "tenantId": "t", "displayName": "x"},
        {"id": VM, "properties": {"extended": {"instanceView": {"powerState": "running"}}}},
        {"id": VM, "properties": {"extended": {"instanceView": {"powerState": {"code": None}}}}},
        {"id": VM, "properties": {"extended": {"instanceView": []}}},
        {"id": VM, "properties": {"extended": "x"}},
        {"id": VM, "properties": {"extended": {"instanceView": {"powerState": POWER}}, "instanceView": {}}},
        {"id": VM, "properties": None},
        {"id": VM},
    ],
)
def test_anything_else_is_left_as_it_is(body: Body) -> None:
    assert as_body(body) == body


def decode(*bodies: Body) -> Resource:
    (found,) = arm_json.decode(json.dumps({"data": bodies, "skip_token": None}).encode(), "f").resources
    return found


def test_a_row_and_a_body_of_the_same_vm_are_one() -> None:
    body = {
        "id": VM.replace("microsoft.compute/virtualmachines", "Microsoft.Compute/virtualMachines"),
        "type": "Microsoft.Compute/virtualMachines",
        "properties": {"instanceView": {"platformFaultDomain": 2, "statuses": [POWER]}},
    }
    found = decode(row(extended={"instanceView": {"powerState": POWER}}), body)
    assert found.body["properties"] == {"instanceView": {"statuses": [POWER], "platformFaultDomain": 2}}


def test_a_row_may_say_its_version() -> None:
    assert decode({**row(), "apiVersion": "2024-07-01"}).version == "2024-07-01"
    assert decode(row()).version == ""
