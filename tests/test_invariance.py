"""What must not change a verdict: case, order, properties that nobody knows, null tags."""

from __future__ import annotations

import random
from typing import Any

import pytest

from auditor import arm
from auditor.model import Severity
from tests import estates
from tests.estates import Body

SEEDS = [1, 2, 3]


def outcomes(name: str, body: Body) -> dict[estates.Key, tuple[str, Severity]]:
    return {key: (finding.outcome, finding.severity) for key, finding in estates.judge(name, body).items()}


def same_as_before(name: str, body: Body) -> None:
    expected = {key: (finding.outcome, finding.severity) for key, finding in estates.baseline(name).items()}
    assert outcomes(name, body) == expected


@pytest.mark.parametrize("name", estates.ESTATES)
@pytest.mark.parametrize("seed", SEEDS)
def test_case_of_ids_types_and_tag_names(name: str, seed: int) -> None:
    chance = random.Random(seed)

    def recase(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        changed = {}
        for key, member in value.items():
            text = isinstance(member, str) and (arm.is_id(member) or key in {"type", "location", "endpointLocation"})
            changed[key] = chance.choice([member.upper(), member.lower(), member]) if text else member
        return changed

    body = estates.body_of(name)
    body["value"] = estates.everywhere(body["value"], recase)
    body["listed"] = {scope.upper(): [type_.upper() for type_ in types] for scope, types in body["listed"].items()}
    same_as_before(name, body)


@pytest.mark.parametrize("name", estates.ESTATES)
def test_regions_as_the_portal_writes_them(name: str) -> None:
    body = estates.body_of(name)
    for item in body["value"]:
        if item.get("location") in {"westeurope", "northeurope"}:
            item["location"] = {"westeurope": "West Europe", "northeurope": "North Europe"}[item["location"]]
    same_as_before(name, body)


@pytest.mark.parametrize("name", estates.ESTATES)
@pytest.mark.parametrize("seed", SEEDS)
def test_order_of_properties_and_lists(name: str, seed: int) -> None:
    chance = random.Random(seed)

    def shuffle(value: Any) -> Any:
        if isinstance(value, dict):
            return dict(chance.sample(sorted(value.items(), key=lambda entry: entry[0]), len(value)))
        return chance.sample(value, len(value))

    body = estates.body_of(name)
    body["value"] = estates.everywhere(body["value"], shuffle)
    same_as_before(name, body)


@pytest.mark.parametrize("name", estates.ESTATES)
def test_properties_that_nobody_knows(name: str) -> None:
    def extend(value: Any) -> Any:
        return {**value, "futureProperty": {"id": None, "value": [1]}} if isinstance(value, dict) else value

    body = estates.body_of(name)
    body["value"] = [extend(item) for item in estates.everywhere(body["value"], extend)]
    same_as_before(name, body)


@pytest.mark.parametrize("name", estates.ESTATES)
def test_null_tags_and_null_properties(name: str) -> None:
    body = estates.body_of(name)
    for item in body["value"]:
        if "id" in item:
            item["tags"] = None
            item["extendedLocation"] = None
    same_as_before(name, body)


@pytest.mark.parametrize("name", estates.ESTATES)
def test_numbers_of_json_may_be_floats(name: str) -> None:
    def as_float(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        floats = {"diskSizeGB", "diskMBpsReadWrite", "diskIOPSReadWrite", "intervalInSeconds", "priority"}
        return {key: float(member) if key in floats else member for key, member in value.items()}

    body = estates.body_of(name)
    body["value"] = estates.everywhere(body["value"], as_float)
    same_as_before(name, body)
