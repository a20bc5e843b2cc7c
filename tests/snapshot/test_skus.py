"""SKU records as resources."""

from __future__ import annotations

from typing import Any

from auditor.azure import arm
from auditor.azure.types.names import SKU
from auditor.snapshot.skus import cited_id, is_sku_record, sku
from tests.estate import subscription as s

RECORD: dict[str, Any] = {
    "resourceType": "hostGroups/hosts",
    "name": "DSv3-Type1",
    "size": "Type1",
    "locations": ["West Europe"],
    "capabilities": [],
}


def test_a_record_is_a_resource_of_no_subscription() -> None:
    made = sku(RECORD)
    assert made.id == "/providers/Microsoft.Compute/skus/hostGroups%2Fhosts:DSv3-Type1:Type1:West%20Europe"
    assert (made.type, arm.subscription_of(made.key), made.body) == (SKU, "", RECORD)


def test_a_record_with_restrictions_belongs_to_the_subscription_that_has_them() -> None:
    restricted = RECORD | {"restrictions": [{"type": "Location"}]}
    assert arm.subscription_of(sku(restricted, subscription=s.SUB).key) == s.SUB
    assert not arm.subscription_of(sku(restricted).key)
    assert sku(RECORD | {"restrictions": []}, subscription=s.SUB).key == sku(RECORD).key


def test_what_distinguishes_records_is_in_their_ids() -> None:
    others = [RECORD | {name: value} for name, value in (("name", "x"), ("size", None), ("locations", ["a", "b"]))]
    assert len({sku(body).key for body in (RECORD, *others, {})}) == 5


def test_records_that_nothing_distinguishes_are_all_kept() -> None:
    first = sku(RECORD)
    second = sku(RECORD | {"restrictions": []}, {first.key})
    third = sku(RECORD, {first.key, second.key})
    assert (second.id, third.id) == (f"{first.id}:2", f"{first.id}:3")


def test_records_are_recognised_by_their_shape() -> None:
    assert is_sku_record(RECORD)
    assert not any(map(is_sku_record, (RECORD | {"id": "x"}, {"resourceType": "disks"}, s.disk("d"), [], None)))


def test_findings_cite_them_by_subscription() -> None:
    assert arm.type_of(cited_id(s.SUB, "Standard_E8")) == SKU
    assert arm.subscription_of(cited_id(s.SUB, "Standard_E8")) == s.SUB
