"""Declarations: deployments, mirrors, tiers and the selectors of their members."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

NONE: Final = "none"
"""The word of the deployment file for a role, mirror or region that the deployment does not have."""


class Role(enum.StrEnum):
    """Role of a VM."""

    MIRROR_FAILOVER = "mirror-failover"
    MIRROR_ARBITER = "mirror-arbiter"
    MIRROR_DR = "mirror-dr"
    MIRROR_REPORTING = "mirror-reporting"
    DB = "db"
    APP = "app"
    WEB = "web"
    PRINT = "print"


class LoadBalancerRole(enum.StrEnum):
    """Role of a load balancer, which follows from the VMs in its backend pools."""

    WEB = "web-lb"
    MIRROR = "mirror-lb"


class Selector(msgspec.Struct, frozen=True):
    """A declared member as written: a name, an ARM id, a glob over names, or tags."""

    kind: Literal["name", "id", "glob", "tag"]
    value: str = ""
    """The name, id or glob."""
    tags: tuple[tuple[str, str], ...] = ()
    """For the kind `tag`, the names and values of the tags, all of which a VM must have."""
    tag: str = ""
    """The name of the tag that supplied an id."""
    line: int = 0
    """Its line in the deployment file; 0 if it is from a tag."""

    def __str__(self) -> str:
        """Return it for messages."""
        if self.kind != "tag":
            return self.value
        return f"tag {' and '.join(f'{name}={value}' for name, value in self.tags)}"


class Roster(msgspec.Struct, frozen=True):
    """The declared members of a role: undeclared, `none` (declared and empty), or a list of selectors."""

    declared: bool = False
    selectors: tuple[Selector, ...] = ()
    line: int = 0

    @property
    def none(self) -> bool:
        """Return whether the role is declared as `none`."""
        return self.declared and not self.selectors


class DeclaredMirror(msgspec.Struct, frozen=True):
    """A declared mirror."""

    name: str
    product: str
    address_kind: Literal["load-balancer", "secondary-ip", "none"]
    failover: Roster
    arbiter: Roster = Roster()
    """Declared and empty if the arbiter is outside of Azure."""
    arbiter_address: str = ""
    """The name or IP address of an arbiter outside of Azure; "" if it is a VM, none or undeclared."""
    dr: Roster = Roster()
    reporting: Roster = Roster()
    superserver: int = 0
    """The superserver port; 0 if undeclared."""
    ports: tuple[int, ...] = ()
    """The other TCP ports at which clients connect to the primary through its load balancer."""
    disks: Mapping[str, tuple[int, ...]] = {}
    """LUNs by purpose: `installation`, `database`, `journal`, `alternate` (the alternate journal directory), `wij`."""
    line: int = 0


class DeclaredTier(msgspec.Struct, frozen=True):
    """A declared tier."""

    role: Role
    members: Roster
    product: str = ""
    line: int = 0


class DeclaredBackup(msgspec.Struct, frozen=True):
    """How a deployment is backed up."""

    strategy: Literal["azure-backup", "third-party", "online"]
    vault: str = ""
    """The ARM id of the vault, "" if undeclared."""
    account: str = ""
    """The ARM id of the storage account to which online backups are copied, "" if undeclared."""
    product: str = ""
    """The name of the third-party product, "" if undeclared."""


class DeclaredObjective(msgspec.Struct, frozen=True):
    """How long a deployment may stop, and how much of the latest data it may lose, in seconds; None if undeclared."""

    rto: float | None = None
    rpo: float | None = None
    line: int = 0


class DeclaredDeployment(msgspec.Struct, frozen=True):
    """A deployment, declared in the deployment file or by the tags of its VMs."""

    name: str
    product: str = ""
    environment: Literal["production", "non-production"] = "production"
    entrance: Literal["", "internet", "private", "front-door"] = ""
    """Where clients come from; "" if undeclared."""
    connectivity: tuple[str, ...] | None = None
    """How users reach it: `internet`, `vpn`, `expressroute`; empty if declared as `none`, None if undeclared."""
    dns: tuple[str, ...] = ()
    """The lower-case domain names by which users reach it; empty if undeclared."""
    subscriptions: tuple[str, ...] = ()
    """Keys of its subscriptions; empty for all scanned subscriptions."""
    primary_region: str = ""
    dr_region: str = ""
    """The DR region; "" if undeclared, `none` if declared as such."""
    mirrors: tuple[DeclaredMirror, ...] | None = None
    """None if undeclared; empty if declared as `none`."""
    tagged_mirrors: bool = False
    """Whether only tags declare the mirrors, so that an unread tag may declare another."""
    tiers: tuple[DeclaredTier, ...] | None = None
    """None if undeclared; empty if declared as `none`."""
    resource_groups: tuple[str, ...] = ()
    """Lower-case names of resource groups that belong to it with everything in them."""
    backup: DeclaredBackup | None = None
    """None if undeclared."""
    firewall: Literal["", "azure-firewall", "waf", "appliance", "none"] = ""
    """What filters the traffic of its public entrances; "" if undeclared."""
    key_vaults: tuple[str, ...] = ()
    """The ARM ids of further key vaults."""
    guest: Literal["optional", "required"] = "optional"
    settings: Mapping[str, float] = {}
    setting_lines: Mapping[str, int] = {}
    objectives: Mapping[str, DeclaredObjective] = {}
    """By kind of loss, as the deployment file spells it."""
    file: str = ""
    line: int = 0
