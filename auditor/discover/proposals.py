"""Proposals: the mirrors and tiers of the VMs of one deployment."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from auditor.azure import arm, paths
from auditor.discover.candidates import DATABASES, Candidate, Confidence
from auditor.discover.grouping import deployment_tag_of
from auditor.discover.names import DR_WORDS, HEALTHSHARE, WHOLE_PRODUCTS, healthshare_product, stem_of, words_of
from auditor.discover.stated_mirrors import Stated, StatedMirror
from auditor.estate.declaration import Role
from auditor.estate.tags import TAG_MIRROR, TAG_PRODUCT, tag

_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Member(NamedTuple):
    """A VM in a role, with confidence and reasons."""

    vm: Candidate
    confidence: Confidence
    why: str


class Product(NamedTuple):
    """The product of a deployment, with confidence and reasons."""

    name: str
    confidence: Confidence
    why: str


@dataclass(eq=False)
class MirrorProposal:
    """A mirror of the proposal."""

    failover: list[Member]
    name: str = ""
    balanced: bool = False
    rosters: dict[Role, list[Member]] = field(default_factory=lambda: defaultdict(list))
    stated: StatedMirror | None = None
    """What CPFs state of it, if any has it."""
    absent: dict[Role, tuple[Confidence, str]] = field(default_factory=dict)
    """The roles that no VM has in it, with confidence and reasons."""
    questions: dict[Role, list[str]] = field(default_factory=lambda: defaultdict(list))
    """What CPFs leave open of its members."""

    @property
    def product(self) -> str:
        """Return the HealthShare product of its failover members, or of its name in a CPF, "" without one."""
        words = words_of(self.stated.name) if self.stated else frozenset()
        named = healthshare_product(words) if HEALTHSHARE & words else ""
        return next((member.vm.product for member in self.failover if member.vm.product), named)

    def is_settled(self, role: Role) -> bool:
        """Return whether CPFs leave no place in a role for further VMs."""
        if self.stated is None:
            return False
        if role is Role.MIRROR_ARBITER:
            return bool(self.stated.arbiter.why or self.stated.arbiter.question)
        asked = Role.MIRROR_FAILOVER if role is Role.MIRROR_FAILOVER else Role.MIRROR_DR
        return self.stated.complete and not self.questions.get(asked)


@dataclass(eq=False)
class DeploymentProposal:
    """A deployment of the proposal."""

    vms: list[Candidate]
    product: Product
    name: str = ""
    primary: str = ""
    dr: str = ""
    """The DR region, "" if no VM is in another region."""
    mirrors: list[MirrorProposal] = field(default_factory=list)
    tiers: dict[tuple[Role, str], list[Member]] = field(default_factory=dict)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Return the keys of the subscriptions of its VMs, empty if a deployment file cannot express one."""
        found = {arm.subscription_of(vm.resource.key) for vm in self.vms}
        return tuple(sorted(found)) if all(_GUID.fullmatch(arm.name_of(key)) for key in found) else ()

    @property
    def production(self) -> bool:
        """Return whether any of its VMs is a production VM."""
        return any(vm.production for vm in self.vms)

    @property
    def members(self) -> Iterator[Member]:
        """Yield the VMs that have a role in it."""
        for mirror in self.mirrors:
            yield from mirror.failover
            for roster in mirror.rosters.values():
                yield from roster
        for members in self.tiers.values():
            yield from members


def proposals_of(deployments: list[list[Candidate]], stated: Sequence[StatedMirror]) -> list[DeploymentProposal]:
    """Return the proposal for each deployment; a mirror of CPFs is in that of its first failover member."""
    places = {vm: number for number, vms in enumerate(deployments) for vm in vms}
    own: dict[int, list[StatedMirror]] = defaultdict(list)
    for mirror in stated:
        home = _home(mirror)
        if home in places:
            own[places[home]].append(mirror)
    proposals = [_proposal(vms, own[number]) for number, vms in enumerate(deployments)]
    _name(proposals)
    return proposals


def _home(mirror: StatedMirror) -> Candidate | None:
    return next((member.vm for member in mirror.members if member.vm and member.role is Role.MIRROR_FAILOVER), None)


def _proposal(vms: list[Candidate], stated: Sequence[StatedMirror]) -> DeploymentProposal:
    """Sort the VMs of one deployment into mirrors and tiers."""
    certain = [*map(_stated_mirror, stated)]
    of_mirrors = dict.fromkeys(vm for mirror in stated for vm in mirror.vms)
    placed = {*of_mirrors}
    vms = list(dict.fromkeys((*vms, *of_mirrors)))
    proposal = DeploymentProposal(vms, product=_product(vms, certain))
    in_pools = _in_pools(vm for vm in vms if vm not in placed)
    beside = {vm: mirror for mirror in certain for vm in _beside(mirror, in_pools)}
    for vm, mirror in beside.items():
        mirror.rosters[Role.MIRROR_FAILOVER].append(_member(vm))
    placed |= beside.keys()
    pairs = _pairs([vm for vm in vms if vm not in placed])
    proposal.primary, proposal.dr = _regions(vms, [*certain, *pairs])
    here = [pair for pair in pairs if proposal.primary in {m.vm.region for m in pair.failover}]
    proposal.mirrors = [*certain, *here] or pairs[:1]
    placed |= {member.vm for mirror in proposal.mirrors for member in mirror.failover}
    products = {mirror.stated.id: mirror.product for mirror in certain if mirror.stated}
    likeness: dict[Role, Likeness] = {}
    tiers: dict[tuple[Role, str], list[Member]] = defaultdict(list)
    for vm in sorted(vms, key=lambda vm: vm.region != proposal.primary):
        best = vm.best_hint
        if vm in placed or best is None:
            continue
        role, confidence, why = best.role, best.confidence, best.why
        if role in {Role.MIRROR_FAILOVER, Role.DB} and not vm.is_certain:
            elsewhere = proposal.mirrors and vm.region not in {"", proposal.primary}
            role, why = (
                (Role.MIRROR_DR, f"{why}; its region")
                if elsewhere
                else (Role.DB, f"{why}; no second failover member was found")
            )
        member = Member(vm, confidence, why)
        if role in {Role.MIRROR_DR, Role.MIRROR_ARBITER, Role.MIRROR_REPORTING, Role.MIRROR_FAILOVER}:
            if role not in likeness:
                likeness[role] = Likeness(mirror for mirror in proposal.mirrors if not mirror.is_settled(role))
            _assign(member, role, likeness[role])
        else:
            product = vm.product or _product_of_mirrors(vm, products)
            tiers[role, product if proposal.product.name == "healthshare" else ""].append(member)
    order = [Role.WEB, Role.APP, Role.PRINT, Role.DB]
    proposal.tiers = dict(sorted(tiers.items(), key=lambda tier: (order.index(tier[0][0]), tier[0][1])))
    return proposal


_InPools = Mapping[str, Mapping[int, Candidate]]
"""The databases in each pool of a mirror, by their places in the order of the deployment."""


def _in_pools(vms: Iterable[Candidate]) -> _InPools:
    found: dict[str, dict[int, Candidate]] = defaultdict(dict)
    for place, vm in enumerate(vms):
        for pool in vm.mirror_pools if vm.role in {Role.MIRROR_FAILOVER, Role.DB} else ():
            found[pool][place] = vm
    return found


def _beside(mirror: MirrorProposal, in_pools: _InPools) -> list[Candidate]:
    """Return the VMs in the pools of a mirror, if CPFs leave open who its failover members are."""
    if mirror.is_settled(Role.MIRROR_FAILOVER):
        return []
    pools = {pool for member in mirror.failover for pool in member.vm.mirror_pools}
    found = {place: vm for pool in pools for place, vm in in_pools.get(pool, {}).items()}
    return [found[place] for place in sorted(found)]


def _product_of_mirrors(vm: Candidate, products: Mapping[str, str]) -> str:
    """Return the product of the mirrors that files of a VM name, "" if they have none or several."""
    found = {products[mirror] for mirror in vm.mirrors if mirror in products}
    return found.pop() if len(found) == 1 else ""


def _stated_mirror(stated: StatedMirror) -> MirrorProposal:
    """Return the proposal of a mirror of CPFs."""
    mirror = MirrorProposal([], name=stated.name, stated=stated)
    homes = {each.vm.region for each in stated.members if each.vm and each.role is Role.MIRROR_FAILOVER}
    least = Confidence.CERTAIN
    for each in stated.members:
        if each.vm is None:
            mirror.questions[each.role or Role.MIRROR_DR].append(each.question)
        elif each.role is Role.MIRROR_FAILOVER:
            mirror.failover.append(_stated_member(each.vm, each.role, each.why))
        elif found := _async_member(each, homes):
            role, member = found
            mirror.rosters[role].append(member)
            least = min(least, member.confidence)
        else:
            question = f"{each.vm.name} is {each.why}: dr or reporting? Its own CPF tells (AsyncMemberType)"
            mirror.questions[Role.MIRROR_DR].append(question)
    mirror.balanced = _balanced([member.vm for member in mirror.failover])
    _put_arbiter(mirror, stated.arbiter)
    for role in (Role.MIRROR_DR, Role.MIRROR_REPORTING):
        if mirror.is_settled(role) and not mirror.rosters[role]:
            mirror.absent[role] = (least, f"no further async member is in {stated.why}")
    return mirror


def _put_arbiter(mirror: MirrorProposal, arbiter: Stated) -> None:
    """Put the arbiter of CPFs into a mirror; one outside of Azure is no VM, and stays an address."""
    if arbiter.vm:
        mirror.rosters[Role.MIRROR_ARBITER].append(_stated_member(arbiter.vm, Role.MIRROR_ARBITER, arbiter.why))
    elif arbiter.question:
        mirror.questions[Role.MIRROR_ARBITER].append(arbiter.question)
    elif arbiter.why and not arbiter.text:
        mirror.absent[Role.MIRROR_ARBITER] = (Confidence.CERTAIN, arbiter.why)


def _stated_member(vm: Candidate, role: Role, why: str) -> Member:
    best = vm.best_hint
    return Member(vm, Confidence.CERTAIN, best.why if best and best.role is role else why)


def _async_member(stated: Stated, homes: set[str]) -> tuple[Role, Member] | None:
    """Return the role of an async member, by its own CPF, its other hints or its region; None if nothing tells."""
    vm = stated.vm
    best = vm.best_hint if vm else None
    if vm is None or best is None:
        return None
    if stated.role:
        return stated.role, _stated_member(vm, stated.role, stated.why)
    if best.role in {Role.MIRROR_DR, Role.MIRROR_REPORTING}:
        return best.role, Member(vm, max(best.confidence, Confidence.LIKELY), best.why)
    if vm.region not in {"", *homes}:
        return Role.MIRROR_DR, Member(vm, Confidence.GUESS, f"{stated.why}; its region")
    return None


def _pairs(vms: list[Candidate]) -> list[MirrorProposal]:
    """Return the mirrors: by tag, by common backend pool, or by pairs of names."""
    candidates = [m for m in vms if m.role is Role.MIRROR_FAILOVER or (m.role is Role.DB and not m.is_certain)]
    lone = [m for m in vms if m.mirror_pools and not m.is_certain and m.role_by_name in {None, Role.DB}]
    sizes = Counter(pool for vm in candidates for pool in vm.mirror_pools)
    found: dict[tuple[str, ...], list[Candidate]] = defaultdict(list)
    for vm in candidates or lone[:1]:
        mirror = tag(vm.resource, TAG_MIRROR).strip()
        stem = (vm.region, stem_of(vm.words))
        if mirror:
            found["tag", mirror.casefold()].append(vm)
        elif vm.mirror_pools:
            found["pool", min(vm.mirror_pools, key=lambda pool: (-sizes[pool], pool))].append(vm)
        elif vm.role is Role.DB:
            found["name", *stem].append(vm)
        else:
            found["role", ""].append(vm)
    mirrors = []
    for (sort, *_), members in found.items():
        if (sort == "name" and len(members) != 2) or (sort == "role" and len(found) > 1):
            continue
        why = {"name": "; a pair by name"}.get(sort, "")
        zones = {str(zone) for vm in members for zone in _zones(vm)}
        if len(members) == 2 and len(zones) == 2 and len({*map(_numbering, members)}) == 1:
            why += f"; the two are in zones {' and '.join(sorted(zones))}"
        mirrors.append(MirrorProposal([_member(vm, why) for vm in members], balanced=_balanced(members)))
        if sort == "tag":
            mirrors[-1].name = tag(members[0].resource, TAG_MIRROR).strip()
    return mirrors


def _member(vm: Candidate, more: str = "") -> Member:
    best = vm.best_hint
    return Member(vm, best.confidence, best.why + more) if best else Member(vm, Confidence.GUESS, more)


def _balanced(vms: list[Candidate]) -> bool:
    return any(vm.mirror_pools for vm in vms)


def _numbering(vm: Candidate) -> tuple[str, str]:
    """Return the region and the subscription, within which the numbers of zones can be compared."""
    return vm.region, arm.subscription_of(vm.resource.key)


def _zones(vm: Candidate) -> list[object]:
    found = paths.get(vm.resource.body, ("zones",))
    return found if isinstance(found, list) else []


def _regions(vms: list[Candidate], pairs: list[MirrorProposal]) -> tuple[str, str]:
    """Return the primary region, that of the failover members, and the DR region; "" for an unknown one."""
    everywhere = Counter(vm.region for vm in vms if vm.region)
    homes = Counter(member.vm.region for pair in pairs for member in pair.failover if member.vm.region)
    arbiters = {vm.region for vm in vms if vm.role is Role.MIRROR_ARBITER}
    ranked = sorted(homes or everywhere, key=lambda region: (-homes[region], region not in arbiters, region))
    ranked = sorted(ranked, key=lambda region: -everywhere[region]) if not homes else ranked
    primary = next(iter(ranked), "")
    others = sorted(set(everywhere) - {primary}, key=lambda region: (-everywhere[region], region))
    dr_named = [r for r in others if any(m.region == r and DR_WORDS & m.words for m in vms)]
    databases = [r for r in others if any(m.region == r and m.role in DATABASES for m in vms)]
    return primary, next(iter((*dr_named, *databases)), "")


_Places = dict[str, set[int]]


class Likeness:
    """Some mirrors by what a VM can have in common with them."""

    def __init__(self, mirrors: Iterable[MirrorProposal]) -> None:
        """Index the mirrors by their places."""
        self._mirrors = list(mirrors)
        self._all = {*range(len(self._mirrors))}
        self._named: _Places = defaultdict(set)
        self._of_product: _Places = defaultdict(set)
        self._in_set: _Places = defaultdict(set)
        self._with_word: _Places = defaultdict(set)
        for place, mirror in enumerate(self._mirrors):
            self._named[mirror.name.casefold()].add(place)
            self._of_product[mirror.product].add(place)
            for vm in (member.vm for member in mirror.failover):
                self._in_set[vm.availability_set].add(place)
                for word in vm.words:
                    self._with_word[word].add(place)
        for index in (self._named, self._of_product, self._in_set):
            index.pop("", None)

    def best(self, vm: Candidate) -> list[MirrorProposal]:
        """Return the mirrors that match a VM best: by tag, product, availability set, then most words of its name."""
        left = self._all
        for index, key in (
            (self._named, tag(vm.resource, TAG_MIRROR).strip().casefold()),
            (self._of_product, vm.product),
            (self._in_set, vm.availability_set),
        ):
            alike = index.get(key, set())
            left = (alike if left is self._all else alike & left) or left
        words = sorted((self._with_word[word] for word in vm.words if word in self._with_word), key=len)
        scores: dict[int, int] = {}
        for number, places in enumerate(words):
            if max(scores.values(), default=0) > len(words) - number:
                break  # no mirror without any of the rarer words can match as well
            scores |= {place: sum(place in each for each in words) for place in places & left}
        most = max(scores.values(), default=0)
        found = sorted(place for place, score in scores.items() if score == most) if scores else sorted(left)
        return [self._mirrors[place] for place in found]


def _assign(member: Member, role: Role, likeness: Likeness) -> None:
    """Add a VM to the mirror that matches best; to each of them if several do."""
    chosen = likeness.best(member.vm)
    shared = Member(member.vm, Confidence.GUESS, f"{member.why}; it can belong to another mirror")
    for mirror in chosen:
        mirror.rosters[role].append(member if len(chosen) == 1 else shared)


def _product(vms: list[Candidate], mirrors: Sequence[MirrorProposal]) -> Product:  # noqa: PLR0911 - a case a line
    tagged = {tag(vm.resource, TAG_PRODUCT).lower() for vm in vms} - {""}
    if len(tagged) == 1 and tagged <= WHOLE_PRODUCTS:
        return Product(tagged.pop(), Confidence.CERTAIN, f"the tag {TAG_PRODUCT}")
    products = {*(vm.product for vm in vms), *(mirror.product for mirror in mirrors)} - {""}
    if len(products) > 1 or "healthshare" in tagged:
        return Product(
            "healthshare", Confidence.LIKELY, f"its products are {', '.join(sorted(products)) or 'tagged so'}"
        )
    words = {word for vm in vms for word in vm.words | vm.group_words}
    words |= {word for mirror in mirrors for word in words_of(mirror.name)}
    roles = {vm.role for vm in vms}
    for product, called in (("trakcare", {"trak", "trakcare"}), ("healthshare", HEALTHSHARE)):
        if called & words:
            return Product(product, Confidence.LIKELY, f"names contain {' and '.join(sorted(called & words))}")
    if Role.PRINT in roles:
        return Product("trakcare", Confidence.LIKELY, "it has print servers")
    if "iris" in words:
        return Product("iris", Confidence.GUESS, "names contain iris")
    if Role.APP in roles:
        return Product("trakcare", Confidence.GUESS, "it has application servers")
    return Product("iris", Confidence.GUESS, "no hint of TrakCare or HealthShare")


def _name(proposals: list[DeploymentProposal]) -> None:
    """Give deployments and mirrors unique names: those of their tags, else of their products."""
    taken: dict[str, int] = {}
    for proposal in proposals:
        environment = "prod" if proposal.production else "test"
        proposal.name = _unique(deployment_tag_of(proposal.vms), f"{proposal.product.name}-{environment}", taken)
        mirrors: dict[str, int] = {}
        for mirror in proposal.mirrors:
            mirror.name = _unique(mirror.name, mirror.product or proposal.product.name, mirrors)


def _unique(wanted: str, instead: str, taken: dict[str, int]) -> str:
    """Return a name, or one with a number if it is taken; each taken one has the lowest number that may be free."""
    name = wanted if wanted and "/" not in wanted and len(wanted) <= 100 else instead
    number = taken.get(name.casefold(), 1)
    while number > 1 and f"{name}-{number}".casefold() in taken:
        number += 1
    unique = name if number == 1 else f"{name}-{number}"
    taken[name.casefold()] = number + 1
    taken.setdefault(unique.casefold(), 2)
    return unique
