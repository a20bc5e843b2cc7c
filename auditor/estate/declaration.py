"""What the deployment file declares: deployments, mirrors, tiers and the selectors of their members."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

NONE: Final = "none"
"""What is written where a role, mirror or region is missing on purpose."""


class Role(enum.StrEnum):
    """What a machine is there for."""

    MIRROR_FAILOVER = "mirror-failover"
    MIRROR_ARBITER = "mirror-arbiter"
    MIRROR_DR = "mirror-dr"
    MIRROR_REPORTING = "mirror-reporting"
    DB = "db"
    APP = "app"
    WEB = "web"
    PRINT = "print"


class BalancerRole(enum.StrEnum):
    """What a load balancer is there for, which follows from whom it serves."""

    WEB = "web-lb"
    MIRROR = "mirror-lb"


class Selector(msgspec.Struct, frozen=True):
    """One entry of a list of members: a name, an ARM id, a name glob or a tag."""

    kind: Literal["name", "id", "glob", "tag"]
    value: str
    """The name, id, glob or wanted tag value."""
    tag: str = ""
    """The tag's name where the kind is `tag`."""
    line: int = 0
    """Where the deployment file has it; 0 where it comes from somewhere else."""

    def __str__(self) -> str:
        """Return it as one would say it."""
        return f"tag {self.tag}={self.value}" if self.kind == "tag" else self.value


class Roster(msgspec.Struct, frozen=True):
    """Who plays a role: nobody said (`declared` false), none on purpose (declared and empty), or these."""

    declared: bool = False
    selectors: tuple[Selector, ...] = ()
    line: int = 0

    @property
    def none(self) -> bool:
        """Tell whether the role was declared to be empty."""
        return self.declared and not self.selectors


class DeclaredMirror(msgspec.Struct, frozen=True):
    """A mirror as the deployment file has it."""

    name: str
    product: str
    address_kind: Literal["load-balancer", "secondary-ip", "none"]
    failover: Roster
    arbiter: Roster = Roster()
    dr: Roster = Roster()
    reporting: Roster = Roster()
    disks: Mapping[str, tuple[int, ...]] = {}
    """LUNs by purpose (`journal`, `wij`)."""
    line: int = 0


class DeclaredTier(msgspec.Struct, frozen=True):
    """A tier as the deployment file has it."""

    role: Role
    members: Roster
    product: str = ""
    line: int = 0


class DeclaredDeployment(msgspec.Struct, frozen=True):
    """A deployment as its file, or the tags of its machines, declare it."""

    name: str
    product: str = ""
    environment: Literal["production", "non-production"] = "production"
    subscriptions: tuple[str, ...] = ()
    """Keys of the subscriptions that it lies in; empty for all that were scanned."""
    primary_region: str = ""
    dr_region: str = ""
    """"" where nobody said; `none` where there is none on purpose."""
    mirrors: tuple[DeclaredMirror, ...] | None = None
    """Empty where there are none on purpose, None where nobody said."""
    tagged_mirrors: bool = False
    """Whether tags alone name the mirrors, so that a tag that was not read may name another."""
    tiers: tuple[DeclaredTier, ...] | None = None
    """Likewise."""
    resource_groups: tuple[str, ...] = ()
    """Lower-case names of groups that belong to it as a whole."""
    guest: Literal["optional", "required"] = "optional"
    settings: Mapping[str, float] = {}
    setting_lines: Mapping[str, int] = {}
    file: str = ""
    line: int = 0
