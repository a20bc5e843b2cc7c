"""The last line of the terminal report, for logs."""

from __future__ import annotations

from auditor.evaluation.model import Outcome
from auditor.report import drift_summary, summary
from auditor.report.document import Document
from auditor.report.grouping import counted


def last_line(document: Document) -> str:
    """Return the result in one line for logs."""
    outcomes = summary.outcomes(document)
    fails = ", ".join(f"{number} {severity}" for severity, number in summary.severities(document) if number)
    counts = [f"{outcomes[Outcome.FAIL]} fail{f' ({fails})' if fails else ''}"]
    counts += [f"{outcomes[Outcome.ERROR]} error"] * (outcomes[Outcome.ERROR] > 0)
    attested = sum(finding.attestation is not None for finding in counted(document, Outcome.PASS))
    passes = f"{outcomes[Outcome.PASS]} pass{f' ({attested} attested)' if attested else ''}"
    counts += [f"{outcomes[Outcome.UNKNOWN]} unknown", passes]
    if carried := summary.still_open(document):
        counts.append(f"{carried} not evaluated this time")
    if waived := sum(summary.waived(document).values()):
        counts.append(f"{waived} waived")
    coverage = (
        "complete"
        if document.coverage.complete
        else ": ".join(filter(None, ["incomplete", ", ".join(summary.missing(document))]))
    )
    parts = [", ".join(counts), coverage]
    if document.drift:
        parts.append(f"since the baseline: {drift_summary.findings(document.drift)}")
    return f"auditor: {'; '.join(parts)}"
