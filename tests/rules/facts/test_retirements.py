from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from auditor.azure.types.names import EXTENSION
from auditor.rules.facts import FACTS
from auditor.rules.facts.retirements import Retirement, retirements
from auditor.snapshot.known import Cause, PartialList
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id

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
WITH_GROUP = f"{DECLARED}  scope: {{resourceGroups: [rg]}}"
STORAGE = "microsoft.storage/storageaccounts"
VAULT = "microsoft.recoveryservices/vaults"


@pytest.fixture(autouse=True)
def _listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s, "TYPES", [*s.TYPES, EXTENSION, STORAGE, VAULT])


def vm(os_disk: Any = None, **keywords: Any) -> Body:
    body = s.vm("vm-a", **keywords)
    body["properties"]["storageProfile"]["osDisk"] = os_disk or {"managedDisk": {"id": arm_id("Compute/disks", "os")}}
    return body


NETWORK = s.resource(
    "Network/virtualNetworks",
    "vnet",
    subnets=[
        {"name": "GatewaySubnet"},
        {
            "name": "default",
            "properties": {"networkSecurityGroup": {"id": arm_id("Network/networkSecurityGroups", "nsg")}},
        },
    ],
)


def found(*bodies: Body, deployment: str = DECLARED, **keywords: Any) -> tuple[list[tuple[str, str]], PartialList]:
    own = list(bodies)
    group = s.resource("Network/networkSecurityGroups", "nsg")
    for body in (vm(), s.disk("os"), s.nic("vm-a-nic", vm="vm-a"), NETWORK, group):
        if body["id"] not in [other["id"] for other in own]:
            own.append(body)
    built = s.topology(*own, deployment=deployment, **keywords)
    built.as_of = dt.date(2026, 11, 1)
    context = s.context(built)
    items = retirements(context, s.only(built)).value
    assert isinstance(items, PartialList)
    told = []
    for retirement in items.known:
        assert isinstance(retirement, Retirement)
        what, date, months = (FACTS[f"exposure.{n}"].find(context, retirement) for n in ("what", "date", "months_left"))
        assert (months.value > 0) is (str(date.value) > "2026-11-01")  # type: ignore[operator]
        assert retirement.id == f"{retirement.resource.id}#{date.reads[0].path}"
        assert date.reads[1].resource.startswith("https://")
        told.append((str(date.value), str(what.value)))
    return told, items


def test_a_deployment_that_uses_nothing_that_ends() -> None:
    assert found() == ([], PartialList())


def load_balancer(sku: Any = "Standard", **probe: Any) -> Body:
    body = s.load_balancer("lb", {"pool": s.by_nic("vm-a-nic")}, probes={"p": probe})
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


NIC = s.nic("vm-a-nic", vm="vm-a", address="10.0.0.4")
ENCRYPTED = {"id": f"{vm()['id']}/extensions/ade", "properties": {"type": "azurediskencryptionforlinux"}}
ADE = ("2028-09-15", "Azure Disk Encryption")
OLD_TLS = ("2025-08-31", "TLS 1.0 or 1.1 at an application gateway")
TLS_1_2 = {"sslPolicy": {"policyType": "Predefined", "policyName": "AppGwSslPolicy20220101"}}


def installed(kind: str) -> Body:
    return {"id": f"{vm()['id']}/extensions/x", "properties": {"type": kind}}


def vpn(sku: Any, kind: Any = "Vpn") -> Body:
    return s.network_gateway("vgw", sku={"name": sku}, gatewayType=kind)


def account(kind: Any = "StorageV2", tls: Any = "TLS1_2", sku: str = "Standard_LRS") -> Body:
    top = {"kind": kind, "sku": {"name": sku}}
    return s.resource("Storage/storageAccounts", "st", top=top, minimumTlsVersion=tls)


def vault(**classic: Any) -> Body:
    return s.resource("RecoveryServices/vaults", "rsv", monitoringSettings={"classicAlertSettings": classic})


def exposed(date: str, what: str) -> list[tuple[str, str]]:
    return [(date, what)]


LEGACY = exposed("2026-06-30", "VPN gateway of the Standard or HighPerformance SKU")
WITHOUT_ZONES = exposed("2026-09-30", "VPN gateway of a SKU without availability zones")
STORAGE_TLS = exposed("2026-02-03", "TLS 1.0 or 1.1 at a storage account")
CLASSIC_ALERTS = exposed("2026-03-31", "classic alerts of a Recovery Services vault")


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([vm(size="Standard_DS13")], [("2028-05-01", "D and Ds series")]),
        ([vm(size="Standard_NV24ms_v3")], [("2026-09-30", "NVv3 series")]),
        ([vm(size="Standard_NV12s_v3")], [("2026-09-30", "NVv3 series")]),
        ([vm(size="Standard_NC24rs_v3")], [("2025-03-31", "NC24rs v3 series")]),
        ([vm(size="Standard_NC24s_v3")], [("2025-09-30", "NCv3 series")]),
        ([vm(size="Standard_D8s_v3")], []),
        ([vm({"vhd": {"uri": "https://x"}})], [("2026-03-31", "unmanaged OS disk")]),
        ([load_balancer()], []),
        ([load_balancer("basic")], [("2025-09-30", "Basic load balancer")]),
        ([load_balancer(None)], [("2025-09-30", "Basic load balancer")]),
        ([load_balancer(numberOfProbes=2)], [("2027-09-01", "numberOfProbes without probeThreshold")]),
        ([load_balancer(numberOfProbes=1)], []),
        ([load_balancer(numberOfProbes=2, probeThreshold=2)], []),
        ([extended(load_balancer(), **rule_of(1))], [("2027-09-30", "inbound NAT rule of version 1")]),
        ([extended(load_balancer(), **rule_of(2))], []),
        ([extended(load_balancer(), inboundNatPools=[{"id": "x"}])], [("2027-09-30", "inbound NAT pool (version 1)")]),
        ([extended(load_balancer(), inboundNatPools=[])], []),
        ([NIC, gateway(sku={"tier": "WAF"}, **TLS_1_2)], [("2026-04-28", "Application Gateway v1")]),
        ([NIC, gateway(sku={"tier": "Standard_v2"}, **TLS_1_2)], []),
        ([NIC, gateway(sku={"tier": "Standard_v2"}, sslPolicy={"minProtocolVersion": "TLSv1_1"})], [OLD_TLS]),
        ([{**s.disk("os"), "sku": {"name": "Standard_LRS"}}], [("2028-09-08", "Standard HDD as OS disk")]),
        ([ENCRYPTED], [ADE]),
        ([extended(s.disk("os"), encryptionSettingsCollection={"enabled": True})], [ADE]),
        ([extended(s.disk("os"), encryptionSettingsCollection={"enabled": False})], []),
        ([installed("OmsAgentForLinux")], [("2024-08-31", "Log Analytics agent")]),
        ([installed("microsoftmonitoringagent")], [("2024-08-31", "Log Analytics agent")]),
        ([installed("LinuxDiagnostic")], [("2026-03-31", "Azure Diagnostics extension")]),
        ([installed("IaaSDiagnostics")], [("2026-03-31", "Azure Diagnostics extension")]),
        ([installed("DSC")], [("2028-03-31", "Desired State Configuration extension")]),
        ([installed("AzureMonitorLinuxAgent")], []),
        ([vpn("HighPerformance")], LEGACY),
        ([vpn("standard", "VPN")], LEGACY),
        ([vpn("Standard", "ExpressRoute")], []),
        ([vpn("VpnGw2")], WITHOUT_ZONES),
        ([vpn("VpnGw2AZ")], []),
        ([vpn("Basic")], []),
        (
            [s.flow_log("log", arm_id("Network/networkSecurityGroups", "NSG"))],
            [("2027-09-30", "flow log of a network security group")],
        ),
        ([s.flow_log("log", NETWORK["id"])], []),
        ([s.flow_log("log", arm_id("Network/networkSecurityGroups", "others"))], []),
        (
            [vm(size="Standard_DS13"), load_balancer("Basic"), ENCRYPTED],
            [("2025-09-30", "Basic load balancer"), ("2028-05-01", "D and Ds series"), ADE],
        ),
    ],
)
def test_what_ends_and_when_the_earliest_first(bodies: list[Body], expected: list[tuple[str, str]]) -> None:
    told, _ = found(*bodies)
    assert told == expected


@pytest.mark.parametrize(
    ("bodies", "automatic"),
    [
        ([account(tls="TLS1_0")], True),
        ([account("Storage")], True),
        ([vpn("Standard")], True),
        ([vpn("VpnGw1")], False),
        ([load_balancer("Basic")], False),
        ([vm(size="Standard_A2")], False),
    ],
)
def test_what_azure_replaces_by_itself(bodies: list[Body], *, automatic: bool) -> None:
    _, items = found(*bodies, deployment=WITH_GROUP)
    assert [item.is_automatic for item in items.of_type(Retirement)] == [automatic]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (account(), []),
        (account("Storage"), exposed("2026-10-13", "general-purpose v1 storage account")),
        (account("Storage", sku="Premium_LRS"), []),
        (account("BlobStorage"), exposed("2026-10-13", "legacy blob storage account")),
        (account("FileStorage"), []),
        (account(tls="TLS1_1"), STORAGE_TLS),
        (account(tls=None), STORAGE_TLS),
        (account(tls="TLS1_3"), []),
        (vault(alertsForCriticalOperations="Disabled"), []),
        (vault(alertsForCriticalOperations="Enabled"), CLASSIC_ALERTS),
        (vault(alertsForCriticalOperations="enabled"), CLASSIC_ALERTS),
        (vault(), []),
        (s.flow_log("log", NETWORK["id"]), []),
    ],
)
def test_what_ends_in_the_resource_groups_of_the_deployment(body: Body, expected: list[tuple[str, str]]) -> None:
    told, items = found(body, deployment=WITH_GROUP)
    assert (told, items.missing) == (expected, None)
    assert found(body) == ([], PartialList()), "no VM refers to it"


@pytest.mark.parametrize("type_", [STORAGE, VAULT])
def test_what_may_end_in_a_resource_group_of_which_a_type_was_not_listed(type_: str) -> None:
    told, items = found(deployment=WITH_GROUP, unlisted=[type_])
    assert told == []
    assert items.missing is not None
    assert items.missing.cause is Cause.GAP
    assert found(unlisted=[type_]) == ([], PartialList())


def test_the_firewall_inside_a_gateway_of_version_2() -> None:
    inline = {"sku": {"tier": "WAF_v2"}, "webApplicationFirewallConfiguration": {"enabled": True}, **TLS_1_2}
    told, _ = found(NIC, gateway(**inline))
    assert told == [("2027-03-31", "firewall configuration inside an Application Gateway WAF_v2")]


def test_an_unmanaged_data_disk() -> None:
    body = vm(disks=["d"])
    body["properties"]["storageProfile"]["dataDisks"] = [{"lun": 0, "vhd": {"uri": "https://x"}}]
    told, _ = found(body)
    assert told == [("2026-03-31", "unmanaged data disk")]


@pytest.mark.parametrize(
    ("keywords", "cause"),
    [
        ({"unlisted": [EXTENSION]}, Cause.GAP),
        ({"unlisted": ["microsoft.network/loadbalancers"]}, Cause.GAP),
        ({"unlisted": ["microsoft.network/virtualnetworkgateways"]}, Cause.GAP),
        ({"unlisted": ["microsoft.network/networkwatchers/flowlogs"]}, Cause.GAP),
        ({"gaps": [s.gap(arm_id("Compute/disks", "os"), "sku")]}, Cause.GAP),
        ({"gaps": [s.gap(vm()["id"], "properties.storageProfile.dataDisks")]}, Cause.GAP),
    ],
)
def test_what_may_end_where_something_was_not_read(keywords: Any, cause: Cause) -> None:
    bodies = []
    if "gaps" in keywords:
        bodies = [{**s.disk("os"), "sku": None}]
        bare = vm()
        del bare["properties"]["storageProfile"]["dataDisks"]
        bodies.append(bare)
    told, items = found(*bodies, **keywords)
    assert told == []
    assert items.missing is not None
    assert items.missing.cause is cause


@pytest.mark.parametrize("lost", [vpn("VpnGw1"), s.flow_log("log", "x"), NETWORK])
def test_what_may_end_where_a_resource_was_not_read(lost: Body) -> None:
    bare = {**lost, "properties": {}}
    told, items = found(bare, gaps=[s.gap(lost["id"])])
    assert told == []
    assert items.missing is not None
    assert items.missing.cause is Cause.GAP


def test_what_may_end_where_azure_does_not_say_what_it_is() -> None:
    for bodies in (
        [{**s.disk("os"), "sku": None}],
        [vm(size=None)],
        [vpn(None)],
        [vpn(2)],
        [vpn("Standard", None)],
        [s.flow_log("log", None), extended(NETWORK, subnets=[])],
        [account(None)],
        [account(tls=1.0)],
        [vault(alertsForCriticalOperations=True)],
        [NIC, gateway(sku={"tier": "Standard_v2"})],
    ):
        _, items = found(*bodies, deployment=WITH_GROUP)
        assert items.missing is not None
        assert items.missing.cause is Cause.VALUE


def test_a_malformed_property_shows_nothing() -> None:
    told, items = found(load_balancer(numberOfProbes="2"))
    assert told == []
    assert items.missing is not None
    assert items.missing.cause is Cause.VALUE
    assert "properties.probes[0].properties.numberOfProbes: 2 cannot be compared with 1" in items.missing.reason
