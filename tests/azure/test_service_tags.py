"""Service tags: each is decided once, in lower case, and regional tags are decided as their service."""

from __future__ import annotations

import pytest

from auditor.azure import service_tags
from auditor.azure.service_tags import Senders, contains, senders


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("azurecloud", Senders.ANYONE),
        ("azurecloud.switzerlandn", Senders.ANYONE),
        ("logicapps", Senders.RELAYED),
        ("datafactory.westeurope", Senders.RELAYED),
        ("azurefrontdoor.backend", Senders.RELAYED),
        ("azurefrontdoor.frontend", Senders.SERVICE),
        ("azurefrontdoor", Senders.UNKNOWN),
        ("appservice.westeurope", Senders.SERVICE),
        ("gatewaymanager", Senders.SERVICE),
        ("azurecloudy", Senders.UNKNOWN),
    ],
)
def test_who_sends_from_a_tag(tag: str, expected: Senders) -> None:
    assert senders(tag) is expected


def test_no_tag_is_decided_twice() -> None:
    assert not service_tags._RELAYS & service_tags._SERVICES  # noqa: SLF001 - the lists are the decision
    assert all(tag == tag.lower() for tag in service_tags._RELAYS | service_tags._SERVICES)  # noqa: SLF001


@pytest.mark.parametrize(
    ("tag", "other", "expected"),
    [
        ("storage", "storage", True),
        ("storage", "storage.westeurope", True),
        ("storage.westeurope", "storage", False),
        ("azurecloud", "storage.westeurope", True),
        ("azurecloud.westeurope", "storage.westeurope", True),
        ("azurecloud.westeurope", "storage.northeurope", False),
        ("azurecloud.westeurope", "azurecloud", False),
        ("sql", "sqlmanagement", False),
    ],
)
def test_a_tag_contains_its_regions_and_the_cloud_contains_its_services(
    tag: str, other: str, *, expected: bool
) -> None:
    assert contains(tag, other) is expected
