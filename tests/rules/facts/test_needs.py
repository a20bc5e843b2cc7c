"""The roles that a deployment needs."""

from __future__ import annotations

from typing import Any

from auditor.azure.types.names import VM
from auditor.rules.facts.needs import Need
from auditor.snapshot.known import PartialList
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import DECLARATION, ask, said
from tests.rules.facts.mirrored import (
    FOUR,
    LEAN,
)


def needs(deployment: str, *vms: Body, **keywords: Any) -> dict[str, object]:
    """Return the names of VMs by the need that they meet; `...` where there may be more needs."""
    built = s.topology(*vms, deployment=deployment, **keywords)
    found = ask("deployment.needs", built, s.only(built)).value
    assert isinstance(found, PartialList)
    known = [need for need in found.known if isinstance(need, Need)]
    assert [ask("need.role", built, need).value for need in known] == [str(need.role) for need in known]
    vms_of = {need.id.removeprefix("prod/"): said("need.machines", built, need) for need in known}
    return vms_of | ({"...": found.missing.cause} if found.missing else {})


def test_a_product_needs_its_mirror_and_tiers_even_where_they_are_declared_as_none() -> None:
    expected = {
        "mirrors/DB/failover": ["vm-a", "vm-b"],
        "mirrors/DB/arbiter": ["vm-c"],
        "tiers/web": [],
        "tiers/app": [],
    }
    assert needs(LEAN, *FOUR) == expected
    none = LEAN.replace("arbiter: vm-c", "arbiter: none")
    assert needs(none, *FOUR) == {**expected, "mirrors/DB/arbiter": []}
    bare = "- {name: prod, product: iris, regions: {primary: westeurope, dr: none}, mirrors: none, tiers: none}"
    assert needs(bare) == {"mirrors": [], "tiers/app": [], "tiers/web": []}


def test_a_tier_that_the_product_does_not_need_counts_where_it_has_vms() -> None:
    def with_tier(members: str) -> str:
        return LEAN.replace("tiers: [", f"tiers: [{{role: print, product: lab, members: {members}}}, ")

    assert needs(with_tier("[vm-d, vm-a]"), *FOUR)["tiers/print/lab"] == ["vm-a"]
    assert "tiers/print/lab" not in needs(with_tier("none"), *FOUR)


def test_each_product_of_healthshare_needs_web_servers() -> None:
    text = LEAN.replace("product: iris", "product: healthshare").replace("name: DB", "name: DB, product: registry")
    assert "healthshare" in text
    assert "product: registry" in text
    without = text.replace("{role: web, members: none}, ", "")
    assert without != text
    assert {need: found for need, found in needs(without, *FOUR).items() if "web" in need} == {
        "tiers/web/registry": DECLARATION
    }
    assert {need: found for need, found in needs(text, *FOUR).items() if "web" in need} == {"tiers/web": []}


def test_a_need_that_is_undeclared_or_unread_is_unknown() -> None:
    undeclared = needs("- {name: prod, product: iris, regions: {primary: westeurope, dr: none}}")
    assert undeclared == dict.fromkeys(("tiers/app", "tiers/web", "..."), DECLARATION)
    hidden = s.gap(arm_id("Compute/virtualMachines", "vm-b"))
    assert needs(LEAN, FOUR[0], gaps=[hidden])["mirrors/DB/failover"] == ["?", "vm-a"]
    nowhere = {**FOUR[1], "location": None}
    assert needs(LEAN, FOUR[0], nowhere)["mirrors/DB/failover"] == ["?", "vm-a"]
    assert needs(LEAN, FOUR[0], unlisted=[VM])["mirrors/DB/failover"] == ["vm-a", "..."]
    assert needs(LEAN, FOUR[0])["mirrors/DB/failover"] == ["?", "vm-a"]


def test_tags_name_neither_product_nor_primary_region() -> None:
    def tagged(name: str, role: str, **more: str) -> Body:
        return s.vm(name, tags={"iris-deployment": "prod", "iris-role": role, **more})

    vms = [tagged("vm-a", "mirror-failover", **{"iris-mirror": "DB"}), tagged("vm-w", "web")]
    expected = {"mirrors/DB/failover": ["?"], "mirrors/DB/arbiter": DECLARATION, "tiers/web": ["?"], "...": DECLARATION}
    assert needs("", *vms) == expected
    built = s.topology(*vms)
    assert said("deployment.dr_region", built, s.only(built)) is DECLARATION
