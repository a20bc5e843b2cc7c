"""Losses: what a deployment can lose at once, and the names by which they are asked for."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Final

import msgspec

from auditor.snapshot.known import Unknown


class LossKind(enum.StrEnum):
    """Kinds of loss, as `--lose` spells them."""

    VM = "machine"
    DISK = "disk"
    FAULT_DOMAIN = "fault-domain"
    UPDATE_DOMAIN = "update-domain"
    """Planned: the VMs of an update domain restart together."""
    ZONE = "zone"
    REGION = "region"
    LINK = "link"
    LOAD_BALANCER = "balancer"
    GATEWAY = "gateway"
    ENDPOINT = "endpoint"
    PROFILE = "profile"
    ARBITER_NETWORK = "arbiter-network"


_BETWEEN: Final = re.compile(rf"\+(?=(?:{'|'.join(LossKind)}):)", re.IGNORECASE)
"""What joins losses; a name may have a plus sign too."""
_OF_KNOWN: Final = frozenset(
    {LossKind.VM, LossKind.DISK, LossKind.ENDPOINT, LossKind.PROFILE, LossKind.ARBITER_NETWORK}
)
_OF_ENTRANCES: Final = frozenset({LossKind.ZONE, LossKind.REGION, LossKind.LOAD_BALANCER, LossKind.GATEWAY})


class Cut(msgspec.Struct, frozen=True):
    """A network that is lost between two groups of VMs, by their keys."""

    one: frozenset[str]
    other: frozenset[str]
    places: tuple[str, str]
    """Where the groups stand: the ids of the losses of these zones or regions."""
    perhaps: Mapping[str, Unknown] = {}
    """VMs that may be in either group or in neither, with the reason why it is not known."""


class Loss(msgspec.Struct, frozen=True):
    """Everything that is lost by one cause."""

    kind: LossKind
    name: str
    """What is lost, as `--lose` spells it behind the kind: `vm-db-a`, `westeurope/1`."""
    vms: frozenset[str] = frozenset()
    """The keys of the VMs that are lost for certain."""
    perhaps: Mapping[str, Unknown] = {}
    """The keys of VMs and entrances that may be lost too, with the reason why it is not known."""
    instances: frozenset[str] = frozenset()
    """The keys of VMs whose instance cannot write any more, while the VM still answers."""
    entrances: frozenset[str] = frozenset()
    """The keys of load balancers, gateways and profiles that are lost."""
    endpoints: frozenset[tuple[str, str]] = frozenset()
    """(key of the profile, name) of the endpoints that are lost."""
    cuts: tuple[Cut, ...] = ()
    arbiter_networks: frozenset[str] = frozenset()
    """The ids of mirrors whose arbiter cannot be reached."""
    parts: tuple[Loss, ...] = ()
    """The losses that it consists of, if it consists of several; none of them consists of others."""

    @property
    def id(self) -> str:
        """Return it as `--lose` spells it."""
        return "+".join(part.id for part in self.parts) if self.parts else f"{self.kind}:{self.name}"

    @property
    def simple(self) -> tuple[Loss, ...]:
        """Return the losses that it consists of, or itself."""
        return self.parts or (self,)

    @property
    def kinds(self) -> frozenset[LossKind]:
        """Return the kinds of its parts."""
        return frozenset(part.kind for part in self.parts) or frozenset({self.kind})

    @property
    def takes_only_known(self) -> bool:
        """Return whether it takes nothing of which it is not known that it belongs to the deployment."""
        return all(part.takes_only_known for part in self.parts) if self.parts else self.kind in _OF_KNOWN

    @property
    def takes_entrances(self) -> bool:
        """Return whether it may take an entrance of which it is not known to what it leads."""
        return any(part.takes_entrances for part in self.parts) if self.parts else self.kind in _OF_ENTRANCES

    @property
    def effect(self) -> tuple[object, ...]:
        """Return what two losses share that take the same things."""
        return (
            self.vms,
            frozenset(self.perhaps),
            self.instances,
            self.entrances,
            self.endpoints,
            tuple((cut.one, cut.other, frozenset(cut.perhaps)) for cut in self.cuts),
            self.arbiter_networks,
        )

    @property
    def places(self) -> tuple[str, ...]:
        """Return the places that it takes or separates, as the ids of the losses that take them."""
        return tuple(place for cut in self.cuts for place in cut.places) or (self.id,)

    @property
    def taken(self) -> frozenset[object]:
        """Return everything that it takes for certain; a VM takes its instance with it."""
        return frozenset(
            (
                *(("vm", key) for key in self.vms),
                *(("instance", key) for key in self.vms | self.instances),
                *(("entrance", key) for key in self.entrances),
                *(("endpoint", end) for end in self.endpoints),
                *(("cut", *sorted((a, b))) for cut in self.cuts for a in cut.one for b in cut.other),
                *(("network", mirror) for mirror in self.arbiter_networks),
            )
        )


def union(*losses: Loss) -> Loss:
    """Return several losses as one, whose parts are lost at once or in any order."""
    if len(losses) == 1:
        return losses[0]
    return Loss(
        kind=losses[0].kind,
        name="",
        vms=frozenset(vm for loss in losses for vm in loss.vms),
        perhaps={key: why for loss in losses for key, why in loss.perhaps.items()},
        instances=frozenset(vm for loss in losses for vm in loss.instances),
        entrances=frozenset(way for loss in losses for way in loss.entrances),
        endpoints=frozenset(end for loss in losses for end in loss.endpoints),
        cuts=tuple(cut for loss in losses for cut in loss.cuts),
        arbiter_networks=frozenset(mirror for loss in losses for mirror in loss.arbiter_networks),
        parts=tuple(part for loss in losses for part in loss.simple),
    )


def each_of(text: str) -> list[str]:
    """Return the losses of `A+B`, each as `--lose` spells it."""
    return _BETWEEN.split(text)
