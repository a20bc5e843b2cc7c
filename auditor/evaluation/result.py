"""The result of a scan, before it is put into the shape of a report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import msgspec

from auditor.evaluation.drift.model import Drift
from auditor.evaluation.losses import LossesOfKind
from auditor.evaluation.model import Attestation, Carried, Coverage, ExemptionStatus, Finding, Waiver
from auditor.evaluation.picture.model import Picture
from auditor.evaluation.remedies import FilledStep
from auditor.rules.maps import Maps
from auditor.rules.model import Pack, Rule
from auditor.snapshot.model import Snapshot


class Evaluation(msgspec.Struct, frozen=True):
    """The outcomes of all rules for a snapshot, with exemptions applied."""

    profile: str
    as_of: dt.date
    """The evaluation date."""
    snapshot: Snapshot
    findings: tuple[Finding, ...]
    """All findings, passes included; worst first within a deployment."""
    coverage: Coverage
    packs: tuple[Pack, ...]
    rules: tuple[Rule, ...]
    deployment_file: str = ""
    """The path of the deployment file, "" without one."""
    config: str = ""
    """The path of the file of default options, "" without one."""
    carried: tuple[Carried, ...] = ()
    waivers: tuple[ExemptionStatus[Waiver], ...] = ()
    """By file and line."""
    attestations: tuple[ExemptionStatus[Attestation], ...] = ()
    """By file and line."""
    drift: Drift | None = None
    """None without a baseline."""
    pictures: Mapping[str, Picture] = {}
    """The picture of each deployment, by its name."""
    losses: Mapping[str, tuple[LossesOfKind, ...]] = {}
    """What each deployment survives, by its name."""
    remedies: Mapping[str, tuple[FilledStep, ...]] = {}
    """The steps that correct fails, by the fingerprint of the finding."""
    maps: Maps | None = None
    """The maps of the packs; None if a format that shows them was not asked for."""
    remembered: bytes = b""
    """The content of the file beside the report, by which the next run evaluates only what moved."""
    warnings: tuple[str, ...] = ()
    """For standard error."""
    counted: int | None = None
    """The number of resources in Azure where the snapshot was evaluated in parts, and `snapshot` has none of them."""

    @property
    def resource_count(self) -> int:
        """Return the number of resources in Azure."""
        return self.snapshot.resource_count if self.counted is None else self.counted
