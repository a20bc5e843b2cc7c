"""The table of retirements: the bundled one is valid, and an invalid one is an error with file and line."""

from __future__ import annotations

import datetime as dt
from typing import Any

from auditor import bundled, yaml_documents
from auditor.rules.facts.retirement_table import load, table
from tests.faults import Change, Sound, changes

FILE = bundled.TABLES / "retirements.yaml"
SMALL = r"""
sources: {page: {url: "https://example.org", read: 2026-11-01}}
sizes:
  - {series: D, pattern: 'Standard_D\d+', date: 2028-05-01, source: page}
features:
  - what: Basic load balancer
    type: Microsoft.Network/loadBalancers
    where: {field: sku.name, default: Basic, equals: Basic}
    date: 2025-09-30
    source: page
  - what: old probe
    type: Microsoft.Network/loadBalancers
    each: {field: 'properties.probes[*]'}
    where: {field: properties.probeThreshold, exists: false}
    date: 2027-09-01
    source: page
"""


TABLE = Sound(
    SMALL,
    "table.yaml",
    lambda text: load(yaml_documents.parse(text.encode(), "table.yaml").validate("retirements")),
)


def test_the_bundled_table_is_valid_and_names_no_page_in_vain() -> None:
    value: Any = yaml_documents.read(FILE).validate("retirements").value
    assert {entry["source"] for entry in (*value["sizes"], *value["features"])} == set(value["sources"])
    dates = [*(entry.date for entry in table().series), *(entry.date for entry in table().features)]
    assert len(dates) == len(value["sizes"]) + len(value["features"]) > 40
    assert min(dates) > dt.date(2020, 1, 1)


@changes(
    ("series: D,", "serie: D,", "sizes[0] has the unknown key 'serie'; did you mean 'series'?"),
    ("pattern: 'Standard_D\\d+'", "pattern: 'Standard_(D'", "pattern is not a regular expression"),
    ("2028-05-01, source: page", "2028-05-01, source: pages", "`sources` has no 'pages'"),
    ("date: 2028-05-01", "date: soon", "must match"),
    (", read: 2026-11-01", "", "read"),
    ("date: 2025-09-30", "date: 2025-09-31", "date is '2025-09-31', which is not a calendar date"),
    (
        "where: {field: sku.name, default: Basic",
        "where: {feild: sku.name",
        "has the unknown key 'feild'; did you mean 'field'?",
    ),
    ("equals: Basic", "equls: Basic", "has the unknown key 'equls'; did you mean 'equals'?"),
    ("equals: Basic", "matches: '('", "is not a regular expression (RE2)"),
    ("equals: Basic", "equals: {param: sku}", "the rule has no parameter 'sku'"),
    ("field: sku.name", "fact: lb.sku", "there is no fact 'lb.sku'"),
    ("field: sku.name", "fact: vm.zone", "the fact 'vm.zone' is one of a vm, here is a"),
    ("field: 'properties.probes[*]'", "field: 'properties.probes'", "properties.probes is not a list"),
    ("each: {field", "each: {feild", "has the unknown key 'feild'"),
)
def test_a_mistake_is_named_with_its_line(change: Change) -> None:
    TABLE.refuses(change)
