"""Passes and findings that do not apply, as the terminal report lists them with `--passes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.evaluation.model import Outcome
from auditor.report import wording
from auditor.report.document import Document
from auditor.report.grouping import counted, group
from auditor.report.terminal.layout import cut

if TYPE_CHECKING:
    from auditor.report.terminal.layout import Page


def write_passes(page: Page, document: Document) -> None:
    """Write passes and findings that do not apply, one line each."""
    passes = counted(document, Outcome.PASS) + counted(document, Outcome.NOT_APPLICABLE)
    for deployment, findings in group(passes, lambda finding: finding.deployment).items():
        page.section(f"{deployment or 'No deployment'}: passes and not applicable")
        for finding in findings:
            lead = "pass  " if finding.outcome is Outcome.PASS else "n/a   "
            line = f"{finding.rule}  {wording.subject(finding.subject)}  {finding.title}"
            page.lines([cut(line, page.width - len(lead))], lead=lead)
