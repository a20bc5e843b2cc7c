"""Losses in words, for the formats for people: which of them stop a deployment, by kind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from auditor.losses.loss import LossKind
from auditor.report import wording
from auditor.report.document import Deployment, LossesOfKind

TITLES: Final[Mapping[LossKind, str]] = {
    LossKind.VM: "VMs",
    LossKind.DISK: "Disks of failover members",
    LossKind.FAULT_DOMAIN: "Fault domains",
    LossKind.UPDATE_DOMAIN: "Update domains (planned restarts)",
    LossKind.ZONE: "Zones",
    LossKind.REGION: "Regions",
    LossKind.LINK: "Networks between zones or regions",
    LossKind.LOAD_BALANCER: "Load balancers",
    LossKind.GATEWAY: "Application gateways",
    LossKind.ENDPOINT: "Traffic Manager endpoints, Front Door origins",
    LossKind.PROFILE: "Traffic Manager profiles, Front Doors",
    LossKind.ARBITER_NETWORK: "Networks of arbiters",
}

_SINGLE: Final = frozenset(
    {LossKind.REGION, LossKind.LOAD_BALANCER, LossKind.GATEWAY, LossKind.ENDPOINT, LossKind.PROFILE}
)
"""What the reference architecture itself has once: its loss stops every deployment."""


class Row(NamedTuple):
    """The losses of one kind in the table of a deployment."""

    title: str
    number: int
    survived: int
    stopping: tuple[tuple[str, str], ...]
    """What is lost, and why that stops the deployment."""
    unknown: tuple[str, ...]
    waits: str
    """How long clients wait after the worst that is survived."""


def rows(deployment: Deployment) -> list[Row]:
    """Return the table of the losses of a deployment."""
    return [_row(losses) for losses in deployment.losses]


def brief(deployment: Deployment) -> str:
    """Return which losses stop a deployment beyond its region and single entrances, "" without any table."""
    if not deployment.losses:
        return ""
    stopping = [f"{losses.kind} {each.name}" for losses in _beyond_design(deployment) for each in losses.stopping]
    unknown = sum(len(losses.unknown) for losses in deployment.losses)
    more = wording.count(unknown, "loss")
    if stopping:
        return f"stopped by {', '.join(wording.first(stopping))}" + (f"; {more} unknown" if unknown else "")
    if unknown or all(losses.kind is not LossKind.VM for losses in deployment.losses):
        return f"not known to survive each single loss: {more} unknown"
    return "stopped by no single VM, zone or network"


def is_stopped(deployment: Deployment) -> bool:
    """Return whether a loss beyond its region and single entrances stops a deployment."""
    return any(losses.stopping for losses in _beyond_design(deployment))


def stopping_kinds(deployment: Deployment) -> list[str]:
    """Return the kinds of which a loss stops a deployment, beyond its region and single entrances."""
    return [str(losses.kind) for losses in _beyond_design(deployment) if losses.stopping]


def _beyond_design(deployment: Deployment) -> list[LossesOfKind]:
    return [losses for losses in deployment.losses if losses.kind not in _SINGLE]


def _row(losses: LossesOfKind) -> Row:
    number = losses.survived + len(losses.stopping) + len(losses.unknown)
    return Row(
        title=TITLES[losses.kind],
        number=number,
        survived=losses.survived,
        stopping=tuple((each.name, "; ".join(filter(None, (*each.because, each.unless)))) for each in losses.stopping),
        unknown=losses.unknown,
        waits=waits(losses.least_seconds, losses.most_seconds),
    )


def waits(least: float | None, most: float | None) -> str:
    """Return how long clients wait, in words, "" without any time."""
    if least is None:
        return ""
    if most is None:
        return f"at least {_seconds(least)} s"
    if most == 0:
        return "not at all"
    return f"{_seconds(least)} to {_seconds(most)} s"


def _seconds(number: float) -> str:
    return f"{math.ceil(number):,}"
