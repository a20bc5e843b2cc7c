"""The remedies of findings as text: of one finding, and of a whole report as a runbook. Nothing is ever run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from auditor.azure import arm
from auditor.escape import markdown, printable
from auditor.evaluation.model import Outcome
from auditor.report import wording
from auditor.report.document import Document, Finding, RemedyStep
from auditor.report.grouping import counted
from auditor.rules.model import Disturbance

_ORDER: Final = tuple(Disturbance)
_TITLES: Final = {
    Disturbance.NOTHING: "Disturbs nothing",
    Disturbance.RECONNECTS: "Clients lose their connections once",
    Disturbance.RESTARTS: "Restarts VMs: one after the other, never both failover members of a mirror",
    Disturbance.RECREATES: "Recreates VMs: one after the other, never both failover members of a mirror",
}
_NOTHING_RUN: Final = "Nothing of this was run. Read each step before you run it."
_SH_HELPERS: Final = r"""set -eu
confirm() { printf '%s [yes] ' "$1" >/dev/tty; read -r answer </dev/tty; [ "$answer" = yes ]; }
choose() { printf '%s: ' "$1" >/dev/tty; read -r answer </dev/tty; printf %s "$answer"; }"""


def lines(finding: Finding) -> Iterator[str]:
    """Yield the steps of a finding: commands, and comments that say what each disturbs and what to choose."""
    for step in finding.remedy:
        yield from (f"# {text}" for text in _about(step))
        if step.command:
            yield printable(step.command)


def _about(step: RemedyStep) -> Iterator[str]:
    """Yield what a person must know before a step."""
    if step.text:
        yield printable(step.text)
    if step.command:
        yield f"Disturbs: {step.disturbs}{f' ({printable(arm.name_of(step.vm))})' if step.vm else ''}."
    for name, meaning in step.choices.items():
        yield f"Choose {printable(name)}: {printable(meaning)}"


# --- the runbook ------------------------------------------------------------------------------------------------------


def runbook(document: Document) -> Iterator[tuple[Disturbance, list[Finding]]]:
    """Yield the fails with a remedy by what they disturb, mildest first, and what concerns one VM together."""
    found = [finding for finding in counted(document, Outcome.FAIL) if finding.remedy]
    for disturbance in _ORDER:
        alike = [finding for finding in found if _worst(finding) is disturbance]
        if alike:
            yield disturbance, sorted(alike, key=lambda finding: [arm.key(s.vm) for s in finding.remedy if s.vm])


def _worst(finding: Finding) -> Disturbance:
    return max((step.disturbs for step in finding.remedy), key=_ORDER.index)


def _others(document: Document) -> list[Finding]:
    """Return the fails of which only the text of the fix is known."""
    return [finding for finding in counted(document, Outcome.FAIL) if not finding.remedy]


def _title(document: Document) -> str:
    fails = [*counted(document, Outcome.FAIL)]
    whole = sum(1 for finding in fails if finding.remedy)
    taken = document.taken_at or "an unknown time"
    return f"Runbook for {wording.count(len(fails), 'fail')}, {whole} with commands, as of {taken}"


def _heading(finding: Finding) -> str:
    where = f" in {finding.deployment}" if finding.deployment else ""
    return f"{finding.rule} {wording.headline(finding)}: {wording.subject(finding.subject)}{where}"


def as_markdown(document: Document) -> str:
    """Return the runbook as Markdown; commands are in blocks of code."""
    text = [f"# {markdown(_title(document))}", "", _NOTHING_RUN]
    for disturbance, findings in runbook(document):
        text += ["", f"## {_TITLES[disturbance]}"]
        for finding in findings:
            text += ["", f"### {markdown(_heading(finding))}", "", *_fenced([*lines(finding)])]
    others = _others(document)
    if others:
        text += ["", "## Without commands for the finding", ""]
        text += ["The placeholders in capitals stand for names that you must fill in."]
    for finding in others:
        fix = [printable(line) for line in finding.fix.strip().splitlines()]
        text += ["", f"### {markdown(_heading(finding))}", "", *_fenced(fix)]
    return "\n".join(text) + "\n"


def _fenced(code: list[str]) -> list[str]:
    """Return lines as a block of code that nothing in them can end."""
    longest = max((len(ticks) for line in code for ticks in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}sh", *code, fence]


def as_shell(document: Document) -> str:
    """Return the runbook as a script for sh, which stops at each check until a person confirms it."""
    text = ["#!/bin/sh", f"# {printable(_title(document))}", f"# {_NOTHING_RUN}", _SH_HELPERS]
    for disturbance, findings in runbook(document):
        text += ["", f"# ==== {_TITLES[disturbance]}"]
        for finding in findings:
            text += ["", f"# {printable(_heading(finding))}"]
            text += [line for step in finding.remedy for line in _in_shell(step)]
    others = _others(document)
    text += ["", "# ==== Without commands for the finding"] * bool(others)
    for finding in others:
        text += ["", f"# {printable(_heading(finding))}"]
        text += [f"#   {printable(line)}" for line in finding.fix.strip().splitlines()]
    return "\n".join(text) + "\n"


def _in_shell(step: RemedyStep) -> Iterator[str]:
    if step.text:
        yield f"confirm {shlex.quote(printable(step.text))}"
    if step.command:
        yield f"# {next(_about(step))}"
        for name, meaning in step.choices.items():
            yield f"{name}=$(choose {shlex.quote(printable(f'{name}, {meaning}'))})"
        yield printable(step.command)


RUNBOOKS: Final[Mapping[str, Callable[[Document], str]]] = {"markdown": as_markdown, "sh": as_shell}
"""The formats of a runbook; the first one is the default."""
