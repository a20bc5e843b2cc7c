from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.paths import ABSENT
from auditor.azure.types.names import EXTENSION
from auditor.estate.topology import Topology
from auditor.snapshot.known import PartialList, Unknown
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import DECLARATION, GAP, VALUE, ask, said, shown

VM_ID = arm_id("Compute/virtualMachines", "vm-a")


def of_vm(name: str, built: Topology) -> object:
    return said(name, built, s.item(built, "Compute/virtualMachines", "vm-a"))


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ({"statuses": [{"code": "ProvisioningState/succeeded"}, {"code": "PowerState/running"}]}, "running"),
        ({"statuses": [{"code": "powerstate/Deallocated"}]}, "deallocated"),
        ({"statuses": [{"level": "Info"}, "junk", {"code": "PowerState/stopped"}]}, "stopped"),
        ({"statuses": [{"code": "ProvisioningState/succeeded"}]}, ABSENT),
        ({"statuses": []}, ABSENT),
        ({}, ABSENT),
        ({"statuses": ["junk"]}, VALUE),
        ({"statuses": "junk"}, VALUE),
        (None, GAP),
        ("junk", VALUE),
    ],
)
def test_the_state_of_a_vm(view: Any, expected: object) -> None:
    assert of_vm("vm.power_state", s.topology(s.vm("vm-a", instanceView=view))) == expected


def test_the_state_of_a_vm_that_was_not_read() -> None:
    for gap in (s.gap(VM_ID), s.gap(VM_ID, "properties.instanceView")):
        bodies = [] if gap["what"] != "properties.instanceView" else [s.vm("vm-a")]
        assert of_vm("vm.power_state", s.topology(*bodies, gaps=[gap])) is GAP


def extension(name: str, vm: str = "vm-a", kind: str = "Agent") -> Body:
    own = {"id": f"{arm_id('Compute/virtualMachines', vm)}/extensions/{name}", "name": name}
    return {**own, "properties": {"type": kind}}


@pytest.fixture
def _listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s, "TYPES", [*s.TYPES, EXTENSION])


def installed(built: Topology) -> list[str]:
    found = ask("vm.extensions", built, s.item(built, "Compute/virtualMachines", "vm-a")).value
    assert isinstance(found, PartialList)
    names = ["?" if isinstance(item, Unknown) else item.id.rsplit("/", 1)[-1] for item in found.known]  # type: ignore[attr-defined]
    return names + ["..."] * bool(found.missing)


@pytest.mark.usefixtures("_listed")
def test_extensions_are_resources_or_parts_of_their_vm() -> None:
    inside = extension("b")
    body = {**s.vm("vm-a"), "resources": [inside, extension("A"), {"id": inside["id"] + "x"}, {"id": VM_ID}, "junk"]}
    alone = {**extension("a"), "id": extension("a")["id"].upper()}
    built = s.topology(body, alone, extension("c", vm="vm-ab"))
    assert installed(built) == ["A", "b", "?"]
    assert installed(s.topology(s.vm("vm-a"))) == []


def test_extensions_that_were_not_listed_may_be_more() -> None:
    assert installed(s.topology(s.vm("vm-a"), extension("a"), unlisted=[EXTENSION])) == ["a", "..."]


@pytest.mark.usefixtures("_listed")
@pytest.mark.parametrize("what", ["", "Microsoft.Compute/virtualMachines/extensions", "resources"])
def test_extensions_of_a_vm_that_was_not_read(what: str) -> None:
    bodies = [s.vm("vm-a")] if what else []
    assert installed(s.topology(*bodies, gaps=[s.gap(VM_ID, what)])) == ["..."]
    other = s.gap(VM_ID, "properties.instanceView")
    assert installed(s.topology(s.vm("vm-a"), gaps=[other])) == []


DECLARED = """
- name: prod
  product: iris
  regions: {{primary: {primary}, dr: northeurope}}
  mirrors: none
  tiers:
    - {{role: db, members: {db}}}
    - {{role: app, members: {app}}}
    - {{role: web, members: {web}}}
    - {{role: print, members: [vm-p]}}
"""


def declared(db: str = "none", app: str = "none", web: str = "none", primary: str = "westeurope") -> str:
    return DECLARED.format(db=db, app=app, web=web, primary=primary)


GLOB = "[{name: 'vm-?b*'}]"


def schedule(target: object, name: str = "s", kind: object = "ComputeVmShutdownTask") -> Body:
    return s.resource("DevTestLab/schedules", name, taskType=kind, targetResourceId=target)


LAB = "LabVmsShutdownTask"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (schedule(VM_ID.upper()), ["s"]),
        (schedule(VM_ID, kind=LAB), ["s"]),
        (schedule(f"{VM_ID}-x"), ["..."]),
        (schedule(f"{VM_ID}-x", "shutdown-computevm-vm-x"), []),
        (schedule(VM_ID.replace(s.SUB, s.OTHER)), []),
        (schedule(None), ["..."]),
        (schedule(None, "shutdown-computevm-VM-A"), ["..."]),
        (schedule(None, "shutdown-computevm-vm-x"), []),
        (schedule(None, kind=LAB), []),
        (schedule(7), ["..."]),
    ],
)
def test_schedules_that_shut_down_a_vm(body: Body, expected: object) -> None:
    built = s.topology(s.vm("vm-a"), body)
    assert (
        shown(ask("vm.shutdown_schedules", built, s.item(built, "Compute/virtualMachines", "vm-a")).value) == expected
    )


@pytest.mark.parametrize(
    ("text", "location", "unlisted", "keeps", "stands_by"),
    [
        (declared(web="[vm-a]"), "West Europe", [], False, False),
        (declared(web="[vm-a]"), "northeurope", [], False, True),
        (declared(app="[vm-a]"), "northeurope", [], True, True),
        (declared(db="[vm-a]"), "northeurope", [], True, False),
        (declared(db="[vm-a]", web="[vm-a]"), "northeurope", [], True, False),
        (declared(web="[vm-a]", db="[vm-lost]"), "northeurope", [], DECLARATION, DECLARATION),
        (declared(web="[vm-a]", db="[vm-lost]"), "westeurope", [], DECLARATION, False),
        (declared(web="[vm-a]", app="[vm-lost]"), "northeurope", [], DECLARATION, True),
        (declared(web="[vm-a]", db=GLOB), "northeurope", ["microsoft.compute/virtualmachines"], False, True),
        (declared(web="[vm-a]"), None, [], False, VALUE),
    ],
)
def test_what_depends_on_a_vm(text: str, location: Any, unlisted: list[str], keeps: object, stands_by: object) -> None:
    built = s.topology(s.vm("vm-a", location=location), s.vm("vm-p"), deployment=text, unlisted=unlisted)
    assert (of_vm("vm.keeps_data", built), of_vm("vm.stands_by", built)) == (keeps, stands_by)


def test_a_vm_of_which_the_tags_were_not_read_may_have_a_further_role() -> None:
    text = declared(web="[vm-a]", db="[{tag: {iris-role: db}}]")
    for what, expected in (("tags", GAP), ("properties.instanceView", False)):
        built = s.topology(
            s.vm("vm-a"), s.vm("x", tags={"iris-role": "db"}), deployment=text, gaps=[s.gap(VM_ID, what)]
        )
        assert of_vm("vm.keeps_data", built) is expected, what


def test_what_depends_on_a_vm_of_a_deployment_that_only_tags_declare() -> None:
    tags = {"iris-deployment": "prod", "iris-role": "web", "iris-product": "iris"}
    built = s.topology(s.vm("vm-a", tags=tags))
    assert of_vm("vm.stands_by", built) is DECLARATION


def test_a_vm_outside_all_deployments_holds_no_data() -> None:
    assert of_vm("vm.keeps_data", s.topology(s.vm("vm-a"))) is False
