from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from auditor.facts import FACTS
from auditor.facts.retirements import Exposure, exposures
from auditor.topology.graph import EXTENSION
from auditor.values import Cause, Items
from tests.topology import subscription as s
from tests.topology.subscription import Body, arm_id

DECLARED = """
- name: prod
  product: iris
  regions: {primary: westeurope, dr: none}
  mirrors: none
  tiers:
    - {role: db, members: [vm-a]}
    - {role: web, members: none}
    - {role: app, members: none}
"""


@pytest.fixture(autouse=True)
def _listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s, "TYPES", [*s.TYPES, EXTENSION])


def machine(os_disk: Any = None, **keywords: Any) -> Body:
    body = s.vm("vm-a", **keywords)
    body["properties"]["storageProfile"]["osDisk"] = os_disk or {"managedDisk": {"id": arm_id("Compute/disks", "os")}}
    return body


def found(*bodies: Body, **keywords: Any) -> tuple[list[tuple[str, str]], Items]:
    own = list(bodies)
    for body in (machine(), s.disk("os"), s.nic("vm-a-nic", machine="vm-a")):
        if body["id"] not in [other["id"] for other in own]:
            own.append(body)
    built = s.topology(*own, deployment=DECLARED, **keywords)
    built.as_of = dt.date(2026, 11, 1)
    context = s.context(built)
    items = exposures(context, s.only(built)).value
    assert isinstance(items, Items)
    told = []
    for exposure in items.known:
        assert isinstance(exposure, Exposure)
        what, date, months = (FACTS[f"exposure.{n}"].find(context, exposure) for n in ("what", "date", "months_left"))
        assert (months.value > 0) is (str(date.value) > "2026-11-01")  # type: ignore[operator]
        assert exposure.id == f"{exposure.resource.id}#{date.reads[0].path}"
        assert date.reads[1].resource.startswith("https://")
        told.append((str(date.value), str(what.value)))
    return told, items


def test_a_deployment_that_uses_nothing_that_ends() -> None:
    assert found() == ([], Items())


def balancer(sku: Any = "Standard", **probe: Any) -> Body:
    body = s.balancer("lb", {"pool": s.by_nic("vm-a-nic")}, probes={"p": probe})
    body["sku"] = {"name": sku} if sku else None
    return body


def rule_of(version: int) -> Body:
    names = {1: "backendIPConfiguration", 2: "backendAddressPool"}
    return {"inboundNatRules": [{"properties": {names[version]: {"id": s.configuration_id("vm-a-nic")}}}]}


def extended(body: Body, **properties: Any) -> Body:
    return {**body, "properties": {**body["properties"], **properties}}


def gateway(**properties: Any) -> Body:
    backend = {"ipAddress": "10.0.0.4"}
    return extended(s.gateway("agw", backend), **properties)


NIC = s.nic("vm-a-nic", machine="vm-a", address="10.0.0.4")
ENCRYPTED = {"id": f"{machine()['id']}/extensions/ade", "properties": {"type": "azurediskencryptionforlinux"}}
ADE = ("2028-09-15", "Azure Disk Encryption")


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([machine(size="Standard_DS13")], [("2028-05-01", "D and Ds series")]),
        ([machine({"vhd": {"uri": "https://x"}})], [("2026-03-31", "unmanaged OS disk")]),
        ([balancer()], []),
        ([balancer("basic")], [("2025-09-30", "Basic load balancer")]),
        ([balancer(None)], [("2025-09-30", "Basic load balancer")]),
        ([balancer(numberOfProbes=2)], [("2027-09-01", "numberOfProbes without probeThreshold")]),
        ([balancer(numberOfProbes=1)], []),
        ([balancer(numberOfProbes=2, probeThreshold=2)], []),
        ([extended(balancer(), **rule_of(1))], [("2027-09-30", "inbound NAT rule of version 1")]),
        ([extended(balancer(), **rule_of(2))], []),
        ([NIC, gateway(sku={"tier": "WAF"})], [("2026-04-28", "Application Gateway v1")]),
        ([NIC, gateway(sku={"tier": "Standard_v2"})], []),
        ([{**s.disk("os"), "sku": {"name": "Standard_LRS"}}], [("2028-09-08", "Standard HDD as OS disk")]),
        ([ENCRYPTED], [ADE]),
        ([extended(s.disk("os"), encryptionSettingsCollection={"enabled": True})], [ADE]),
        ([extended(s.disk("os"), encryptionSettingsCollection={"enabled": False})], []),
        (
            [machine(size="Standard_DS13"), balancer("Basic"), ENCRYPTED],
            [("2025-09-30", "Basic load balancer"), ("2028-05-01", "D and Ds series"), ADE],
        ),
    ],
)
def test_what_ends_and_when_the_earliest_first(bodies: list[Body], expected: list[tuple[str, str]]) -> None:
    told, _ = found(*bodies)
    assert told == expected


def test_the_firewall_inside_a_gateway_of_version_2() -> None:
    inline = {"sku": {"tier": "WAF_v2"}, "webApplicationFirewallConfiguration": {"enabled": True}}
    told, _ = found(NIC, gateway(**inline))
    assert told == [("2027-03-31", "firewall configuration inside an Application Gateway WAF_v2")]


def test_an_unmanaged_data_disk() -> None:
    body = machine(disks=["d"])
    body["properties"]["storageProfile"]["dataDisks"] = [{"lun": 0, "vhd": {"uri": "https://x"}}]
    told, _ = found(body)
    assert told == [("2026-03-31", "unmanaged data disk")]


@pytest.mark.parametrize(
    ("keywords", "cause"),
    [
        ({"unlisted": [EXTENSION]}, Cause.GAP),
        ({"unlisted": ["microsoft.network/loadbalancers"]}, Cause.GAP),
        ({"gaps": [s.gap(arm_id("Compute/disks", "os"), "sku")]}, Cause.GAP),
        ({"gaps": [s.gap(machine()["id"], "properties.storageProfile.dataDisks")]}, Cause.GAP),
    ],
)
def test_what_may_end_where_something_was_not_read(keywords: Any, cause: Cause) -> None:
    bodies = []
    if "gaps" in keywords:
        bodies = [{**s.disk("os"), "sku": None}]
        bare = machine()
        del bare["properties"]["storageProfile"]["dataDisks"]
        bodies.append(bare)
    told, items = found(*bodies, **keywords)
    assert told == []
    assert items.missing is not None
    assert items.missing.cause is cause


def test_what_may_end_where_azure_does_not_say_what_it_is() -> None:
    for bodies in ([{**s.disk("os"), "sku": None}], [machine(size=None)]):
        _, items = found(*bodies)
        assert items.missing is not None
        assert items.missing.cause is Cause.VALUE
