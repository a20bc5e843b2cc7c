"""The same estate, as lists and GETs together or as rows of Azure Resource Graph, has the same findings."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from auditor.azure import arm
from auditor.azure.types.names import VM
from auditor.evaluation.model import Finding, Outcome
from tests import estates
from tests.estates import Body, Key

KNOWN_GOOD = pytest.mark.parametrize("name", sorted(estates.KNOWN_GOOD))


def outcomes(findings: Mapping[Key, Finding]) -> dict[Key, Outcome]:
    return {key: finding.outcome for key, finding in findings.items()}


def vms(body: Body) -> list[Body]:
    return [item for item in body["value"] if "id" in item and arm.type_of(item["id"]) == VM]


def as_row(item: Body) -> Body:
    """Return a resource as Azure Resource Graph has it."""
    columns = {"resourceGroup": arm.group_of(item["id"]), "subscriptionId": "s", "tenantId": "t", "plan": None}
    empty = {"kind": "", "managedBy": "", "sku": None, "tags": None, "zones": None, "extendedLocation": None}
    row = {**columns, **empty, **item, "type": item.get("type", "").lower()}
    properties = {**row["properties"]}
    view = properties.pop("instanceView", None)
    if view is not None:
        (power,) = [status for status in view["statuses"] if status["code"].startswith("PowerState")]
        known = {name: view[name] for name in ("computerName", "osName", "osVersion") if name in view}
        properties["extended"] = {"instanceView": {**known, "powerState": power}}
    return {**row, "properties": properties}


@pytest.mark.slow
@KNOWN_GOOD
@pytest.mark.parametrize("list_first", [True, False])
def test_a_list_and_the_instance_views_of_its_vms_are_one(name: str, *, list_first: bool) -> None:
    body = estates.body_of(name)
    listed = []
    for vm in vms(body):
        short = {key: value for key, value in vm["properties"].items() if key != "instanceView"}
        listed.append({**vm, "etag": '"another"', "properties": {**short, "provisioningState": "Updating"}})
    body["value"] = [*listed, *body["value"]] if list_first else [*body["value"], *listed]
    assert outcomes(estates.evaluate(name, body)) == outcomes(estates.baseline(name))


@pytest.mark.slow
@KNOWN_GOOD
def test_rows_of_azure_resource_graph_lack_nothing_but_fault_and_update_domains(name: str) -> None:
    body = estates.body_of(name)
    body["value"] = [as_row(item) if isinstance(item.get("properties"), dict) else item for item in body["value"]]
    before, after = outcomes(estates.baseline(name)), outcomes(estates.evaluate(name, body))
    changed = {key[0]: after[key] for key in before if after[key] != before[key]}
    assert before.keys() == after.keys()
    assert changed.keys() <= {"AVL002", "AVL005", "AVL006", "AVL007", "AVL009", "AVL015", "FOR002", "FOR004", "MIR028"}
    assert set(changed.values()) <= {Outcome.UNKNOWN}
    assert {outcome for (rule, _, _), outcome in after.items() if rule == "CMP008"} <= {
        Outcome.PASS,
        Outcome.NOT_APPLICABLE,
    }


@pytest.mark.slow
@KNOWN_GOOD
def test_rows_and_the_instance_views_of_their_vms_are_one(name: str) -> None:
    body = estates.body_of(name)
    rows = [as_row(item) for item in body["value"] if isinstance(item.get("properties"), dict)]
    others = [item for item in body["value"] if not isinstance(item.get("properties"), dict)]
    body["value"] = [*rows, *others, *vms(body)]
    assert outcomes(estates.evaluate(name, body)) == outcomes(estates.baseline(name))
