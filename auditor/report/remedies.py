"""The remedies of findings as text: of one finding, and of a whole report as a runbook. Nothing is ever run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from auditor.azure import arm
from auditor.escape import markdown, printable
from auditor.evaluation.model import Outcome
from auditor.report import one_stop, wording
from auditor.report.document import Document, Finding, RemedyStep
from auditor.report.grouping import counted
from auditor.rules.model import Disturbance

if TYPE_CHECKING:
    from auditor.report.view import View

_ORDER: Final = tuple(Disturbance)
_TITLES: Final = {
    Disturbance.NOTHING: "Disturbs nothing",
    Disturbance.RECONNECTS: "Clients lose their connections once",
    Disturbance.RESTARTS: "Restarts VMs: one after the other, never both failover members of a mirror",
    Disturbance.RECREATES: "Recreates VMs: one after the other, never both failover members of a mirror",
}
NOTHING_RUN: Final = "Nothing of this was run. Read each step before you run it."
VARIABLES: Final = (
    "A variable such as SUB_1A2B3C4D must be set to the id of the subscription that is sub-1a2b3c4d here."
)
"""What the variables are that `without_ids` puts into commands."""
_AFTER_A_SCAN: Final = (RemedyStep(text="Scan again first: this recreates a VM that steps above concern."),)
_WITH_THE_NEXT: Final = (RemedyStep(text="This is done with the next finding, in one stop of the VM."),)
_SH_HELPERS: Final = r"""set -eu
trap '[ $? = 0 ] || echo "The steps have ended early: a VM may be stopped, or deleted and not created again." >&2' EXIT
confirm() { printf '%s [yes] ' "$1" >/dev/tty; read -r answer </dev/tty; [ "$answer" = yes ]; }
choose() { printf '%s: ' "$1" >/dev/tty; read -r answer </dev/tty; printf %s "$answer"; }"""


_SHELL_PIECE: Final = re.compile(r"""'[^']*'|"[^"]*"|[^'"]+""")
"""A piece of a command: in single quotes, in double quotes, or in none."""
_QUOTES: Final = "'\""


def lines(finding: Finding) -> Iterator[str]:
    """Yield the steps of a finding: commands, and comments that say what each disturbs and what to choose."""
    yield from _lines(finding.remedy)


def _lines(steps: Iterable[RemedyStep]) -> Iterator[str]:
    for step, about in _told(steps):
        yield from (f"# {text}" for text in about)
        if step.command:
            yield printable(step.command)


def advice(finding: Finding) -> list[str]:
    """Return the steps of a fail, else the lines of the fix, whose names are placeholders."""
    return [*lines(finding)] or [printable(line) for line in finding.fix.strip().splitlines()]


def apart(finding: Finding) -> list[list[str]]:
    """Return the steps or the fix of a fail apart at each check, so that what comes after it is not copied with it."""
    groups: list[list[RemedyStep]] = []
    checked = False
    for step in finding.remedy:
        if not groups or (step.text and not checked):
            groups.append([])
        checked = step.text is not None
        groups[-1].append(step)
    return [[*_lines(steps)] for steps in groups] or [advice(finding)]


def in_one_line(finding: Finding) -> str:
    """Return the steps of a finding as one line, "" without any; the semicolons between them belong to no command."""
    steps = []
    for number, (step, texts) in enumerate(_told(finding.remedy), start=1):
        about = " ".join(texts)
        text = f"{about} Run: {printable(step.command)}".lstrip() if step.command else about.rstrip(".")
        steps.append(f"Step {number} of {len(finding.remedy)}: {text}")
    return "; ".join(steps)


def without_ids(document: Document) -> Document:
    """Return a report whose commands have variables in place of subscription ids: no alias looks like an id.

    A shell refuses such a command while the variable is not set; Azure CLI would take the default subscription.
    """
    return msgspec.structs.replace(
        document, findings=tuple(_with_variables(found) if found.remedy else found for found in document.findings)
    )


def _with_variables(finding: Finding) -> Finding:
    steps = (msgspec.structs.replace(step, command=step.command and _unnamed(step.command)) for step in finding.remedy)
    return msgspec.structs.replace(finding, remedy=tuple(steps))


def _unnamed(command: str) -> str:
    """Return a command without ids of subscriptions."""

    def piece(found: re.Match[str]) -> str:
        quote = found[0][0] if found[0][0] in _QUOTES else ""
        if quote == '"':
            return found[0]
        inside = found[0][1:-1] if quote else found[0]
        return quote + wording.replace_ids(inside, lambda id_: f"{quote}{_variable(id_)}{quote}") + quote

    return _SHELL_PIECE.sub(piece, command)


def _variable(subscription: str) -> str:
    """Return the variable for a subscription as a word of a shell, named by its alias."""
    name = wording.alias(subscription).upper().replace("-", "_")
    return f'"${{{name}:?}}"'


def _told(steps: Iterable[RemedyStep]) -> Iterator[tuple[RemedyStep, list[str]]]:
    """Yield the steps, each with what a person must know before it; what several in a row disturb is said once."""
    said = ""
    for step in steps:
        disturbs = _disturbs(step) if step.command else ""
        texts = [step.text or "", disturbs if disturbs != said else ""]
        texts += [f"Choose {name}: {meaning}." for name, meaning in step.choices.items()]
        yield step, [printable(text) for text in texts if text]
        said = disturbs


def _disturbs(step: RemedyStep) -> str:
    return f"Disturbs: {step.disturbs}{f' ({arm.name_of(step.vm)})' if step.vm else ''}."


# --- the runbook ------------------------------------------------------------------------------------------------------


def runbook(document: Document) -> Iterator[tuple[str, list[Finding]]]:
    """Yield the fails with a remedy by what they disturb, in words, mildest first; what concerns one VM is together.

    A VM is stopped once for all of them. Those that recreate a VM of which steps before them change something come
    last, without their steps: the VM would be created again as it was before those.
    """
    touched: set[str] = set()
    later: list[Finding] = []
    found = [finding for finding in counted(document, Outcome.FAIL) if finding.remedy]
    for disturbance in _ORDER:
        alike = [finding for finding in found if _worst(finding) is disturbance]
        shown: list[Finding] = []
        for finding in sorted(alike, key=lambda finding: [arm.key(s.vm) for s in finding.remedy if s.vm]):
            if disturbance is Disturbance.RECREATES and _needs(finding, touched):
                later.append(msgspec.structs.replace(finding, remedy=_AFTER_A_SCAN))
                continue
            touched |= {arm.key(id_) for id_ in (finding.subject.id, *(s.vm for s in finding.remedy)) if id_}
            both = one_stop.joined(shown[-1].remedy, finding.remedy) if shown else None
            if both:
                shown[-1] = msgspec.structs.replace(shown[-1], remedy=_WITH_THE_NEXT)
            shown.append(msgspec.structs.replace(finding, remedy=both) if both else finding)
        if shown:
            yield _TITLES[disturbance], shown
    if later:
        yield "After the next scan", later


def _needs(finding: Finding, resources: Iterable[str]) -> bool:
    """Return whether commands name one of some resources, by their keys."""
    text = " ".join(arm.key(step.vm or "") + " " + (step.command or "").lower() for step in finding.remedy)
    return any("/providers/" in resource and resource in text for resource in resources)


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


def as_markdown(document: Document, _view: View) -> str:
    """Return the runbook as Markdown; commands are in blocks of code."""
    text = [f"# {markdown(_title(document))}", "", NOTHING_RUN]
    for title, findings in runbook(document):
        text += ["", f"## {title}"]
        for finding in findings:
            text += ["", *block(finding, "###")]
    others = _others(document)
    if others:
        text += ["", "## Without commands for the finding", ""]
        text += ["The placeholders in capitals stand for names that you must fill in."]
    for finding in others:
        text += ["", *block(finding, "###")]
    return "\n".join(text) + "\n"


def block(finding: Finding, heading: str) -> list[str]:
    """Return the steps or the fix of a finding as lines of Markdown; `heading` is the mark before its title."""
    return [
        f"{heading} {markdown(_heading(finding))}",
        *(line for code in apart(finding) for line in ("", *_fenced(code))),
    ]


def _fenced(code: list[str]) -> list[str]:
    """Return lines as a block of code that nothing in them can end."""
    longest = max((len(ticks) for line in code for ticks in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}sh", *code, fence]


def as_shell(document: Document, _view: View) -> str:
    """Return the runbook as a script for sh, which stops at each check until a person confirms it."""
    text = ["#!/bin/sh", f"# {printable(_title(document))}", f"# {NOTHING_RUN}", _SH_HELPERS]
    for title, findings in runbook(document):
        text += ["", f"# ==== {title}"]
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
    if step in (*_AFTER_A_SCAN, *_WITH_THE_NEXT):
        yield f"# {step.text}"
    elif step.text:
        yield f"confirm {shlex.quote(printable(step.text))}"
    if step.command:
        yield f"# {printable(_disturbs(step))}"
        for name, meaning in step.choices.items():
            yield f"{name}=$(choose {shlex.quote(printable(f'{name}, {meaning}'))})"
        yield printable(step.command)
