"""A deployment as far as losses concern it: VMs and where they stand, mirrors, tiers, and what leads clients to them.

VMs are named by their keys. A value that was not read is `Unknown`, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Literal, NamedTuple

import msgspec

from auditor.snapshot.known import Read, Unknown

UNBOUNDED = math.inf


class Seconds(NamedTuple):
    """The shortest and the longest time of something; infinite if no upper bound is known."""

    least: float
    most: float

    def then(self, other: Seconds) -> Seconds:
        """Return the time of one after the other."""
        return Seconds(self.least + other.least, self.most + other.most)


AT_ONCE = Seconds(0, 0)


class Vm(msgspec.Struct, frozen=True):
    """A VM and where it stands."""

    key: str
    name: str
    region: str | Unknown
    zone: str | Unknown
    """The physical zone, or the number of it where all VMs of the deployment are of one subscription; "" in a region
    without zones. A VM that is in no particular zone is in some zone: unknown."""
    set: str | Unknown = ""
    """The key of its availability set or scale set; "" without one."""
    fault_domain: int | Unknown | None = None
    """Counts within its set only; None without a set."""
    update_domain: int | Unknown | None = None


class Arbiter(msgspec.Struct, frozen=True):
    """The arbiter of a mirror."""

    vm: str | Unknown | None
    """None if it is outside of Azure: then only the network to it can be lost."""


class Entrance(msgspec.Struct, frozen=True):
    """A load balancer or application gateway that leads clients to VMs."""

    key: str
    name: str
    kind: Literal["balancer", "gateway"]
    region: str | Unknown
    zones: frozenset[str] | Unknown
    """The zones that it needs: it is lost with any of them. Empty if it is in several zones, or in no particular one
    and survives the loss of any; unknown if Azure does not show which."""
    vms: frozenset[str]
    """Those to which it can lead."""
    doubt: Unknown | None = None
    """Why it may lead to further VMs."""
    detection: Seconds = AT_ONCE
    """How long it takes until it leads new connections to another VM."""


class MirrorModel(msgspec.Struct, frozen=True, dict=True):
    """A mirror."""

    id: str
    name: str
    members: tuple[str, str] | Unknown
    """The two failover members; unknown if there are not two, or one of them is not known."""
    arbiter: Arbiter | Unknown | None
    """None without an arbiter."""
    asyncs: tuple[str, ...]
    """Its DR asyncs."""
    more_asyncs: Unknown | None
    """Why there may be further ones."""
    entrances: tuple[str, ...]
    """The keys of the entrances by which clients reach the primary; empty if they find it by themselves."""
    more_entrances: Unknown | None
    qos: Seconds
    """The QoS timeout; two bounds where it is not known."""
    no_failover: bool | Unknown = False
    """Whether the backup is configured never to take over."""

    @property
    def arbiter_vm(self) -> str | Unknown | None:
        """Return the key of the VM of the arbiter; None without one, or if it is outside of Azure."""
        return self.arbiter.vm if isinstance(self.arbiter, Arbiter) else self.arbiter

    @cached_property
    def nodes(self) -> frozenset[str]:
        """The keys of its members, the VM of its arbiter and its entrances, as far as they are known."""
        members = self.members if isinstance(self.members, tuple) else ()
        arbiter = (self.arbiter_vm,) if isinstance(self.arbiter_vm, str) else ()
        return frozenset((*members, *arbiter, *self.entrances))


class TierModel(msgspec.Struct, frozen=True, dict=True):
    """A tier in the primary region: one of its VMs must be left."""

    id: str
    name: str
    vms: frozenset[str]
    more_vms: Unknown | None
    """Why it may have further VMs."""
    entrances: tuple[str, ...]
    """The keys of those by which its clients reach it; empty if they find the VMs by themselves."""
    more_entrances: Unknown | None
    mirrors: tuple[str, ...] | None = None
    """The ids of the mirrors whose primary its VMs must reach; None if all of them."""
    holds_data: bool = False
    """Whether its VMs hold data that nothing else has."""
    uses: tuple[str, ...] = ()
    """The ids of the tiers of the same region that its VMs may use; Azure does not show whether they do."""

    @cached_property
    def nodes(self) -> frozenset[str]:
        """The keys of its VMs and its entrances."""
        return self.vms.union(self.entrances)


class Endpoint(msgspec.Struct, frozen=True):
    """An endpoint of a Traffic Manager profile, or an origin of a Front Door."""

    name: str
    region: str | Unknown
    priority: int


class Profile(msgspec.Struct, frozen=True):
    """A Traffic Manager profile, or an origin group of a Front Door, by which users reach the deployment."""

    key: str
    name: str
    """Of the Front Door, if it is an origin group."""
    endpoints: tuple[Endpoint, ...]
    """None if what is behind it, a Traffic Manager profile, directs users to a region."""
    more_endpoints: Unknown | None
    switch: Seconds
    """How long clients are directed to a failed endpoint."""
    door: str = ""
    """The key of the Front Door of which it is an origin group."""
    group: str = ""
    """The name of the origin group, if several lead to the deployment."""


class Site(msgspec.Struct, frozen=True):
    """A deployment."""

    name: str
    region: str | Unknown
    """The primary region."""
    dr_region: str | Unknown
    """"" if it has none."""
    vms: Mapping[str, Vm]
    zones: Mapping[str, tuple[str, ...] | Unknown]
    """The zones that each region of the deployment has."""
    mirrors: tuple[MirrorModel, ...]
    tiers: tuple[TierModel, ...]
    dr_tiers: tuple[TierModel, ...]
    """Those in the DR region."""
    entrances: Mapping[str, Entrance]
    profiles: tuple[Profile, ...]
    undeclared: tuple[Unknown, ...]
    """Why there may be further mirrors, tiers or entrances: nothing is then known to serve."""
    links: tuple[tuple[str, str], ...]
    """Pairs of regions with VMs of the deployment between which there is a network."""
    takeover: Seconds
    """How long a new primary needs to open its databases, by the setting `takeover_seconds`."""
    decision: Seconds
    """How long a person needs to decide that the DR region takes over, by the setting `dr_decision_minutes`."""
    assumed: tuple[Assumption, ...]
    objectives: Mapping[str, Objective]
    """By kind of loss, as the deployment file spells it."""
    more_profiles: Unknown | None = None
    """Why there may be further ones: how long users need to reach the DR region is then not known."""


class Assumption(msgspec.Struct, frozen=True):
    """Something that was assumed, and from where the value is."""

    text: str
    reads: tuple[Read, ...] = ()


class Objective(msgspec.Struct, frozen=True):
    """An objective of the deployment file, in seconds; None where it states none."""

    rto: float | None = None
    rpo: float | None = None
    line: int = 0
