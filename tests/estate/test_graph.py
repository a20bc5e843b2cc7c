from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.paths import ABSENT
from auditor.azure.types.names import DISK, LOAD_BALANCER, NIC, SKU, VM
from auditor.snapshot.known import Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import items, objects, parts, unread, value
from auditor.snapshot.model import Part, Resource
from tests.estate import subscription as s
from tests.estate.subscription import OTHER, SUB, arm_id, graph

VM_ID = arm_id("Compute/virtualMachines", "vm-a")
LOAD_BALANCER_ID = arm_id("Network/loadBalancers", "lb")


def unknown(found: object, cause: Cause, *says: str) -> None:
    assert isinstance(found, Unknown), found
    assert found.cause is cause
    assert [text for text in says if text not in found.reason] == [], found.reason


@pytest.mark.parametrize("spell", [str.upper, str.lower, "{}/".format])
def test_joins_ignore_case_and_a_slash_at_the_end(spell: Any) -> None:
    vm = s.vm("vm-a", nics=["nic"])
    for reference in vm["properties"]["networkProfile"]["networkInterfaces"]:
        reference["id"] = spell(reference["id"])
    built = graph(vm, s.nic("nic"))
    (source,) = built.referrers(arm_id("Network/networkInterfaces", "nic").lower(), VM)
    assert source.source.name == "vm-a"
    assert built.get(spell(VM_ID)) is built.by_type[VM][0]
    assert built.referrers(arm_id("Network/networkInterfaces", "nic").lower(), LOAD_BALANCER) == []


def test_the_owner_of_a_part_is_the_nearest_resource() -> None:
    extension = s.resource("Compute/virtualMachines", "vm-a/extensions/x")
    built = graph(s.vm("vm-a"), extension, s.resource("Network/virtualNetworks", "vnet"))
    for part, owner in (("", "vm-a"), ("/extensions/X", "x"), ("/extensions/y", "vm-a"), ("/a/b/c/d/", "vm-a")):
        found = built.owner(VM_ID + part)
        assert isinstance(found, Resource)
        assert found.name == owner
    unknown(built.owner(f"{LOAD_BALANCER_ID}/probes/p"), Cause.VALUE, LOAD_BALANCER_ID, "does not exist")


@pytest.mark.parametrize("kind", ["backendAddressPools", "probes", "loadBalancingRules"])
def test_parts_are_found_by_id_in_any_case(kind: str) -> None:
    built = graph(s.load_balancer("lb", {"one": {}}, {"one": {}}, {"one": {}}))
    for part_id in (
        f"{LOAD_BALANCER_ID}/{kind}/one",
        f"{LOAD_BALANCER_ID}/{kind}/one".upper(),
        f"{LOAD_BALANCER_ID}/{kind.lower()}/One/",
    ):
        found = built.part(part_id)
        assert isinstance(found, Part)
        assert found.path == f"properties.{kind}[0]"
    unknown(built.part(f"{LOAD_BALANCER_ID}/{kind}/two"), Cause.VALUE, "/two", "does not have it")
    unknown(built.part(f"{LOAD_BALANCER_ID}x/{kind}/one"), Cause.VALUE, "does not exist")


def test_a_part_of_what_was_not_read_may_be_there() -> None:
    stub = {**s.load_balancer("lb", {}), "properties": None}
    unknown(graph(stub).part(f"{LOAD_BALANCER_ID}/probes/p"), Cause.GAP, "az rest", LOAD_BALANCER_ID)
    unknown(
        graph(gaps=[s.gap(LOAD_BALANCER_ID)]).part(f"{LOAD_BALANCER_ID}/probes/p"),
        Cause.GAP,
        "forbidden",
        LOAD_BALANCER_ID,
    )
    whole = s.load_balancer("lb", {"p": {}})
    hidden = graph(whole, gaps=[s.gap(LOAD_BALANCER_ID, "properties.probes")])
    assert isinstance(hidden.part(f"{LOAD_BALANCER_ID}/backendAddressPools/p"), Part)


def test_the_reasons_of_a_broken_reference() -> None:
    unknown(graph().get(VM_ID), Cause.VALUE, VM_ID, "does not exist")
    unlisted = "Microsoft.Compute/virtualMachines in", "not listed completely"
    unknown(graph(unlisted=[VM]).get(VM_ID), Cause.GAP, *unlisted, SUB)
    elsewhere = arm_id("Compute/virtualMachines", "vm-a", subscription=OTHER)
    unknown(graph().get(elsewhere), Cause.GAP, OTHER, "not scanned")
    for junk in ("", "vm-a", f"{SUB}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines"):
        unknown(graph().get(junk), Cause.VALUE, f"'{junk}'", "malformed")


@pytest.mark.parametrize("scope", [SUB, SUB.upper(), f"{SUB}/resourceGroups/rg"])
def test_a_gap_makes_a_listing_incomplete_even_where_it_claims_to_be_complete(scope: str) -> None:
    built = graph(gaps=[s.gap(scope, "Microsoft.Compute/VirtualMachines")])
    unknown(built.listing(VM, SUB), Cause.GAP, "forbidden", scope)
    unknown(built.get(VM_ID), Cause.GAP, "forbidden")
    assert built.listing(NIC, SUB) is None
    unknown(built.listing(NIC, OTHER), Cause.GAP, "not scanned")


def test_a_gap_of_one_resource_is_not_one_of_its_type() -> None:
    built = graph(s.vm("vm-b"), gaps=[s.gap(VM_ID)])
    assert built.listing(VM, SUB) is None
    stub = built.get(VM_ID.upper())
    assert isinstance(stub, Resource)
    assert (stub.name, stub.location, stub.type) == ("vm-a", "", VM)
    unknown(value(stub, "zones[0]").value, Cause.GAP, VM_ID, "forbidden")
    assert [found.name for found in built.unreadable[VM]] == ["vm-a"]
    assert value(built.by_type[VM][0], "zones[0]").value is ABSENT


@pytest.mark.parametrize(
    ("what", "hidden"),
    [
        ("properties.instanceView", ["properties.instanceView", "properties.instanceView.x", "properties"]),
        ("properties.storageProfile.dataDisks", ["properties.storageProfile.dataDisks[0].lun"]),
        ("properties.storageProfile.dataDisks[0]", ["properties.storageProfile.dataDisks"]),
        ("tags['A.b']", ["tags['a.B']", "tags"]),
        ("Microsoft.Compute/VIRTUALMACHINES", ["zones", "properties.x"]),
    ],
)
def test_a_gap_of_one_property_hides_what_is_at_above_and_below_it(what: str, hidden: list[str]) -> None:
    (found,) = graph(s.vm("vm-a"), gaps=[s.gap(VM_ID, what)]).by_type[VM]
    assert [path for path in hidden if unread(found, path) is None] == []
    apart = ["properties.instanceViews", "properties.instance", "location"]
    assert what.startswith("M") or [path for path in apart if unread(found, path) is not None] == []
    assert value(found, "location").value == "westeurope", "what was read is known"


def test_values_and_lists_distinguish_absent_from_malformed_and_unread() -> None:
    vm = s.vm("vm-a", disks=["d"])
    vm["properties"] |= {"text": "t", "mixed": [{"x": 1}, 2, None], "nothing": None}
    (found,) = graph(vm).by_type[VM]
    assert value(found, "properties.nothing").value is ABSENT
    assert value(found, "properties.storageProfile.dataDisks[7].lun").value is ABSENT
    unknown(value(found, "properties.text.below").value, Cause.VALUE, "properties.text is not an object", VM_ID)
    unknown(value(found, "properties.storageProfile[0]").value, Cause.VALUE, "storageProfile is not a list")
    assert items(found, "properties.none[*]").value == PartialList()
    (malformed,) = objects(found, "properties.text[*]").known
    unknown(malformed, Cause.VALUE, "properties.text is not a list")
    part, number, missing = items(found, "properties.mixed[*]", default=0).value.known  # type: ignore[attr-defined]
    assert (part.path, number, missing) == ("properties.mixed[0]", 2, 0)
    part, number, missing = objects(found, "properties.mixed[*]").known
    unknown(number, Cause.VALUE, "properties.mixed[*] is 2, not an object", VM_ID)
    unknown(missing, Cause.VALUE, "has no properties.mixed[2]")
    assert [p.path for p in parts(found, "properties.mixed[*]")] == ["properties.mixed[0]"]


def test_a_list_that_was_not_read_may_have_members() -> None:
    what = "properties.networkProfile"
    body = s.vm("vm-a")
    del body["properties"]["networkProfile"]
    (found,) = graph(body, gaps=[s.gap(VM_ID, what)]).by_type[VM]
    hidden = objects(found, "properties.networkProfile.networkInterfaces[*]")
    assert hidden.known == ()
    unknown(hidden.missing, Cause.GAP, what)
    assert objects(found, "properties.storageProfile.dataDisks[*]") == PartialList()


def test_an_unread_resource_is_identified_by_its_name() -> None:
    built = graph(s.vm("vm-b"))
    stub = built.get_or_placeholder(VM_ID)
    assert (stub.key, stub.type) == (VM_ID.lower(), VM)
    unknown(value(stub, "location").value, Cause.GAP, VM_ID)
    assert built.get_or_placeholder(arm_id("Compute/virtualMachines", "VM-B")) is built.by_type[VM][0]


# --- capabilities ---------------------------------------------------------------------------------------------------

SIZE = s.size("Standard_D2s_v5", ["AustraliaCentral", "westeurope"], vCPUs="2", MemoryGB="0.75", odd=8, nothing=None)


def ask(name: str, *, size: str = "Standard_D2s_v5", region: str = "westeurope", **keywords: Any) -> object:
    return graph(SIZE, **keywords).capability("virtualMachines", size, region, SUB, name).value


def test_capabilities_are_looked_up_as_azure_compares_names() -> None:
    assert ask("vCPUs") == ask("VCPUS", size="STANDARD_D2S_V5", region="australiacentral") == "2"
    assert ask("MemoryGB") == "0.75"
    assert ask("odd") == 8, "a value that is no text is kept, so that its reader refuses it"
    assert ask("nothing") is ask("absent") is ABSENT
    unknown(ask("vCPUs", region="northeurope"), Cause.VALUE, "Standard_D2s_v5 in northeurope")
    unknown(ask("vCPUs", size="Standard_X"), Cause.VALUE, "Standard_X")
    unknown(ask("vCPUs", size="Standard_X", unlisted=[SKU]), Cause.GAP, "Microsoft.Compute/skus")
    assert ask("vCPUs", unlisted=[SKU]) == "2", "a record that is here is known"


def test_a_capability_says_where_it_was_read() -> None:
    found = graph(SIZE).capability("virtualMachines", "Standard_D2s_v5", "westeurope", SUB, "vCPUs")
    where = f"{SUB}/providers/Microsoft.Compute/skus/Standard_D2s_v5"
    assert found.reads == (Read(where, "capabilities.vCPUs", "2"),)
    broken = {**SIZE, "capabilities": "many", "locations": ["westeurope", 7]}
    assert graph(broken).capability("virtualMachines", "Standard_D2s_v5", "westeurope", SUB, "x").value is ABSENT


# --- references -------------------------------------------------------------------------------------------------------


def followed(properties: dict[str, Any], name: str, **keywords: Any) -> object:
    """Return the target of a reference of the only rule of a load balancer."""
    body = s.load_balancer("lb", {"pool": {}}, {"rule": properties}, probes={"p": {}})
    built = graph(body, **keywords)
    (rule,) = parts(built.by_type[LOAD_BALANCER][0], "properties.loadBalancingRules[*]")
    found = built.follow(rule, name)
    assert [read.path for read in found.reads] == [f"properties.loadBalancingRules[0].properties.{name}.id"]
    return found.value


def test_a_reference_leads_to_a_part_or_resource() -> None:
    probe = followed({"probe": {"id": f"{LOAD_BALANCER_ID.upper()}/probes/P"}}, "probe")
    assert isinstance(probe, Part)
    assert probe.path == "properties.probes[0]"
    built = graph(s.vm("vm-a", disks=["d"]), s.disk("d"))
    (attachment,) = parts(built.by_type[VM][0], "properties.storageProfile.dataDisks[*]")
    disk = built.follow(attachment, "managedDisk").value
    assert isinstance(disk, Resource)
    assert disk.name == "d"


def test_a_reference_that_is_not_there_is_absent_unless_azure_always_has_it() -> None:
    assert followed({}, "probe") is ABSENT
    unknown(
        followed({}, "frontendIPConfiguration"), Cause.VALUE, "has no properties.loadBalancingRules[0].properties.f"
    )


def test_a_reference_that_cannot_be_followed_is_unknown() -> None:
    unknown(followed({"probe": {"id": 7}}, "probe"), Cause.VALUE, "properties.probe.id is 7, not an id (malformed)")
    unknown(
        followed({"probe": {"id": f"{LOAD_BALANCER_ID}/probes/q"}}, "probe"),
        Cause.VALUE,
        f"{LOAD_BALANCER_ID} does not have it",
    )
    gap = s.gap(LOAD_BALANCER_ID, "properties.loadBalancingRules[0].properties.probe")
    unknown(followed({}, "probe", gaps=[gap]), Cause.GAP, "forbidden")


def test_an_ephemeral_disk_is_no_resource_of_the_scope() -> None:
    def reached(option: str, *others: Any, **keywords: Any) -> list[Any]:
        vm = s.vm("vm-a", nics=())
        disk = {"managedDisk": {"id": arm_id("Compute/disks", "OS")}, "diffDiskSettings": {"option": option}}
        vm["properties"]["storageProfile"]["osDisk"] = disk
        built = graph(vm, *others, **keywords)
        return list(built.reached(built.by_type[VM][0].key))

    assert reached("Local") == reached("local", unlisted=[DISK]) == []
    assert [found.name for found in reached("Local", s.disk("os"))] == ["os"]
    ((type_, why),) = reached("Other")
    assert type_ == DISK
    unknown(why, Cause.VALUE, "does not exist")


def test_a_list_of_references_leads_to_several() -> None:
    interfaces = [{"id": arm_id("Network/networkInterfaces", "nic")}, {}, {"id": 7}]
    vm = s.vm("vm-a")
    vm["properties"]["networkProfile"]["networkInterfaces"] = interfaces
    built = graph(vm, s.nic("nic"))
    found = built.follow_all(built.by_type[VM][0], "networkInterfaces").value
    assert isinstance(found, PartialList)
    nic, without_id, malformed = found.known
    assert isinstance(nic, Resource)
    unknown(without_id, Cause.VALUE, f"{VM_ID} has no properties.networkProfile.networkInterfaces[1].id")
    unknown(malformed, Cause.VALUE, "is 7, not an id")


def test_an_element_of_another_kind_has_no_such_reference() -> None:
    built = graph(s.disk("d"), s.load_balancer("lb", {"pool": {}}))
    assert built.follow(built.by_type[DISK][0], "availabilitySet").value is ABSENT
    (pool,) = parts(built.by_type[LOAD_BALANCER][0], "properties.backendAddressPools[*]")
    assert built.follow(pool, "frontendIPConfiguration").value is ABSENT


def test_what_is_not_declared_cannot_be_followed() -> None:
    with pytest.raises(KeyError):
        followed({}, "somethingElse")
