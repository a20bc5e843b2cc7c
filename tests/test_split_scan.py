"""A snapshot that is evaluated in parts, in any process, has the report of one that is evaluated as a whole."""

from __future__ import annotations

import json
import re
import weakref
from collections import Counter
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from auditor import scan, split_scan
from auditor.authoring import fixtures
from auditor.azure import arm
from auditor.azure.types import display_type
from auditor.azure.types.names import GUEST_FILE, VM
from auditor.errors import InputError
from auditor.estate import deployment_file
from auditor.estate.declaration import DeclaredDeployment
from auditor.estate.topology import Topology
from auditor.evaluation import components, partition
from auditor.evaluation.components import How, Results, Share
from auditor.evaluation.engine import Detail
from auditor.evaluation.exemptions import Exemptions
from auditor.evaluation.partition import Component, Partition
from auditor.report.build import build
from auditor.report.view import View
from auditor.scan import Request
from auditor.snapshot.model import Gap, GapReason, Resource, Snapshot, resource
from auditor.sources import snapshot_file, snapshot_folder
from auditor.sources.file_source import FileSource
from auditor.sources.guest import folder as guest_folder
from auditor.sources.guest.attaching import PartsWithFiles, attach
from auditor.sources.snapshot_folder import SplitSnapshot
from auditor.workers import Workers
from tests import estates
from tests.report import reports
from tests.test_docs import ROOT, load

AS_OF: Final = fixtures.AS_OF
HOW: Final = How("current", AS_OF, Detail.FAILURES, Exemptions())


class Whole:
    """A snapshot folder that is read as one snapshot."""

    file = ""

    def __init__(self, path: Path) -> None:
        self._source = FileSource(path)

    def read(self) -> Snapshot:
        return self._source.read()

    def parts(self) -> None:
        """Return nothing: it has no parts."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a snapshot folder of a hundred subscriptions."""
    path = tmp_path_factory.mktemp("trust") / "snapshot"
    estate = load(ROOT / "bench" / "estate.py")
    hospitals = [*estate.parts(40, per_subscription=20)]
    others = [*estate.parts(100, per_subscription=1)][len(hospitals) :]
    parts: list[Snapshot] = [*hospitals, *others]
    scopes = tuple(scope for part in parts for scope in part.scopes)
    assert len(scopes) == 100
    header = msgspec.structs.replace(hospitals[-1], scopes=scopes, resources=(), listed=frozenset(), gaps=())
    collection = snapshot_folder.Collection(path, header)
    for part in parts:
        collection.add(part)
    return path


@pytest.mark.slow
def test_a_hundred_subscriptions_are_a_hundred_components(folder: Path) -> None:
    found = parted(FileSource(folder).read(), deployment_file.carried_by(FileSource(folder).read()).deployments)
    assert found is not None
    assert [len(component.scopes) for component in found.components] == [1] * 100
    assert not any(component.around for component in found.components)


@pytest.mark.slow
def test_any_split_has_the_report_of_the_whole(folder: Path, request: pytest.FixtureRequest) -> None:
    whole = scan.scan(Request(Whole(folder)))
    document = build(whole, passes=True)
    assert len(document.findings) > 1000
    in_parts = scan.scan(Request(FileSource(folder)))
    assert in_parts.snapshot.resources == ()
    assert build(in_parts, passes=True) == document
    for form in ("json", "sarif", "terminal", "html"):
        assert reports.render(form, in_parts, View()) == reports.render(form, whole, View())
    for source in (FileSource(folder), Whole(folder)):
        assert build(scan.scan(Request(source, workers=Workers(2))), passes=True) == document
    # Only now: because of the threads of a cluster, the workers before could not begin as copies of this process.
    on_cluster = Workers(scheduler=request.getfixturevalue("cluster"))
    assert build(scan.scan(Request(FileSource(folder), workers=on_cluster)), passes=True) == document


@pytest.mark.slow
def test_the_deployments_of_one_component_are_split_too() -> None:
    snapshot, declared = estates.snapshot_of("demo", estates.with_guest_files("demo")), estates.deployments_of("demo")
    topology = Topology(snapshot, declared, AS_OF)
    whole = evaluated(topology, snapshot.scopes, None, declared)
    assert len(whole.pictures) > 1
    rules, scopes = split_scan.rules_of((), HOW.profile), frozenset(snapshot.scopes)
    shares = [Share(scopes, None, 0, 2), Share(frozenset(), None, 1, 2)]
    assert components.joined([components.evaluate(topology, rules, share, HOW) for share in shares], declared) == whole


def with_files(path: Path, *names: str) -> Path:
    """Return a folder of guest files of some VMs, one of which cannot be read for certain."""
    lines = ["format: auditor.guest/1", "taken:"]
    for name in names:
        (path / name).mkdir(parents=True)
        (path / name / "iris.cpf").write_text("[config]\nglobals=0,0,999999,0,0,0\nroutines=x\n", encoding="utf-8")
        (path / name / "lsblk.json").write_text("{}", encoding="utf-8")
        lines.append(f"  - {{machine: {name}, at: 2026-11-01T02:00:00Z, files: [iris.cpf, lsblk.json]}}")
    (path / "manifest.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.slow
def test_guest_files_come_to_the_part_of_their_vm(folder: Path, tmp_path: Path) -> None:
    snapshot = FileSource(folder).read()
    owners = {arm.parent_of(found.key) for found in snapshot.resources if found.type == GUEST_FILE}
    vms = [found for found in snapshot.resources if found.type == VM]
    others = [vm for vm in vms if vm.key not in owners]
    some = [*[vm for vm in vms if vm.key in owners][::9], *others[:1], *others[-2:]]
    assert len({arm.subscription_of(vm.key) for vm in some}) > 2
    guest = with_files(tmp_path / "guest", *(f"{arm.group_of(vm.key)}~{vm.name}" for vm in some))
    whole = scan.scan(Request(Whole(folder), guest=guest))
    document = build(whole, passes=True)
    assert document != build(scan.scan(Request(Whole(folder))), passes=True)
    assert {file.replaced for file in whole.coverage.guest_files} == {True, False}
    assert any(gap.is_of_guest_file for gap in whole.coverage.gaps)
    in_parts = scan.scan(Request(FileSource(folder), guest=guest))
    assert in_parts.snapshot.resources == ()
    assert build(in_parts, passes=True) == document
    assert reports.render("json", in_parts, View()) == reports.render("json", whole, View())
    elsewhere = scan.scan(Request(Whole(folder), guest=guest, workers=Workers(2)))
    assert build(elsewhere, passes=True) == document


def test_guest_files_of_a_vm_that_no_part_has_are_an_error_as_of_the_whole(tmp_path: Path) -> None:
    snapshot, _ = two()
    twice = next(
        name for name, number in Counter(f.name for f in snapshot.resources if f.type == VM).items() if number > 1
    )
    for number, name in enumerate(("vm-nowhere", twice)):
        supplied = guest_folder.read(with_files(tmp_path / str(number), name))
        with pytest.raises(InputError) as of_whole:
            attach(snapshot, supplied)
        with pytest.raises(InputError) as of_parts:
            PartsWithFiles(SplitSnapshot(snapshot), supplied)
        assert str(of_parts.value) == str(of_whole.value)


def test_guest_files_of_a_vm_that_could_not_be_read_are_left_out_as_of_the_whole(tmp_path: Path) -> None:
    snapshot, _ = two()
    supplied = guest_folder.read(with_files(tmp_path, "vm-nowhere"))
    for what in (display_type(VM), arm.SUBSCRIPTION):
        gap = Gap(snapshot.scopes[-1], what, GapReason.FORBIDDEN)
        hidden = msgspec.structs.replace(snapshot, gaps=(*snapshot.gaps, gap))
        whole = attach(hidden, supplied).snapshot
        split = PartsWithFiles(SplitSnapshot(hidden), supplied)
        gaps = [
            *split.header.gaps,
            *(gap for number in range(len(split.scopes)) for gap in split.read_part(number).gaps),
        ]
        assert sum("the files of vm-nowhere are not used" in gap.detail for gap in gaps) == 1
        assert set(gaps) == set(whole.gaps)


# --- memory -----------------------------------------------------------------------------------------------------------


class Body(dict[str, object]):
    """A body whose end can be noticed."""


class Watched:
    """Parts of which it is counted how many are held at most when one is read."""

    def __init__(self, parts: SplitSnapshot) -> None:
        self.header, self.scopes, self._parts = parts.header, parts.scopes, parts
        self._alive: dict[int, int] = Counter()
        """How many resources of a part are alive, by its number."""
        self.most = 0

    def read_part(self, number: int) -> Snapshot:
        part = self._parts.read_part(number)
        resources = [msgspec.structs.replace(found) for found in part.resources]
        for found in resources:
            body = Body(found.body)
            msgspec.structs.force_setattr(found, "body", body)
            weakref.finalize(body, self._ends, number)
        self._alive[number] += len(resources)
        # Every view has what Azure offers, which is less than half of a part.
        held = [count for count in self._alive.values() if count > len(resources) / 2]
        self.most = max(self.most, len(held))
        return msgspec.structs.replace(part, resources=tuple(resources))

    def _ends(self, number: int) -> None:
        self._alive[number] -= 1


@pytest.mark.slow
def test_few_parts_are_held_at_once_however_many_there_are() -> None:
    estate = load(ROOT / "bench" / "estate.py")
    most = []
    for number in (4, 16):
        snapshot = estate.build(20 * number, per_subscription=20)
        parts = Watched(SplitSnapshot(snapshot))
        declared = deployment_file.carried_by(snapshot).deployments
        with snapshot_file.collector_paused():
            found = split_scan.evaluate(split_scan.Split(parts, declared, (), HOW), Workers())
        assert found.resource_count == snapshot.resource_count
        most.append(parts.most)
    assert most[0] == most[1] <= 3


# --- what concerns other components -----------------------------------------------------------------------------------


def parted(snapshot: Snapshot, declared: tuple[DeclaredDeployment, ...]) -> Partition | None:
    parts, named = SplitSnapshot(snapshot), partition.named_in(declared)
    numbers = range(len(parts.scopes))
    links = [partition.links_of(parts.read_part(number), frozenset(snapshot.scopes), named) for number in numbers]
    return partition.partition(msgspec.structs.replace(snapshot, resources=()), links, declared)


def evaluated(
    topology: Topology,
    scopes: Collection[str],
    names: frozenset[str] | None,
    declared: tuple[DeclaredDeployment, ...],
) -> Results:
    rules = split_scan.rules_of((), HOW.profile)
    return components.joined([components.evaluate(topology, rules, Share(frozenset(scopes), names), HOW)], declared)


NAMES: Final = ("mirror-template", "trakcare-current")
SCOPES: Final = tuple(f"/subscriptions/{number:08}-0000-4000-8000-000000000000" for number in (1, 2))
OWN: Final = {
    "203.0.113.": "{0}.0.113.",
    "hospital.example": "{0}.example",
    "kv-trakcare": "kv-{0}",
    "strakcare": "st{0}",
}
"""Names in the fixtures that are unique in Azure, and what they are here for each."""


@cache
def two() -> tuple[Snapshot, tuple[DeclaredDeployment, ...]]:
    """Return two known-good deployments in a subscription each, and their declarations."""
    found: list[Snapshot] = []
    declared: list[DeclaredDeployment] = []
    for scope, name in zip(SCOPES, NAMES, strict=True):
        snapshot = estates.snapshot_of(name, estates.with_guest_files(name))

        def moved(value: Any, former: str = snapshot.scopes[0], scope: str = scope) -> Any:
            text = re.sub(former, scope, json.dumps(msgspec.to_builtins(value)), flags=re.IGNORECASE)
            for shared, own in OWN.items():
                text = text.replace(shared, own.format(int(scope[15:23]) + 200))
            return json.loads(text)

        resources = (
            resource(moved(each.body), moved(each.id), each.call, version=each.version) for each in snapshot.resources
        )
        found.append(
            msgspec.structs.replace(
                snapshot,
                scopes=(scope,),
                resources=tuple(resources),
                listed=frozenset((scope, type_) for _, type_ in snapshot.listed),
                gaps=msgspec.convert(moved(snapshot.gaps), tuple[Gap, ...]),
            )
        )
        for each in estates.deployments_of(name):
            own = msgspec.convert(moved(each), DeclaredDeployment)
            declared.append(msgspec.structs.replace(own, name=name, subscriptions=(scope,)))
    header = msgspec.structs.replace(found[0], scopes=SCOPES, resources=(), listed=frozenset(), gaps=())
    return snapshot_folder.joined(header, found), tuple(declared)


def removed(snapshot: Snapshot, found: Resource) -> Snapshot:
    return msgspec.structs.replace(snapshot, resources=tuple(each for each in snapshot.resources if each is not found))


def unread(snapshot: Snapshot, found: Resource) -> Snapshot:
    gap = Gap(found.id, found.type, GapReason.FORBIDDEN, "AuthorizationFailed")
    return msgspec.structs.replace(snapshot, gaps=(*snapshot.gaps, gap))


def bare(snapshot: Snapshot, found: Resource) -> Snapshot:
    body: dict[str, object] = {"id": found.id, "name": found.name, "properties": {}}
    other = resource(body, found.id, found.call, version=found.version)
    resources = tuple(other if each is found else each for each in snapshot.resources)
    return msgspec.structs.replace(snapshot, resources=resources)


def assert_same(parts: Partition, changed: Snapshot, declared: tuple[DeclaredDeployment, ...], what: str) -> Component:
    """Assert that the first component has the results that it has in the whole; return it."""
    first = next(each for each in parts.components if SCOPES[0] in each.scopes)
    split = SplitSnapshot(changed)
    shown = [number for number, scopes in enumerate(split.scopes) if {*scopes} <= first.scopes | first.around]
    view = parts.view(split.read_part(number) for number in shown)
    own = tuple(each for each in declared if each.name in parts.in_view(first))
    in_part = evaluated(Topology(view, own, AS_OF), SCOPES[:1], first.deployments, declared)
    in_whole = evaluated(Topology(changed, declared, AS_OF), SCOPES[:1], first.deployments, declared)
    assert in_part == in_whole, what
    assert in_part.findings
    return first


@pytest.mark.slow
@pytest.mark.parametrize("change", [removed, unread, bare])
def test_what_is_said_of_a_component_depends_on_no_other(change: Callable[[Snapshot, Resource], Snapshot]) -> None:
    snapshot, declared = two()
    before = parted(snapshot, declared)
    assert before is not None
    assert len(before.components) == 2
    kinds = {each.type: each for each in snapshot.resources if each.key.startswith(SCOPES[1])}
    assert len(kinds) > 30
    alone = 0
    for found in kinds.values():
        changed = change(snapshot, found)
        parts = parted(changed, declared)
        alone += parts is not None and not assert_same(parts, changed, declared, found.type).around
    assert alone > 20


@pytest.mark.slow
def test_a_subscription_that_failed_may_have_members_of_any_role() -> None:
    snapshot, declared = two()
    gap = Gap(SCOPES[1], "Microsoft.Resources/subscriptions", GapReason.TIMEOUT)
    failed = msgspec.structs.replace(
        snapshot,
        resources=tuple(each for each in snapshot.resources if not each.key.startswith(SCOPES[1])),
        listed=frozenset(pair for pair in snapshot.listed if pair[0] == SCOPES[0]),
        gaps=(gap,),
    )
    parts = parted(failed, declared)
    assert parts is not None
    assert assert_same(parts, failed, declared, "a failed subscription").around == {SCOPES[1]}


@pytest.mark.parametrize(
    ("mentions", "is_joined"),
    [
        (f"{SCOPES[0]}/resourceGroups/x", True),
        (f"see {SCOPES[0].upper()}/RESOURCEGROUPS/x", True),
        ("https://203.0.113.9/x", False),
        ("www.example.", True),
        ("a.b.www.example:443", False),
        ("line\\nwww.example\\n", True),
        ("deep.in.a.zone.example", True),
        ("20.1.2.3", True),
        ("120.1.2.3", False),
        ("2603:1020::5", True),
        ("https://kv-one.vault.azure.net/keys/k", True),
        ("kv-one", False),
    ],
)
def test_a_name_or_an_id_joins_two_subscriptions(mentions: str, is_joined: bool) -> None:
    def of(scope: str, *found: tuple[str, dict[str, Any]]) -> Snapshot:
        group = f"{scope}/resourceGroups/G/providers"
        resources = []
        for name, content in found:
            body: dict[str, Any] = {"id": f"{group}/{name}", **content}
            resources.append(resource(body, body["id"]))
        return Snapshot("", (scope,), tuple(resources), frozenset(), ())

    names = {"dnsSettings": {"fqdn": "WWW.example"}, "ipAddress": "20.1.2.3"}
    owner = of(
        SCOPES[0],
        ("Microsoft.Network/publicIPAddresses/a", {"properties": names}),
        ("Microsoft.Network/publicIPAddresses/b", {"properties": {"ipAddress": "2603:1020::5"}}),
        ("Microsoft.Network/dnsZones/zone.example", {}),
        ("Microsoft.KeyVault/vaults/kv-one", {}),
    )
    other = of(SCOPES[1], ("Microsoft.Compute/images/i", {"properties": {"about": mentions}}))
    links = [partition.links_of(part, frozenset(SCOPES), frozenset()) for part in (owner, other)]
    listed = frozenset((scope, "microsoft.compute/virtualmachines") for scope in SCOPES)
    header = msgspec.structs.replace(owner, scopes=SCOPES, resources=(), listed=listed)
    declared = (DeclaredDeployment("d", subscriptions=SCOPES[:1]),)
    found = partition.partition(header, links, declared)
    assert (found is None) is is_joined
    assert partition.partition(header, links, (DeclaredDeployment("d", subscriptions=SCOPES),)) is None
    assert partition.partition(header, links, (DeclaredDeployment("d"),)) is None, "it is of all subscriptions"
