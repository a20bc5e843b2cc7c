"""The spine: a source goes in, a report comes out."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from auditor import files
from auditor.errors import InputError
from auditor.estate import deployment_file
from auditor.estate.deployment_file import Declarations
from auditor.estate.topology import Topology
from auditor.evaluation import carry_over, coverage, drift, engine, exemptions, remedies
from auditor.evaluation.components import How
from auditor.evaluation.engine import Detail
from auditor.evaluation.exemptions import Exemptions
from auditor.evaluation.losses import losses_of
from auditor.evaluation.model import Finding
from auditor.evaluation.picture.build import pictures
from auditor.evaluation.result import Evaluation
from auditor.evaluation.reuse import Memory, Unmoved, kept
from auditor.report import previous
from auditor.rules import maps, packs
from auditor.rules.conditions import CompiledRule
from auditor.rules.facts import FACTS
from auditor.rules.packs import LoadedPack
from auditor.snapshot.model import Snapshot
from auditor.snapshot.watching import Watch
from auditor.sources import approval, snapshot_file
from auditor.sources.guest import attaching
from auditor.sources.source import Parts, Source
from auditor.workers import Workers

if TYPE_CHECKING:
    from auditor.sources.guest.folder import SuppliedVm

DEFAULT_PROFILE = "current"


class Request(msgspec.Struct, frozen=True):
    """What is scanned, and by which files and settings of the user."""

    source: Source
    deployment: Path | None = None
    """The deployment file; by default the one that the snapshot carries, else the one that the baseline carries."""
    rules: tuple[Path, ...] = ()
    """Folders of packs in addition to the built-in one."""
    profile: str = DEFAULT_PROFILE
    as_of: dt.date | None = None
    """The evaluation date; by default that of the snapshot or of the baseline, the later one, else today."""
    waivers: Path | None = None
    attestations: Path | None = None
    previous: Path | None = None
    """The JSON report of the last run, whose findings stay open if this run cannot evaluate them."""
    baseline: Path | None = None
    """The approved snapshot for drift."""
    guest: Path | None = None
    """The folder of files from inside VMs."""
    config: Path | None = None
    """The file of default options; the report names it."""
    detail: Detail = Detail.FAILURES
    """Which findings have evidence: `ALL` where a format shows passes; always with a baseline."""
    maps: bool = False
    """Whether the maps of the packs are read too."""
    workers: Workers = Workers()
    """The processes that evaluate."""
    remember: bool = False
    """Whether the result has what a run after the next report needs to evaluate only what moved; with `previous`."""
    keep_snapshot: bool = False
    """Whether the result has the resources of the snapshot, even if it could be evaluated part by part."""


@snapshot_file.collector_paused()
def scan(request: Request) -> Evaluation:
    """Evaluate what a source has.

    Raises:
        InputError: a file of the user's is wrong, or the sign-in failed.
    """
    loaded = packs.load_all(request.rules, FACTS)
    rules = packs.select(loaded, request.profile)
    mapped = maps.load(loaded, request.rules) if request.maps else None
    exempt = exemptions.read(request.waivers, request.attestations, packs.ids(loaded))
    last = previous.load(request.previous, request.profile) if request.previous else None
    baseline = approval.read(request.baseline) if request.baseline else None
    given = deployment_file.read(request.deployment) if request.deployment else deployment_file.NOTHING
    packs.check_settings(loaded, given.deployments)
    supplied = attaching.read(request.guest)
    # What is compared with a baseline or an earlier report is evaluated as a whole.
    if request.workers.are_elsewhere and (baseline or last or request.keep_snapshot):
        message = (
            "--workers and --scheduler evaluate parts of a snapshot, but --baseline, --previous and -o snapshot need "
            "the whole: leave out one or the other"
        )
        raise InputError(message)
    if not (baseline or last):
        evaluated = _in_parts(request, loaded, exempt, given, supplied)
        if evaluated is not None:
            return msgspec.structs.replace(evaluated, maps=mapped)
    # After all files of the user are read: reading live subscriptions takes minutes.
    attached = attaching.attach(request.source.read(), supplied)
    if baseline:
        attached = msgspec.structs.replace(attached, snapshot=drift.with_shared(attached.snapshot, baseline))
    snapshot = attached.snapshot
    declared = given if request.deployment else deployment_file.carried_by(snapshot, baseline)
    packs.check_settings(loaded, declared.deployments)
    _check_scopes(snapshot, baseline, request)
    then = _taken(baseline, str(request.baseline))
    as_of = request.as_of or _latest(_taken(snapshot, request.source.file), then)

    remembered = _Remembered(request, request.previous) if request.previous and not baseline else None
    is_watched = remembered.is_first if remembered else baseline is not None
    topology = Topology(snapshot, declared.deployments, as_of, Watch() if is_watched else None)
    former = Topology(baseline, declared.deployments, as_of) if baseline else None
    changes = drift.Changes(former.graph, topology.graph) if former else None
    detail = Detail.ALL if baseline else request.detail
    gaps = coverage.gaps(topology, rules)
    memory = Memory(topology) if changes else None
    if remembered:
        memory = remembered.memory(topology, rules, lambda: Topology(snapshot, declared.deployments, as_of, Watch()))
        topology = memory.topology
    findings = engine.evaluate(topology, rules, detail, changes.after if changes else (), memory)
    approved: tuple[Finding, ...] = ()
    if former and changes and memory:
        approved = _approved(former, changes, memory, rules)
        memory = None  # what was read for each finding is large, and not needed any more
    earlier = previous.earlier(last, (rule.rule for rule in rules)) if last else None
    lost = carry_over.carried(earlier, findings, topology) if earlier else ()
    applied = exemptions.apply(exempt, findings, lost, gaps, as_of)
    findings, moved = applied.findings, None
    if former and changes:
        # What a person has stated since then is news, as what Azure has shown since then.
        approved = exemptions.attest(exempt, approved, then) if then else approved
        before, after = drift.EvaluatedSnapshot(former, approved), drift.EvaluatedSnapshot(topology, findings)
        findings, moved = drift.compare(changes, before, after)
    return Evaluation(
        profile=request.profile,
        as_of=as_of,
        snapshot=msgspec.structs.replace(snapshot, deployment=declared.text, approved=None),
        findings=findings,
        coverage=coverage.assess(topology, gaps, findings, applied.gaps, attached.replaced),
        packs=tuple(pack.pack for pack in loaded),
        rules=tuple(rule.rule for rule in rules),
        deployment_file=files.relative(request.deployment) if request.deployment else "",
        config=files.relative(request.config) if request.config else "",
        carried=applied.carried,
        waivers=applied.waivers,
        attestations=applied.attestations,
        drift=moved,
        pictures=pictures(topology, topology.deployments, request.profile, findings),
        losses=losses_of(topology, topology.deployments),
        remedies=remedies.of(findings, topology),
        maps=mapped,
        remembered=remembered.content(memory) if remembered and memory else b"",
        warnings=remembered.warnings if remembered else (),
    )


def _approved(
    former: Topology, changes: drift.Changes, memory: Memory, rules: Sequence[CompiledRule]
) -> tuple[Finding, ...]:
    """Return the findings of the approved snapshot; where nothing has moved, they are those of the current one."""
    unlike = changes.before.keys() ^ changes.after.keys()  # findings list what was read of the resources in either
    unmoved = Unmoved.since(memory, former, unlike, changes.alike)
    return engine.evaluate(former, rules, Detail.ALL, changes.before, Memory(former, unmoved))


class _Remembered:
    """What lies beside the previous report, and what is to lie beside this one."""

    def __init__(self, request: Request, previous: Path) -> None:
        """Take the program and the rules of the user as they are."""
        self._remember = request.remember
        self._previous = previous
        self._identity = kept.identity(request.profile, request.detail.name, request.rules)
        self._data = b""
        self.warnings: tuple[str, ...] = ()

    @property
    def is_first(self) -> bool:
        """Whether nothing lies beside the previous report, and something is to lie beside this one."""
        return self._remember and not kept.beside(self._previous).exists()

    def memory(self, topology: Topology, rules: Sequence[CompiledRule], watched: Callable[[], Topology]) -> Memory:
        """Return the memory with which a topology is evaluated, or the same one watched."""
        if topology.watch is not None:
            return Memory(topology)
        found = None
        try:
            found = kept.read(self._previous, self._identity, rules, topology)
        except kept.DamagedError:
            file = kept.beside(self._previous)
            self.warnings = (f"{file} is damaged, or of other rules or another version: everything is evaluated",)
        if found and not (found.is_old and self._remember):
            self._data = found.data
            return Memory(topology, found.unmoved)
        return Memory(watched() if self._remember else topology)

    def content(self, memory: Memory) -> bytes:
        """Return the content of the file beside the report, if it is to be kept and can be."""
        if self._remember and memory.watch is not None:
            with contextlib.suppress(OverflowError):
                return kept.encode(memory, self._identity)
        return self._data if self._remember else b""


def _in_parts(
    request: Request,
    loaded: tuple[LoadedPack, ...],
    exempt: Exemptions,
    given: Declarations,
    supplied: tuple[SuppliedVm, ...],
) -> Evaluation | None:
    """Evaluate a snapshot folder part by part, or any snapshot in several processes; None if it is neither."""
    parts: Parts | None = request.source.parts()
    if request.keep_snapshot or (parts is None and not request.workers.are_elsewhere):
        return None
    from auditor import split_scan  # noqa: PLC0415 - most scans evaluate the snapshot as a whole
    from auditor.sources.snapshot_folder import SplitSnapshot  # noqa: PLC0415 - as above

    parts = parts or SplitSnapshot(request.source.read())
    replaced: frozenset[str] = frozenset()
    if supplied:
        parts = attaching.PartsWithFiles(parts, supplied)
        replaced = parts.replaced
    declared = given if request.deployment else deployment_file.carried_by(parts.header)
    packs.check_settings(loaded, declared.deployments)
    as_of = request.as_of or _latest(_taken(parts.header, request.source.file))
    how = How(request.profile, as_of, request.detail, exempt, replaced)
    found = split_scan.evaluate(split_scan.Split(parts, declared.deployments, request.rules, how), request.workers)
    rules, results = packs.select(loaded, request.profile), found.results
    gaps = coverage.gaps_of(found.header, declared.deployments, rules)
    applied = exemptions.apply(exempt, results.findings, (), gaps, as_of)
    return Evaluation(
        profile=request.profile,
        as_of=as_of,
        snapshot=msgspec.structs.replace(found.header, deployment=declared.text, approved=None),
        findings=applied.findings,
        coverage=coverage.joined(found.header.listed, gaps, applied.findings, applied.gaps, results.guest),
        packs=tuple(pack.pack for pack in loaded),
        rules=tuple(rule.rule for rule in rules),
        deployment_file=files.relative(request.deployment) if request.deployment else "",
        config=files.relative(request.config) if request.config else "",
        carried=applied.carried,
        waivers=applied.waivers,
        attestations=applied.attestations,
        pictures=results.pictures,
        losses=results.losses,
        remedies={
            finding.key: results.remedies[finding.key]
            for finding in applied.findings
            if finding.key in results.remedies
        },
        counted=found.resource_count,
    )


def _check_scopes(snapshot: Snapshot, baseline: Snapshot | None, request: Request) -> None:
    """Refuse a baseline that has no subscription in common with the snapshot."""
    if baseline and not {*baseline.scopes} & {*snapshot.scopes}:
        message = f"is of {', '.join(baseline.scopes) or 'no subscription'}, and none of them is scanned"
        raise InputError(message, str(request.baseline))


def _latest(*dates: dt.date | None) -> dt.date:
    """Return the latest of several dates, today where there is none."""
    return max((date for date in dates if date), default=dt.datetime.now(dt.UTC).date())


def _taken(snapshot: Snapshot | None, file: str) -> dt.date | None:
    """Return the date of a snapshot, None where it has none."""
    if snapshot is None or not snapshot.taken_at:
        return None
    try:
        return dt.datetime.fromisoformat(snapshot.taken_at).date()
    except ValueError:
        message = f"takenAt is '{snapshot.taken_at}', not a time like 2026-11-01T06:00:00Z"
        raise InputError(message, file, 1) from None
