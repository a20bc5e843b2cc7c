"""Reading an estate live gives the content of its file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from auditor import scan
from auditor.authoring import fixtures
from auditor.azure import arm
from auditor.azure.types import ResourceType
from auditor.azure.types.names import SKU
from auditor.estate.topology import Topology
from auditor.evaluation import engine
from auditor.evaluation.model import Outcome
from auditor.snapshot.model import GapReason, Snapshot
from auditor.sources import snapshot_file
from auditor.sources.file_source import FileSource
from auditor.sources.live import reads
from auditor.sources.live.throttling import MOST_CONNECTIONS
from tests import estates
from tests.arm import ArmServer, Estate, Fault, Identity, Role
from tests.arm.estate import backed_up_since
from tests.estate import subscription as s
from tests.estate.edge import front_door
from tests.sources.live import live
from tests.sources.live.test_permissions import GROUP, SCOPE, add_vault

if TYPE_CHECKING:
    from aiohttp import web

pytestmark = pytest.mark.slow

NAMES = sorted(estates.ESTATES)
READ = {listing.key for listing in reads.LISTS} | {declared.key for declared in reads.BY_GRAPH}


def evaluated(name: str, taken: Snapshot, profile: str) -> dict[estates.Key, tuple[object, ...]]:
    """Return the findings for a snapshot, with the evidence."""
    topology = Topology(taken, live.declared(name), fixtures.AS_OF)
    findings = engine.evaluate(topology, estates.rules(profile), engine.Detail.ALL)
    return {
        (f.rule.id, f.deployment, f.subject.id.lower()): (f.outcome, f.severity, f.evidence, f.reasons)
        for f in findings
    }


def by_file(name: str) -> Snapshot:
    body = estates.body_of(name)
    body.pop("gaps", None)
    return estates.snapshot_of(name, backed_up_since(body))


@pytest.mark.parametrize("name", NAMES)
def test_live_reading_gives_the_findings_of_an_arm_json_file(name: str) -> None:
    with ArmServer(live.estate_of(name)) as server:
        taken = live.read(server, name).snapshot
    assert taken.gaps == ()
    file = by_file(name)
    at_one_time = msgspec.structs.replace(taken, taken_at=file.taken_at)
    for profile in ("article-2018", "current"):
        assert evaluated(name, at_one_time, profile) == evaluated(name, file, profile)
    kept = {r.key for r in by_file(name).resources if r.type in READ}
    assert kept
    assert kept <= {r.key for r in taken.resources}


def test_live_reading_gives_the_outcomes_of_a_file_with_what_few_deployments_have() -> None:
    """Reasons may differ: without a metric a file has not read it, and Azure has measured nothing."""
    name = "trakcare-current"
    body = estates.with_added(name)
    with ArmServer(Estate.from_body(body)) as server:
        taken = live.read(server, name).snapshot
    assert taken.gaps == ()
    file = estates.snapshot_of(name, backed_up_since(body))
    by_rule = [
        {key: found[:2] for key, found in evaluated(name, snapshot, "current").items()}
        for snapshot in (msgspec.structs.replace(taken, taken_at=file.taken_at), file)
    ]
    assert by_rule[0] == by_rule[1]
    added = {arm.type_of(item["id"]) for item in body["value"] if "id" in item}
    assert {resource.type for resource in taken.resources} >= added & READ


def test_the_size_of_pages_changes_nothing() -> None:
    taken = []
    for size in (1, 3, 1000):
        with ArmServer(live.estate_of("trakcare-current"), page_size=size) as server:
            taken.append(snapshot_file.encode(live.timeless(live.read(server, "trakcare-current").snapshot)))
    assert taken[0] == taken[1] == taken[2]


@dataclass
class Counting(ArmServer):
    """Records the ports from which requests come: each connection has its own."""

    ports: set[int] = field(default_factory=set)

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        self.ports.add(request.transport.get_extra_info("peername")[1])
        return await super()._respond(request)


def test_connections_are_shared_by_signing_in_and_all_clients() -> None:
    with Counting(live.estate_of("trakcare-current"), latency=0.02) as server:
        live.read(server, "trakcare-current")
    assert len(server.log) > 3 * MOST_CONNECTIONS
    assert 1 < len(server.ports) <= MOST_CONNECTIONS, "a TLS context for each request would be a connection for each"


def test_a_disk_type_has_a_record_for_each_size() -> None:
    estate = live.estate_of("trakcare-current")
    tiers = [
        {"resourceType": "disks", "name": "Premium_LRS", "size": size, "locations": ["westeurope"]}
        for size in ("P10", "P20")
    ]
    estate.add(*tiers)
    with ArmServer(estate) as server:
        taken = live.read(server, "trakcare-current").snapshot
    records = [found.body for found in taken.resources if found.type == SKU]
    assert [record for record in records if record["resourceType"] == "disks"] == tiers
    assert snapshot_file.decode(snapshot_file.encode(taken), "").resources == taken.resources


def test_every_address_behind_a_mirror_is_measured() -> None:
    estate = live.estate_of("trakcare-current")
    (load_balancer,) = (b["id"] for b in estate.of_type("microsoft.network/loadbalancers") if b["name"] == "lb-mirror")
    series = [{"metadatavalues": [{"value": f"10.0.0.{n}"}], "data": [{"average": 100.0}]} for n in range(40)]
    estate.metrics[arm.key(load_balancer), "dipavailability"] = series
    with ArmServer(estate) as server:
        taken = live.read(server, "trakcare-current").snapshot
    measured = {found.key: found.body["timeseries"] for found in taken.resources if found.type.endswith("/metrics")}
    assert measured[f"{arm.key(load_balancer)}/providers/microsoft.insights/metrics/dipavailability"] == series


def test_lists_of_resources_in_lists_are_read() -> None:
    estate = live.estate_of("trakcare-current")
    manager = f"{GROUP}/providers/Microsoft.Network/networkManagers/nm"
    rule = f"{manager}/securityAdminConfigurations/c/ruleCollections/all/rules/deny"
    member = f"{manager}/networkGroups/databases/staticMembers/one"
    for arm_id in (rule, member):
        names = arm_id.removeprefix(manager).split("/")
        for length in range(1, len(names) + 1, 2):
            found = manager + "/".join(names[:length])
            estate.add({"id": found, "name": arm.name_of(found), "location": "westeurope", "properties": {}})
    with ArmServer(estate) as server:
        taken = live.read(server, "trakcare-current").snapshot
    assert {arm.key(rule), arm.key(member)} <= {found.key for found in taken.resources}
    assert taken.gaps == ()


def test_what_a_front_door_has_is_read_and_of_other_profiles_nothing_is_requested() -> None:
    estate = live.estate_of("trakcare-current")
    door = front_door("door", {"hostName": "x.example"})
    estate.add(*door, {**s.resource("Cdn/profiles", "cdn"), "sku": {"name": "Standard_Microsoft"}})
    with ArmServer(estate) as server:
        taken = live.read(server, "trakcare-current").snapshot
        requested = [entry.path for entry in server.log if "/profiles/cdn/" in entry.path]
    assert {arm.key(body["id"]) for body in door} <= {found.key for found in taken.resources}
    assert (taken.gaps, requested) == ((), [])


def test_of_databases_alone_the_newest_recovery_points_are_kept() -> None:
    estate = live.estate_of("trakcare-current")
    vault = f"{GROUP}/providers/Microsoft.RecoveryServices/vaults/rsv"
    vms = {name: f"{GROUP}/providers/Microsoft.Compute/virtualMachines/{name}" for name in ("vm-db-a", "vm-web-a")}
    items = {name: add_vault(estate, vault, vm) for name, vm in vms.items()}
    days = [f"2026-{month:02}-{day:02}" for month in (9, 10) for day in range(1, 29)]
    for day in days[::2] + days[1::2]:  # in no order
        point = {"recoveryPointTime": f"{day}T01:00:00Z"}
        estate.add({"id": f"{items['vm-db-a']}/recoveryPoints/{day}", "properties": point})
    with ArmServer(estate) as server:
        taken = live.read(server, "trakcare-current").snapshot
    assert {arm.key(item) for item in items.values()} <= {found.key for found in taken.resources}
    points = (found.key for found in taken.resources if found.type.endswith("/recoverypoints"))
    kept = [key for key in points if key.startswith(arm.key(f"{items['vm-db-a']}/"))]
    newest = [*days[-29:], "1"]  # the one of November, which every item has
    assert sorted(kept) == sorted(f"{arm.key(items['vm-db-a'])}/recoverypoints/{name}" for name in newest)


@pytest.mark.parametrize("listing", [reads.SIZES, reads.USAGES], ids=["sizes", "usages"])
def test_each_region_in_use_is_asked_and_one_that_fails_leaves_the_type_open(listing: ResourceType) -> None:
    estate = live.estate_of("trakcare-current")
    estate.add({"id": f"{GROUP}/providers/Microsoft.Compute/disks/nowhere", "location": "", "properties": {}})
    asked = "skus|locations/[^/]*/usages"
    with ArmServer(estate) as server:
        taken = live.read(server, "trakcare-current").snapshot
        calls = [call for call in server.requests if re.search(asked, call)]
        server.faults = {f"{listing.name.rpartition('/')[2]}.*northeurope|northeurope/usages": Fault.NOT_FOUND}
        cut = live.read(server, "trakcare-current").snapshot
    assert len(calls) == 4, "two regions, and none without a name"
    used = {found.key.split("/locations/")[1] for found in taken.resources if found.type.endswith("locations/usages")}
    quotas = ("cores", "standardddsv5family", "standardedsv5family")
    assert used == {f"{region}/usages/{name}" for region in ("westeurope", "northeurope") for name in quotas}
    assert (SCOPE, listing.key) in taken.listed - cut.listed


def test_a_region_is_asked_for_the_sizes_of_others_and_restrictions_stay_with_the_subscription() -> None:
    estate = live.estate_of("trakcare-current")
    (here,) = (
        body for body in estate.skus if body["name"] == "Standard_E16ds_v5" and "northeurope" in body["locations"]
    )
    restriction = {"type": "Location", "values": ["northeurope"], "restrictionInfo": {"locations": ["northeurope"]}}
    estate.skus.append({**here, "name": "Standard_E32ds_v5", "restrictions": [restriction]})
    vm = estate.find(f"{SCOPE}/resourceGroups/rg-trakcare-prod-weu/providers/Microsoft.Compute/virtualMachines/vm-db-a")
    assert vm is not None
    vm["properties"]["hardwareProfile"]["vmSize"] = "Standard_E32ds_v5"
    with ArmServer(estate) as server:
        taken = live.read(server, "trakcare-current").snapshot
    sizes = {found.body["name"]: found for found in taken.resources if found.type == SKU}
    assert arm.subscription_of(sizes["Standard_E32ds_v5"].key) == SCOPE
    assert not arm.subscription_of(sizes["Standard_E16ds_v5"].key)
    assert snapshot_file.decode(snapshot_file.encode(taken), "s.jsonl") == taken


def test_what_is_referred_to_elsewhere_and_may_not_be_read_is_a_gap() -> None:
    estate = live.estate_of("trakcare-current")
    hub = f"{SCOPE[:-1]}9/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet-hub"
    interface = estate.find(f"{GROUP}/providers/Microsoft.Network/networkInterfaces/vm-db-a-nic")
    assert interface is not None
    interface["properties"]["ipConfigurations"][0]["properties"]["subnet"]["id"] = f"{hub}/subnets/db"
    estate.add({"id": hub, "location": "westeurope", "properties": {}})
    with ArmServer(estate, Identity(roles=(Role(scope=SCOPE),))) as server:
        taken = live.read(server, "trakcare-current").snapshot
    (gap,) = taken.gaps
    assert (gap.scope, gap.permission) == (arm.key(hub), "Microsoft.Network/virtualNetworks/read")


@pytest.mark.parametrize(
    ("below", "name"),
    [("fileServices", "default"), ("fileServices/default/shares", "share"), ("fileServices", "other")],
)
def test_what_came_without_its_properties_was_not_read(below: str, name: str) -> None:
    estate = live.estate_of("trakcare-current")
    (account, *_) = (body["id"] for body in estate.of_type("microsoft.storage/storageaccounts"))
    child = f"{account}/{below}/{name}"
    estate.add({"id": child, "name": name})
    with ArmServer(estate) as server:
        taken = live.read(server, "trakcare-current").snapshot
    missing = [(gap.scope, gap.reason) for gap in taken.gaps]
    assert missing == ([] if name == "other" else [(child, GapReason.MALFORMED)]), "the other one is never requested"


def test_every_type_that_rules_need_is_read_and_proved(tmp_path: Path) -> None:
    with ArmServer(live.estate_of("trakcare-current")) as server:
        taken = live.read(server, "trakcare-current").snapshot
    file = tmp_path / "taken.jsonl"
    file.write_bytes(snapshot_file.encode(taken))
    report = scan.scan(scan.Request(FileSource(file), as_of=fixtures.AS_OF))
    assert report.coverage.complete, "the snapshot holds the deployment file too"
    assert {type_ for _, type_ in taken.listed} >= {arm.canonical_type(type_) for _, type_ in report.coverage.listed}


# --- backups ----------------------------------------------------------------------------------------------------------

RSV = f"{GROUP}/providers/Microsoft.RecoveryServices/vaults/rsv-trakcare-weu"
CENTRAL = "/subscriptions/00000000-0000-0000-0000-00000000000f/resourceGroups/rg-backup"
"""A resource group in a subscription that is not scanned."""


def backed_up(estate: Estate, *faults: str) -> dict[str, Outcome]:
    """Return the outcomes of BKP001 by the name of the VM, where Azure refuses some requests."""
    with ArmServer(estate, faults=dict.fromkeys(faults, Fault.FORBIDDEN)) as server:
        taken = live.read(server, "trakcare-current").snapshot
    topology = Topology(taken, live.declared("trakcare-current"), fixtures.AS_OF)
    rules = [rule for rule in estates.rules("current") if rule.rule.id == "BKP001"]
    return {finding.subject.name: finding.outcome for finding in engine.evaluate(topology, rules)}


def unprotected(estate: Estate) -> Estate:
    """Remove the protected item of vm-db-a with its recovery points."""
    (item,) = (key for key in estate.resources if key.endswith("/vm;iaasvmcontainerv2;rg-trakcare-prod-weu;vm-db-a"))
    estate.remove(item)
    return estate


def test_a_vault_that_cannot_be_read_leaves_unknown_what_it_protects() -> None:
    estate = unprotected(live.estate_of("trakcare-current"))
    everything = {"vm-db-a": Outcome.FAIL, "vm-db-b": Outcome.PASS, "vm-db-dr": Outcome.PASS}
    assert backed_up(estate) == everything
    items = rf"^{RSV}/backupProtectedItems"
    assert backed_up(estate, items) == {**everything, "vm-db-a": Outcome.UNKNOWN, "vm-db-b": Outcome.UNKNOWN}
    vaults = rf"^{SCOPE}/providers/Microsoft.RecoveryServices/vaults"
    assert set(backed_up(estate, vaults).values()) == {Outcome.UNKNOWN}


def test_a_vault_of_a_subscription_that_is_not_scanned_protects_a_vm() -> None:
    estate = unprotected(live.estate_of("trakcare-current"))
    vault = f"{CENTRAL}/providers/Microsoft.RecoveryServices/vaults/rsv-central"
    item = add_vault(estate, vault, f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-db-a")
    estate.resources[arm.key(item)]["properties"]["protectionState"] = "Protected"
    assert set(backed_up(estate).values()) == {Outcome.PASS}
