"""What findings are about besides single resources: mirrors, tiers, deployments, subscriptions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from auditor.azure import arm
from auditor.azure.types import display_type
from auditor.estate.declaration import BalancerRole, DeclaredDeployment, DeclaredMirror, DeclaredTier, Role, Selector
from auditor.snapshot.known import Cause, Items, Unknown
from auditor.snapshot.model import Resource

Members = Items | Unknown
"""The machines in a role; `Unknown` where nobody declared who plays it."""


def declared_region(declared: DeclaredDeployment, which: Literal["primary", "DR"]) -> str | Unknown:
    """Return a region of a deployment, `none` for a DR region that it does not have on purpose."""
    reason = f"nobody declared the {which} region of {declared.name}: add it to `regions` in the deployment file"
    found = declared.primary_region if which == "primary" else declared.dr_region
    return found or Unknown(Cause.DECLARATION, reason)


class Subject(msgspec.Struct, frozen=True):
    """What a finding is about."""

    id: str
    kind: str
    name: str
    region: str = ""
    line: int = 0
    """The line of the deployment file that declares it and nothing else, 0 where there is none."""


class Mirror(msgspec.Struct, frozen=True, eq=False):
    """A mirror: its failover members, and what stands beside them."""

    deployment: DeclaredDeployment
    declared: DeclaredMirror
    failover: Members
    arbiter: Members
    dr: Members
    reporting: Members

    @property
    def id(self) -> str:
        """Return the id under which findings speak of it."""
        return f"{self.deployment.name}/mirrors/{self.declared.name}"


class Tier(msgspec.Struct, frozen=True, eq=False):
    """The machines of one role (and product) in one region."""

    deployment: DeclaredDeployment
    declared: DeclaredTier
    region: str
    members: Items

    @property
    def id(self) -> str:
        """Return the id under which findings speak of it."""
        return "/".join((self.deployment.name, "tiers", *self._named, self.region))

    @property
    def name(self) -> str:
        """Return the role, and the product that tells the tier from others of the role."""
        return " ".join(self._named)

    @property
    def _named(self) -> tuple[str, ...]:
        return (self.declared.role, self.declared.product) if self.declared.product else (self.declared.role,)


class Choice(msgspec.Struct, frozen=True, eq=False):
    """One declared member, and the machines that it turns out to name."""

    deployment: DeclaredDeployment
    selector: Selector
    matches: Items
    """Every machine that the selector names."""

    @property
    def id(self) -> str:
        """Return the id under which evidence speaks of it."""
        return f"{self.deployment.name}/members/{self.selector}"

    @property
    def machines(self) -> Items:
        """Return the machines to which it gives a role.

        One that names nobody, or a name that several bear, stands as a member that is `Unknown`: it assigns no role,
        and nothing is concluded of the group that it was declared for.
        """
        if self.matches.missing is None and not self.matches.known:
            reason = f"{self.selector} is declared, but no virtual machine matches it"
            return Items((Unknown(Cause.DECLARATION, reason),))
        if self.selector.kind == "name" and len(self.matches.known) > 1:
            reason = (
                f"{self.selector} is the name of {len(self.matches.known)} virtual machines: declare it by its ARM id"
            )
            return Items((Unknown(Cause.DECLARATION, reason),))
        if self.selector.kind in {"name", "id"} and self.matches.known and not self.selector.tag:
            return Items(self.matches.known)
        return self.matches


class Belongings(dict[str, Items]):
    """By type, the resources that belong to a deployment; a type of which none was found may yet have some."""

    def __init__(self, found: Mapping[str, Items], unlisted: Callable[[str], Unknown | None]) -> None:
        """Keep what was found; `unlisted` says why there may be more of a type."""
        super().__init__(found)
        self._unlisted = unlisted

    def __missing__(self, type_: str) -> Items:
        """Return a list without known members."""
        return Items((), self._unlisted(type_))


class Deployment(msgspec.Struct, frozen=True, eq=False):
    """A deployment with everything that belongs to it."""

    declared: DeclaredDeployment
    subscriptions: tuple[str, ...]
    mirrors: tuple[Mirror, ...]
    more_mirrors: Unknown | None
    """Why there may be others: nobody declared them, or a tag that was not read may."""
    tiers: tuple[Tier, ...]
    choices: tuple[Choice, ...]
    roles: Mapping[str, tuple[Role, ...]]
    """The roles of each machine, by its key."""
    machines: Mapping[Role, Members]
    """The machines of every role; none where it was declared so or the product has no such tier."""
    expected: Mapping[tuple[Role, str], Members]
    """By role and product ("" for the deployment's own) the tiers that the reference has and no declaration speaks of:
    unknown, or empty where the file says that there are no tiers at all."""
    scope: Belongings
    """By type, the resources that belong to the deployment."""
    balancers: Mapping[BalancerRole, Items]
    lines: Mapping[str, int]
    """By the id or key of a subject, the line of the deployment file that it has to itself."""

    @property
    def id(self) -> str:
        """Return the id under which findings speak of it."""
        return self.declared.name


class Subscription(msgspec.Struct, frozen=True, eq=False):
    """A subscription that was scanned."""

    id: str
    deployments: tuple[Deployment, ...]
    """Those that lie in it."""


def subject_of(element: object, lines: Mapping[str, int]) -> Subject:
    """Return how findings speak of something that can be judged."""
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
    message = f"{type(element).__name__} cannot be judged"
    raise TypeError(message)
