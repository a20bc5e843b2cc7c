"""What is foreseen as Markdown, for the summary of a job on GitHub and as text, without subscription ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from auditor.foresight import wording
from auditor.foresight.rows import rows
from auditor.losses.foreseen import Effect
from auditor.report.markdown_tables import Table, table, text

if TYPE_CHECKING:
    from auditor.foresight.document import Deployment, Foreseen, Foresight
    from auditor.report.view import View


def render(foresight: Foresight, view: View) -> str:  # noqa: ARG001 - the signature of all formats
    """Return it as Markdown; a table that is too long is cut, with the number of omitted rows."""
    lines = [f"## {text(wording.said(foresight))}", "", text(wording.taken(foresight))]
    if not foresight.deployments:
        lines += ["", text(wording.NOTHING)]
    for deployment in foresight.deployments:
        lines += ["", f"### {text(deployment.name)}"]
        for found in _tables(deployment, asked=bool(foresight.lose)):
            if found.rows:
                lines += ["", *table(found)]
        if not deployment.objectives and not foresight.lose:
            lines += ["", text(wording.NO_OBJECTIVE)]
        lines += ["", *(f"- Unknown: {text(unknown.reason)}" for unknown in deployment.unknown)]
        lines += [f"- Assumed: {text(assumed.text)}" for assumed in deployment.assumed]
    return "\n".join(lines).rstrip("\n") + "\n"


def _tables(deployment: Deployment, *, asked: bool) -> Iterator[Table]:
    columns = ("Loss", "Objective", "Foreseen", "Outcome")
    if not asked:
        yield Table("", columns, [(row.title, row.objective, row.foreseen, row.outcome) for row in rows(deployment)])
    elif deployment.objectives:
        compared = [(one.kind, wording.compared(one)) for one in deployment.objectives]
        yield Table("", ("Objective", "Outcome"), compared)
    losses = (*deployment.losses, *(deployment.pairs or ()))
    shown = losses if asked else [one for one in losses if one.outcome is not Effect.SERVES]
    yield Table("", ("Loss", "Foreseen", "Why"), list(_rows(shown)))


def _rows(losses: Iterable[Foreseen]) -> Iterator[tuple[str, ...]]:
    for one in losses:
        yield wording.names(one.loss), wording.effect(one), "; ".join(wording.reasons(one))
