"""Faults while a subscription is read: none makes a pass or a fail, and none hides anything else."""

from __future__ import annotations

import asyncio
import copy
import gc
import math
import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.authoring import fixtures
from auditor.azure import arm
from auditor.azure.types import ResourceType
from auditor.azure.types.names import DISK, NIC, VM
from auditor.estate.topology import Topology
from auditor.evaluation import engine
from auditor.evaluation.model import Finding
from auditor.rules.context import Context
from auditor.rules.facts import FACTS
from auditor.snapshot.known import Cause, Unknown
from auditor.snapshot.model import GapReason, Resource, Snapshot
from auditor.sources import snapshot_file
from auditor.sources.live import client, collection, reads, throttling
from tests import estates
from tests.arm.estate import Estate
from tests.arm.exchange import Answer, Call
from tests.arm.faults import Fault, Faults, On
from tests.arm.server import ArmServer
from tests.sources.live import live, virtual
from tests.sources.live.test_permissions import add_vault

pytestmark = pytest.mark.slow

NAME = "mirror-template"
SUB = f"/subscriptions/{live.subscriptions_of(NAME)[0]}"
GROUP = f"{SUB}/resourceGroups/rg-mirror-template"
MEMBER = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-primary"
ALL = {listing.key for listing in (*reads.LISTS, reads.SIZES, reads.USAGES)}
ALL |= {declared.key for declared in reads.BY_GRAPH}
VAULT = "Microsoft.KeyVault/vaults"
DISKS, ACCOUNTS = "/providers/Microsoft.Compute/disks", "/providers/Microsoft.Storage/storageAccounts"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten all waits: before a retry and for a token."""
    monkeypatch.setattr(client, "_BACKOFF", 0.001)
    monkeypatch.setattr(client, "LONGEST_WAIT", 0.1)
    wide = throttling.Limit("reads", re.compile(""), 10**6, 10**6)
    monkeypatch.setattr(collection, "Limiter", lambda: throttling.Limiter((wide,)))


def estate() -> Estate:
    """Return a small estate with a resource of each type that has lists of children."""
    built = live.estate_of(NAME)
    add_vault(built, f"{GROUP}/providers/Microsoft.RecoveryServices/vaults/rsv", MEMBER)
    built.add({"id": f"{GROUP}{ACCOUNTS}/stwitness", "location": "westeurope", "properties": {}})
    return built


def taken(own: Callable[[Call], Answer | None] = lambda _: None, **options: Any) -> tuple[Snapshot, ArmServer]:
    """Return the result of reading from a server with its own answers or faults."""
    with live.Answering(estate(), retry_after="0", **options) as server:
        server.own = own
        return live.read(server, NAME).snapshot, server


@cache
def whole() -> Snapshot:
    return taken()[0]


def findings_of(read: Snapshot, name: str = NAME) -> Mapping[estates.Key, Finding]:
    topology = Topology(read, live.declared(name), fixtures.AS_OF)
    findings = engine.evaluate(topology, estates.rules(estates.ESTATES.get(name, "current")))
    return {(f.rule.id, f.deployment, f.subject.id.lower()): f for f in findings}


@cache
def complete_findings(name: str = NAME) -> Mapping[estates.Key, Finding]:
    return findings_of(complete(name), name)


@cache
def complete(name: str) -> Snapshot:
    with ArmServer(live.estate_of(name)) as server:
        read = live.read(server, name).snapshot
    assert read.gaps == ()
    return read


def softened(read: Snapshot, name: str = NAME) -> list[str]:
    """Return each outcome that differs from that of the complete estate and is not unknown."""
    return list(estates.softened(complete_findings(name), findings_of(read, name)))


def unaccounted(read: Snapshot) -> set[str]:
    """Return the types that are neither listed nor a gap."""
    said = {arm.canonical_type(gap.what) for gap in read.gaps}
    (scope,) = read.scopes
    return set() if arm.SUBSCRIPTION in said else ALL - said - {type_ for at, type_ in read.listed if at == scope}


def gaps_of(read: Snapshot, what: str) -> set[tuple[str, GapReason, str]]:
    return {(gap.scope, gap.reason, gap.code) for gap in read.gaps if arm.canonical_type(gap.what) == what.lower()}


def fact(fact: str, name: str, vm: str, read: Snapshot | None = None) -> Any:
    topology = Topology(read or complete(name), live.declared(name), fixtures.AS_OF)
    found = topology.graph.get(vm)
    assert isinstance(found, Resource)
    return FACTS[fact].find(Context(topology, topology.deployments[0]), found).value


# --- any faults -------------------------------------------------------------------------------------------------------

FAULTS = [fault for fault in Fault if fault is not Fault.CONFLICT]
"""All but that of an unregistered provider: of a type with resources, it would be a wrong answer, not a fault."""
ODDS = [fault for fault in FAULTS if fault not in {Fault.SILENCE, Fault.DRIP}] * 5 + [Fault.SILENCE, Fault.DRIP]


@given(
    name=st.sampled_from(["trakcare-current", "trakcare-2018"]),
    seed=st.integers(0, 10**6),
    often=st.sampled_from([0.02, 0.1, 0.4]),
    size=st.sampled_from([1, 4, 1000]),
)
@settings(max_examples=20)
def test_no_faults_at_all_make_a_pass_or_a_fail(name: str, seed: int, often: float, size: int) -> None:
    def choose(call: Call, time: int) -> Fault | None:
        chance = random.Random(f"{seed} {call.target} {time}")
        azure = call.path.startswith(("/subscriptions", "/providers"))
        return chance.choice(ODDS) if azure and chance.random() < often else None

    with (
        virtual.Clock() as clock,
        ArmServer(
            live.estate_of(name),
            retry_after="0",
            page_size=size,
            faults=choose,
            on_silence=lambda: clock.forward(client._REQUEST_TIMEOUT),  # noqa: SLF001 - the time limit of an answer
        ) as server,
    ):
        read = live.read(server, name, timeout=10**6).snapshot
    assert softened(read, name) == []
    assert unaccounted(read) == set()
    assert {resource.key for resource in read.resources} <= {resource.key for resource in complete(name).resources}
    assert server.foreign.requests == []
    snapshot_file.encode(read)
    if not read.gaps:
        assert (read.listed, read.resources) == (complete(name).listed, complete(name).resources)


@pytest.mark.parametrize("fault", [Fault.FORBIDDEN, Fault.CONFLICT, Fault.NULL, Fault.NOT_FOUND])
def test_a_fault_everywhere_makes_nothing_but_unknowns(fault: Fault) -> None:
    read, _ = taken(faults={"^/subscriptions/.*/": fault, "^/providers": fault})
    assert softened(read) == []
    assert unaccounted(read) == set()


LISTS = [listing for listing in reads.LISTS if not listing.parent and listing.key in {VM, DISK, NIC}]


@pytest.mark.parametrize("listing", LISTS, ids=lambda listing: listing.name)
@pytest.mark.parametrize("fault", [Fault.CONFLICT, Fault.NOT_FOUND, Fault.NEXT_FOREIGN])
def test_a_list_that_ends_on_its_second_page_is_not_complete(listing: ResourceType, fault: Fault) -> None:
    read, _ = taken(
        page_size=2, faults={On(f"{SUB}/providers/{listing.name}\\?api-version=[^&]*(&.skip.*)?$", 2): fault}
    )
    assert (SUB, listing.key) not in read.listed
    assert SUB in {scope for scope, _, _ in gaps_of(read, listing.name)}
    assert unaccounted(read) == set()
    assert softened(read) == []


def test_a_provider_that_is_not_registered_has_nothing() -> None:
    read, _ = taken(faults={"Microsoft.DevTestLab": Fault.CONFLICT})
    assert read.gaps == ()
    assert (SUB, "microsoft.devtestlab/schedules") in read.listed


# --- members ----------------------------------------------------------------------------------------------------------


def listed(**more: Any) -> Callable[[Call], Answer | None]:
    """Answer the list of disks with further items."""

    def own(call: Call) -> Answer | None:
        if call.path != SUB + DISKS:
            return None
        return Answer(body={"value": [*more["before"], *estate().of_type(DISK, SUB), *more["behind"]]})

    return own


STRANGERS: list[Any] = [
    None,
    7,
    "text",
    [],
    {},
    {"id": 7},
    {"id": "/subscriptions/"},
    {"properties": {}},
    {"id": f"{SUB}{ACCOUNTS}/a"},
]


@pytest.mark.parametrize("stranger", STRANGERS)
def test_an_odd_member_makes_a_list_incomplete_and_hides_no_other(stranger: Any) -> None:
    read, _ = taken(listed(before=[stranger], behind=[]))
    assert gaps_of(read, DISK) == {(SUB, GapReason.MALFORMED, "")}
    assert (SUB, DISK) not in read.listed
    assert read.resources == whole().resources
    assert unaccounted(read) == set()


def test_of_two_bodies_of_one_resource_the_later_is_the_newer() -> None:
    first = next(estate().of_type(DISK, SUB))
    read, _ = taken(listed(before=[], behind=[{**first, "tags": {"new": "yes"}}]))
    assert read.gaps == ()
    (found,) = [resource for resource in read.resources if resource.key == arm.key(first["id"])]
    assert found.body["tags"] == {"new": "yes"}
    assert len(read.resources) == len(whole().resources)


def test_a_page_that_comes_twice_is_asked_about_once() -> None:
    def calls(**options: Any) -> Counter[str]:
        _, server = taken(page_size=1, **options)
        return Counter(entry.path for entry in server.log if "/fileServices" in entry.path or "backupPol" in entry.path)

    assert calls(faults={On(f"{ACCOUNTS}\\?", times=1): Fault.REPEATED_PAGE}) == calls()
    assert set(calls().values()) == {1}


def test_a_resource_without_its_properties_is_a_gap_of_its_own() -> None:
    cut = estate()
    vm = copy.deepcopy(cut.find(MEMBER))
    assert vm is not None
    del vm["properties"]

    def own(call: Call) -> Answer | None:
        if call.path != f"{SUB}/providers/{reads.INSTANCE.name}" or "statusOnly" in call.query:
            return None
        others = [body for body in cut.of_type(VM, SUB) if arm.key(body["id"]) != arm.key(MEMBER)]
        return Answer(body={"value": [vm, *others]})

    read, _ = taken(own)
    assert gaps_of(read, VM) == {(MEMBER, GapReason.MALFORMED, "")}
    assert (SUB, VM) in read.listed
    assert softened(read) == []


@pytest.mark.parametrize("depth", [100, 300, 400, 500, 900, 3000])
def test_a_body_of_any_depth_is_read_or_is_a_gap(depth: int) -> None:
    below = '{"below": [' * depth + "{}" + "]}" * depth
    text = f'{{"value": [{{"id": "{GROUP}/providers/{VAULT}/deep", "properties": {below}}}]}}'
    read, _ = taken(lambda call: Answer(body=text.encode()) if call.path == f"{SUB}/providers/{VAULT}" else None)
    found = [resource for resource in read.resources if resource.key.endswith("/deep")]
    assert bool(found) != bool(gaps_of(read, VAULT))
    assert depth > 100 or found
    assert snapshot_file.decode(snapshot_file.encode(read), "taken").gaps == read.gaps


@pytest.mark.parametrize("region", ["we'st", "a/../../b", "x?y=1&z", "ünï#%20", "{0}"])
def test_a_region_of_any_spelling_is_asked_about_as_it_is(region: str) -> None:
    built = estate()
    built.add({"id": f"{GROUP}{DISKS}/odd", "location": region, "sku": {"name": "Premium_LRS"}, "properties": {}})
    with ArmServer(built) as server:
        live.read(server, NAME)
    asked = [entry for entry in server.log if entry.path.startswith(f"{SUB}/providers/Microsoft.Compute/skus")]
    assert {entry.path for entry in asked} == {f"{SUB}/providers/Microsoft.Compute/skus"}
    assert f"location eq '{arm.location(region)}'" in {parse_qs(entry.query)["$filter"][0] for entry in asked}
    usages = [entry.path for entry in server.log if entry.path.endswith("/usages")]
    assert f"{SUB}/providers/Microsoft.Compute/locations/{arm.location(region)}/usages" in usages


# --- what is asked of single resources --------------------------------------------------------------------------------


def test_where_the_list_of_states_fails_the_state_of_a_vm_is_unknown() -> None:
    built = estate()
    bystander = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-other"
    view = {"statuses": [{"code": "PowerState/running"}]}
    built.add({"id": bystander, "location": "westeurope", "properties": {"instanceView": view}})
    found = []
    schedules: list[Faults] = [{}, {"statusOnly": Fault.FORBIDDEN}]
    for faults in schedules:
        with ArmServer(built, faults=faults) as server:
            read = live.read(server, NAME).snapshot
        found.append(fact("vm.power_state", NAME, bystander, read))
        assert fact("vm.power_state", NAME, MEMBER, read) == "running", "a deployment member is requested by its id"
    assert found[0] == "running"
    assert isinstance(found[1], Unknown)


VIEWLESS: list[Any] = [None, [], {}, {"properties": None}, {"properties": {}}, {"properties": {"instanceView": None}}]
VIEWLESS += [{"properties": {"instanceView": [1]}}, {"properties": {"instanceView": "text"}}]


@pytest.mark.parametrize("body", VIEWLESS)
def test_a_property_of_a_malformed_instance_view_is_unknown(body: object) -> None:
    name = "trakcare-2018"
    vm = next(r for r in complete(name).resources if r.type == VM and fact("vm.fault_domain", name, r.id) == 1)
    with live.Answering(live.estate_of(name)) as server:
        server.own = lambda call: Answer(body=body) if call.path.lower() == vm.key else None
        read = live.read(server, name).snapshot
    (gap,) = read.gaps
    assert (arm.key(gap.scope), gap.what) == (vm.key, "properties.instanceView")
    assert gap.reason is GapReason.MALFORMED
    assert fact("vm.power_state", name, vm.id, read) == "running", "from the list of states"
    found = fact("vm.fault_domain", name, vm.id, read)
    assert isinstance(found, Unknown)
    assert found.cause is Cause.GAP
    assert softened(read, name) == []


def test_an_instance_view_that_is_nested_too_deeply_is_a_gap() -> None:
    below = '{"below": [' * 200 + "{}" + "]}" * 200
    body = f'{{"id": "{MEMBER}", "properties": {{"instanceView": {below}}}}}'
    for answer, path, gap in (
        (f'{{"value": [{body}]}}', f"{SUB}/providers/{reads.INSTANCE.name}", (SUB, reads.STATUS)),
        (body, MEMBER, (MEMBER, "properties.instanceView")),
    ):

        def own(call: Call, path: str = path, answer: str = answer) -> Answer | None:
            asked = call.path == path and ("statusOnly" in call.query or path == MEMBER)
            return Answer(body=answer.encode()) if asked else None

        read, _ = taken(own)
        assert [(found.scope, found.what, found.reason) for found in read.gaps] == [(*gap, GapReason.MALFORMED)]
        assert softened(read) == []


def test_a_vm_deleted_during_the_scan_is_a_gap_with_this_reason() -> None:
    read, _ = taken(faults={rf"{MEMBER}\?": Fault.NOT_FOUND})
    (gap,) = read.gaps
    assert (gap.scope.lower(), gap.reason, gap.code) == (MEMBER.lower(), GapReason.UNAVAILABLE, "ResourceNotFound")
    assert "may have been deleted" in gap.detail
    assert softened(read) == []


@pytest.mark.parametrize(
    ("kind", "sku", "files"),
    [
        ("BlobStorage", "Standard_LRS", False),
        ("BlockBlobStorage", "Premium_LRS", False),
        ("StorageV2", "Premium_LRS", False),
        ("FileStorage", "Premium_ZRS", True),
        ("StorageV2", "Standard_LRS", True),
    ],
)
def test_an_account_of_a_kind_without_files_has_none(kind: str, sku: str, *, files: bool) -> None:
    built = estate()
    account = f"{GROUP}{ACCOUNTS}/stwitness"
    built.add({"id": account, "kind": kind, "sku": {"name": sku}, "location": "westeurope", "properties": {}})
    with ArmServer(built) as server:
        read = live.read(server, NAME).snapshot
    assert read.gaps == ()
    assert (SUB, "microsoft.storage/storageaccounts/fileservices/shares") in read.listed
    refused = [entry for entry in server.log if entry.status == 400]
    assert len(refused) == (0 if files else 2), "the file service and its shares"


@pytest.mark.parametrize("members", [None, 7, {"id": 7}, {"properties": {}}])
def test_recovery_points_that_make_no_sense_are_a_gap(members: Any) -> None:
    points = Answer(body={"value": [members]})
    read, _ = taken(lambda call: points if call.path.endswith("/recoveryPoints") else None)
    (gap,) = read.gaps
    assert gap.what.endswith("/recoveryPoints")
    assert gap.reason is GapReason.MALFORMED


@pytest.mark.parametrize("odd", [None, 7, {}, {"name": 7}, {"name": {"value": 7}}])
def test_sizes_and_usages_without_a_name_are_a_gap(odd: Any) -> None:
    asked = ("/skus", "/usages")
    read, _ = taken(lambda call: Answer(body={"value": [odd]}) if call.path.endswith(asked) else None)
    assert {gap.what for gap in read.gaps} == {reads.SIZES.name, reads.USAGES.name}
    assert unaccounted(read) == set()


# --- the time, and its end --------------------------------------------------------------------------------------------


def watched(server: ArmServer, seconds: float) -> Snapshot:
    """Return the result of reading with a time limit, and check that no task or connection is left."""
    complaints: list[Mapping[str, Any]] = []

    async def session() -> Snapshot:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        wanted = live.wanted(server, NAME, timeout=seconds)
        found = await collection._collect(wanted, live.declared(NAME), "", live.Told())  # noqa: SLF001 - the loop is ours
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return found.snapshot

    with live.signed_in(server):
        read = asyncio.run(session())
    gc.collect()
    assert complaints == []
    return read


@pytest.mark.parametrize(
    "faults",
    [
        {"/providers/": Fault.SILENCE},
        {"/providers/": Fault.DRIP},
        {"/subscriptions": Fault.SILENCE},
        {DISKS: Fault.DRIP, "Microsoft.Network": Fault.SILENCE, r"statusOnly|expand|usages": Fault.SILENCE},
    ],
)
def test_when_the_time_is_over_all_that_is_missing_is_a_gap(faults: Faults) -> None:
    gc.collect()
    with virtual.Clock() as clock, ArmServer(estate(), faults=faults) as server:
        server.on_silence = lambda: threading.Timer(0.5, clock.forward, [1000]).start()  # no fault, so all is read
        read = watched(server, 1000)
    assert read.gaps
    assert {gap.reason for gap in read.gaps} == {GapReason.TIMEOUT}
    assert unaccounted(read) == set()
    assert softened(read) == []


@pytest.mark.parametrize("seconds", [1, 3600])
def test_where_azure_refuses_for_ever_all_that_is_missing_is_a_gap(
    seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LONGEST_WAIT", math.inf)
    refused: list[float] = []

    def throttled(call: Call, _: int) -> Fault | None:
        if not re.search("/subscriptions/.*/providers/", call.path):
            return None
        refused.append(time.monotonic())
        if len(refused) == 1:
            clock.forward(10_000 - 2.5)  # the rest of the time
        return Fault.THROTTLED

    with virtual.Clock() as clock, ArmServer(estate(), faults=throttled, retry_after=str(seconds)) as server:
        read = watched(server, 10_000)
    assert GapReason.THROTTLED in {gap.reason for gap in read.gaps}
    assert {gap.reason for gap in read.gaps} <= {GapReason.THROTTLED, GapReason.TIMEOUT}
    assert unaccounted(read) == set()
    rounds = 1 + (refused[-1] - refused[0]) // seconds
    assert len(refused) <= throttling.MOST_CONNECTIONS * rounds, "a refused request is not repeated immediately"
    assert softened(read) == []


def test_an_interruption_closes_everything() -> None:
    class Interrupting(live.Told):
        def called(self, path: str, status: int, request_id: str, seconds: float) -> None:
            super().called(path, status, request_id, seconds)
            if len(self.calls) == 20:
                signal.raise_signal(signal.SIGINT)

    told = Interrupting()
    gc.collect()
    with ArmServer(estate(), page_size=2, latency=0.02) as server:
        with pytest.raises(KeyboardInterrupt):
            live.read(server, NAME, told)
        gc.collect()
        assert len(told.calls) < 20 + throttling.MOST_CONNECTIONS


# --- what it takes ----------------------------------------------------------------------------------------------------


def crowd(count: int) -> Iterator[dict[str, Any]]:
    """Yield VMs outside all deployments, each with a disk and a network interface."""
    for number in range(count):
        name = f"vm-crowd-{number}"
        disk, nic = f"{GROUP}{DISKS}/{name}", f"{GROUP}/providers/Microsoft.Network/networkInterfaces/{name}"
        vm = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/{name}"
        profile = {"osDisk": {"managedDisk": {"id": disk}}}
        yield {
            "id": vm,
            "location": "westeurope",
            "properties": {
                "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
                "storageProfile": profile,
                "networkProfile": {"networkInterfaces": [{"id": nic}]},
            },
        }
        yield {
            "id": disk,
            "location": "westeurope",
            "managedBy": vm,
            "sku": {"name": "Premium_LRS"},
            "properties": {},
        }
        yield {"id": nic, "location": "westeurope", "properties": {"virtualMachine": {"id": vm}}}


def test_the_number_of_calls_grows_with_pages_and_not_with_vms() -> None:
    def calls(vms: int, size: int) -> int:
        built = estate()
        built.add(*crowd(vms))
        with ArmServer(built, page_size=size) as server:
            return live.read(server, NAME).amount.calls

    own = {type_: len(list(estate().of_type(type_, SUB))) for type_ in (VM, DISK, NIC)}
    assert calls(20, 1000) == calls(200, 1000)
    more = {type_: math.ceil((own[type_] + 200) / 50) - math.ceil((own[type_] + 20) / 50) for type_ in own}
    assert calls(200, 50) - calls(20, 50) == more[VM] * 2 + more[DISK] + more[NIC], "VMs have a list of states too"
