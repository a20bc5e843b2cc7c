"""What a body lacks: absent, or not returned by the api-version that read it."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.paths import ABSENT
from auditor.azure.types import TYPES
from auditor.azure.types.names import LOAD_BALANCER
from auditor.snapshot.known import Cause, PartialList, Unknown
from auditor.snapshot.lookup import items, parts, value
from auditor.snapshot.model import Resource, resource

ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/loadBalancers/lb"
OWN = str(TYPES[LOAD_BALANCER].version)
THRESHOLD = "properties.probeThreshold"


def load_balancer(version: str = "", call: str = "", **probe: Any) -> Resource:
    body: dict[str, object] = {
        "id": ID,
        "properties": {"probes": [{"properties": probe}], "backendAddressPools": [{"properties": {}}]},
    }
    return resource(body, ID, call, version=version)


def found(read: Resource, path: str = THRESHOLD) -> object:
    (probe,) = parts(read, "properties.probes[*]")
    return value(probe, path).value


@pytest.mark.parametrize("version", ["2022-05-01", "2022-05-01-preview", "2024-05-01", "2030-01-01"])
def test_what_a_version_returns_is_absent_where_it_lacks(version: str) -> None:
    assert found(load_balancer(version)) is ABSENT
    assert found(load_balancer(call=f"GET /subscriptions/s/loadBalancers?api-version={version}&$top=5")) is ABSENT


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (load_balancer("2022-01-01"), "api-version 2022-01-01 does not return it"),
        (load_balancer("2021-02-01-preview"), "api-version 2021-02-01-preview does not return it"),
        (load_balancer(call="GET /x?api-version=2021-02-01"), "api-version 2021-02-01 does not return it"),
        (load_balancer(call="POST /resources?api-version=2024-04-01"), "its api-version is not stated"),
        (load_balancer(), "its api-version is not stated"),
    ],
)
def test_what_a_version_does_not_return_is_unknown(read: Resource, told: str) -> None:
    unknown = found(read)
    assert isinstance(unknown, Unknown)
    assert (unknown.cause, unknown.resources) == (Cause.GAP, (ID,))
    assert f"properties.probes[0].{THRESHOLD} in {ID} was not read" in unknown.reason
    assert told in unknown.reason
    assert f"2022-05-01 and later return it: read it with az rest --method get --url '{ID}?api-version={OWN}'" in (
        unknown.reason
    )


def test_what_is_present_needs_no_version() -> None:
    assert found(load_balancer(probeThreshold=2)) == 2
    assert found(load_balancer("2018-11-01", probeThreshold=2)) == 2


def test_what_every_version_returns_needs_none() -> None:
    assert found(load_balancer(), "properties.requestPath") is ABSENT
    assert found(load_balancer("2018-11-01"), "properties.requestPath") is ABSENT


def test_all_that_a_very_old_version_lacks_is_unknown() -> None:
    unknown = found(load_balancer("2017-06-01"), "properties.requestPath")
    assert isinstance(unknown, Unknown)
    assert f"{OWN} and later return it" in unknown.reason


@pytest.mark.parametrize(("version", "complete"), [("", False), ("2020-03-01", False), ("2020-04-01", True)])
def test_a_list_that_a_version_does_not_return_is_not_empty(version: str, complete: bool) -> None:
    path = "properties.backendAddressPools[*].properties.loadBalancerBackendAddresses[*]"
    assert PartialList.of(items(load_balancer(version), path).value).complete is complete


@pytest.mark.parametrize("version", ["", "2021-08-01"])
def test_a_default_does_not_stand_for_what_a_version_does_not_return(version: str) -> None:
    (known,) = PartialList.of(items(load_balancer(version), f"properties.probes[*].{THRESHOLD}", default=1).value).known
    assert isinstance(known, Unknown)
    assert PartialList.of(items(load_balancer(OWN), f"properties.probes[*].{THRESHOLD}", default=1).value).known == (1,)


def test_a_type_that_is_not_declared_has_no_versions() -> None:
    site = resource({"properties": {}}, "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Web/sites/x")
    assert value(site, "properties.enabled").value is ABSENT
