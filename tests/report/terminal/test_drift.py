"""Changes since the baseline on the terminal."""

from __future__ import annotations

import msgspec
import pytest
from rich.cells import cell_len

from auditor.evaluation.drift.model import Drift, FindingChange, PropertyChange, ResourceChange, ResourceChangeKind
from auditor.evaluation.model import BaselineState, Outcome
from auditor.report.view import View
from auditor.rules.model import Severity
from tests.report import reports
from tests.report.reports import GROUP, HOSTILE, LOAD_BALANCER_ID, SUBSCRIPTION, finding, gap, hidden_by, vm

TREE = """\
--- Changes since the baseline -------------------------------------------------

Baseline taken 2026-08-01T06:00:00Z, approved by operations at
2026-08-02T09:00:00Z: change 4711.
It has 1 gap; what could not be read then is not compared.
Findings: 1 regressed, 1 new, 1 lost sight, 1 fixed, 1 gone, 1 drifted;
resources: 1 removed, 1 moved, 1 changed, 1 lost sight.

REGRESSED   MIR003  The mirror status page is not probed
            pass -> fail (critical): TRAKDB (mirror, westeurope)
            lb-mirror (loadBalancers)
              properties.probes[name=status].properties.protocol: Http -> Tcp
NEW         CMP006  Not as required: The failover members are alike
            no finding -> fail (medium): vm-new (virtualMachines, westeurope)
LOST SIGHT  Microsoft.Network/loadBalancers in
            /subscriptions/00000000-0000-0000-0000-000000000001 was not read
            (forbidden: AuthorizationFailed), which needs
            Microsoft.Network/loadBalancers/read; 1 finding: MIR003; vm-hidden
            (virtualMachines)
FIXED       CMP006  Not as required: The failover members are alike
            fail (medium) -> pass: vm-mended (virtualMachines, westeurope)
GONE        CMP006  Not as required: The failover members are alike
            fail (medium) -> no finding: vm-gone (virtualMachines, westeurope)
DRIFTED     same outcome, other values: CMP006

Changed: rg-prod in 00000000-0000-0000-0000-000000000001
  REMOVED     vm-gone (virtualMachines)
              read by CMP006
  MOVED       vm-moved (virtualMachines)
              formerly rg-old/vm-moved

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


def test_what_moved_is_written_once_at_the_worst_finding_that_reads_it() -> None:
    worse = tuple(
        FindingChange(BaselineState.REGRESSED, finding(Outcome.PASS, rule), finding(rule=rule))
        for rule in (reports.PROBE, reports.SIZE)
    )
    moved = ResourceChange(
        LOAD_BALANCER_ID,
        ResourceChangeKind.CHANGED,
        properties=(PropertyChange("a", 1, 2, ("CMP006", "MIR003")), PropertyChange("b", 1, 2, ("NET001",))),
        rules=("CMP006", "MIR003", "NET001"),
    )
    text = section(drift(moved, findings=worse))
    assert "(mirror, westeurope)\n            lb-mirror (loadBalancers)\n              a: 1 -> 2\nREGRESSED" in text
    assert "            lb-mirror (loadBalancers): as above\n" in text
    assert text.count("a: 1 -> 2") == text.count("b: 1 -> 2 (NET001)") == 1


def test_a_regression_counts_as_its_rule_says_and_shows_its_grade() -> None:
    graded = msgspec.structs.replace(finding(severity=Severity.INFO), graded="there are only two zones")
    text = section(drift(findings=(FindingChange(BaselineState.REGRESSED, finding(Outcome.PASS), graded),)))
    said = "pass -> fail (critical, graded info because there are only two zones): TRAKDB"
    assert said in " ".join(text.split())
    always = section(drift(findings=(FindingChange(BaselineState.NEW, None, graded),)))
    assert "no finding -> fail (info, graded info because" in " ".join(always.split())


def test_one_lost_permission_is_one_paragraph_with_the_rules_and_resources() -> None:
    lost = tuple(
        FindingChange(BaselineState.LOST_SIGHT, finding(), hidden_by(gap(vm(name).id), subject=vm(name)))
        for name in ("a", "b")
    )
    unseen = ResourceChange(vm("c").id, ResourceChangeKind.LOST_SIGHT, reason=str(gap(vm("c").id)))
    text = " ".join(section(drift(unseen, findings=lost)).split())
    assert text.count("LOST SIGHT") == 1
    assert "which needs Microsoft.Network/loadBalancers/read; 2 findings: MIR003; c (virtualMachines)" in text


def test_gone_passes_are_only_counted_and_of_drifted_findings_the_rules_are_named() -> None:
    passed = finding(Outcome.PASS)
    text = section(
        drift(
            findings=(
                FindingChange(BaselineState.DRIFTED, passed, passed),
                FindingChange(BaselineState.DRIFTED, passed, passed),
                FindingChange(BaselineState.GONE, passed, None),
            )
        )
    )
    assert text.count("MIR003") == 1
    assert text.endswith("\nDRIFTED     same outcome, other values: MIR003 (2)\n")
    assert "Findings: 1 gone, 2 drifted; resources: unchanged." in text


def test_the_first_screen_only_names_what_no_rule_reads() -> None:
    text = reports.render("terminal", reports.drifted(), View(only_changes=True))
    assert "1 resource with changes that no rule reads: lb-mirror\n" in text
    assert "tags.owner" not in text


def test_hostile_values_do_not_act_on_a_terminal() -> None:
    name = f"{GROUP}/providers/Microsoft.Compute/disks/{HOSTILE.replace('/', '')}"
    change = ResourceChange(
        name,
        ResourceChangeKind.MOVED,
        f"{name}x",
        (PropertyChange(f"tags['{HOSTILE}']", HOSTILE, [HOSTILE], (HOSTILE,)),),
        (HOSTILE,),
        HOSTILE,
    )
    text = section(drift(change))
    assert text.replace("\n", "").isprintable()
    assert text.count(r"\x1b[31m") >= 5
