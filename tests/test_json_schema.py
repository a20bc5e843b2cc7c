"""JSON Schemas as functions: they accept what jsonschema accepts."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from auditor import json_schema, yaml_documents

ROOT: Final = Path(__file__).parents[1]
VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 2, 0.0, 1.0, 1.5, 63, 64, 10**400),
    *("", "a", "none", "a/b", "web", "ab" * 130, "\n", "1"),
    *([], [1], [1, 1], [1, 1.0], ["a"], ["a", "a"], ["a", "b", "c"], ["none", 1], [[]]),
    *({}, {"a": 1}, {"a": "x"}, {"a": "x", "b": "y"}, {"name": "x"}, {"tag": {"a": "b"}}, {"b": None}),
)
"""Values of every type, at and beside the bounds of the schemas below."""
SCHEMAS: Final[tuple[dict[str, Any], ...]] = (
    *({"type": name} for name in ("array", "boolean", "integer", "null", "number", "object", "string")),
    *({"type": ["string", "array"]}, {"enum": ["a", "none"]}, {"const": "none"}),
    *(
        {"minimum": 1},
        {"maximum": 1},
        {"exclusiveMinimum": 1},
        {"minLength": 1},
        {"maxLength": 2},
        {"pattern": "^[a-z]"},
    ),
    *({"items": {"type": "string"}}, {"minItems": 1}, {"uniqueItems": True}, {"minProperties": 2}, {"required": ["a"]}),
    *(
        {"properties": {"a": {"type": "string"}}},
        {"propertyNames": {"const": "a"}},
        {"dependentRequired": {"a": ["b"]}},
    ),
    {"properties": {"a": {"type": "string"}}, "additionalProperties": False},
    {"properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "string"}},
    {"additionalProperties": {"type": "string"}},
    {"if": {"type": "string"}, "then": {"const": "none"}, "else": {"type": "array"}},
    *({"if": {"type": "array"}, "then": {"minItems": 1}}, {"if": {"type": "array"}, "else": {"type": "string"}}),
    *({"then": {"const": "a"}}, {"not": {"const": "none"}}, {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}),
    {"$ref": "#/$defs/list", "$defs": {"list": {"type": "array", "items": {"$ref": "#/$defs/list"}}}},
    *({}, {"title": "x", "description": "y", "minItems": 1, "minLength": 1}),
)


@pytest.mark.parametrize("schema", SCHEMAS, ids=repr)
def test_a_keyword_accepts_what_jsonschema_accepts(schema: dict[str, Any]) -> None:
    follows, reference = json_schema.compiled(schema), jsonschema.Draft202012Validator(schema)
    for value in VALUES:
        assert follows(value) == reference.is_valid(value) or (value == [[]] and "uniqueItems" in schema), value


def test_a_list_of_lists_is_not_known_to_be_unique() -> None:
    assert not json_schema.compiled({"uniqueItems": True})([[1], [1]])


@pytest.mark.parametrize(
    "schema",
    [
        *({"anyOf": [{}]}, {"format": "date"}, {"enum": [1]}, {"const": None}, {"uniqueItems": False}),
        *({"$ref": "other.json#/$defs/a"}, {"$ref": "#/$defs/a"}, {"additionalProperties": True}),
        *({"items": {"anyOf": [{}]}}, {"properties": {"a": {"anyOf": [{}]}}}, {"not": {"anyOf": [{}]}}),
    ],
    ids=repr,
)
def test_what_is_not_known_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(json_schema.UnknownKeywordError):
        json_schema.compiled(schema)


# --- the schemas of this package --------------------------------------------------------------------------------------

_EVERYTHING: Final = """
format: auditor.deployment/1
deployments:
  - name: a
    product: trakcare
    environment: production
    entrance: internet
    connectivity: [internet, vpn]
    dns: [a.hospital.example]
    subscriptions: [00000000-0000-0000-0000-000000000001]
    regions: {primary: westeurope, dr: none}
    mirrors:
      - name: M
        product: patient-index
        address: {kind: load-balancer}
        superserver: 1972
        ports: [2575]
        failover: [{tag: {role: db}}, {name: "vm-*"}, vm-a]
        arbiter: {address: arbiter.example}
        dr: none
        reporting: vm-r
        disks: {journal: [1, 2], wij: [0]}
    tiers: [{role: web, product: x, members: none}, {role: app, members: [vm-b]}]
    scope: {resourceGroups: [rg]}
    backup: {strategy: online, vault: /subscriptions/1, account: /subscriptions/2, product: x}
    firewall: waf
    keyVaults: [/subscriptions/1/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv]
    guest: required
    objectives: {zone: {rto: 60s, rpo: 1.5m}}
    settings: {takeover_seconds: 10, own_setting: 1.5}
"""
"""A deployment file with every key."""
_GUEST: Final = (
    "{format: auditor.guest/1, taken: [{machine: vm, at: '2026-11-01T02:00:00Z', files: [a, {name: b, sha256: "
    + "a" * 64
    + "}]}]}"
)
_WAIVERS: Final = (
    "{format: auditor.waivers/1, waivers: [{rule: LB003, scope: '*', category: Waiver, reason: x, approvedBy: y, "
    "ticket: z, grantedOn: 2026-10-01, expiresOn: 2027-05-31, observed: {a: 1}}, {gap: a.b/c, scope: '*', "
    "category: Mitigated, reason: x, approvedBy: y, grantedOn: 2026-10-01, expiresOn: 2027-05-31}]}"
)
_ATTESTATIONS: Final = (
    "{format: auditor.attestations/1, attestations: [{rule: LB003, scope: '*', attestedBy: x, attestedOn: 2026-10-01, "
    "validUntil: 2027-05-31, statement: y, holds: false}]}"
)


_OTHERS: Final[tuple[Any, ...]] = (None, True, 1, 1.0, -1, "", "none", [], ["a", "a"], [1, 1], {}, {"name": "x"})


def changed(value: Any) -> Iterator[Any]:
    """Yield a value with each part of it removed, replaced by other values, and with something added."""
    for other in _OTHERS:
        yield copy.deepcopy(other)
    for key, part in list(
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        rest = copy.copy(value)
        del rest[key]
        yield rest
        for each in changed(part):
            copied = copy.copy(value)
            copied[key] = each
            yield copied
    if isinstance(value, dict):
        yield {**value, "unknown": 1}
    if isinstance(value, list) and value:
        yield [*value, value[0]]


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("deployment", _EVERYTHING),
        ("guest", _GUEST),
        ("waivers", _WAIVERS),
        ("attestations", _ATTESTATIONS),
        ("config", "{format: auditor.config/1, fail-on: high, deployment: x, output: [json]}"),
    ],
    ids=lambda text: text[:12],
)
def test_a_file_of_users_is_accepted_if_jsonschema_accepts_it(schema: str, text: str) -> None:
    value: Any = yaml_documents.parse(text.encode(), "f.yaml").value
    reference = yaml_documents.validator(schema)
    assert isinstance(reference.schema, dict)
    follows = json_schema.compiled(reference.schema)
    assert follows(value)
    assert reference.is_valid(value)
    for other in changed(value):
        assert follows(other) == reference.is_valid(other), other
