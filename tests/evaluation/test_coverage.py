from __future__ import annotations

import pytest

from auditor.azure import arm
from auditor.azure.types.names import FLOW_LOG, VM
from auditor.estate.topology import Topology
from auditor.evaluation import coverage, engine
from auditor.evaluation.model import Coverage
from auditor.rules.conditions import CompiledRule
from tests.estate import subscription as s
from tests.estate.subscription import OTHER, SUB, arm_id
from tests.evaluation.small import DEPLOYMENT, IN_ZONE, ON_VMS, Load, estate


def covered(built: Topology, rules: tuple[CompiledRule, ...]) -> Coverage:
    return coverage.assess(built, coverage.gaps(built, rules), engine.evaluate(built, rules), {})


def test_a_complete_answer(load: Load) -> None:
    found = covered(estate(), load(R1=ON_VMS + IN_ZONE))
    assert (found.complete, found.gaps, found.declarations) == (True, (), ())
    assert (SUB, "Microsoft.Compute/virtualMachines") in found.listed
    assert list(found.listed) == sorted(found.listed)


def test_a_scan_is_complete_without_what_is_optional(load: Load) -> None:
    rules = {"R1": ON_VMS + "assert: {fact: unsure.dns, equals: x}\n", "R2": ON_VMS + "attest: It is tested.\n"}
    found = covered(estate(), load(**rules))
    assert (found.complete, found.declarations) == (True, ())
    assert not covered(estate(), load(R3=ON_VMS + "assert: {fact: unsure.declaration, equals: x}\n")).complete


def test_types_that_were_not_listed_are_gaps_with_a_command(load: Load) -> None:
    rule = "for: [{type: Microsoft.KeyVault/vaults}]\nassert: {allOf: []}\n"
    found = covered(estate(unlisted=[VM]), load(R1=rule))
    assert not found.complete
    assert [gap.what for gap in found.gaps] == ["Microsoft.Compute/virtualMachines", "Microsoft.KeyVault/vaults"]
    assert {(gap.scope, gap.reason) for gap in found.gaps} == {(SUB, "not-requested")}
    assert f"{SUB}/providers/Microsoft.Compute/virtualMachines?api-version" in found.gaps[0].detail
    assert all(gap.detail.endswith(", and name the type under `listed`") for gap in found.gaps)


def test_types_that_resource_manager_does_not_list_are_queried_in_resource_graph(load: Load) -> None:
    (gap,) = covered(estate(unlisted=[FLOW_LOG]), load(R1=ON_VMS + IN_ZONE)).gaps
    assert gap.what == "Microsoft.Network/networkWatchers/flowLogs"
    assert f"az graph query --subscriptions {arm.name_of(SUB)}" in gap.detail
    assert gap.what in gap.detail
    assert gap.detail.endswith(", and name the type under `listed`")


def test_a_gap_is_reported_once(load: Load) -> None:
    rules = load(R1=ON_VMS + IN_ZONE)
    for scope in (SUB.upper(), f"{SUB}/resourceGroups/rg"):
        built = estate(unlisted=[VM], gaps=[s.gap(scope, "microsoft.compute/VIRTUALMACHINES")])
        assert [gap.reason for gap in covered(built, rules).gaps] == ["forbidden"]
    stub = s.gap(arm_id("Compute/virtualMachines", "x"))
    assert sorted(gap.reason for gap in covered(estate(unlisted=[VM], gaps=[stub]), rules).gaps) == [
        "forbidden",
        "not-requested",
    ]


def test_a_declared_subscription_that_was_not_scanned_is_a_gap(load: Load) -> None:
    text = DEPLOYMENT + f"  subscriptions: [{SUB}, {OTHER}]\n"
    found = covered(estate(deployment=text), load(R1=ON_VMS + IN_ZONE))
    (gap,) = found.gaps
    assert (gap.scope, gap.what, gap.detail) == (OTHER, arm.SUBSCRIPTION, "scan it too")
    assert not found.complete


def test_each_missing_declaration_is_listed_once(load: Load) -> None:
    text = DEPLOYMENT.replace(", {role: web, members: none}", "").replace("vm-b]", "twin]")
    built = estate(s.vm("twin"), s.vm("twin", group="other"), deployment=text)
    on_web = "for: [{type: Microsoft.Compute/virtualMachines, role: [web]}]\nassert: {allOf: []}\n"
    found = covered(built, load(R1=on_web, R2=on_web, R3=ON_VMS + IN_ZONE))
    assert not found.complete
    assert [declaration.split(":")[0] for declaration in found.declarations] == [
        "the web tier of d is not declared",
        "twin is the name of 2 virtual machines",
    ]


def test_each_missing_declaration_is_listed_although_a_finding_names_only_three(load: Load) -> None:
    text = DEPLOYMENT.replace("vm-a, vm-b", ", ".join(f"lost{n}" for n in range(5)))
    found = covered(estate(deployment=text), load(R1=ON_VMS + IN_ZONE))
    assert [declaration.split()[0] for declaration in found.declarations] == [f"lost{n}" for n in range(5)]


@pytest.mark.parametrize(("guest", "complete"), [("optional", True), ("required", False)])
def test_a_missing_guest_file_makes_a_scan_incomplete_only_where_it_is_required(
    load: Load, guest: str, *, complete: bool
) -> None:
    rules = load(R1=ON_VMS + "assert: {fact: unsure.guest, equals: x}\n")
    assert covered(estate(deployment=DEPLOYMENT + f"  guest: {guest}\n"), rules).complete is complete


def test_required_guest_files_are_missing_whatever_the_rules_find(load: Load) -> None:
    rules = load(R1=ON_VMS + "assert: {field: id, exists: true}\n")
    assert covered(estate(), rules).complete
    assert not covered(estate(deployment=DEPLOYMENT + "  guest: required\n"), rules).complete
    other = DEPLOYMENT.replace("name: d", "name: e") + "  guest: required\n"
    assert not covered(estate(deployment=DEPLOYMENT + other), rules).complete
    for cause in ("value", "gap", "declaration"):
        unsure = load(R1=ON_VMS + f"assert: {{fact: unsure.{cause}, equals: x}}\n")
        assert not covered(estate(), unsure).complete
