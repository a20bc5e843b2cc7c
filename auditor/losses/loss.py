"""Losses: what a deployment can lose at once, and the names by which they are asked for."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec

from auditor.snapshot.known import Unknown


class LossKind(enum.StrEnum):
    """Kinds of loss, as `--lose` spells them."""

    MACHINE = "machine"
    DISK = "disk"
    FAULT_DOMAIN = "fault-domain"
    UPDATE_DOMAIN = "update-domain"
    """Planned: the VMs of an update domain restart together."""
    ZONE = "zone"
    REGION = "region"
    LINK = "link"
    BALANCER = "balancer"
    GATEWAY = "gateway"
    ENDPOINT = "endpoint"
    PROFILE = "profile"
    ARBITER_NETWORK = "arbiter-network"


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
    cut: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
    """Two groups of VMs between which the network is lost."""
    cut_perhaps: Mapping[str, Unknown] = {}
    """VMs that may be in either group."""
    arbiter_networks: frozenset[str] = frozenset()
    """The ids of mirrors whose arbiter cannot be reached."""
    region: str = ""
    """The region that is lost as a whole, else ""."""

    @property
    def id(self) -> str:
        """Return it as `--lose` spells it."""
        return f"{self.kind}:{self.name}"

    @property
    def effect(self) -> tuple[object, ...]:
        """Return what two losses share that have the same effect."""
        return (
            self.vms,
            frozenset(self.perhaps),
            self.instances,
            self.entrances,
            self.endpoints,
            frozenset(self.cut),
            frozenset(self.cut_perhaps),
            self.arbiter_networks,
            self.region,
        )
