"""Deployments: which machines play which role, and what belongs to them."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from auditor import arm
from auditor.model import (
    BalancerRole,
    DeclaredDeployment,
    DeclaredMirror,
    DeclaredTier,
    Resource,
    Role,
    Roster,
    Selector,
    Subject,
)
from auditor.topology.balancing import Balancing
from auditor.topology.graph import (
    LOAD_BALANCER,
    REACHED_BACKWARDS,
    REFERENCES,
    VM,
    Graph,
    proper_type,
    unread,
    value,
)
from auditor.values import Cause, Items, Unknown

TAG_DEPLOYMENT: Final = "iris-deployment"
TAG_ROLE: Final = "iris-role"
TAG_MIRROR: Final = "iris-mirror"
TAG_PRODUCT: Final = "iris-product"

Members = Items | Unknown
"""The machines in a role; `Unknown` where nobody declared who plays it."""


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
        product = f"/{self.declared.product}" if self.declared.product else ""
        return f"{self.deployment.name}/tiers/{self.declared.role}{product}/{self.region}"


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

        One that names nobody, or a name that several bear, stands as a member that is `Unknown`: it assigns no role, and nothing
        is concluded of the group that it was declared for.
        """
        if self.matches.missing is None and not self.matches.known:
            reason = f"{self.selector} is declared, but no virtual machine matches it"
            return Items((Unknown(Cause.DECLARATION, reason),))
        if self.selector.kind == "name" and len(self.matches.known) > 1:
            reason = f"{self.selector} is the name of {len(self.matches.known)} virtual machines; declare it by its ARM id"
            return Items((Unknown(Cause.DECLARATION, reason),))
        if self.selector.kind in {"name", "id"} and self.matches.known:
            return Items(self.matches.known)
        return self.matches


class Deployment(msgspec.Struct, frozen=True, eq=False):
    """A deployment with everything that belongs to it."""

    declared: DeclaredDeployment
    subscriptions: tuple[str, ...]
    mirrors: tuple[Mirror, ...]
    tiers: tuple[Tier, ...]
    choices: tuple[Choice, ...]
    roles: Mapping[str, tuple[Role, ...]]
    """The roles of each machine, by its key."""
    machines: Mapping[Role, Members]
    """The machines of every role; none where it was declared so or the product has no such tier."""
    scope: Mapping[str, Items]
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


class Finder:
    """Finds the machines that selectors name and builds deployments of them."""

    def __init__(self, graph: Graph, balancing: Balancing) -> None:
        """Index the machines by name."""
        self.graph = graph
        self.balancing = balancing
        self._by_name: dict[str, list[Resource]] = defaultdict(list)
        for machine in graph.by_type.get(VM, ()):
            self._by_name[machine.name.lower()].append(machine)

    def build(self, declared: DeclaredDeployment) -> Deployment:
        """Return a declared deployment with its machines found and all that belongs to them."""
        subscriptions = declared.subscriptions or self.graph.snapshot.scopes
        choices: list[Choice] = []

        def members(roster: Roster, role: str) -> Members:
            if not roster.declared:
                reason = f"nobody declared the {role}: add it to the deployment file, or write `none`"
                return Unknown(Cause.DECLARATION, reason)
            chosen = [
                Choice(declared, selector, self.select(selector, subscriptions)) for selector in roster.selectors
            ]
            choices.extend(chosen)
            return _union(choice for choice in chosen)

        mirrors = tuple(
            Mirror(
                deployment=declared,
                declared=mirror,
                failover=members(mirror.failover, f"failover members of mirror {mirror.name}"),
                arbiter=members(mirror.arbiter, f"arbiter of mirror {mirror.name}"),
                dr=members(mirror.dr, f"DR members of mirror {mirror.name}"),
                reporting=members(mirror.reporting, f"reporting members of mirror {mirror.name}"),
            )
            for mirror in declared.mirrors or ()
        )
        rosters = [(tier, members(tier.members, f"{tier.role} tier")) for tier in declared.tiers or ()]
        tiers = tuple(
            tier for declared_tier, found in rosters for tier in _regions(declared, declared_tier, found)
        )
        machines = _machines(declared, mirrors, rosters)
        scope = self._scope(machines, subscriptions, declared.resource_groups)
        return Deployment(
            declared=declared,
            subscriptions=subscriptions,
            mirrors=mirrors,
            tiers=tiers,
            choices=tuple(choices),
            roles=_roles(machines),
            machines=machines,
            scope=scope,
            balancers={
                BalancerRole.WEB: self._balancers(machines[Role.WEB], scope),
                BalancerRole.MIRROR: self._balancers(machines[Role.MIRROR_FAILOVER], scope),
            },
            lines=_lines(declared, mirrors, tiers, choices),
        )

    def select(self, selector: Selector, subscriptions: tuple[str, ...]) -> Items:
        """Return the machines that a selector names in some subscriptions, and why there may be more."""
        if selector.kind == "id":
            found = self.graph.resources.get(arm.key(selector.value))
            if found is not None:
                return Items((found,))
            return Items(missing=self.graph.listing(VM, arm.subscription_of(selector.value)))
        gaps = (self.graph.listing(VM, subscription) for subscription in subscriptions)
        matches = tuple(
            machine for machine in self._candidates(selector) if arm.subscription_of(machine.key) in subscriptions
        )
        return Items(matches, next((gap for gap in gaps if gap), None))

    def _candidates(self, selector: Selector) -> list[Resource]:
        if selector.kind == "name":
            return self._by_name.get(selector.value.lower(), [])
        machines = self.graph.by_type.get(VM, [])
        if selector.kind == "glob":
            matches = re.compile(fnmatch.translate(selector.value.lower())).match
            return [machine for machine in machines if matches(machine.name.lower())]
        return [machine for machine in machines if tag(machine, selector.tag).casefold() == selector.value.casefold()]

    def _scope(
        self, machines: Mapping[Role, Members], subscriptions: tuple[str, ...], groups: tuple[str, ...]
    ) -> dict[str, Items]:
        """Return what belongs to the machines: all that the graph reaches from them, and whole groups where declared."""
        found: dict[str, dict[str, Resource]] = defaultdict(dict)
        missing: dict[str, Unknown] = {}

        def lose(type_: str, reason: Unknown) -> None:
            for lost in _beyond(type_):
                missing.setdefault(lost, reason)

        queue: list[Resource] = []
        for members in machines.values():
            if isinstance(members, Unknown):
                lose(VM, members)
                continue
            queue.extend(machine for machine in members.known if isinstance(machine, Resource))
            for reason in (members.missing, *members.known):
                if isinstance(reason, Unknown):
                    lose(VM, reason)
        if groups:
            queue.extend(
                resource
                for resource in self.graph.resources.values()
                if arm.group_of(resource.key) in groups and arm.subscription_of(resource.key) in subscriptions
            )
        while queue:
            resource = queue.pop()
            if resource.key in found[resource.type]:
                continue
            found[resource.type][resource.key] = resource
            gap = unread(resource, "") if resource.unread else None
            if gap:
                lose(resource.type, gap)
            for reached in self.graph.reached(resource):
                if isinstance(reached, tuple):
                    lose(*reached)
                else:
                    queue.append(reached)
            if resource.type == VM:
                queue.extend(pool.resource for pool in self.balancing.pools_of(resource))
        for type_ in (LOAD_BALANCER, *(type_ for types in REACHED_BACKWARDS.values() for type_ in types)):
            for subscription in subscriptions:
                gap = self.graph.listing(type_, subscription)
                if gap:
                    lose(type_, gap)
        types = set(found) | set(missing)
        return {
            type_: Items(tuple(sorted(found[type_].values(), key=lambda r: r.key)), missing.get(type_)) for type_ in types
        }

    def _balancers(self, members: Members, scope: Mapping[str, Items]) -> Items:
        """Return the load balancers with a rule that sends traffic to one of these machines."""
        if isinstance(members, Unknown):
            return Items(missing=members)
        found = {
            pool.resource.key: pool.resource
            for machine in members.known
            if isinstance(machine, Resource)
            for pool in self.balancing.pools_of(machine)
            if pool.resource.type == LOAD_BALANCER and self.balancing.rules_into(pool)
        }
        unsure = members.missing or next((member for member in members.known if isinstance(member, Unknown)), None)
        return Items(tuple(found.values()), unsure or scope.get(LOAD_BALANCER, Items()).missing)


def tag(resource: Resource, name: str) -> str:
    """Return the value of a tag, "" where the resource has none; tag names are compared without regard to case."""
    found = value(resource, f"tags['{name}']").value
    return found if isinstance(found, str) else ""


def from_tags(graph: Graph, declared: Iterable[DeclaredDeployment]) -> tuple[DeclaredDeployment, ...]:
    """Return declarations completed by tags: roles that the file leaves open, and deployments that only tags name.

    A tag never changes what a file declares.
    """
    tagged: dict[str, list[Resource]] = defaultdict(list)
    names: dict[str, str] = {}
    for machine in graph.by_type.get(VM, ()):
        name = tag(machine, TAG_DEPLOYMENT)
        if name and "/" not in name and tag(machine, TAG_ROLE):
            tagged[name.casefold()].append(machine)
            names.setdefault(name.casefold(), name)
    by_file = {deployment.name.casefold(): deployment for deployment in declared}
    completed = [_complete(deployment, tagged.get(key, [])) for key, deployment in by_file.items()]
    completed += [
        _complete(DeclaredDeployment(name=names[key], product=_product(tagged[key])), tagged[key])
        for key in sorted(tagged)
        if key not in by_file
    ]
    return tuple(completed)


def _product(machines: list[Resource]) -> str:
    """Return the product that all machines of a deployment are tagged with, "" where they are not of one mind."""
    products = {tag(machine, TAG_PRODUCT).lower() for machine in machines} - {""}
    return products.pop() if len(products) == 1 else ""


def _complete(deployment: DeclaredDeployment, machines: list[Resource]) -> DeclaredDeployment:
    """Fill the rosters that a declaration leaves open with the machines whose tags name the role."""

    def roster(role: Role, mirror: str = "", product: str = "") -> Roster:
        selectors = tuple(
            Selector("id", machine.id)
            for machine in machines
            if tag(machine, TAG_ROLE).lower() == role
            and (not mirror or tag(machine, TAG_MIRROR).casefold() == mirror.casefold())
            and (not product or tag(machine, TAG_PRODUCT).lower() == product)
        )
        return Roster(declared=bool(selectors), selectors=selectors)

    mirrors = list(deployment.mirrors or ())
    tagged_mirrors = sorted({tag(machine, TAG_MIRROR) for machine in machines} - {""})
    for name in tagged_mirrors if deployment.mirrors is None else ():
        if "/" not in name and name.casefold() not in {mirror.name.casefold() for mirror in mirrors}:
            mirrors.append(DeclaredMirror(name, deployment.product, "load-balancer", Roster()))
    tiers = list(deployment.tiers or ())
    tagged_tiers = (Role.WEB, Role.APP, Role.PRINT, Role.DB) if deployment.tiers != () else ()
    declared_roles = {tier.role for tier in tiers}
    tiers += [
        DeclaredTier(role=role, members=roster(role))
        for role in tagged_tiers
        if role not in declared_roles and roster(role).declared
    ]
    return msgspec.structs.replace(
        deployment,
        mirrors=tuple(
            msgspec.structs.replace(
                mirror,
                failover=mirror.failover if mirror.failover.declared else roster(Role.MIRROR_FAILOVER, mirror.name),
                arbiter=mirror.arbiter if mirror.arbiter.declared else roster(Role.MIRROR_ARBITER, mirror.name),
                dr=mirror.dr if mirror.dr.declared else roster(Role.MIRROR_DR, mirror.name),
                reporting=mirror.reporting
                if mirror.reporting.declared
                else roster(Role.MIRROR_REPORTING, mirror.name),
            )
            for mirror in mirrors
        )
        if mirrors or deployment.mirrors is not None
        else None,
        tiers=tuple(tiers) if tiers or deployment.tiers is not None else None,
    )


def _union(choices: Iterable[Choice]) -> Items:
    """Return the machines of several selectors as one list, each once."""
    known: dict[str, object] = {}
    missing = None
    for choice in choices:
        missing = missing or choice.machines.missing
        for member in choice.machines.known:
            known[member.key if isinstance(member, Resource) else str(member)] = member
    return Items(tuple(known.values()), missing)


def _regions(deployment: DeclaredDeployment, declared: DeclaredTier, members: Members) -> list[Tier]:
    """Split a tier by region; the primary region has one even where none of its members was found."""
    if isinstance(members, Unknown) or declared.members.none:
        return []
    regions: dict[str, list[Resource]] = defaultdict(list)
    if deployment.primary_region:
        regions[deployment.primary_region] = []
    unsure = [member for member in members.known if isinstance(member, Unknown)]
    for member in members.known:
        if isinstance(member, Resource):
            if member.location:
                regions[member.location].append(member)
            else:
                unsure.append(unread(member, "location") or Unknown(Cause.VALUE, f"{member.id} has no location"))
    return [
        Tier(deployment, declared, region, Items((*found, *unsure), members.missing)) for region, found in regions.items()
    ]


TIERS_OF: Final[Mapping[str, frozenset[Role]]] = {
    "trakcare": frozenset({Role.WEB, Role.APP, Role.PRINT}),
    "healthshare": frozenset({Role.WEB}),
    "iris": frozenset({Role.WEB, Role.APP}),
}
"""The tiers that a product has by the reference (sections TrakCare and HealthShare Example); another one that is not declared
does not exist, one of these may have been forgotten."""


def _machines(
    declared: DeclaredDeployment, mirrors: tuple[Mirror, ...], tiers: list[tuple[DeclaredTier, Members]]
) -> dict[Role, Members]:
    """Return the machines of each role over all mirrors and tiers."""
    rosters: dict[Role, list[Members]] = {role: [] for role in Role}
    for tier, members in tiers:
        rosters[tier.role].append(members)
    for mirror in mirrors:
        rosters[Role.MIRROR_FAILOVER].append(mirror.failover)
        rosters[Role.MIRROR_ARBITER].append(mirror.arbiter)
        rosters[Role.MIRROR_DR].append(mirror.dr)
        rosters[Role.MIRROR_REPORTING].append(mirror.reporting)
    if declared.mirrors is None:
        reason = f"nobody declared the mirrors of {declared.name}: add `mirrors` to the deployment file, or `mirrors: none`"
        for role in _MIRROR_ROLES:
            rosters[role].append(Unknown(Cause.DECLARATION, reason))
    expected = TIERS_OF.get(declared.product, frozenset({Role.WEB, Role.APP, Role.PRINT}))
    if not mirrors:
        expected |= {Role.DB}
    if declared.tiers is None or declared.tiers:
        for role in expected:
            if not rosters[role]:
                reason = (
                    f"nobody declared the {role} tier of {declared.name}: add `- {{role: {role}, members: [...]}}` to its tiers, "
                    "or `members: none`"
                )
                rosters[role].append(Unknown(Cause.DECLARATION, reason))
    return {role: _merge(members) for role, members in rosters.items()}


_MIRROR_ROLES: Final = (Role.MIRROR_FAILOVER, Role.MIRROR_ARBITER, Role.MIRROR_DR, Role.MIRROR_REPORTING)


def _merge(rosters: list[Members]) -> Members:
    """Return the machines of several rosters as one list; what nobody declared leaves it open."""
    known = tuple(machine for roster in rosters if isinstance(roster, Items) for machine in roster.known)
    missing = next((roster for roster in rosters if isinstance(roster, Unknown)), None)
    if missing is not None and not known:
        return missing
    gaps = (roster.missing for roster in rosters if isinstance(roster, Items) and roster.missing)
    return Items(known, missing or next(gaps, None))


def _roles(machines: Mapping[Role, Members]) -> dict[str, tuple[Role, ...]]:
    """Return the roles by machine."""
    roles: dict[str, tuple[Role, ...]] = {}
    for role, members in machines.items():
        for machine in members.known if isinstance(members, Items) else ():
            if isinstance(machine, Resource) and role not in roles.get(machine.key, ()):
                roles[machine.key] = (*roles.get(machine.key, ()), role)
    return roles


def _beyond(type_: str) -> set[str]:
    """Return the types that cannot be seen completely where a resource of this type cannot, itself included."""
    reached = {type_}
    queue = [type_]
    while queue:
        current = queue.pop()
        targets = {reference.to for reference in REFERENCES.get(current, ()) if reference.reached}
        targets.update(REACHED_BACKWARDS.get(current, ()))
        queue.extend(targets - reached)
        reached |= targets
    return reached


def _lines(
    declared: DeclaredDeployment, mirrors: tuple[Mirror, ...], tiers: tuple[Tier, ...], choices: list[Choice]
) -> dict[str, int]:
    """Return the line of each subject that shares it with no other subject."""
    lines: dict[str, int] = {declared.name: declared.line}
    lines |= {mirror.id: mirror.declared.line for mirror in mirrors}
    lines |= {tier.id: tier.declared.line for tier in tiers if tier.region == declared.primary_region}
    for choice in choices:
        for machine in choice.machines.known:
            if isinstance(machine, Resource) and choice.selector.kind in {"name", "id"}:
                lines.setdefault(machine.key, choice.selector.line)
    shared = Counter(lines.values())
    return {subject: line for subject, line in lines.items() if line and shared[line] == 1}


def subject_of(element: object, lines: Mapping[str, int]) -> Subject:
    """Return how findings speak of something that can be judged."""
    if isinstance(element, Resource):
        return Subject(element.id, proper_type(element.type), element.name, element.location, lines.get(element.key, 0))
    if isinstance(element, Mirror):
        name, region = element.declared.name, element.deployment.primary_region
        return Subject(element.id, "mirror", name, region, lines.get(element.id, 0))
    if isinstance(element, Tier):
        return Subject(element.id, "tier", str(element.declared.role), element.region, lines.get(element.id, 0))
    if isinstance(element, Deployment):
        declared = element.declared
        return Subject(declared.name, "deployment", declared.name, declared.primary_region, lines.get(element.id, 0))
    if isinstance(element, Subscription):
        return Subject(element.id, "subscription", arm.name_of(element.id))
    message = f"{type(element).__name__} cannot be judged"
    raise TypeError(message)


