"""Azure's ids, names and regions."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure import arm

S: Final = "/subscriptions/0000-AB"
G: Final = f"{S}/resourceGroups/My-Group"
VM: Final = f"{G}/providers/Microsoft.Compute/virtualMachines/VM-1"
PROBE: Final = f"{G}/providers/Microsoft.Network/loadBalancers/LB/probes/P"


@pytest.mark.parametrize(
    ("arm_id", "type_", "group", "parent"),
    [
        (S, arm.SUBSCRIPTION, "", ""),
        (f"{S}/", arm.SUBSCRIPTION, "", ""),
        (G, arm.RESOURCE_GROUP, "my-group", ""),
        (VM, "microsoft.compute/virtualmachines", "my-group", ""),
        (f"{VM}/", "microsoft.compute/virtualmachines", "my-group", ""),
        (f"{VM}/extensions/E", "microsoft.compute/virtualmachines/extensions", "my-group", VM),
        (PROBE, "microsoft.network/loadbalancers/probes", "my-group", PROBE[:-9]),
        (f"{PROBE}/x/Y", "microsoft.network/loadbalancers/probes/x", "my-group", PROBE),
        (
            f"{VM}/providers/Microsoft.Insights/diagnosticSettings/D",
            "microsoft.insights/diagnosticsettings",
            "my-group",
            "",
        ),
        (f"{S}/providers/Microsoft.Compute/skus/Standard_D8s_v5", "microsoft.compute/skus", "", ""),
        ("/providers/Microsoft.Management/managementGroups/M", "microsoft.management/managementgroups", "", ""),
        # A VM or resource group may have a word of the grammar as its name.
        (f"{VM[:-4]}providers", "microsoft.compute/virtualmachines", "my-group", ""),
        (
            f"{VM[:-4]}providers/extensions/E",
            "microsoft.compute/virtualmachines/extensions",
            "my-group",
            f"{VM[:-4]}providers",
        ),
        (f"{S}/resourceGroups/providers", arm.RESOURCE_GROUP, "providers", ""),
        (f"{S}/resourceGroups/providers/providers/A.B/c/D", "a.b/c", "providers", ""),
        # No resource.
        ("", "", "", ""),
        ("/", "", "", ""),
        ("vm-1", "", "", ""),
        ("/some/where", "", "", ""),
        ("/subscriptions", "", "", ""),
        (f"{S}/resourceGroups", "", "", ""),
        (f"{S}/other/x", "", "", ""),
        (f"{G}/providers", "", "my-group", ""),
        (f"{G}/providers/Microsoft.Compute/virtualMachines", "", "my-group", ""),
    ],
)
def test_ids(arm_id: str, type_: str, group: str, parent: str) -> None:
    for spelling in (arm_id, arm_id.upper(), arm_id.lower()):
        assert arm.type_of(spelling) == type_
        assert arm.group_of(spelling) == group
        assert arm.parent_of(arm.key(spelling)) == arm.key(parent)
        assert arm.subscription_of(spelling) == (S.lower() if arm_id.startswith(S) else "")
        assert arm.is_id(spelling) is arm_id.startswith(S)


def test_a_key_ignores_case_and_what_surrounds_an_id() -> None:
    assert arm.key(f" {VM.upper()}/ ".replace("/ ", "/")) == VM.lower()
    assert arm.key(VM) == arm.key(VM.swapcase())
    assert arm.key(VM) != arm.key(PROBE)


@pytest.mark.parametrize(("arm_id", "name"), [(VM, "VM-1"), (f"{VM}/", "VM-1"), ("VM-1", "VM-1"), ("", ""), ("/", "")])
def test_a_name_is_spelled_as_azure_spells_it(arm_id: str, name: str) -> None:
    assert arm.name_of(arm_id) == name


@pytest.mark.parametrize("text", ["West Europe", "westeurope", "WESTEUROPE", "West  Europe"])
def test_a_region_is_one_however_it_is_spelled(text: str) -> None:
    assert arm.location(text) == "westeurope"


def test_the_type_of_resource_groups_has_a_short_spelling() -> None:
    assert arm.canonical_type("Microsoft.Resources/resourceGroups") == arm.RESOURCE_GROUP
    assert arm.canonical_type("Microsoft.Resources/subscriptions/resourceGroups") == arm.RESOURCE_GROUP
    assert arm.canonical_type("Microsoft.Compute/Disks") == "microsoft.compute/disks"


@pytest.mark.parametrize(
    "value", [None, 5, ["/subscriptions/s"], "", "/subscriptions/", "subscriptions/s", "/resourceGroups/g"]
)
def test_texts_that_are_no_ids(value: object) -> None:
    assert not arm.is_id(value)


# Ids come from files and from answers of Azure, and may have any content. Words make them look real.
WORDS: Final = st.sampled_from(
    ["", "/", "subscriptions", "resourceGroups", "providers", "Microsoft.X", "t", "n", "İ", "\ud800", " ", "\n"]
)
HOSTILE: Final = st.one_of(st.text(max_size=20), st.lists(WORDS, max_size=14).map("/".join))


@pytest.mark.slow
@settings(max_examples=1000)
@given(HOSTILE)
def test_hostile_ids_never_raise(text: str) -> None:
    key = arm.key(text)
    assert arm.type_of(text) == arm.type_of(text).lower()
    assert arm.group_of(text) == arm.group_of(text).lower()
    assert len(arm.parent_of(key)) < max(len(key), 1), "every chain of parents ends"
    assert arm.subscription_of(text) == "" or arm.is_id(text)
    arm.name_of(text)
    arm.location(text)
    arm.canonical_type(text)
