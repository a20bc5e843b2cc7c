"""Alerts report what has failed to an action group with a receiver."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.types.names import ACTION_RULE, ACTIVITY_ALERT, LOG_ALERT, METRIC_ALERT, PROTECTED_ITEM, VAULT
from auditor.estate.topology import Topology
from auditor.snapshot.known import Answer, Cause, PartialList
from tests.estate import subscription as s
from tests.estate.subscription import SUB, Body, arm_id
from tests.rules.facts.asking import GAP, VALUE, ask, shown

ATTESTATION = Cause.ATTESTATION
DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope, dr: none}
  mirrors: none
  tiers: [{role: db, members: [vm-db]}, {role: web, members: none}, {role: app, members: none}]
"""
DB = s.vm("vm-db")


def group(name: str = "ag", **properties: Any) -> Body:
    receivers = [{"name": "operators", "emailAddress": "operators@hospital.example", "status": "Enabled"}]
    return s.resource("Insights/actionGroups", name, **{"emailReceivers": receivers, **properties})


ACTIONS = [{"actionGroupId": group()["id"].upper()}]


def metric(*scopes: str, name: str = "VmAvailabilityMetric", **properties: Any) -> Body:
    own = {"scopes": [*scopes] or [DB["id"].upper()], "criteria": {"allOf": [{"metricName": name}]}, "actions": ACTIONS}
    return s.resource("Insights/metricAlerts", "alert", **{**own, **properties})


def health(*conditions: Body, **properties: Any) -> Body:
    condition = {"allOf": [{"field": "category", "equals": "ResourceHealth"}, *conditions]}
    own = {"scopes": [SUB], "condition": condition, "actions": {"actionGroups": ACTIONS}}
    return s.resource("Insights/activityLogAlerts", "alert", **{**own, **properties})


def processing(kind: str, *conditions: Body, scope: str = SUB, **properties: Any) -> Body:
    action = {"actionType": kind} | ({"actionGroupIds": [group()["id"]]} if kind == "AddActionGroups" else {})
    own = {"scopes": [scope], "actions": [action], "conditions": [*conditions]}
    return s.resource("AlertsManagement/actionRules", kind, **{**own, **properties})


def only(field: str, *values: str, operator: str = "Equals") -> Body:
    return {"field": field, "operator": operator, "values": [*values]}


def built_with(*bodies: Body, **keywords: Any) -> Topology:
    also = [ACTION_RULE, ACTIVITY_ALERT, LOG_ALERT, METRIC_ALERT, VAULT, PROTECTED_ITEM]
    found = (DB, s.nic("vm-db-nic", vm="vm-db"), s.network(), *bodies)
    return s.topology(*found, deployment=DEPLOYMENT, **{"also_listed": also, **keywords})


def answer(built: Topology, what: str) -> Answer:
    """Return whether the failure of the only thing of a kind is reported, with what was read."""
    watched = PartialList.of(ask("deployment.watched", built, s.only(built)).value)
    (found,) = [each for each in watched.known if each.what == what]  # type: ignore[attr-defined]
    return ask("watched.is_alerted", built, found)


def alerted(built: Topology, what: str) -> object:
    """Return whether the failure of the only thing of a kind is reported."""
    return shown(answer(built, what).value)


@pytest.mark.parametrize(
    ("bodies", "wrong"),
    [
        ([group()], {("vm-db", "id")}),
        (
            [metric(name="Percentage CPU"), group()],
            {("vm-db", "id"), ("alert", "properties.criteria.allOf[0].metricName")},
        ),
        ([metric(enabled=False), group()], {("alert", "properties.enabled")}),
        ([metric(actions=[]), group()], {("alert", "properties.actions[0]")}),
        ([health(actions={}), group()], {("alert", "properties.actions.actionGroups[0]")}),
        (
            [metric(enabled=False), group(enabled=False)],
            {
                ("alert", "properties.enabled"),
                ("alert", "properties.actions[0].actionGroupId"),
                ("ag", "properties.enabled"),
            },
        ),
    ],
)
def test_what_was_read_says_what_is_wrong(bodies: list[Body], wrong: set[tuple[str, str]]) -> None:
    reads = answer(built_with(*bodies), "vm").reads
    assert {(read.resource.rpartition("/")[2], read.path) for read in reads} == wrong


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([metric(), group()], True),
        ([metric(name="vmavailabilitymetric"), group()], True),
        ([metric(), group(emailReceivers=[], webhookReceivers=[{"name": "hook"}])], True),
        ([metric(), group(enabled=False)], False),
        ([metric(), group(emailReceivers=[])], False),
        ([metric(), group(emailReceivers=[{"status": "Disabled"}])], False),
        ([metric(), group(enabled="yes")], VALUE),
        ([metric()], VALUE),
        ([metric(actions=[]), group()], False),
        ([metric(actions=[]), processing("AddActionGroups"), group()], True),
        ([metric(enabled=False), group()], False),
        ([metric(enabled="yes"), group()], VALUE),
        ([metric(name="Percentage CPU"), group()], False),
        ([metric(criteria={"allOf": [{"metricName": "VmAvailabilityMetric"}, {"metricName": "x"}]}), group()], False),
        ([metric(criteria={"webTestId": "x"}), group()], False),
        ([metric(arm_id("Compute/virtualMachines", "vm-gone")), group()], VALUE),
        ([metric(SUB), group()], False),
        ([metric(SUB, targetResourceType="Microsoft.Compute/virtualMachines"), group()], True),
        ([metric(f"{SUB}/resourceGroups/RG", targetResourceType="microsoft.compute/virtualMachines"), group()], True),
        ([metric(SUB, targetResourceType=DB["type"], targetResourceRegion="West Europe"), group()], True),
        ([metric(SUB, targetResourceType=DB["type"], targetResourceRegion="northeurope"), group()], False),
        ([metric(SUB, targetResourceType=7), group()], VALUE),
        ([metric(scopes="x"), group()], VALUE),
        ([health(), group()], True),
        ([health(enabled=False), group()], False),
        ([health(condition={"allOf": [{"field": "status", "equals": "Active"}]}), group()], False),
        ([health({"field": "resourceType", "equals": "Microsoft.Compute/virtualMachines"}), group()], True),
        ([health({"field": "resourceType", "equals": "Microsoft.Sql/servers"}), group()], False),
        ([health({"field": "resourceGroup", "containsAny": ["other", "RG"]}), group()], True),
        (
            [
                health(
                    {"anyOf": [{"field": "resourceId", "equals": DB["id"]}, {"field": "resourceId", "equals": "x"}]}
                ),
                group(),
            ],
            True,
        ),
        ([health({"anyOf": [{"field": "properties.currentHealthStatus", "equals": "Unavailable"}]}), group()], True),
        ([health(condition={"allOf": 7}), group()], VALUE),
        ([metric(), group(), processing("RemoveAllActionGroups")], False),
        ([metric(), group(), processing("RemoveAllActionGroups", schedule={"recurrences": [{}]})], True),
        ([metric(), group(), processing("RemoveAllActionGroups", enabled=False)], True),
        ([metric(), group(), processing("RemoveAllActionGroups", only("Severity", "Sev4"))], VALUE),
        ([metric(), group(), processing("RemoveAllActionGroups", only("TargetResource", DB["id"]))], False),
        ([metric(), group(), processing("RemoveAllActionGroups", scope=f"{SUB}/resourceGroups/other")], True),
        ([s.resource("Insights/scheduledQueryRules", "log")], ATTESTATION),
        ([s.resource("Insights/scheduledQueryRules", "log", enabled=False)], False),
        ([], False),
    ],
)
def test_alerts_for_a_vm(bodies: list[Body], expected: object) -> None:
    assert alerted(built_with(*bodies), "vm") == expected


@pytest.mark.parametrize("hidden", [METRIC_ALERT, ACTIVITY_ALERT, ACTION_RULE, LOG_ALERT])
def test_an_alert_that_was_not_listed(hidden: str) -> None:
    assert alerted(built_with(unlisted=[hidden]), "vm") is GAP
    assert alerted(built_with(metric(), group(), unlisted=[hidden]), "vm") is True


def test_an_alert_and_an_action_group_that_could_not_be_read() -> None:
    assert alerted(built_with(gaps=[s.gap(metric()["id"])]), "vm") is GAP
    assert alerted(built_with(metric(), gaps=[s.gap(group()["id"])]), "vm") is GAP


# --- backups and Traffic Manager --------------------------------------------------------------------------------------

OWN = arm_id("RecoveryServices/vaults", "rsv")
ITEM = {
    "id": f"{OWN}/backupFabrics/Azure/protectionContainers/c/protectedItems/VM;vm-db",
    "properties": {
        "backupManagementType": "AzureIaasVM",
        "sourceResourceId": DB["id"],
        "policyId": f"{OWN}/backupPolicies/p",
    },
}


def vault(state: object = None) -> Body:
    settings = {"azureMonitorAlertSettings": {"alertsForAllJobFailures": state}}
    return s.resource("RecoveryServices/vaults", "rsv", monitoringSettings=settings)


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        ([vault(), processing("AddActionGroups"), group()], True),
        ([vault("Enabled"), processing("AddActionGroups", scope=OWN.upper()), group()], True),
        ([vault("Disabled"), processing("AddActionGroups"), group()], False),
        ([vault(7), processing("AddActionGroups"), group()], VALUE),
        ([vault(), group()], False),
        ([vault(), processing("AddActionGroups", only("MonitorService", "Azure Backup")), group()], True),
        ([vault(), processing("AddActionGroups", only("MonitorService", "Platform")), group()], False),
        ([vault(), processing("AddActionGroups", only("TargetResourceType", VAULT)), group()], True),
        (
            [vault(), processing("AddActionGroups", only("TargetResourceType", VAULT, operator="NotEquals")), group()],
            False,
        ),
        (
            [
                vault(),
                processing("AddActionGroups", only("TargetResourceType", "vaults", operator="Contains")),
                group(),
            ],
            VALUE,
        ),
        ([vault(), processing("AddActionGroups", schedule={"effectiveUntil": "2026-01-01T00:00:00"}), group()], False),
        ([vault(), processing("AddActionGroups", scopes=7), group()], VALUE),
        ([vault("Disabled"), metric(OWN, name="BackupHealthEvent"), group()], True),
    ],
)
def test_alerts_for_backups(bodies: list[Body], expected: object) -> None:
    assert alerted(built_with(ITEM, *bodies), "backups") == expected


def test_alerts_for_the_endpoints_of_a_profile() -> None:
    address = s.public("ip")
    reached = {"publicIPAddress": {"id": address["id"]}, "subnet": {"id": f"{s.VNET}/subnets/default"}}
    nic = s.nic("vm-db-nic", vm="vm-db", ipConfigurations=[{"properties": reached}])
    profile = s.profile("tm", {"targetResourceId": address["id"]})
    for name, expected in (("ProbeAgentCurrentEndpointStateByProfileResourceId", True), ("QpsByEndpoint", False)):
        alert = metric(profile["id"], name=name)
        found = {body["id"]: body for body in (DB, nic, s.network(), address, profile, alert, group())}
        also = [ACTION_RULE, ACTIVITY_ALERT, LOG_ALERT, METRIC_ALERT, VAULT, PROTECTED_ITEM]
        built = s.topology(*found.values(), deployment=DEPLOYMENT, also_listed=also)
        assert alerted(built, "endpoints") is expected
