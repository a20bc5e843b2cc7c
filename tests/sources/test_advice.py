"""Recommendations of Azure Advisor in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from auditor.errors import InputError
from auditor.sources import advice

GUID: Final = "11111111-1111-1111-1111-111111111111"
GROUP: Final = "/subscriptions/00000000-0000-0000-0000-000000000003/resourceGroups/rg"
VM: Final = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-a"
OF_AZURE: Final = {
    "recommendationTypeId": "066A047A-9ace-45f4-ac50-6325840a6b00",
    "shortDescription": {"problem": "Use zones", "solution": "Use them"},
}


def recommendation(name: str = GUID, **properties: Any) -> dict[str, Any]:
    """Return a recommendation as `az advisor recommendation list` prints it."""
    arm_id = f"{VM}/providers/Microsoft.Advisor/recommendations/{name}"
    return {"id": arm_id, "name": name, "type": "Microsoft.Advisor/recommendations", **OF_AZURE, **properties}


def nested(body: dict[str, Any]) -> dict[str, Any]:
    """Return a recommendation as ARM returns it."""
    own = {"id", "name", "type"}
    properties = {key: value for key, value in body.items() if key not in own}
    return {**{key: body[key] for key in own}, "properties": properties}


def read(tmp_path: Path, content: object) -> tuple[advice.Advice, ...]:
    file = tmp_path / "advisor.json"
    file.write_text(json.dumps(content))
    return advice.read(file)


EXPECTED: Final = advice.Advice(
    f"{VM}/providers/Microsoft.Advisor/recommendations/{GUID}",
    "066a047a-9ace-45f4-ac50-6325840a6b00",
    VM,
    "Use zones",
    is_open=True,
)


@pytest.mark.parametrize(
    "content",
    [[recommendation()], {"value": [nested(recommendation())]}, {"data": [nested(recommendation())]}],
    ids=["az", "ARM", "Resource Graph"],
)
def test_every_form_is_read(content: object, tmp_path: Path) -> None:
    assert read(tmp_path, content) == (EXPECTED,)


@pytest.mark.parametrize("content", [[recommendation()], {"value": [recommendation()]}])
def test_a_byte_order_mark_is_no_part_of_the_content(content: object, tmp_path: Path) -> None:
    file = tmp_path / "advisor.json"
    file.write_text(json.dumps(content), encoding="utf-8-sig")
    assert advice.read(file) == (EXPECTED,)


def test_no_recommendation_is_no_error(tmp_path: Path) -> None:
    assert read(tmp_path, []) == ()


@pytest.mark.parametrize(
    ("properties", "is_open"),
    [
        ({}, True),
        ({"suppressionIds": None}, True),
        ({"suppressionIds": []}, True),
        ({"suppressionIds": [GUID]}, False),
        ({"trackedProperties": {"state": "InProgress"}}, True),
        ({"trackedProperties": {"state": "Dismissed"}}, False),
        ({"trackedProperties": {"state": "postponed"}}, False),
        ({"trackedProperties": {"state": "Completed"}}, False),
    ],
)
def test_what_a_person_has_closed_is_not_open(properties: dict[str, Any], is_open: bool, tmp_path: Path) -> None:
    (found,) = read(tmp_path, [recommendation(**properties)])
    assert found.is_open is is_open


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([{**recommendation(), "id": VM}], "vm-a is no recommendation of Azure Advisor"),
        ([recommendation(recommendationTypeId=None)], "is no recommendation of Azure Advisor"),
        ({"value": [recommendation()], "nextLink": "https://management.azure.com/more"}, "nextLink"),
        ({"data": [recommendation()], "total_records": 2}, "total_records"),
        ({"surprise": 1}, "advisor.json"),
    ],
)
def test_a_file_of_anything_else_is_refused(content: object, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, content)
    assert said in str(refused.value)
