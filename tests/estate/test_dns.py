"""Public DNS names: known from the bodies of public IP addresses, else unknown."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.paths import ABSENT
from auditor.azure.types.names import PUBLIC_ADDRESS
from auditor.estate.dns import ENDPOINTS, is_external
from auditor.snapshot.known import Cause, Unknown
from auditor.snapshot.lookup import parts
from auditor.snapshot.model import Part, Resource
from tests.estate import subscription as s
from tests.estate.subscription import OTHER, SUB, Body, arm_id

HERE = s.public("here", fqdn="here.westeurope.cloudapp.azure.com", address="203.0.113.7")
PIP = HERE["id"]


def told(found: object) -> object:
    """Return the name of a resource or the cause of an unknown; None and `ABSENT` unchanged."""
    return found.name if isinstance(found, Resource) else found.cause if isinstance(found, Unknown) else found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("here.westeurope.cloudapp.azure.com", "here"),
        (" HERE.WestEurope.cloudapp.azure.com. ", "here"),
        ("203.0.113.7", "here"),
        ("203.0.113.8", Cause.VALUE),
        ("there.westeurope.cloudapp.azure.com", Cause.VALUE),
        ("www.example.org", Cause.VALUE),
        ("", Cause.VALUE),
        ("shop.azurewebsites.net", None),
        ("SHOP.AzureWebsites.net.", None),
        ("images.blob.core.windows.net", None),
        ("azurewebsites.net.example.org", Cause.VALUE),
    ],
)
def test_the_public_address_of_a_name(name: str, expected: object) -> None:
    assert told(s.topology(HERE, s.public("bare")).dns.address(name)) == expected


def test_a_name_that_two_addresses_have_leads_to_neither() -> None:
    other = s.public("other", address="203.0.113.7", fqdn="other.westeurope.cloudapp.azure.com")
    naming = s.topology(HERE, other).dns
    assert told(naming.address("203.0.113.7")) is Cause.VALUE
    assert told(naming.address("other.westeurope.cloudapp.azure.com")) == "other"


@pytest.mark.parametrize(
    "how",
    [
        {"unlisted": [PUBLIC_ADDRESS]},
        {"gaps": [s.gap(arm_id("Network/publicIPAddresses", "x"))]},
        {"gaps": [s.gap(SUB, PUBLIC_ADDRESS)]},
        {"scopes": [SUB, OTHER], "gaps": [s.gap(OTHER, PUBLIC_ADDRESS)]},
    ],
)
def test_an_address_that_was_not_read_may_have_any_name(how: Any) -> None:
    naming = s.topology(HERE, **how).dns
    assert told(naming.address("www.example.org")) is Cause.GAP
    assert told(naming.address("203.0.113.7")) == "here"
    assert told(naming.address("shop.azurewebsites.net")) is None


def endpoint(body: Body) -> Part:
    return parts(s.item(s.topology(body), "Network/trafficManagerProfiles", "tm"), ENDPOINTS)[0]


@pytest.mark.parametrize(
    ("end", "external", "expected"),
    [
        ({"targetResourceId": PIP.upper(), "target": "www.example.org"}, False, "here"),
        ({"targetResourceId": f"{PIP}x"}, False, Cause.VALUE),
        ({"targetResourceId": 7, "target": "203.0.113.7"}, False, Cause.VALUE),
        ({"target": "203.0.113.7"}, True, "here"),
        ({"target": "shop.azurewebsites.net"}, True, ABSENT),
        ({"target": "www.example.org"}, True, Cause.VALUE),
        ({"target": 7}, True, Cause.VALUE),
        ({}, True, Cause.VALUE),
    ],
)
def test_what_an_endpoint_leads_to(end: Body, external: bool, expected: object) -> None:
    part = endpoint(s.profile("tm", end))
    assert is_external(part) is external
    assert told(s.topology(HERE).dns.target(part).value) == expected


def test_an_endpoint_whose_resource_was_deleted_leads_nowhere() -> None:
    body = s.profile("tm", {"targetResourceId": None, "target": "203.0.113.7"})
    found = s.topology(HERE).dns.target(endpoint(body)).value
    assert isinstance(found, Unknown)
    assert "was deleted" in found.reason


def test_the_profiles_that_lead_to_an_address() -> None:
    bodies = (
        HERE,
        s.profile("by-id", {"targetResourceId": PIP}, {"target": "203.0.113.7"}),
        s.profile("by-name", {"target": "www.example.org"}, {"target": "here.westeurope.cloudapp.azure.com"}),
        s.profile("elsewhere", {"target": "www.example.org"}),
        s.profile("junk", endpoints="junk"),
        s.profile("none"),
    )
    built = s.topology(*bodies)
    found = built.dns.profiles_at(s.item(built, "Network/publicIPAddresses", "here"))
    assert [profile.name for profile in found] == ["by-id", "by-name"]
    doubts = {profile.name: [doubt.cause for doubt in doubts] for profile, doubts in built.dns.doubtful}
    assert doubts == {"elsewhere": [Cause.VALUE], "junk": [Cause.VALUE]}
    hidden = s.topology(*bodies[1:], gaps=[s.gap(SUB, PUBLIC_ADDRESS)]).dns.doubtful
    assert {profile.name: [doubt.cause for doubt in doubts] for profile, doubts in hidden} == {
        "by-id": [Cause.GAP, Cause.GAP],
        "by-name": [Cause.GAP, Cause.GAP],
        "elsewhere": [Cause.GAP],
        "junk": [Cause.VALUE],
    }
    there = s.public("there", fqdn="there.example.org")
    mixed = s.profile("mixed", {"target": "there.example.org"}, {"target": "www.example.org"})
    assert s.topology(there, mixed).dns.doubtful == []
    ((_, unread),) = s.topology(there, mixed, gaps=[s.gap(PIP)]).dns.doubtful
    assert [doubt.cause for doubt in unread] == [Cause.GAP]
