"""Complete lists and gaps, depending on the permissions of the identity."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any
from urllib.parse import unquote

import pytest

from auditor.authoring import fixtures
from auditor.azure import arm
from auditor.azure.types import ResourceType, children_of
from auditor.azure.types.names import DISK, VM
from auditor.cli import exit_codes
from auditor.cli.main import main
from auditor.estate.topology import Topology
from auditor.evaluation import coverage, engine
from auditor.snapshot.known import Unknown
from auditor.snapshot.model import Gap, GapReason, Snapshot
from auditor.sources.live import client, reads
from auditor.sources.live.collection import collect
from auditor.sources.live.permissions import custom_role, grants
from tests import estates
from tests.arm import ArmServer, Estate, Fault, Identity, On, Role
from tests.sources.live import live

pytestmark = pytest.mark.slow

NAME = "trakcare-current"
(SUBSCRIPTION,) = live.subscriptions_of(NAME)
SCOPE = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SCOPE}/resourceGroups/rg-trakcare-prod-weu"
OTHER = "/subscriptions/00000000-0000-0000-0000-00000000000f"
ACTIONS = reads.actions()
GRAPH_READ, PERMISSIONS_READ = reads.GRAPH.action, reads.PERMISSIONS.action
SUBSCRIPTION_READ = reads.SUBSCRIPTION.action
LISTED = {listing.key for listing in reads.LISTS} | {declared.key for declared in reads.BY_GRAPH}

NOT_ASKED_FOR = {
    # Resource Graph leaves out what the identity may not read, and needs no further action in a subscription:
    # https://learn.microsoft.com/azure/governance/resource-graph/overview#permissions-in-azure-resource-graph. It is in
    # the role since Azure lists it as the action for submitting a query.
    GRAPH_READ,
}
"""Actions of the role that the server does not require."""


def protected(estate: Estate) -> Estate:
    """Add a protected VM with a recovery point, which is read only for deployment members."""
    vault = f"{GROUP}/providers/Microsoft.RecoveryServices/vaults/rsv"
    add_vault(estate, vault, f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-db-a")
    return estate


def add_vault(estate: Estate, vault: str, vm: str) -> str:
    """Add a vault that protects a VM; return the id of the protected item."""
    item = f"{vault}/backupFabrics/Azure/protectionContainers/c;{arm.name_of(vm)}/protectedItems/VM;1"
    managed = {"backupManagementType": "AzureIaasVM"}
    point = {"recoveryPointTime": "2026-11-01T01:00:00Z", "recoveryPointType": "AppConsistent"}
    estate.add(
        {"id": vault, "location": "westeurope", "properties": {}},
        {"id": item, "properties": {**managed, "sourceResourceId": vm}},
        {"id": f"{item}/recoveryPoints/1", "properties": point},
    )
    return item


def allowed(*actions: str, without: Collection[str] = (), scope: str = "/") -> Identity:
    """Return an identity with one role: with some actions, else with all but some."""
    return Identity(roles=(Role(actions or tuple(a for a in ACTIONS if a not in without), scope=scope),))


def read(identity: Identity, **options: Any) -> tuple[Snapshot, ArmServer]:
    with ArmServer(protected(live.estate_of(NAME)), identity, **options) as server:
        taken = live.read(server, NAME).snapshot
    called = {f"{entry.method} {entry.path}?{unquote(entry.query)}" for entry in server.log}
    assert {unquote(gap.call) for gap in taken.gaps} <= called, "each gap names the call"
    return taken, server


def type_of(listing: ResourceType) -> str:
    return listing.name


def types(gaps: tuple[Gap, ...]) -> set[str]:
    return {arm.canonical_type(gap.what) for gap in gaps}


# --- the role ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(estates.ESTATES))
def test_the_role_reads_every_estate_without_a_gap(name: str) -> None:
    with ArmServer(live.estate_of(name), allowed()) as server:
        taken = live.read(server, name).snapshot
    assert taken.gaps == ()
    assert {entry.status for entry in server.log} <= {200, 404}, "404: referred to, but does not exist"
    assert {type_ for _, type_ in taken.listed} >= LISTED


EVERYTHING_NEEDS = [PERMISSIONS_READ, SUBSCRIPTION_READ]
OTHERS = [action for action in ACTIONS if action not in {*NOT_ASKED_FOR, *EVERYTHING_NEEDS}]
GROUPS = [*([action] for action in EVERYTHING_NEEDS), *(OTHERS[first::11] for first in range(11))]
"""The actions that are left out together: actions at a distance in their order do not need each other."""


@pytest.mark.parametrize("missing", GROUPS, ids=lambda missing: missing[0])
def test_without_some_actions_of_the_role_gaps_name_them(missing: list[str]) -> None:
    taken, _ = read(allowed(without=missing))
    assert taken.gaps
    assert {gap.reason for gap in taken.gaps} == {GapReason.FORBIDDEN}
    assert {gap.permission for gap in taken.gaps} == set(missing)
    assert len(set(taken.gaps)) == len(taken.gaps)


def test_with_all_actions_the_same_estate_has_no_gap() -> None:
    taken, server = read(allowed())
    assert taken.gaps == ()
    asked = {entry.path.rpartition("/")[2] for entry in server.log}
    assert {"recoveryPoints", "metrics", "backupProtectedItems"} <= asked


def test_resource_graph_that_is_refused_is_a_gap_that_names_its_action() -> None:
    taken, _ = read(allowed(), faults={"Microsoft.ResourceGraph": Fault.FORBIDDEN})
    assert types(taken.gaps) == {declared.key for declared in reads.BY_GRAPH}
    assert {gap.permission for gap in taken.gaps} == NOT_ASKED_FOR == {GRAPH_READ}


def test_the_role_only_reads_and_has_each_action_once() -> None:
    assert all(action.endswith("/read") and "*" not in action for action in ACTIONS)
    assert len({action.lower() for action in ACTIONS}) == len(ACTIONS)
    assert sorted(ACTIONS, key=str.lower) == ACTIONS


def test_the_command_prints_the_role_as_azure_takes_it(capsys: pytest.CaptureFixture[str]) -> None:
    second = "00000000-0000-0000-0000-0000000000AB"
    assert main(["permissions", "--subscription", SUBSCRIPTION, "--subscription", second]) == exit_codes.OK
    printed = json.loads(capsys.readouterr().out)
    assert printed == custom_role([SUBSCRIPTION, second.lower()])
    assert printed["Actions"] == ACTIONS
    assert printed["AssignableScopes"] == [SCOPE, f"/subscriptions/{second.lower()}"]
    assert (printed["NotActions"], printed["DataActions"], printed["NotDataActions"]) == ([], [], [])


# --- roles that are not enough ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("trims", [True, False])
def test_a_role_on_one_group_leaves_every_list_a_gap(trims: bool) -> None:
    taken, _ = read(allowed("*/read", scope=GROUP), trims=trims)
    assert taken.listed == frozenset()
    assert types(taken.gaps) >= LISTED
    assert {gap.reason for gap in taken.gaps} == {GapReason.FORBIDDEN}
    vms = [resource for resource in taken.resources if resource.type == "microsoft.compute/virtualmachines"]
    assert len(vms) == (9 if trims else 0)


def test_nothing_passes_or_fails_by_what_a_role_on_one_group_hides() -> None:
    taken, _ = read(allowed("*/read", scope=GROUP))
    topology = Topology(taken, live.declared(NAME), fixtures.AS_OF)
    findings = engine.evaluate(topology, estates.rules(estates.ESTATES[NAME]))
    after = {(f.rule.id, f.deployment, f.subject.id.lower()): f for f in findings}
    assert list(estates.softened(estates.baseline(NAME), after)) == []


def test_what_one_role_leaves_out_another_may_add() -> None:
    hidden = "Microsoft.Compute/disks/read"
    reader = Role(("*/read",), not_actions=(hidden,))
    taken, _ = read(Identity(roles=(reader,)))
    types = ("Microsoft.Compute/disks", "Microsoft.Compute/skus", "Microsoft.Compute/locations/usages")
    assert {(gap.what, gap.permission) for gap in taken.gaps} == {(type_, hidden) for type_ in types}
    assert (SCOPE, "microsoft.compute/disks") not in taken.listed
    taken, _ = read(Identity(roles=(reader, Role((hidden,)))))
    assert taken.gaps == ()


def test_permissions_that_may_not_be_seen_leave_every_list_a_gap() -> None:
    taken, _ = read(Identity(roles=(Role(("*/read",), not_actions=(PERMISSIONS_READ,)),)))
    assert taken.listed == frozenset()
    assert types(taken.gaps) >= LISTED
    assert {(gap.reason, gap.code, gap.permission) for gap in taken.gaps} == {
        (GapReason.FORBIDDEN, "AuthorizationFailed", PERMISSIONS_READ)
    }
    assert len({(gap.scope, gap.what) for gap in taken.gaps}) == len(taken.gaps), "each gap is reported once"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(Fault.NOT_FOUND, GapReason.UNAVAILABLE), (Fault.NO_VALUE, GapReason.MALFORMED)],
)
def test_permissions_that_cannot_be_read_are_no_lack_of_them(fault: Fault, reason: GapReason) -> None:
    taken, _ = read(allowed(), faults={"Microsoft.Authorization/permissions": fault})
    assert types(taken.gaps) >= LISTED
    assert {(gap.reason, gap.permission) for gap in taken.gaps} == {(reason, "")}


def test_what_a_deny_assignment_hides_is_noticed_where_something_refers_to_it() -> None:
    estate = live.estate_of(NAME)
    hidden = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/vm-db-a-nic"
    assert estate.find(hidden)
    estate.denied[arm.key(hidden)] = "Microsoft.Network/networkInterfaces/read"
    with ArmServer(estate) as server:
        taken = live.read(server, NAME).snapshot
    assert (SCOPE, "microsoft.network/networkinterfaces") not in taken.listed
    assert {(gap.scope, gap.what) for gap in taken.gaps} == {
        (scope, "Microsoft.Network/networkInterfaces") for scope in (SCOPE, arm.key(hidden))
    }


def test_lists_below_an_incomplete_list_are_incomplete() -> None:
    taken, _ = read(allowed(without={"Microsoft.Storage/storageAccounts/read"}))
    (hidden,) = {(gap.reason, gap.permission) for gap in taken.gaps}
    assert hidden == (GapReason.FORBIDDEN, "Microsoft.Storage/storageAccounts/read")
    assert types(taken.gaps) == {
        "microsoft.storage/storageaccounts",
        "microsoft.storage/storageaccounts/fileservices",
        "microsoft.storage/storageaccounts/fileservices/shares",
    }


def test_no_gap_says_that_something_was_not_requested() -> None:
    taken, _ = read(allowed("*/read", scope=GROUP))
    topology = Topology(taken, live.declared(NAME), fixtures.AS_OF)
    gaps = coverage.gaps(topology, estates.rules(estates.ESTATES[NAME]))
    assert {gap.reason for gap in gaps} == {GapReason.FORBIDDEN}


# --- subscriptions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("identity", [allowed(without={SUBSCRIPTION_READ}), allowed("*/read", scope=OTHER)])
def test_a_subscription_that_cannot_be_read_is_one_gap(identity: Identity) -> None:
    taken, server = read(identity)
    (gap,) = taken.gaps
    assert (gap.scope, gap.what, gap.permission) == (SCOPE, arm.SUBSCRIPTION, SUBSCRIPTION_READ)
    assert not [path for path in server.requests if "/providers/" in path]


def test_a_subscription_that_is_not_there_is_one_gap() -> None:
    taken, _ = read(allowed(), faults={rf"{SCOPE}\?": Fault.NOT_FOUND})
    (gap,) = taken.gaps
    assert (gap.scope, gap.what, gap.permission) == (SCOPE, arm.SUBSCRIPTION, "")
    assert gap.detail == (
        "check the id of the subscription; if it is in another tenant, name that tenant with --tenant"
    )


@pytest.mark.parametrize("fault", [Fault.NULL, Fault.ARRAY, Fault.NO_VALUE, Fault.TRUNCATED])
def test_a_subscription_that_makes_no_sense_hides_nothing_in_it(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_BACKOFF", 0.01)
    taken, _ = read(allowed(), faults={rf"{SCOPE}\?": fault})
    (gap,) = taken.gaps
    assert (gap.scope, gap.what, gap.permission) == (SCOPE, "properties", "")
    assert {type_ for _, type_ in taken.listed} >= LISTED


def test_one_subscription_that_cannot_be_read_hides_no_other() -> None:
    estate = live.estate_of(NAME)
    estate.add({"id": f"{OTHER}/resourceGroups/rg/providers/Microsoft.Compute/disks/d", "location": "westeurope"})
    with ArmServer(estate, allowed("*/read", scope=SCOPE)) as server, live.signed_in(server):
        wanted = live.wanted(server, NAME, subscriptions=(SUBSCRIPTION, arm.name_of(OTHER)))
        taken = collect(wanted, live.declared(NAME), "", live.Told()).snapshot
    assert [(gap.scope, gap.what) for gap in taken.gaps] == [(OTHER, arm.SUBSCRIPTION)]
    assert {scope for scope, _ in taken.listed} == {SCOPE}


def test_other_subscriptions_are_asked_for_their_vaults_alone() -> None:
    estate = live.estate_of(NAME)
    vm = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-db-a"
    vault = f"{OTHER}/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/rsv"
    item = add_vault(estate, vault, vm)
    estate.add({"id": f"{OTHER}/resourceGroups/rg/providers/Microsoft.Compute/disks/d", "location": "westeurope"})
    with ArmServer(estate) as server:
        taken = live.read(server, NAME).snapshot
    keys = {resource.key for resource in taken.resources if resource.key.startswith(OTHER)}
    assert {arm.key(vault), arm.key(item), arm.key(f"{item}/recoveryPoints/1")} <= keys
    assert {arm.type_of(key).split("/")[0] for key in keys} == {"microsoft.recoveryservices"}
    assert taken.scopes == (SCOPE,)
    assert taken.gaps == ()
    asked = {path.split("?")[0] for path in server.requests if path.startswith(OTHER)}
    assert {path.split("/providers/")[1].split("/")[0] for path in asked} == {
        "Microsoft.Authorization",
        "Microsoft.RecoveryServices",
    }


@pytest.mark.parametrize("trims", [True, False])
def test_what_may_not_be_seen_of_other_subscriptions_is_no_gap(trims: bool) -> None:
    estate = live.estate_of(NAME)
    estate.add({"id": f"{OTHER}/resourceGroups/rg/providers/Microsoft.Compute/disks/d", "location": "westeurope"})
    group = Role(("Microsoft.Compute/disks/read",), scope=f"{OTHER}/resourceGroups/rg")
    identity = Identity(roles=(Role(scope=SCOPE), group))
    with ArmServer(estate, identity, trims=trims) as server:
        taken = live.read(server, NAME).snapshot
    assert any(path.startswith(f"{OTHER}/providers/Microsoft.RecoveryServices") for path in server.requests)
    assert taken.gaps == ()
    assert {scope for scope, _ in taken.listed} == {SCOPE}


def test_what_could_be_seen_of_other_subscriptions_and_fails_is_a_gap() -> None:
    estate = live.estate_of(NAME)
    estate.add({"id": f"{OTHER}/resourceGroups/rg/providers/Microsoft.Compute/disks/d", "location": "westeurope"})
    with ArmServer(estate, faults={f"{OTHER}/providers/Microsoft.RecoveryServices": Fault.NOT_FOUND}) as server:
        taken = live.read(server, NAME).snapshot
    assert {gap.scope for gap in taken.gaps} == {OTHER}
    assert all(gap.what.startswith("Microsoft.RecoveryServices/vaults") for gap in taken.gaps)


def test_a_list_of_subscriptions_that_fails_leaves_those_asked_for() -> None:
    told = live.Told()
    with ArmServer(live.estate_of(NAME), faults={r"^/subscriptions\?": Fault.FORBIDDEN}) as server:
        taken = live.read(server, NAME, told).snapshot
    assert taken.gaps == ()
    assert [what for what, _ in told.missing] == ["the list of subscriptions"]


# --- providers, and failures of one list ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "namespace",
    [
        "Microsoft.Automation",
        "Microsoft.ClassicCompute",
        "Microsoft.Compute",
        "Microsoft.DevTestLab",
        "Microsoft.RecoveryServices",
        "Microsoft.Storage",
    ],
)
def test_a_provider_that_is_not_registered_means_none(namespace: str) -> None:
    estate = live.estate_of(NAME)
    estate.unregistered.add(namespace.lower())
    with ArmServer(estate, allowed()) as server:
        taken = live.read(server, NAME).snapshot
    refused = [entry for entry in server.log if entry.status == 409]
    assert refused
    assert all(namespace in entry.path for entry in refused)
    assert taken.gaps == ()
    assert {type_ for _, type_ in taken.listed} >= LISTED


def test_an_unregistered_provider_proves_nothing_without_permission_to_read_it() -> None:
    estate = live.estate_of(NAME)
    estate.unregistered.add("microsoft.devtestlab")
    action = "Microsoft.DevTestLab/schedules/read"
    with ArmServer(estate, allowed(without={action})) as server:
        taken = live.read(server, NAME).snapshot
    assert [(gap.what, gap.permission) for gap in taken.gaps] == [("Microsoft.DevTestLab/schedules", action)]


TOP_LISTS = [found for found in reads.LISTS if not found.parent]


def below(type_: str) -> set[str]:
    """Return the types of what a type has, and of what these have."""
    found = {child.key for child in children_of(type_)}
    return found.union(*map(below, found))


@pytest.mark.parametrize("first", range(6))
def test_lists_that_fail_hide_no_other_type(first: int) -> None:
    listings = TOP_LISTS[first::6]
    keys = {listing.key for listing in listings}
    assert keys
    failed = keys | {key for each in keys for key in below(each)}
    failed |= {reads.SIZES.key, reads.USAGES.key} if keys & {VM, DISK} else set()
    failed |= {arm.canonical_type(reads.STATUS)} if VM in keys else set()
    paths = [listing.path or f"/providers/{listing.name}" for listing in listings]
    taken, _ = read(allowed(), faults={On(rf"^{SCOPE}{path}\?"): Fault.NOT_FOUND for path in paths})
    assert {arm.canonical_type(gap.what) for gap in taken.gaps if gap.scope == SCOPE} == failed
    assert {type_ for _, type_ in taken.listed} >= LISTED - failed


@pytest.mark.parametrize("listing", [found for found in reads.LISTS if found.parent], ids=type_of)
def test_a_list_below_a_resource_that_fails_is_a_gap_of_the_resource(listing: ResourceType) -> None:
    estate = protected(live.estate_of(NAME))
    parents = (
        ("Network/firewallPolicies", "policy"),
        ("Network/virtualHubs", "hub"),
        ("Network/networkManagers", "nm"),
        ("Network/networkManagers/nm/networkGroups", "databases"),
        ("Network/networkManagers/nm/securityAdminConfigurations", "admin"),
        ("Network/networkManagers/nm/securityAdminConfigurations/admin/ruleCollections", "all"),
        ("Automation/automationAccounts", "a"),
        ("Compute/capacityReservationGroups", "reservations"),
        ("DataProtection/backupVaults", "vault"),
        ("Cdn/profiles", "door"),
        ("Cdn/profiles/door/afdEndpoints", "web"),
        ("Cdn/profiles/door/originGroups", "regions"),
    )
    for type_, name in parents:
        own = {"location": "westeurope", "sku": {"name": "Standard_AzureFrontDoor"}, "properties": {}}
        estate.add({"id": f"{GROUP}/providers/Microsoft.{type_}/{name}", **own})
    owners = [body["id"] for body in estate.of_type(arm.canonical_type(listing.parent), SCOPE)]
    assert owners
    path = f"{arm.key(owners[0])}{listing.path}"
    with ArmServer(estate, allowed(), faults={rf"^{path}\?": Fault.NOT_FOUND}) as server:
        taken = live.read(server, NAME).snapshot
    (gap,) = taken.gaps
    assert (arm.key(gap.scope), gap.what) == (arm.key(owners[0]), listing.name)
    assert {type_ for _, type_ in taken.listed} >= LISTED - {listing.key} - below(listing.key)
    assert (SCOPE, listing.key) not in taken.listed
    topology = Topology(taken, live.declared(NAME), fixtures.AS_OF)
    assert topology.graph.listing(listing.key, SCOPE) == Unknown.of(gap)
    unlisted = list(coverage._unlisted(taken, (), {listing.key}))  # noqa: SLF001 - no rule needs all of them yet
    assert unlisted == [], "no gap asks for what was requested"


# --- what a role grants -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "granted"),
    [
        ([], False),
        ([{"actions": ["*"]}], True),
        ([{"actions": ["*/read"]}], True),
        ([{"actions": ["Microsoft.Compute/*"]}], True),
        ([{"actions": ["microsoft.compute/DISKS/read"]}], True),
        ([{"actions": ["Microsoft.Compute/*/read"]}], True),
        ([{"actions": ["Microsoft.Compute/disks/*"]}], True),
        ([{"actions": ["Microsoft.Compute/disks/write"]}], False),
        ([{"actions": ["Microsoft.Compute/disks"]}], False),
        ([{"actions": ["MicrosoftXCompute/disks/read"]}], False),
        ([{"actions": ["Microsoft.Compute/disks/read/more"]}], False),
        ([{"actions": ["*"], "notActions": ["Microsoft.Compute/disks/*"]}], False),
        ([{"actions": ["*"], "notActions": ["Microsoft.Compute/disks/write"]}], True),
        ([{"actions": ["*"], "notActions": ["*"]}, {"actions": ["*/read"]}], True),
        ([{"actions": []}, {"notActions": []}, {}], False),
        ([{"actions": None}, {"actions": "*"}, {"actions": [7, None]}, None, "*"], False),
    ],
)
def test_an_action_is_granted_by_an_assignment_as_a_whole(entries: list[Any], granted: bool) -> None:
    assert grants(entries, "Microsoft.Compute/disks/read") is granted
