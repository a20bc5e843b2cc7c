"""The rows of a table of losses, in words: one for each kind of loss and objective."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from auditor.foresight import wording
from auditor.foresight.document import Deployment, Foreseen, Objective
from auditor.losses.foreseen import Effect
from auditor.losses.loss import LossKind, each_of
from auditor.losses.objectives import KINDS, Met
from auditor.report.wording import first

COLUMNS: Final = ("", "objective", "foreseen", "outcome")
_TITLES: Final[Mapping[str, tuple[LossKind, ...]]] = {
    "VM or disks": KINDS["machine"],
    "fault domain": KINDS["fault-domain"],
    "zone": KINDS["zone"],
    "region": KINDS["region"],
    "planned": KINDS["planned"],
    "entrances": (LossKind.LOAD_BALANCER, LossKind.GATEWAY, LossKind.ENDPOINT, LossKind.PROFILE),
    "networks": (LossKind.LINK, LossKind.ARBITER_NETWORK),
}
"""The kinds of loss by the titles of the rows."""
_ALSO: Final = {
    Effect.LOST: "also ends its service",
    Effect.STOPS: "also stops it",
    Effect.UNKNOWN: "also unknown",
}
_EFFECTS: Final = {effect: rank for rank, effect in enumerate(Effect)}


class Row(NamedTuple):
    """One objective of a kind of loss, or a kind without one."""

    title: str
    """"" in a further row of the same kind."""
    objective: str
    """"" without one."""
    foreseen: str
    outcome: str
    """"" without an objective."""
    met: Met | None
    """The same as a value."""
    effect: Effect
    """The effect of the worst loss."""
    notes: tuple[str, ...]
    """The reasons, and which other losses are not survived."""


def rows(deployment: Deployment) -> Iterator[Row]:
    """Yield the rows of a deployment: a kind of which there is neither a loss nor an objective has none."""
    for title, kinds in _TITLES.items():
        losses = sorted((one for one in deployment.losses if _is_of(one, kinds)), key=_badness, reverse=True)
        objectives = [one for one in deployment.objectives if KINDS[one.kind] == kinds]
        if objectives:
            for number, objective in enumerate(objectives):
                yield _with_objective("" if number else title, objective, losses, deployment)
        elif losses:
            yield _of(title, losses[0], losses)
    pairs = deployment.pairs or ()
    effect = max((one.outcome for one in pairs), key=_EFFECTS.__getitem__, default=Effect.SERVES)
    notes = tuple(wording.reasons(pairs[0])) if len(pairs) == 1 else ()
    yield Row("two losses", "", wording.of_pairs(deployment.pairs), "", None, effect, notes)


def _with_objective(title: str, objective: Objective, losses: Sequence[Foreseen], deployment: Deployment) -> Row:
    worst = next((one for one in deployment.losses if one.loss == objective.worst), None)
    why = objective.unknown.reason if objective.unknown else ""
    if worst is None or (why and worst not in losses):
        row = Row(title, "", why, "", None, Effect.UNKNOWN, ())
    elif objective.measure == "rpo":
        after = () if objective.outcome is Met.MET else (f"after the loss of {wording.names(worst.loss)}",)
        row = Row(title, "", why or wording.data(worst.rpo), "", None, worst.outcome, after)
    else:
        row = _of(title, worst, losses)
        row = row._replace(notes=(why, *row.notes)) if why and worst.outcome is not Effect.UNKNOWN else row
    of = "rpo " if objective.measure == "rpo" else ""
    stated = f"{of}{wording.time(objective.seconds)}"
    return row._replace(objective=stated, outcome=wording.met(objective), met=objective.outcome)


def _of(title: str, worst: Foreseen, losses: Sequence[Foreseen]) -> Row:
    """Return a row without objective for one of the losses of a kind."""
    notes = [] if worst.outcome is Effect.SERVES else [*wording.reasons(worst)]
    for effect, words in _ALSO.items():
        others = [wording.names(one.loss) for one in losses if one is not worst and one.outcome is effect]
        notes += [f"{words}: {', '.join(first(others))}"] if others else []
    return Row(title, "", wording.worst(worst), "", None, worst.outcome, tuple(notes))


def _is_of(one: Foreseen, kinds: tuple[LossKind, ...]) -> bool:
    return len(one.loss) == len(each_of(one.loss[0])) == 1 and wording.kind_of(one.loss[0]) in kinds


def _badness(one: Foreseen) -> tuple[float, ...]:
    """Return what sorts losses, the worst last."""
    seconds = one.seconds
    longest = math.inf if seconds is None or seconds.most is None else seconds.most
    return (_EFFECTS[one.outcome], longest, seconds.least if seconds else 0)
