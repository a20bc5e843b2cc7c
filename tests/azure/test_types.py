"""Every resource type is declared completely: what is read has a permission, an api-version and a row in the pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditor.azure import arm, paths, types
from auditor.azure.types import TYPES, Reference, ResourceType, Via, names
from auditor.sources.live import reads

DECLARED = [*TYPES.values()]
READ = [declared for declared in DECLARED if declared.via not in {Via.GUEST, Via.NONE}]
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reads.md").read_text(encoding="utf-8").splitlines()

every_type = pytest.mark.parametrize("declared", DECLARED, ids=lambda declared: declared.name)


@pytest.mark.slow
@every_type
def test_a_type_has_the_casing_of_microsoft(declared: ResourceType) -> None:
    assert re.fullmatch(r"Microsoft\.[A-Z][A-Za-z]+(/[A-Za-z]+)+", declared.name)
    assert [other.name for other in DECLARED if other.key == declared.key] == [declared.name]


@pytest.mark.slow
@pytest.mark.parametrize("declared", READ, ids=lambda declared: declared.name)
def test_every_type_that_is_read_has_a_permission_a_version_and_a_row(declared: ResourceType) -> None:
    assert declared.action in reads.actions()
    (row, *_) = [line for line in PAGE if line.startswith(f"| `{declared.name}` ")]
    assert f"`{declared.action}`" in row
    if declared.via is Via.RESOURCE_GRAPH:
        assert declared.version is None
        return
    assert declared.version is not None
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", str(declared.version))
    assert str(declared.version) in row
    assert [line for line in PAGE if line.startswith(f"| {declared.version} | {declared.version.why} |")]


@pytest.mark.slow
@every_type
def test_a_parent_is_named_where_there_is_one(declared: ResourceType) -> None:
    if declared.via in {Via.PARENT, Via.MEMBER}:
        assert TYPES[arm.canonical_type(declared.parent)].name == declared.parent
    elif declared.via is not Via.REGION:
        assert declared.parent == ""


@pytest.mark.slow
@every_type
def test_its_own_version_returns_all_that_is_read(declared: ResourceType) -> None:
    versions = [entry.version for entry in declared.since]
    assert versions == sorted(set(versions))
    for entry in declared.since:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", entry.version)
        assert all(paths.parse(path) for path in entry.paths)
    assert str(declared.version or "") >= types.NEWEST_PROPERTY[declared.key]


@pytest.mark.parametrize(
    ("type_", "path", "version"),
    [
        ("loadbalancers", "properties.probes[3].properties.probeThreshold", "2022-05-01"),
        ("loadbalancers", "properties.backendAddressPools[0].properties.loadBalancerBackendAddresses", "2020-04-01"),
        (
            "loadbalancers",
            "properties.backendAddressPools[0].properties.loadBalancerBackendAddresses[1].properties.adminState",
            "2022-01-01",
        ),
        ("loadbalancers", "properties.probes", ""),
        ("loadbalancers", "properties.probes[0].properties.protocol", ""),
        ("loadbalancers", "", ""),
        ("applicationgateways", "properties.sslProfiles[0].properties.sslPolicy.policyName", "2020-06-01"),
        ("trafficmanagerprofiles", "properties.endpoints[0].properties.alwaysServe", "2022-04-01"),
        ("unheardof", "properties.alwaysServe", ""),
    ],
)
def test_the_first_version_of_a_property(type_: str, path: str, version: str) -> None:
    assert types.first_version(f"microsoft.network/{type_}", path) == version


def elements(declared: ResourceType) -> list[tuple[str, tuple[Reference, ...]]]:
    return [("", declared.references), *((part.path, part.references) for part in declared.parts)]


@pytest.mark.slow
@every_type
def test_references_lead_to_declared_types(declared: ResourceType) -> None:
    for path, references in elements(declared):
        assert paths.parse(path) or path == ""
        by_name = types.references_of(declared.key, path.replace("[*]", "[7]"))
        assert [*by_name.values()] == [*references], "names are unique"
        for reference in references:
            assert paths.parse(reference.path)
            assert reference.to in TYPES
            assert reference.part == "" or re.fullmatch("[a-zA-Z]+", reference.part)


def test_every_volatile_property_has_a_reason() -> None:
    of_types = [entry for declared in DECLARED for entry in declared.volatile]
    of_all = types.NAMESPACES[-1].volatile
    assert of_types
    assert of_all
    for entry in (*of_types, *of_all):
        assert entry.paths
        assert len(entry.because.split()) > 3


def test_the_types_that_the_code_names_are_declared() -> None:
    named = {value for name, value in vars(names).items() if name.isupper()}
    assert len(named) > 20
    assert named <= TYPES.keys()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("properties.probe.id", "probe"),
        ("properties.networkProfile.networkInterfaces[*].id", "networkInterfaces"),
        ("managedBy", "managedBy"),
        ("managedByExtended[*]", "managedByExtended"),
        ("properties.targetResourceId", "targetResourceId"),
        ("id", "id"),
    ],
)
def test_a_reference_has_the_name_of_its_property(path: str, name: str) -> None:
    assert Reference(path, names.VM).name == name


def test_declarations_of_a_provider_apply_only_to_its_types() -> None:
    assert types.identity("microsoft.network/unheardof").unique == ("properties.resourceGuid",)
    assert types.identity("microsoft.networkfunction/x").unique == ()
    assert types.identity(names.VM).created == ("properties.timeCreated", "systemData.createdAt")


def test_part_kinds_are_shared_only_by_the_same_list() -> None:
    for declared in DECLARED:
        for part in declared.parts:
            assert not part.kind or types.PART_KINDS[part.kind].path == part.path
    assert not types.PART_KINDS.keys() & set(types.KINDS.values())


def test_reports_show_a_type_of_the_reference_graph_in_its_casing_and_others_in_lower_case() -> None:
    assert types.display_type(names.PUBLIC_PREFIX) == "Microsoft.Network/publicIPPrefixes"
    assert types.display_type(names.SKU) == "Microsoft.Compute/skus"
    assert types.display_type(names.USAGE) == names.USAGE
    assert types.display_type("microsoft.unheardof/x") == "microsoft.unheardof/x"
