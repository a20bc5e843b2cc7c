"""The shape of what is foreseen, `auditor.foresight/1`: what its formats render, and JSON holds.

`schema/foresight.schema.json` is generated from these classes and their docstrings by `make docs`. A text that is not
known is null, never empty.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from auditor.losses.foreseen import Effect
from auditor.losses.objectives import Measure, Met
from auditor.report.document import Tool
from auditor.rules.evidence import Read, Text
from auditor.snapshot.known import Cause


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    """A part of a foresight; the order of its fields is that of its keys."""


class Seconds(_Part, frozen=True):
    """The shortest and the longest time of something, in seconds."""

    least: float
    """The shortest time."""
    most: float | None
    """The longest time; null if no upper bound is known."""
    unknown: Text | None
    """Why nothing is known of it; null where the bounds are known, or result from several times."""


class Unknown(_Part, frozen=True):
    """Why something is not known."""

    cause: Cause
    """The cause."""
    reason: Text
    """The reason for people."""


class Because(_Part, frozen=True):
    """A reason, or an assumption, with what was read for it."""

    text: Text
    """The reason or assumption."""
    reads: tuple[Read, ...]
    """The values that were read for it."""


class Foreseen(_Part, frozen=True):
    """What is foreseen of a loss, or of several."""

    loss: tuple[Text, ...]
    """The losses, one after the other, each as `--lose` spells it; `A+B` is both at once."""
    order: Literal["together", "sequence"]
    """Whether what is lost is lost all at once, or one after the other, in the worst case."""
    first: Text | None
    """The failover member that is primary before, in the worst case; null if that does not matter."""
    outcome: Effect
    """The effect on the deployment."""
    seconds: Seconds | None
    """How long clients wait; where it stops, until the DR region serves by a person's decision; null if it cannot."""
    rpo: Seconds | None
    """How much of the latest data is lost; null where it stops and nothing else is decided."""
    because: tuple[Because, ...]
    """The reasons of the effect; the first one has what was read of that which is lost."""
    oracle: tuple[Text, ...]
    """The ids of the statements of the High Availability Guide that decide; docs/foresight.md has them."""
    unless: Text | None
    """In which other course of the same loss the deployment would serve."""
    unknown: tuple[Unknown, ...]
    """Why the effect is unknown."""
    completions: tuple[Text, ...]
    """Two placements of what is not known, with different effects."""


class Objective(_Part, frozen=True):
    """An objective of the deployment file against the worst loss of its kind."""

    kind: Text
    """The kind of loss, as the deployment file spells it."""
    measure: Measure
    """A time (`rto`), or how much of the latest data is lost (`rpo`)."""
    seconds: float
    """The objective."""
    foreseen: Seconds | None
    """What is foreseen in the worst case; null if it stops, or is unknown."""
    outcome: Met
    """Whether it is met: only if that is known of each loss of the kind."""
    by_person: bool
    """Whether the deployment goes on by a person's decision in the worst case."""
    worst: tuple[Text, ...] | None
    """The worst loss of the kind; null if none can be seen."""
    unknown: Unknown | None
    """Why it is not known whether it is met."""


class Deployment(_Part, frozen=True):
    """What is foreseen of a deployment."""

    name: Text
    """Its name."""
    losses: tuple[Foreseen, ...]
    """Every single loss; with `--lose`, that one alone."""
    pairs: tuple[Foreseen, ...] | None
    """The pairs of losses that stop it, of which each alone does not; null without `--pairs`."""
    objectives: tuple[Objective, ...]
    """The declared objectives; with `--lose`, those of the kind of the loss."""
    unknown: tuple[Unknown, ...]
    """Why it may have further mirrors, tiers, entrances or profiles, whose losses are then not played."""
    assumed: tuple[Because, ...]
    """What was assumed, with its source."""


class Foresight(_Part, frozen=True):
    """What is foreseen of losses, as `auditor foresee -o json` writes it."""

    format: Literal["auditor.foresight/1"]
    """The version of this format."""
    tool: Tool
    """The program that wrote it."""
    taken_at: Text | None
    """The time at which reading the subscriptions began; null if the snapshot does not say."""
    scopes: tuple[Text, ...]
    """The subscriptions that were read."""
    lose: tuple[Text, ...]
    """The losses of `--lose`, in their order; empty if every loss was played."""
    first: Text | None
    """The failover member of `--first`, which is primary before; null for the worst case."""
    deployments: tuple[Deployment, ...]
    """The deployments; with `--lose`, those that have what is lost."""

    @property
    def met(self) -> Met:
        """Return whether every objective is met; of `--lose` it must be known too what the loss does."""
        outcomes = {one.outcome for deployment in self.deployments for one in deployment.objectives}
        if Met.BREACHED in outcomes:
            return Met.BREACHED
        asked = (one for deployment in self.deployments for one in deployment.losses if self.lose)
        are_played = bool(self.deployments) and all(deployment.losses for deployment in self.deployments)
        is_known = are_played and not any(one.outcome is Effect.UNKNOWN for one in asked)
        return Met.MET if is_known and Met.UNKNOWN not in outcomes else Met.UNKNOWN
