"""Subjects of findings that are not single resources: mirrors, tiers, deployments, subscriptions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from auditor.azure import arm
from auditor.azure.types import display_type
from auditor.estate.declaration import (
    DeclaredDeployment,
    DeclaredMirror,
    DeclaredTier,
    LoadBalancerRole,
    Role,
    Selector,
)
from auditor.snapshot.known import Cause, PartialList, Unknown
from auditor.snapshot.model import Resource

Members = PartialList | Unknown
"""The VMs of a role; `Unknown` if the role is not declared."""


def undeclared(declared: DeclaredDeployment, key: str, add: str) -> Unknown:
    """Return that an optional key of the deployment file is absent; `add` is what to add, such as `dns: NAME`.

    It makes no scan incomplete. The reason is the same for all rules, and each rule has one finding about it.
    """
    reason = f"`{key}` of {declared.name} is not declared: add `{add}` to the deployment file"
    return Unknown(Cause.DECLARATION, reason, optional=True)


class Subject(msgspec.Struct, frozen=True):
    """What a finding is about."""

    id: str
    kind: str
    name: str
    region: str = ""
    line: int = 0
    """The line of the deployment file that declares this subject alone, 0 if there is none."""


class Mirror(msgspec.Struct, frozen=True, eq=False):
    """A mirror with its members and arbiter."""

    deployment: DeclaredDeployment
    declared: DeclaredMirror
    failover: Members
    arbiter: Members
    dr: Members
    reporting: Members

    @property
    def id(self) -> str:
        """Return the id for findings."""
        return f"{self.deployment.name}/mirrors/{self.declared.name}"


class Tier(msgspec.Struct, frozen=True, eq=False):
    """The VMs of one role, and of one product if declared, in one region."""

    deployment: DeclaredDeployment
    declared: DeclaredTier
    region: str
    members: PartialList

    @property
    def id(self) -> str:
        """Return the id for findings."""
        return "/".join((self.deployment.name, "tiers", *self._named, self.region))

    @property
    def name(self) -> str:
        """Return the role, with the product if one is declared."""
        return " ".join(self._named)

    @property
    def _named(self) -> tuple[str, ...]:
        return (self.declared.role, self.declared.product) if self.declared.product else (self.declared.role,)


class DeclaredMember(msgspec.Struct, frozen=True, eq=False):
    """A declared member with the VMs that it matches."""

    deployment: DeclaredDeployment
    selector: Selector
    matches: PartialList
    """Every VM that the selector matches."""

    @property
    def id(self) -> str:
        """Return the id for evidence."""
        return f"{self.deployment.name}/members/{self.selector}"

    @property
    def vms(self) -> PartialList:
        """Return the VMs to which it gives a role.

        Without a match, or with a name that several VMs have, that is one `Unknown`: no VM gets the role, and the list
        of members is incomplete. A glob or tag without a match may be meant for any number of VMs.
        """
        if self.matches.missing is None and not self.matches.known:
            unknown = Unknown(Cause.DECLARATION, f"{self.selector} is declared, but no virtual machine matches it")
            return PartialList((unknown,)) if self.selector.kind in {"name", "id"} else PartialList(missing=unknown)
        if self.selector.kind == "name" and len(self.matches.known) > 1:
            reason = (
                f"{self.selector} is the name of {len(self.matches.known)} virtual machines: declare it by its ARM id"
            )
            return PartialList((Unknown(Cause.DECLARATION, reason),))
        if self.selector.kind in {"name", "id"} and self.matches.known and not self.selector.tag:
            return PartialList(self.matches.known)
        return self.matches


class DeploymentScope(dict[str, PartialList]):
    """The resources of a deployment by type; a type without known resources may still be incomplete."""

    def __init__(self, found: Mapping[str, PartialList], unlisted: Callable[[str], Unknown | None]) -> None:
        """Take what was found; `unlisted` returns why a type without known resources may be incomplete."""
        super().__init__(found)
        self._unlisted = unlisted

    def __missing__(self, type_: str) -> PartialList:
        """Return a list without known resources."""
        return PartialList((), self._unlisted(type_))


class Regions(msgspec.Struct, frozen=True):
    """The regions of a deployment; unknown is one that is not declared, or in which the deployment has nothing."""

    primary: str | Unknown
    dr: str | Unknown
    """`none` if declared as such."""


class Deployment(msgspec.Struct, frozen=True, eq=False):
    """A deployment with its members and scope."""

    declared: DeclaredDeployment
    subscriptions: tuple[str, ...]
    regions: Regions
    mirrors: tuple[Mirror, ...]
    more_mirrors: Unknown | None
    """Why there may be more mirrors: they are not declared, or a tag was not read."""
    tiers: tuple[Tier, ...]
    declared_members: tuple[DeclaredMember, ...]
    roles: Mapping[str, tuple[Role, ...]]
    """The roles of each VM, by its key."""
    vms: Mapping[Role, Members]
    """The VMs of every role; empty if declared as `none`, or if the product has no such tier."""
    expected: Mapping[tuple[Role, str], Members]
    """The tiers of the reference architecture that are not declared, by role and product ("" for the deployment's own):
    unknown, or empty if the file declares that there are no tiers."""
    scope: DeploymentScope
    """The resources of the deployment, by type."""
    load_balancers: Mapping[LoadBalancerRole, PartialList]
    lines: Mapping[str, int]
    """The line of the deployment file that declares one subject alone, by the subject's id or key."""

    @property
    def id(self) -> str:
        """Return the id for findings."""
        return self.declared.name


class Subscription(msgspec.Struct, frozen=True, eq=False):
    """A scanned subscription."""

    id: str
    deployments: tuple[Deployment, ...]
    """The deployments in it."""


def subject_of(element: object, lines: Mapping[str, int]) -> Subject:
    """Return the subject of an element that rules can be about."""
    if isinstance(element, Resource):
        return Subject(
            element.id, display_type(element.type), element.name, element.location, lines.get(element.key, 0)
        )
    if isinstance(element, Mirror):
        name, region = element.declared.name, element.deployment.primary_region
        return Subject(element.id, "mirror", name, region, lines.get(element.id, 0))
    if isinstance(element, Tier):
        return Subject(element.id, "tier", element.name, element.region, lines.get(element.id, 0))
    if isinstance(element, Deployment):
        declared = element.declared
        return Subject(declared.name, "deployment", declared.name, declared.primary_region, lines.get(element.id, 0))
    if isinstance(element, Subscription):
        return Subject(element.id, "subscription", arm.name_of(element.id))
    message = f"{type(element).__name__} cannot be the subject of a finding"
    raise TypeError(message)
