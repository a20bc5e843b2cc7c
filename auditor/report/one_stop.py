"""Remedies of one VM in one stop of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from auditor.report.document import RemedyStep
from auditor.rules.model import Disturbance


class _Stop(NamedTuple):
    """The steps of a remedy that stops one VM, and starts it again."""

    before: tuple[RemedyStep, ...]
    stop: RemedyStep
    inside: tuple[RemedyStep, ...]
    start: RemedyStep
    after: tuple[RemedyStep, ...]


def joined(one: tuple[RemedyStep, ...], other: tuple[RemedyStep, ...]) -> tuple[RemedyStep, ...] | None:
    """Return the steps of two remedies with one stop; None if they do not stop the same VM, or differ in a choice."""
    first, second = _stop(one), _stop(other)
    if first is None or second is None or first.stop.command != second.stop.command:
        return None
    if _chosen(first) & _chosen(second) and _commands(first.inside) != _commands(second.inside):
        return None
    meanings = {
        name: ". Also: ".join(
            dict.fromkeys(step.choices[name] for step in (first.stop, second.stop) if name in step.choices)
        )
        for name in {**first.stop.choices, **second.stop.choices}
    }
    return (
        *_once((*first.before, *second.before)),
        msgspec.structs.replace(first.stop, choices=meanings),
        *_once((*first.inside, *second.inside)),
        first.start,
        *_once((*first.after, *second.after)),
    )


def _stop(steps: tuple[RemedyStep, ...]) -> _Stop | None:
    stops = [n for n, step in enumerate(steps) if step.disturbs is Disturbance.RESTARTS]
    if len(stops) != 1 or any(step.command for step in steps[: stops[0]]):
        return None
    stop = steps[stops[0]]
    start = (stop.command or "").replace("az vm deallocate ", "az vm start ")
    starts = [n for n, step in enumerate(steps) if step.command == start != stop.command]
    if len(starts) != 1:
        return None
    return _Stop(steps[: stops[0]], stop, steps[stops[0] + 1 : starts[0]], steps[starts[0]], steps[starts[0] + 1 :])


def _chosen(stop: _Stop) -> set[str]:
    return {name for step in (stop.stop, *stop.inside) for name in step.choices}


def _commands(steps: Iterable[RemedyStep]) -> list[str | None]:
    return [step.command for step in steps]


def _once(steps: tuple[RemedyStep, ...]) -> list[RemedyStep]:
    return [step for number, step in enumerate(steps) if step not in steps[:number]]
