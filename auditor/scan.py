"""The spine: an inventory goes in, a report comes out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from auditor import files, yaml_documents
from auditor.errors import InputError
from auditor.estate import deployment_file
from auditor.estate.declaration import NONE, DeclaredDeployment
from auditor.estate.topology import Topology
from auditor.judging import carry_over, drift, engine, exemptions
from auditor.judging.exemptions import Exemptions
from auditor.judging.model import BaselineState, Outcome
from auditor.report.document import Report
from auditor.rules import packs
from auditor.rules.facts import FACTS
from auditor.rules.model import SEVERITIES, Severity
from auditor.snapshot.model import Snapshot
from auditor.sources import approval, arm_json, snapshot_file

if TYPE_CHECKING:
    from auditor.sources.live.collection import Collected, Wanted
    from auditor.sources.live.progress import Progress

DEFAULT_PROFILE = "current"

_WORSE = frozenset({BaselineState.REGRESSED, BaselineState.NEW})
_NOT_KNOWN = frozenset({Outcome.UNKNOWN, Outcome.ERROR})


class Request(msgspec.Struct, frozen=True):
    """What a user asks to be scanned, and by what."""

    inventory: Path | Callable[[], Snapshot]
    """A snapshot file, raw ARM bodies, or what reads live subscriptions."""
    deployment: Path | None = None
    """The deployment file; by default the one that the snapshot carries, else the one of the baseline, if any."""
    rules: tuple[Path, ...] = ()
    """Folders of packs that are added to the built-in one."""
    profile: str = DEFAULT_PROFILE
    as_of: dt.date | None = None
    """The calendar date that counts; by default that of the snapshot or of the baseline, the later one, else today."""
    waivers: Path | None = None
    attestations: Path | None = None
    previous: Path | None = None
    """The JSON report of the last run, whose findings stay open where this one cannot see them."""
    baseline: Path | None = None
    """The approved snapshot with which is compared."""


@snapshot_file.collector_paused()
def scan(request: Request) -> Report:
    """Judge an inventory.

    Raises:
        InputError: a file of the user's is wrong.
    """
    loaded = packs.load_all(request.rules, FACTS)
    rules = packs.select(loaded, request.profile)
    known = packs.ids(loaded)
    granted = exemptions.load(yaml_documents.read(request.waivers), known) if request.waivers else ()
    given = (
        exemptions.load_attestations(yaml_documents.read(request.attestations), known) if request.attestations else ()
    )
    earlier = carry_over.load(request.previous, request.profile) if request.previous else None
    packs.check_settings(loaded, read_deployment(request.deployment)[0])
    baseline = approval.read(request.baseline) if request.baseline else None
    # Reading live takes its time, so that it comes after all that the user may have got wrong.
    taken = read_inventory(request.inventory) if isinstance(request.inventory, Path) else request.inventory()
    declared, text = read_deployment(request.deployment, taken, baseline)
    packs.check_settings(loaded, declared)
    if baseline and not {*baseline.scopes} & {*taken.scopes}:
        message = f"is of {', '.join(baseline.scopes) or 'no subscription'}, of which nothing is scanned"
        raise InputError(message, str(request.baseline))
    as_of = _as_of(request, taken, baseline)
    topology = Topology(taken, declared, as_of)
    former = Topology(baseline, declared, as_of) if baseline else None
    changes = drift.Changes(former.graph, topology.graph) if former else None
    gaps, findings = engine.gaps(topology, rules), engine.judge(topology, rules, changes.after if changes else ())
    lost = carry_over.carried(earlier, findings, topology, (rule.rule for rule in rules)) if earlier else ()
    applied = exemptions.apply(Exemptions(granted, given), findings, lost, gaps, as_of)
    findings, moved = applied.findings, None
    if former and changes:
        before = drift.Judged(former, engine.judge(former, rules, changes.before))
        findings, moved = drift.compare(changes, before, drift.Judged(topology, findings))
    return Report(
        profile=request.profile,
        as_of=as_of.isoformat(),
        snapshot=msgspec.structs.replace(taken, deployment=text, approved=None),  # that was for what stood in the file
        findings=findings,
        coverage=engine.coverage(topology, gaps, findings, applied.gaps),
        packs=tuple(pack.pack for pack in loaded),
        rules=tuple(rule.rule for rule in rules),
        deployment_file=_relative(request.deployment) if request.deployment else "",
        carried=applied.carried,
        waivers=applied.waivers,
        attestations=applied.attestations,
        drift=moved,
    )


def read_live(wanted: Wanted, deployment_file: Path | None, progress: Progress) -> Collected:
    """Read live subscriptions; the deployment file says which machines are asked for more, and goes into the snapshot.

    Raises:
        InputError: nobody could sign in, or an argument or the deployment file is wrong.
    """
    from auditor.sources.live.collection import collect  # noqa: PLC0415 - the SDK takes half a second to import

    declared, text = read_deployment(deployment_file)
    return collect(wanted, declared, text, progress)


def read_inventory(path: Path) -> Snapshot:
    """Read a snapshot file, or raw ARM bodies.

    Raises:
        InputError: the file is neither, or is damaged.
    """
    data = files.read(path)
    return (
        snapshot_file.decode(data, str(path)) if snapshot_file.is_snapshot(data) else arm_json.decode(data, str(path))
    )


def read_deployment(path: Path | None, *carriers: Snapshot | None) -> tuple[tuple[DeclaredDeployment, ...], str]:
    """Read the deployment file, or the first that a snapshot carries; return its deployments and its text.

    Raises:
        InputError: the file is wrong.
    """
    if path is not None:
        data = yaml_documents.load(path)
        return deployment_file.load(yaml_documents.parse(data, str(path))), data.decode("utf-8-sig")
    text = next((taken.deployment for taken in carriers if taken and taken.deployment), "")
    if text:
        return deployment_file.load(yaml_documents.parse(text.encode(), "the deployment file in the snapshot")), text
    return (), ""


def _relative(path: Path) -> str:
    """Return a path below the working folder relative to it, as a repository names its files; another as it is."""
    absolute = path.absolute()
    return (absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute).as_posix()


def _as_of(request: Request, taken: Snapshot, baseline: Snapshot | None) -> dt.date:
    """Return the calendar date that counts."""
    if request.as_of is not None:
        return request.as_of
    sources = [
        (taken, request.inventory if isinstance(request.inventory, Path) else None),
        (baseline, request.baseline),
    ]
    dates = [_date(found.taken_at, file) for found, file in sources if found and found.taken_at]
    return max(dates) if dates else dt.datetime.now(dt.UTC).date()


def _date(taken_at: str, file: Path | None) -> dt.date:
    try:
        return dt.datetime.fromisoformat(taken_at).date()
    except ValueError:
        message = f"takenAt is '{taken_at}', not a time like 2026-11-01T06:00:00Z"
        raise InputError(message, str(file or ""), 1) from None


def worst_is_at_least(report: Report, severity: str, *, worse_than_baseline: bool = False) -> bool:
    """Tell whether a failure that nobody waived is at least as bad as a severity; `none` is worse than any.

    Those that the baseline had may be left out, unless they are worse now.
    """
    counted = SEVERITIES[: SEVERITIES.index(Severity(severity)) + 1] if severity != NONE else ()
    return any(
        f.outcome is Outcome.FAIL and f.waiver is None and f.severity in counted
        for f in report.findings
        if f.state in _WORSE or not worse_than_baseline
    )


def has_lost_sight(report: Report) -> bool:
    """Tell whether something that the baseline judged cannot be told any more, and no finding says so.

    One that is not known says so, also for those of its rule that are not there; it makes the report incomplete, unless
    somebody lets it stand.
    """
    changes = report.drift.findings if report.drift else ()
    said = {(f.rule.id, f.deployment) for f in report.findings if f.outcome in _NOT_KNOWN}
    return any(
        (change.finding.rule.id, change.finding.deployment) not in said
        if change.after is None
        else change.after.outcome not in _NOT_KNOWN and change.after.waiver is None and change.after.attestation is None
        for change in changes
        if change.state is BaselineState.LOST_SIGHT
    )


def has_errors(report: Report) -> bool:
    """Tell whether a bug of ours kept a rule from judging."""
    return any(finding.outcome is Outcome.ERROR for finding in report.findings)
