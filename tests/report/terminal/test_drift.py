"""Changes since the baseline on the terminal."""

from __future__ import annotations

import msgspec
import pytest
from rich.cells import cell_len

from auditor.evaluation.drift.model import Drift, FindingChange, PropertyChange, ResourceChange, ResourceChangeKind
from auditor.evaluation.model import BaselineState, Outcome
from auditor.report.view import View
from auditor.snapshot.known import Cause
from tests.report import reports
from tests.report.reports import GROUP, HOSTILE, LOAD_BALANCER_ID, SUBSCRIPTION, finding, vm

TREE = """\
--- Changes since the baseline -------------------------------------------------

Baseline taken 2026-08-01T06:00:00Z, approved by operations at
2026-08-02T09:00:00Z: change 4711.
It has 1 gap; what could not be read then is not compared.
Findings: 1 regressed, 1 new, 1 lost sight, 1 fixed, 1 gone, 1 drifted;
resources: 1 removed, 1 moved, 1 changed, 1 lost sight.

REGRESSED   MIR003  The mirror status page is not probed
            pass -> fail (critical): TRAKDB (mirror, westeurope)
NEW         CMP006  Not as required: The failover members are alike
            no finding -> fail (medium): vm-new (virtualMachines, westeurope)
LOST SIGHT  MIR003  Unknown (not read): The mirror has a probe for the mirror
            status page
            fail (critical) -> unknown: vm-hidden (virtualMachines, westeurope)
FIXED       CMP006  Not as required: The failover members are alike
            fail (medium) -> pass: vm-mended (virtualMachines, westeurope)
GONE        CMP006  Not as required: The failover members are alike
            fail (medium) -> no finding: vm-gone (virtualMachines, westeurope)

Changed: rg-prod in 00000000-0000-0000-0000-000000000001
  REMOVED     vm-gone (virtualMachines)
              read by CMP006
  MOVED       vm-moved (virtualMachines)
              formerly rg-old/vm-moved
  LOST SIGHT  vm-hidden (virtualMachines)
              Microsoft.Network/loadBalancers in
              /subscriptions/00000000-0000-0000-0000-000000000001 was not read
              (forbidden: AuthorizationFailed), which needs
              Microsoft.Network/loadBalancers/read
  CHANGED     lb-mirror (loadBalancers)
    properties.probes[name=status].properties.protocol: Http -> Tcp (MIR003)

Changed, not read by any rule: rg-prod in 00000000-0000-0000-0000-000000000001
  CHANGED     lb-mirror (loadBalancers)
    tags.owner: absent -> {"team": ["a"]}
"""


def section(drift: Drift, width: int = 80) -> str:
    """Return the section about drift, without the rest of the report."""
    now = (change.after for change in drift.findings if change.after)
    shown = msgspec.structs.replace(reports.report(*now), drift=drift)
    text = reports.render("terminal", shown, View(width=width, only_changes=True, details=True))
    start = text.index("--- Changes since the baseline")
    return text[start : text.index("\n\nauditor: ", start) + 1]


def drift(*resources: ResourceChange, findings: tuple[FindingChange, ...] = ()) -> Drift:
    against = msgspec.structs.replace(reports.baseline(), gaps=())
    return Drift(against, findings, resources)


def changed(before: object, after: object, *rules: str, path: str = "properties.x") -> ResourceChange:
    return ResourceChange(
        LOAD_BALANCER_ID, ResourceChangeKind.CHANGED, properties=(PropertyChange(path, before, after, rules),)
    )


def test_the_tree_has_changes_with_both_values_and_the_rules_that_read_them() -> None:
    found = reports.drifted().drift
    assert found is not None
    assert section(found) == TREE


def test_the_last_line_counts_the_states_of_findings() -> None:
    last = reports.render("terminal", reports.drifted(), View()).splitlines()[-1]
    assert last.endswith("; since the baseline: 1 regressed, 1 new, 1 lost sight, 1 fixed, 1 gone, 1 drifted")
    unmoved = msgspec.structs.replace(reports.full(), drift=drift())
    assert reports.render("terminal", unmoved, View()).endswith("; since the baseline: unchanged\n")


def test_a_drift_without_changes_is_reported() -> None:
    assert section(drift()).splitlines()[-1] == "Nothing has changed."


def test_without_a_baseline_no_drift_is_shown() -> None:
    assert "baseline" not in reports.render("terminal", reports.full(), View())


def test_the_path_of_a_change_keeps_to_the_width() -> None:
    read, unread = (PropertyChange(path, 1, 2, rules) for path, rules in (("a", ("NET001",)), ("b", ())))
    place = f"{SUBSCRIPTION}/resourceGroups/rg-of-the-hospital-west"
    moved = ResourceChange(
        f"{place}/providers/Microsoft.Compute/disks/x", ResourceChangeKind.CHANGED, properties=(read, unread)
    )
    text = section(drift(moved))
    assert "Changed, not read by any rule: rg-of-the-hospital-west in" in text.splitlines()
    assert max(map(cell_len, text.splitlines())) <= 80


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_long_change_takes_lines_of_its_own_and_no_id_is_broken(width: int) -> None:
    before = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/{'vnet-' * 12}/subnets/snet"
    after = "/subscriptions/9/resourceGroups/rg-far/providers/Microsoft.Network/virtualNetworks/vnet/subnets/snet"
    path = "properties.ipConfigurations[name=ipconfig1].properties.subnet.id"
    text = section(drift(changed(before, after, "NET001", "NET002", path=path)), width)
    name = before.partition("virtualNetworks/")[2]
    assert f"    {path}\n" in text
    assert f"      {name}" in text
    assert after in text
    assert text.endswith("\n      read by NET001, NET002\n")
    rows = [row for row in text.splitlines() if cell_len(row) > width]
    assert not [row for row in rows if " " in row.strip().removeprefix("-> ")]


def test_long_values_are_shown_from_their_first_difference() -> None:
    alike = "x" * 1000
    text = "".join(section(drift(changed(f"{alike}before", f"{alike}after"))).split())
    assert f"...{'x' * 40}before->...{'x' * 40}after" in text
    longer = "".join(section(drift(changed(alike, f"{alike}more"))).split())
    assert f"...{'x' * 40}->...{'x' * 40}more" in longer
    whole = section(drift(changed("x" * 200 + "before", "x" * 200 + "after")))
    assert "..." not in whole


def test_a_resource_is_named_below_its_group_and_with_what_it_extends() -> None:
    ids = {
        f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-a/extensions/agent": "vm-a/agent "
        "(virtualMachines/extensions)",
        f"{LOAD_BALANCER_ID}/providers/Microsoft.Authorization/locks/keep": "keep (locks) at lb-mirror",
        f"{GROUP}/providers/Microsoft.Authorization/locks/keep": "keep (locks)",
        GROUP: "rg-prod (resourceGroups)",
        SUBSCRIPTION: "00000000-0000-0000-0000-000000000001 (subscriptions)",
        f"{SUBSCRIPTION}/providers/Microsoft.Compute/skus/Standard_E16ds_v5": "Standard_E16ds_v5 (skus)",
    }
    for arm_id, shown in ids.items():
        lines = section(drift(ResourceChange(arm_id, ResourceChangeKind.ADDED))).splitlines()
        assert lines[-1] == f"  ADDED       {shown}"


def test_a_group_is_one_however_azure_spells_it() -> None:
    spelled = [
        f"{group}/providers/Microsoft.Compute/disks/{name}" for name, group in (("a", GROUP), ("b", GROUP.upper()))
    ]
    text = section(drift(*(ResourceChange(arm_id, ResourceChangeKind.ADDED) for arm_id in spelled)))
    assert text.count("Changed: ") == 1
    assert text.endswith("  ADDED       a (disks)\n  ADDED       b (disks)\n")


def test_of_very_many_resources_the_rest_is_counted() -> None:
    many = [ResourceChange(vm(f"vm-{number:03}").id, ResourceChangeKind.ADDED) for number in range(103)]
    text = section(drift(*many))
    assert text.count("  ADDED ") == 100
    assert text.endswith("  ADDED       vm-099 (virtualMachines)\n  and 3 more; the JSON report lists all\n")


def test_a_waived_regression_is_marked() -> None:
    waived = msgspec.structs.replace(finding(), waiver=reports.waiver())
    text = section(drift(findings=(FindingChange(BaselineState.REGRESSED, finding(Outcome.PASS), waived),)))
    assert "pass -> fail (critical, waived): TRAKDB" in text


def test_what_is_unknown_for_another_cause_has_another_headline() -> None:
    lost = [
        FindingChange(BaselineState.LOST_SIGHT, finding(), finding(Outcome.UNKNOWN, subject=vm(cause), cause=cause))
        for cause in Cause
    ]
    assert section(drift(findings=tuple(lost))).count("LOST SIGHT  MIR003  Unknown (") == len(Cause)


def test_drifted_and_gone_passes_are_only_counted() -> None:
    passed = finding(Outcome.PASS)
    text = section(
        drift(
            findings=(
                FindingChange(BaselineState.DRIFTED, passed, passed),
                FindingChange(BaselineState.GONE, passed, None),
            )
        )
    )
    assert "MIR003" not in text
    assert "Findings: 1 gone, 1 drifted; resources: unchanged." in text


def test_hostile_values_do_not_act_on_a_terminal() -> None:
    name = f"{GROUP}/providers/Microsoft.Compute/disks/{HOSTILE.replace('/', '')}"
    change = ResourceChange(
        name,
        ResourceChangeKind.LOST_SIGHT,
        f"{name}x",
        (PropertyChange(f"tags['{HOSTILE}']", HOSTILE, [HOSTILE], (HOSTILE,)),),
        (HOSTILE,),
        HOSTILE,
    )
    text = section(drift(change))
    assert text.replace("\n", "").isprintable()
    assert text.count(r"\x1b[31m") >= 6
