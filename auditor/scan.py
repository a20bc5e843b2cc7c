"""The spine: an inventory goes in, a report comes out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from auditor import deployment, documents, engine, files, inventory, packs, previous, snapshot, waivers
from auditor.deployment import NONE
from auditor.errors import InputError
from auditor.facts import FACTS
from auditor.model import SEVERITIES, DeclaredDeployment, Outcome, Report, Severity, Snapshot
from auditor.topology import Topology
from auditor.waivers import Exceptions

if TYPE_CHECKING:
    from auditor.collect.collecting import Collected, Wanted
    from auditor.collect.progress import Progress

DEFAULT_PROFILE = "current"


class Request(msgspec.Struct, frozen=True):
    """What a user asks to be scanned, and by what."""

    inventory: Path | Callable[[], Snapshot]
    """A snapshot file, raw ARM bodies, or what reads live subscriptions."""
    deployment: Path | None = None
    """The deployment file; by default the one that the snapshot carries, if any."""
    rules: tuple[Path, ...] = ()
    """Folders of packs that are added to the built-in one."""
    profile: str = DEFAULT_PROFILE
    as_of: dt.date | None = None
    """The calendar date that counts; by default that of the snapshot, today where it has none."""
    waivers: Path | None = None
    attestations: Path | None = None
    previous: Path | None = None
    """The JSON report of the last run, whose findings stay open where this one cannot see them."""


@snapshot.collector_paused()
def scan(request: Request) -> Report:
    """Judge an inventory.

    Raises:
        InputError: a file of the user's is wrong.
    """
    loaded = packs.load_all(request.rules, FACTS)
    rules = packs.select(loaded, request.profile)
    known = packs.ids(loaded)
    granted = waivers.load(documents.read(request.waivers), known) if request.waivers else ()
    given = waivers.load_attestations(documents.read(request.attestations), known) if request.attestations else ()
    earlier = previous.load(request.previous, request.profile) if request.previous else None
    packs.check_settings(loaded, read_deployment(request.deployment)[0])
    # Reading live takes its time, so that it comes after all that the user may have got wrong.
    taken = read_inventory(request.inventory) if isinstance(request.inventory, Path) else request.inventory()
    declared, text = read_deployment(request.deployment, taken)
    packs.check_settings(loaded, declared)
    as_of = _as_of(request, taken)
    topology = Topology(taken, declared, as_of)
    gaps, findings = engine.gaps(topology, rules), engine.judge(topology, rules)
    lost = previous.carried(earlier, findings, topology, (rule.rule for rule in rules)) if earlier else ()
    applied = waivers.apply(Exceptions(granted, given), findings, lost, gaps, as_of)
    return Report(
        profile=request.profile,
        as_of=as_of.isoformat(),
        snapshot=msgspec.structs.replace(taken, deployment=text, approved=None),  # that was for what stood in the file
        findings=applied.findings,
        coverage=engine.coverage(topology, gaps, applied.findings, applied.gaps),
        packs=tuple(pack.pack for pack in loaded),
        rules=tuple(rule.rule for rule in rules),
        deployment_file=_relative(request.deployment) if request.deployment else "",
        carried=applied.carried,
        waivers=applied.waivers,
        attestations=applied.attestations,
    )


def read_live(wanted: Wanted, deployment_file: Path | None, progress: Progress) -> Collected:
    """Read live subscriptions; the deployment file says which machines are asked for more, and goes into the snapshot.

    Raises:
        InputError: nobody could sign in, or an argument or the deployment file is wrong.
    """
    from auditor.collect.collecting import collect  # noqa: PLC0415 - the SDK takes half a second to import

    declared, text = read_deployment(deployment_file)
    return collect(wanted, declared, text, progress)


def read_inventory(path: Path) -> Snapshot:
    """Read a snapshot file, or raw ARM bodies.

    Raises:
        InputError: the file is neither, or is damaged.
    """
    data = files.read(path)
    return snapshot.decode(data, str(path)) if snapshot.is_snapshot(data) else inventory.decode(data, str(path))


def read_deployment(path: Path | None, taken: Snapshot | None = None) -> tuple[tuple[DeclaredDeployment, ...], str]:
    """Read the deployment file, or the one that a snapshot carries; return its deployments and its text.

    Raises:
        InputError: the file is wrong.
    """
    if path is not None:
        data = documents.load(path)
        return deployment.load(documents.parse(data, str(path))), data.decode("utf-8-sig")
    if taken is not None and taken.deployment:
        document = documents.parse(taken.deployment.encode(), "the deployment file in the snapshot")
        return deployment.load(document), taken.deployment
    return (), ""


def _relative(path: Path) -> str:
    """Return a path below the working folder relative to it, as a repository names its files; another as it is."""
    absolute = path.absolute()
    return (absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute).as_posix()


def _as_of(request: Request, taken: Snapshot) -> dt.date:
    """Return the calendar date that counts."""
    if request.as_of is not None:
        return request.as_of
    if not taken.taken_at:
        return dt.datetime.now(dt.UTC).date()
    try:
        return dt.datetime.fromisoformat(taken.taken_at).date()
    except ValueError:
        message = f"takenAt is '{taken.taken_at}', not a time like 2026-11-01T06:00:00Z"
        file = str(request.inventory) if isinstance(request.inventory, Path) else ""
        raise InputError(message, file, 1) from None


def worst_is_at_least(report: Report, severity: str) -> bool:
    """Tell whether a failure that nobody waived is at least as bad as a severity; `none` is worse than any."""
    counted = SEVERITIES[: SEVERITIES.index(Severity(severity)) + 1] if severity != NONE else ()
    return any(f.outcome is Outcome.FAIL and f.waiver is None and f.severity in counted for f in report.findings)


def has_errors(report: Report) -> bool:
    """Tell whether a bug of ours kept a rule from judging."""
    return any(finding.outcome is Outcome.ERROR for finding in report.findings)
