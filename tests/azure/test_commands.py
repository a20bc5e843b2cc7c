"""Commands that read what is missing: by the auditor's own api-versions, and safe for shells."""

from __future__ import annotations

import shlex
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from auditor.azure import arm, commands
from auditor.azure.types import TYPES, ResourceType, Via, display_type

SUB = "/subscriptions/00000000-0000-0000-0000-000000000001"
GROUP = f"{SUB}/resourceGroups/rg/providers"


def url(command: str) -> str:
    """Return the address of a command, as a shell gives it to az."""
    words = shlex.split(command.partition(" (")[0])
    assert words[:-1] == ["az", "rest", "--method", "get", "--url"]
    return words[-1]


def test_a_resource_is_read_by_the_version_of_its_type() -> None:
    vm = f"{GROUP}/Microsoft.Compute/virtualMachines/vm"
    assert url(commands.get(vm)) == f"{vm}?api-version={TYPES[arm.type_of(vm)].version}"
    assert url(commands.get_instance_view(vm)) == f"{url(commands.get(vm))}&$expand=instanceView"


def test_a_region_is_read_with_all_others() -> None:
    subscription = arm.subscription_of(GROUP)
    assert commands.get(f"{subscription}/locations/westeurope") == commands.list_all(arm.LOCATION, subscription)
    assert f"'{subscription}/locations?api-version=2022-12-01'" in commands.get(f"{subscription}/locations/westeurope")


@pytest.mark.parametrize("type_", ["Microsoft.Network/virtualNetworkGateways", "Microsoft.Web/sites"])
def test_a_resource_of_which_no_version_is_known_is_shown(type_: str) -> None:
    assert commands.get(f"{GROUP}/{type_}/x") == f"az resource show --ids '{GROUP}/{type_}/x'"
    graph = f"az graph query --subscriptions {arm.name_of(SUB)} --first 1000 -q"
    listed = commands.list_all(type_.lower(), SUB)
    assert listed.startswith(f"{graph} \"resources | where type =~ '{display_type(type_.lower())}'\"")
    assert "--skip-token" in listed


LISTED = [declared for declared in TYPES.values() if declared.version is not None and declared.via is not Via.NONE]


@pytest.mark.slow
@pytest.mark.parametrize("declared", LISTED, ids=lambda declared: declared.name)
def test_a_list_is_read_as_the_auditor_reads_it_with_all_its_pages(declared: ResourceType) -> None:
    command = commands.list_all(declared.key, SUB)
    scope = "ID" if declared.parent else SUB
    assert unquote(url(command)) == unquote(declared.request(scope))
    assert parse_qs(urlsplit(url(command)).query)["api-version"] == [str(declared.version)]
    assert "nextLink" in command
    assert (f"each {declared.parent or 'Microsoft'}" in command) is bool(declared.parent)
