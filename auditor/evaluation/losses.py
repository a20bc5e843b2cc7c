"""What each deployment survives, and which losses stop it, by kind of loss."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from auditor.estate.subjects import Deployment
from auditor.estate.topology import Topology
from auditor.losses.foreseen import Effect, Foreseen
from auditor.losses.loss import LossKind
from auditor.losses.site import Seconds
from auditor.losses.times import longest
from auditor.rules.context import Context
from auditor.rules.facts.losses import singles


class LossesOfKind(msgspec.Struct, frozen=True):
    """The losses of one kind that a deployment can suffer, one at a time."""

    kind: LossKind
    survived: tuple[Foreseen, ...]
    stopping: tuple[Foreseen, ...]
    """Those after which it stops until a person acts or what was lost comes back."""
    unknown: tuple[Foreseen, ...]

    @property
    def seconds(self) -> Seconds | None:
        """Return how long clients wait after the worst of the losses that are survived; None without any."""
        waits = [found.seconds for found in self.survived if found.seconds is not None]
        return longest(*waits) if waits else None


def losses_of(topology: Topology, deployments: Iterable[Deployment]) -> dict[str, tuple[LossesOfKind, ...]]:
    """Return the losses that each deployment can suffer, by its name; one without mirrors and tiers has none."""
    return {deployment.id: _table(topology, deployment) for deployment in deployments}


def _table(topology: Topology, deployment: Deployment) -> tuple[LossesOfKind, ...]:
    try:
        return _by_kind(singles(Context(topology, deployment), deployment).all())
    except Exception:  # noqa: BLE001 - the rules about losses report the same error; the findings of others are kept
        return ()


def _by_kind(foreseen: tuple[Foreseen, ...]) -> tuple[LossesOfKind, ...]:
    found = []
    for kind in LossKind:
        own = [each for each in foreseen if each.losses[0].kind is kind]
        if own:
            survived = tuple(each for each in own if each.effect is Effect.SERVES)
            unknown = tuple(each for each in own if each.effect is Effect.UNKNOWN)
            stopping = tuple(each for each in own if each.effect in {Effect.STOPS, Effect.LOST})
            found.append(LossesOfKind(kind, survived, stopping, unknown))
    return tuple(found)
