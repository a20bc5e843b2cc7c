"""What is foreseen of a loss."""

from __future__ import annotations

import enum
from typing import Literal

import msgspec

from auditor.losses.loss import Loss
from auditor.losses.site import Seconds
from auditor.snapshot.known import Read, Unknown


class Effect(enum.StrEnum):
    """What a loss does to a deployment, the worst last."""

    SERVES = "serves"
    """It serves without a person, after `seconds`."""
    UNKNOWN = "unknown"
    STOPS = "stops"
    """It stops until a person acts or what was lost comes back; or it is not known whether a person can act."""
    LOST = "lost"
    """It stops until what was lost comes back: nothing is left with which a person could continue."""


class Because(msgspec.Struct, frozen=True):
    """One reason of an effect, with what was read for it."""

    text: str
    reads: tuple[Read, ...] = ()


class Foreseen(msgspec.Struct, frozen=True):
    """The effect of a loss, or of several."""

    losses: tuple[Loss, ...]
    order: Literal["together", "sequence"]
    """How the losses, or what a common cause takes, follow each other in the worst case."""
    first: str
    """The name of the failover member that is primary before, in the worst case; "" if it does not matter."""
    effect: Effect
    seconds: Seconds | None = None
    """How long clients wait, or where it stops and a person can act, until the DR region serves."""
    rpo: Seconds | Unknown | None = None
    """How much of the latest data is lost, in seconds; None where it stops and no person has acted."""
    because: tuple[Because, ...] = ()
    statements: tuple[str, ...] = ()
    """The ids of the statements of the mirroring guide that decide, such as `O9`; see docs/foresight.md."""
    unless: str = ""
    """In which other course of the loss the deployment would serve."""
    unknown: tuple[Unknown, ...] = ()
    """Why the effect is unknown."""
    completions: tuple[str, ...] = ()
    """Two placements of what is not known with different effects."""

    @property
    def id(self) -> str:
        """Return the losses as `--lose` spells them."""
        return "+".join(loss.id for loss in self.losses)
