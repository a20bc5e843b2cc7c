"""Resolution of declared deployments: their members, tiers, roles and scope."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from auditor.azure import arm, paths
from auditor.azure.types.names import LOAD_BALANCER, VM
from auditor.estate.caching import cached_method
from auditor.estate.declaration import DeclaredDeployment, DeclaredTier, LoadBalancerRole, Role, Roster, Selector
from auditor.estate.front_doors import FrontDoors
from auditor.estate.graph import Graph
from auditor.estate.indexes import Index
from auditor.estate.load_balancing import LoadBalancing
from auditor.estate.public_addresses import PublicAddresses
from auditor.estate.regions import places_of, regions_of
from auditor.estate.scope import ScopeBuilder, unlisted_around
from auditor.estate.subjects import DeclaredMember, Deployment, DeploymentScope, Members, Mirror, Tier
from auditor.estate.tags import TIER_ROLES, tags_of
from auditor.globs import Texts
from auditor.snapshot.known import Cause, PartialList, Unknown
from auditor.snapshot.lookup import unread
from auditor.snapshot.model import Resource


class DeploymentResolver:
    """Resolves declared deployments to the VMs of a snapshot."""

    def __init__(self, graph: Graph, balancing: LoadBalancing) -> None:
        """Index the VMs by name."""
        self.graph = graph
        self.load_balancing = balancing
        self.public_addresses = PublicAddresses(balancing)
        self.front_doors = FrontDoors(self.public_addresses)
        self._by_name: dict[str, list[Resource]] = defaultdict(list)
        for vm in graph.by_type.get(VM, ()):
            self._by_name[vm.name.lower()].append(vm)

    def build(self, declared: DeclaredDeployment) -> Deployment:
        """Return a declared deployment with its members and scope resolved."""
        subscriptions = declared.subscriptions or self.graph.snapshot.scopes
        declared_members: list[DeclaredMember] = []

        def members(roster: Roster, who_is: str) -> Members:
            if not roster.declared:
                reason = f"the {who_is} not declared: add to the deployment file which VMs, or `none`"
                return Unknown(Cause.DECLARATION, reason)
            found = [
                DeclaredMember(declared, selector, self.select(selector, subscriptions))
                for selector in roster.selectors
            ]
            declared_members.extend(found)
            return _each_once(PartialList.joined(*(member.vms for member in found)))

        mirrors = tuple(
            Mirror(
                deployment=declared,
                declared=mirror,
                failover=members(mirror.failover, f"failover members of mirror {mirror.name} are"),
                arbiter=members(mirror.arbiter, f"arbiter of mirror {mirror.name} is"),
                dr=members(mirror.dr, f"DR asyncs of mirror {mirror.name} are"),
                reporting=members(mirror.reporting, f"reporting asyncs of mirror {mirror.name} are"),
            )
            for mirror in declared.mirrors or ()
        )
        rosters = [(tier, members(tier.members, f"{tier.role} tier")) for tier in declared.tiers or ()]
        expected = _expected(declared)
        vms = _vms(declared, mirrors, rosters, expected)
        hidden = self.graph.unseen_vms(subscriptions, tags=True)
        if (
            hidden is not None and declared.tiers != ()
        ):  # an unread tag may declare a role that is declared nowhere else
            said = {tier.role for tier in declared.tiers or ()} | {role for role, _ in expected}
            vms |= {role: PartialList(missing=hidden) for role in TIER_ROLES if role not in said}
        scope = self._scope(vms, subscriptions, declared)
        roles = _roles(vms)
        regions = regions_of(self.graph, declared, subscriptions, places_of(declared, declared_members, roles))
        tiers = tuple(tier for each, found in rosters for tier in _regions(declared, each, found, regions.primary))
        return Deployment(
            declared=declared,
            subscriptions=subscriptions,
            regions=regions,
            mirrors=mirrors,
            more_mirrors=_undeclared_mirrors(declared) or (hidden if declared.tagged_mirrors else None),
            tiers=tiers,
            declared_members=tuple(declared_members),
            roles=roles,
            vms=vms,
            expected=expected,
            scope=scope,
            load_balancers={
                LoadBalancerRole.WEB: self._load_balancers(vms[Role.WEB], scope, subscriptions),
                LoadBalancerRole.MIRROR: self._load_balancers(vms[Role.MIRROR_FAILOVER], scope, subscriptions),
            },
            lines=_lines(declared, mirrors, tiers, declared_members),
        )

    def select(self, selector: Selector, subscriptions: tuple[str, ...]) -> PartialList:
        """Return the VMs that a selector matches in some subscriptions."""
        if selector.kind == "id":
            found = self.graph.resources.get(arm.key(selector.value))
            if found is not None:
                return PartialList((found,), self.graph.unseen_vms(subscriptions, tags=True) if selector.tag else None)
            return PartialList(missing=self.graph.listing(VM, arm.subscription_of(selector.value)))
        return PartialList(
            tuple(self._matches(selector, subscriptions)),
            self.graph.unseen_vms(subscriptions, tags=selector.kind == "tag"),
        )

    def _matches(self, selector: Selector, subscriptions: tuple[str, ...]) -> Iterable[Resource]:
        """Return the VMs that a name, glob or tag matches in some subscriptions."""
        if selector.kind == "name":
            named = self._by_name.get(selector.value.lower(), ())
            return (vm for vm in named if arm.subscription_of(vm.key) in subscriptions)
        if selector.kind == "glob":
            return self._names(subscriptions).matching(selector.value.lower())
        name, value = selector.tags[0]
        tagged = self._by_tag(subscriptions).of((name.lower(), value.casefold()))
        return (vm for vm in tagged if _has_tags(vm, selector))

    @cached_method
    def _names(self, subscriptions: tuple[str, ...]) -> Texts[Resource]:
        vms = self.graph.in_subscriptions(VM, subscriptions)
        return Texts((vm.name.lower(), vm) for vm in vms)

    @cached_method
    def _by_tag(self, subscriptions: tuple[str, ...]) -> Index[tuple[str, str], Resource]:
        """The VMs of some subscriptions by the names and values of their tags, as they are compared."""
        return Index(
            ((name, value), vm)
            for vm in self.graph.in_subscriptions(VM, subscriptions)
            for name, value in dict.fromkeys((name.lower(), value.casefold()) for name, value in tags_of(vm))
        )

    def _scope(
        self, vms: Mapping[Role, Members], subscriptions: tuple[str, ...], declared: DeclaredDeployment
    ) -> DeploymentScope:
        """Return the scope of VMs and of the declared resource groups."""
        builder = ScopeBuilder(self.public_addresses, subscriptions)
        for members in vms.values():
            builder.add_members(members)
        if declared.resource_groups:
            builder.add_groups(declared.resource_groups)
        scope = builder.result()
        possible = declared.entrance in {"", "front-door"}
        scope.update(self.front_doors.of(scope, subscriptions, possible=possible))
        return scope

    def _load_balancers(self, members: Members, scope: DeploymentScope, subscriptions: tuple[str, ...]) -> PartialList:
        """Return the load balancers with a rule that sends traffic to one of several VMs."""
        vms = PartialList.of(members)
        found = {pool.resource.key: pool.resource for pool in self.load_balancing.pools_serving(vms.of_type(Resource))}
        known, unlisted = scope[LOAD_BALANCER], vms.incomplete_because
        if unlisted is None and (known.missing or self.load_balancing.first_open(known.of_type(Resource))):
            # Perhaps because of VMs in other roles.
            unlisted = unlisted_around(self.public_addresses, subscriptions, vms, LOAD_BALANCER)
        return PartialList(tuple(found.values()), unlisted)


def _has_tags(vm: Resource, selector: Selector) -> bool:
    """Return whether a VM has all tags of a selector; their names and values are compared case-insensitively."""
    found = ((paths.get(vm.body, ("tags", name)), value) for name, value in selector.tags)
    return all(isinstance(has, str) and has.casefold() == wanted.casefold() for has, wanted in found)


def _each_once(vms: PartialList) -> PartialList:
    """Return a list of VMs without duplicates."""
    once = {member.key if isinstance(member, Resource) else member: member for member in vms.known}
    return PartialList(tuple(once.values()), vms.missing)


def _regions(
    deployment: DeclaredDeployment, declared: DeclaredTier, members: Members, primary: str | Unknown
) -> list[Tier]:
    """Split a tier by region; the declared primary region always has one, even without members."""
    if isinstance(members, Unknown) or declared.members.none:
        return []
    regions: dict[str, list[Resource | Unknown]] = defaultdict(list)
    if deployment.primary_region:
        regions[deployment.primary_region] = [primary] if isinstance(primary, Unknown) else []
    unsure = [member for member in members.known if isinstance(member, Unknown)]
    for member in members.known:
        if isinstance(member, Resource):
            if member.location:
                regions[member.location].append(member)
            else:
                unsure.append(
                    unread(member, "location")
                    or Unknown(Cause.VALUE, f"{member.id} has no location", about=(member.id,))
                )
    return [
        Tier(deployment, declared, region, PartialList((*found, *unsure), members.missing))
        for region, found in regions.items()
    ]


TIERS_OF: Final[Mapping[str, frozenset[Role]]] = {
    "trakcare": frozenset({Role.WEB, Role.APP, Role.PRINT}),
    "healthshare": frozenset({Role.WEB}),
    "iris": frozenset({Role.WEB, Role.APP}),
}
"""The tiers of each product in the reference architecture (sections TrakCare and HealthShare Example).

If one of them is not declared, that may be an omission; any other tier that is not declared does not exist.
"""


def _expected(declared: DeclaredDeployment) -> dict[tuple[Role, str], Members]:
    """Return the tiers of the reference architecture that are not declared, by role and product.

    Each product of a mirror, as in HealthShare, has its own tiers; a declared tier without product serves all.
    """
    own = TIERS_OF.get(declared.product, TIERS_OF["trakcare"])
    tiers = declared.tiers or ()
    lacking: list[tuple[Role, str]] = []
    for product in dict.fromkeys(mirror.product for mirror in declared.mirrors or ()):
        serving = {tier.role for tier in tiers if tier.product in {"", declared.product, product}}
        name, roles = (
            ("", own) if product == declared.product else (product, TIERS_OF.get(product, TIERS_OF["healthshare"]))
        )
        lacking += [(role, name) for role in sorted(roles - serving)]
    asked = {role for role, _ in lacking}
    lacking += [(role, "") for role in sorted(own - asked - {tier.role for tier in tiers})]
    if declared.tiers == ():
        return dict.fromkeys(lacking, PartialList())
    return {tier: _undeclared(declared, lacking, tier[0]) for tier in lacking}


def _undeclared(declared: DeclaredDeployment, lacking: list[tuple[Role, str]], role: Role) -> Unknown:
    """Return that the tiers of a role are not declared, as one reason for all products."""
    products = [product for other, product in lacking if other == role] if (role, "") not in lacking else []
    whose = f"{', '.join(products)} in {declared.name}" if products else declared.name
    entry = f"role: {role}, product: {products[0]}" if products else f"role: {role}"
    add = f"add `- {{{entry}, members: [...]}}` to its tiers, or `members: none`"
    return Unknown(Cause.DECLARATION, f"the {role} tier of {whose} is not declared: {add}")


def _undeclared_mirrors(declared: DeclaredDeployment) -> Unknown | None:
    """Return that the mirrors are not declared, None if they are."""
    if declared.mirrors is not None:
        return None
    add = "add `mirrors` to the deployment file, or `mirrors: none`"
    return Unknown(Cause.DECLARATION, f"the mirrors of {declared.name} are not declared: {add}")


def _vms(
    declared: DeclaredDeployment,
    mirrors: tuple[Mirror, ...],
    tiers: list[tuple[DeclaredTier, Members]],
    expected: Mapping[tuple[Role, str], Members],
) -> dict[Role, Members]:
    """Return the VMs of each role over all mirrors and tiers."""
    rosters: dict[Role, list[Members]] = {role: [] for role in Role}
    for tier, members in tiers:
        rosters[tier.role].append(members)
    for (role, _), members in expected.items():
        rosters[role].append(members)
    for mirror in mirrors:
        rosters[Role.MIRROR_FAILOVER].append(mirror.failover)
        rosters[Role.MIRROR_ARBITER].append(mirror.arbiter)
        rosters[Role.MIRROR_DR].append(mirror.dr)
        rosters[Role.MIRROR_REPORTING].append(mirror.reporting)
    if (undeclared := _undeclared_mirrors(declared)) is not None:
        for role in _MIRROR_ROLES:
            rosters[role].append(undeclared)
    if not mirrors and declared.tiers != () and not rosters[Role.DB]:
        rosters[Role.DB].append(_undeclared(declared, [], Role.DB))
    return {role: _merge(members) for role, members in rosters.items()}


_MIRROR_ROLES: Final = (Role.MIRROR_FAILOVER, Role.MIRROR_ARBITER, Role.MIRROR_DR, Role.MIRROR_REPORTING)


def _merge(rosters: list[Members]) -> Members:
    """Return several lists of VMs as one, which is incomplete if one is undeclared."""
    joined = PartialList.joined(*rosters)
    undeclared = next((roster for roster in rosters if isinstance(roster, Unknown)), None)
    if undeclared is None:
        return joined
    return PartialList(joined.known, undeclared) if joined.known else undeclared


def _roles(vms: Mapping[Role, Members]) -> dict[str, tuple[Role, ...]]:
    """Return the roles by VM."""
    roles: dict[str, tuple[Role, ...]] = {}
    for role, members in vms.items():
        for vm in members.known if isinstance(members, PartialList) else ():
            if isinstance(vm, Resource) and role not in roles.get(vm.key, ()):
                roles[vm.key] = (*roles.get(vm.key, ()), role)
    return roles


def _lines(
    declared: DeclaredDeployment,
    mirrors: tuple[Mirror, ...],
    tiers: tuple[Tier, ...],
    declared_members: list[DeclaredMember],
) -> dict[str, int]:
    """Return the line of each subject whose line declares no other subject."""
    lines: dict[str, int] = {declared.name: declared.line}
    lines |= {mirror.id: mirror.declared.line for mirror in mirrors}
    lines |= {tier.id: tier.declared.line for tier in tiers if tier.region == declared.primary_region}
    for member in declared_members:
        for vm in member.vms.known:
            if isinstance(vm, Resource) and member.selector.kind in {"name", "id"}:
                lines.setdefault(vm.key, member.selector.line)
    shared = Counter(lines.values())
    return {subject: line for subject, line in lines.items() if line and shared[line] == 1}
