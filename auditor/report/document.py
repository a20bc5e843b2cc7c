"""The report: the result of a scan, which every format shows."""

from __future__ import annotations

import msgspec

from auditor.judging.drift.model import Drift
from auditor.judging.model import Attestation, Carried, Coverage, ExemptionStatus, Finding, Waiver
from auditor.rules.model import Pack, Rule
from auditor.snapshot.model import Snapshot


class Report(msgspec.Struct, frozen=True):
    """The result of a scan; every format shows the same one."""

    profile: str
    as_of: str
    """The calendar date against which retirements and expiries count."""
    snapshot: Snapshot
    findings: tuple[Finding, ...]
    """All of them, also passes; worst first within a deployment."""
    coverage: Coverage
    packs: tuple[Pack, ...]
    rules: tuple[Rule, ...]
    deployment_file: str = ""
    """The path of the deployment file, "" where none was given."""
    carried: tuple[Carried, ...] = ()
    """Of the fails, and of what could not be read, of an earlier report: what this run lost sight of."""
    waivers: tuple[ExemptionStatus[Waiver], ...] = ()
    """By file and line."""
    attestations: tuple[ExemptionStatus[Attestation], ...] = ()
    """Likewise."""
    drift: Drift | None = None
