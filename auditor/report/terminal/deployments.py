"""The deployments at the head of the first screen, worst first: a line each, of many a table."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import set_cell_size

from auditor.azure import arm
from auditor.escape import printable
from auditor.evaluation.model import Outcome
from auditor.report import losses, summary, wording
from auditor.report.grouping import group
from auditor.report.terminal import styles
from auditor.report.terminal.layout import cut, width_of
from auditor.rules.model import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.report.document import Document, Finding
    from auditor.report.terminal.layout import Page
    from auditor.report.terminal.styles import Style

_MOST: Final = 12
_FEW: Final = 5
"""The deployments of one subscription that need no table."""
_WIDEST_NAME: Final = 32
_NONE: Final = "no deployment"
_COLUMNS: Final = (*SEVERITIES[:4], "unknown")
_HEAD: Final = "deployment"
_STOPPED: Final = "stopped by a loss of"


class _Row(NamedTuple):
    name: str
    fails: tuple[int, ...]
    """The number of fails of each severity, () without any."""
    numbers: Counter[Outcome]
    needed: int
    """Unknowns that a complete scan would not have."""

    @property
    def rank(self) -> tuple[int, ...]:
        """Return what sorts deployments, worst first."""
        open_ = self.needed + self.numbers[Outcome.ERROR]
        return (*(-number for number in self.fails or (0,) * len(SEVERITIES)), -open_)


def write_deployments(page: Page, document: Document) -> None:
    """Write the outcome of each deployment with its counts, worst first; those beyond the first ones are counted."""
    findings = group((f for f in document.findings if f.waiver is None), lambda finding: finding.deployment or "")
    names = {**dict.fromkeys(summary.deployments(document)), **findings}
    rows = sorted((_row(name, findings.get(name, [])) for name in names), key=lambda row: row.rank)
    shown = rows[:_MOST]
    if len(rows) > _FEW or (len(rows) > 1 and len(document.scopes) > 1):
        _write_table(page, document, shown)
    else:
        _write_lines(page, document, shown)
    if rest := rows[_MOST:]:
        failing = sum(row.fails != () for row in rest)
        page.write(f"and {wording.count(len(rest), 'more deployment')}, {failing:,} of them with fails")
    if empty := _without_deployment(document):
        page.write(f"{empty:,} of {len(document.scopes):,} subscriptions have no VM of a deployment")
    if not rows:
        page.write(summary.result_sentence(document))


def _row(name: str, findings: list[Finding]) -> _Row:
    by_severity = Counter(finding.severity for finding in findings if finding.outcome is Outcome.FAIL)
    return _Row(
        name,
        tuple(by_severity[severity] for severity in SEVERITIES) if by_severity else (),
        Counter(finding.outcome for finding in findings),
        sum(finding.outcome is Outcome.UNKNOWN and not finding.optional for finding in findings),
    )


def _outcome(document: Document, row: _Row) -> tuple[str, Style | None]:
    """Return the outcome of a deployment in a word, and its style."""
    if row.fails:
        worst = next(severity for severity, number in zip(SEVERITIES, row.fails, strict=True) if number)
        return "FAIL", styles.SEVERITIES[worst]
    if row.needed or row.numbers[Outcome.ERROR]:
        return "UNKNOWN", styles.UNKNOWN
    if row.numbers[Outcome.UNKNOWN] or not document.coverage.complete:
        return "NO FAIL", None
    return "PASS", styles.PASS


def _write_lines(page: Page, document: Document, rows: list[_Row]) -> None:
    width = max((width_of(printable(row.name or _NONE)) for row in rows), default=0) + 2
    for row in rows:
        said, style = _outcome(document, row)
        counts = [f"{number} {severity}" for severity, number in zip(SEVERITIES, row.fails, strict=False) if number]
        others = [f"{row.numbers[of]} {of}" for of in (Outcome.ERROR, Outcome.UNKNOWN) if row.numbers[of]]
        text = "; ".join(filter(None, (", ".join(counts), ", ".join(others))))
        page.write(text, lead=f"{set_cell_size(printable(row.name or _NONE), width)}{said:<8}", style=style)


def _write_table(page: Page, document: Document, rows: list[_Row]) -> None:
    widest = max(width_of(text) for text in (_HEAD, *(printable(row.name or _NONE) for row in rows)))
    width = min(_WIDEST_NAME, widest) + 2
    stopping = {each.name: ", ".join(losses.stopping_kinds(each)) for each in document.deployments}
    heads = "".join(f"{head:>{len(head) + 2}}" for head in _COLUMNS)
    page.lines([cut(f"{_HEAD:<{width}}{'outcome':<8}{heads}  {_STOPPED}", page.width)])
    for row in rows:
        said, style = _outcome(document, row)
        unknown = row.numbers[Outcome.UNKNOWN] + row.numbers[Outcome.ERROR]
        numbers = (*(row.fails[:4] or (0,) * 4), unknown)
        cells = "".join(f"{_number(number):>{len(head) + 2}}" for head, number in zip(_COLUMNS, numbers, strict=True))
        lead = f"{set_cell_size(cut(row.name or _NONE, width - 2), width)}{said:<8}"
        page.lines(
            [cut(f"{cells}  {stopping.get(row.name, '')}".rstrip(), page.width - width_of(lead))],
            lead=lead,
            style=style,
        )


def _number(number: int) -> str:
    return f"{number:,}" if number else "-"


def _without_deployment(document: Document) -> int:
    """Return how many of several subscriptions have no VM of a deployment; 0 where a picture is missing to tell."""
    if len(document.scopes) < 2 or any(each.picture is None for each in document.deployments):
        return 0
    return len({*map(arm.key, document.scopes)}.difference(_used(document)))


def _used(document: Document) -> Iterator[str]:
    for each in document.deployments:
        for node in each.picture.nodes if each.picture else ():
            if node.roles:
                yield arm.subscription_of(node.id)
