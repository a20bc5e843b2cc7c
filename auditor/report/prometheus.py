"""The numbers of a report as Prometheus metrics (text format 0.0.4), for a `.prom` file that node-exporter reads.

There is no resource id, and no timestamp: the textfile collector refuses files with timestamps. A series never vanishes
while its deployment and its rule are evaluated: an alert would resolve because of that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from auditor.escape import printable
from auditor.evaluation.model import Outcome
from auditor.report import rules, summary
from auditor.report.grouping import counted
from auditor.rules.model import SEVERITIES
from auditor.times import instant

if TYPE_CHECKING:
    from auditor.report.document import Document, Finding, Rule
    from auditor.report.view import View

_Labels = tuple[tuple[str, str], ...]
_SUBSCRIPTION: Final = "subscription"


def render(document: Document, _view: View) -> str:
    """Return the metrics; waived findings are counted apart."""
    lines: list[str] = []
    for name, help_, samples in _metrics(document):
        lines += [f"# HELP auditor_{name} {help_}", f"# TYPE auditor_{name} gauge"]
        lines += [f"auditor_{name}{_text(labels)} {value}" for labels, value in samples.items()]
    return "\n".join(lines) + "\n"


def _metrics(document: Document) -> Iterator[tuple[str, str, Mapping[_Labels, int]]]:
    """Yield the name, help and samples of each metric."""
    tool, coverage = document.tool, document.coverage
    taken = instant(document.taken_at)
    unknown = counted(document, Outcome.UNKNOWN)
    yield (
        "info",
        "The version of auditor and the rule profile.",
        {(("profile", document.profile), ("version", tool.version)): 1},
    )
    yield (
        "last_run_timestamp_seconds",
        "When reading the subscriptions began, 0 if that is unknown.",
        {(): int(taken.timestamp()) if taken else 0},
    )
    yield (
        "complete",
        "1 if nothing that a rule needs is unknown, 0 if the result is incomplete.",
        {(): int(coverage.complete)},
    )
    yield (
        "fails",
        ("Findings that fail, with those of the previous report that failed and could not be evaluated this time."),
        _fails(document),
    )
    yield (
        "unknowns",
        "Findings whose outcome is unknown, without those that a complete scan may have.",
        _by_rule(document, [finding for finding in unknown if not finding.optional]),
    )
    yield (
        "optional_unknowns",
        ("Findings that only lack optional declarations, attestations, metrics or guest files."),
        _by_rule(document, [finding for finding in unknown if finding.optional]),
    )
    yield (
        "errors",
        "Findings that a bug of auditor kept from being evaluated.",
        {(): summary.outcomes(document)[Outcome.ERROR]},
    )
    yield "passes", "Findings that pass.", {(): summary.outcomes(document)[Outcome.PASS]}
    waived = document.summary.waived
    yield (
        "waived",
        "Findings that a waiver covers.",
        {
            (("outcome", "fail"),): waived.fail,
            (("outcome", "unknown"),): waived.unknown,
        },
    )
    yield "gaps", "What could not be read and is not waived.", {(): len(coverage.open_gaps)}
    yield (
        "declarations_missing",
        "What a rule needs and the deployment file does not declare.",
        {(): len(coverage.declarations_missing)},
    )


def _fails(document: Document) -> Mapping[_Labels, int]:
    keys = {finding.key for finding in document.findings if finding.outcome is Outcome.FAIL}
    carried = [old.finding for old in document.carried if old.finding.waiver is None and old.finding.key not in keys]
    fails = [*counted(document, Outcome.FAIL), *(old for old in carried if old.outcome is Outcome.FAIL)]
    samples = {
        (*labels, ("severity", severity)): 0
        for labels, rule in _evaluated(document)
        for severity in sorted({rule.severity, *rule.grades}, key=SEVERITIES.index)
    }
    return _counted(samples, (((*_labels(finding), ("severity", finding.severity))) for finding in fails))


def _by_rule(document: Document, findings: Iterable[Finding]) -> Mapping[_Labels, int]:
    return _counted({labels: 0 for labels, _ in _evaluated(document)}, map(_labels, findings))


def _counted(samples: dict[_Labels, int], found: Iterable[_Labels]) -> Mapping[_Labels, int]:
    return {**samples, **Counter(found)}


def _evaluated(document: Document) -> Iterator[tuple[_Labels, Rule]]:
    """Yield the deployment and rule of each series that exists also without findings."""
    for rule in rules.by_id(document).values():
        deployments = [""] if rule.kinds == (_SUBSCRIPTION,) else summary.deployments(document)
        for deployment in deployments:
            yield (("deployment", deployment), ("rule", rule.id)), rule


def _labels(finding: Finding) -> _Labels:
    return ("deployment", finding.deployment or ""), ("rule", finding.rule)


def _text(labels: _Labels) -> str:
    """Return labels with their values escaped."""
    shown = (f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{','.join(shown)}}}" if labels else ""


def _escaped(value: str) -> str:
    return printable(value).replace("\\", "\\\\").replace('"', '\\"')
