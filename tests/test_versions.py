"""What an old or unstated api-version does not return turns outcomes to unknown, never to a pass or a fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from auditor.azure import arm, paths
from auditor.azure.types import OLDEST, TYPES
from auditor.evaluation.model import Finding, Outcome
from tests import estates
from tests.estates import Body, Key

OLDER = [
    (name, key, entry.version)
    for name in estates.KNOWN_GOOD
    for key, declared in TYPES.items()
    for entry in declared.since
    if any(arm.type_of(item["id"]) == key for item in estates.body_of(name)["value"] if "id" in item)
]


BACKENDS = "properties.backendAddressPools[0].properties.loadBalancerBackendAddresses"
WRONG = [
    ("lb-mirror", "properties.probes[0].properties.noHealthyBackendsBehavior", "AllProbedUp", "MIR005"),
    ("lb-mirror", f"{BACKENDS}[0].properties.adminState", "Up", "MIR005"),
    ("lb-mirror", "properties.probes[0].properties.probeThreshold", 9, "MIR004"),
    ("tm-trakcare", "properties.endpoints[0].properties.alwaysServe", "Enabled", "DR011"),
    ("agw-trakcare", "properties.defaultPredefinedSslPolicy", "AppGwSslPolicy20150501", "LB015"),
    ("vm-db-a", "properties.securityProfile.encryptionAtHost", False, "SEC002"),
]
"""Values with which a rule fails."""


def without(value: Any, steps: tuple[paths.Step, ...]) -> None:
    """Remove a property wherever a path leads to it."""
    first, *rest = steps
    if first is None:
        for item in value if isinstance(value, list) else ():
            without(item, tuple(rest))
    elif isinstance(value, dict) and first in value:
        if rest:
            without(value[first], tuple(rest))
        else:
            del value[first]


def read_by_older(name: str, type_: str, version: str, said: str) -> Body:
    """Return an estate of which a type was read before a version; what later ones return is not there."""
    body = estates.body_of(name)
    body["apiVersion"] = {key: value for key, value in body["apiVersion"].items() if arm.canonical_type(key) != type_}
    if said:
        body["apiVersion"][TYPES[type_].name] = said
    for item in body["value"]:
        if "id" in item and arm.type_of(item["id"]) == type_:
            for entry in TYPES[type_].since:
                for path in entry.paths if entry.version >= version else ():
                    without(item, paths.parse(path))
    return body


@pytest.mark.slow
@pytest.mark.parametrize(("name", "type_", "version"), OLDER)
@pytest.mark.parametrize("stated", [True, False])
def test_what_a_version_does_not_return_changes_outcomes_to_unknown_only(
    name: str, type_: str, version: str, stated: bool
) -> None:
    before = max((entry.version for entry in TYPES[type_].since if entry.version < version), default=OLDEST)
    after = estates.evaluate(name, read_by_older(name, type_, version, before if stated else ""))
    assert list(estates.softened(estates.baseline(name), after)) == []


@pytest.mark.slow
@pytest.mark.parametrize(("resource", "path", "value", "rule"), WRONG)
def test_what_is_wrong_is_unknown_where_a_version_does_not_return_it(
    resource: str, path: str, value: object, rule: str
) -> None:
    name = "trakcare-current"
    body = estates.body_of(name)
    found = estates.find(body, resource)
    found["properties"].pop("sslPolicy", None)
    *way, last = paths.parse(path)
    holder: Any = paths.get(found, tuple(way))
    holder[last] = value
    assert outcome(estates.evaluate(name, body), rule) is Outcome.FAIL
    found["apiVersion"] = OLDEST
    assert outcome(estates.evaluate(name, body), rule) is Outcome.FAIL, "what is there needs no version"
    del holder[last]
    assert outcome(estates.evaluate(name, body), rule) is Outcome.UNKNOWN


def outcome(findings: Mapping[Key, Finding], rule: str) -> Outcome:
    """Return the worst outcome of a rule."""
    found = {finding.outcome for (of, _, _), finding in findings.items() if of == rule}
    return next(outcome for outcome in (Outcome.FAIL, Outcome.UNKNOWN, Outcome.PASS) if outcome in found)
