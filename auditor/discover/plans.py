"""The mirrors and tiers that the machines of one deployment make."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from auditor.azure import paths
from auditor.discover.estates import label_of
from auditor.discover.machines import DATABASES, Machine, Sure
from auditor.discover.names import DR_WORDS, HEALTHSHARE, WHOLE_PRODUCTS
from auditor.estate.declaration import Role
from auditor.estate.tags import TAG_MIRROR, TAG_PRODUCT, tag


class Member(NamedTuple):
    """A machine in a role, with how sure that is and why."""

    machine: Machine
    sure: Sure
    why: str


class Product(NamedTuple):
    """What a deployment runs, with how sure that is and why."""

    name: str
    sure: Sure
    why: str


@dataclass(eq=False)
class Mirror:
    """A mirror as it will be written."""

    failover: list[Member]
    name: str = ""
    balanced: bool = False
    rosters: dict[Role, list[Member]] = field(default_factory=lambda: defaultdict(list))

    @property
    def product(self) -> str:
        """Return the HealthShare product of its failover members, "" where they have none."""
        return next((member.machine.product for member in self.failover if member.machine.product), "")


@dataclass(eq=False)
class Plan:
    """A deployment as it will be written."""

    machines: list[Machine]
    product: Product
    name: str = ""
    primary: str = ""
    dr: str = ""
    """"" where no machine in another region was found."""
    mirrors: list[Mirror] = field(default_factory=list)
    tiers: dict[tuple[Role, str], list[Member]] = field(default_factory=dict)

    @property
    def production(self) -> bool:
        """Tell whether some of its machines are not for testing."""
        return any(machine.production for machine in self.machines)

    @property
    def members(self) -> Iterator[Member]:
        """Yield the machines that have a place in it."""
        for mirror in self.mirrors:
            yield from mirror.failover
            for roster in mirror.rosters.values():
                yield from roster
        for members in self.tiers.values():
            yield from members


def plans_of(estates: list[list[Machine]]) -> list[Plan]:
    """Return what is proposed for each deployment."""
    plans = [_plan(machines) for machines in estates]
    _name(plans)
    return plans


def _plan(machines: list[Machine]) -> Plan:
    """Sort the machines of one deployment into its mirrors and tiers."""
    plan = Plan(machines, product=_product(machines))
    pairs = _pairs(machines)
    plan.primary, plan.dr = _regions(machines, pairs)
    plan.mirrors = [pair for pair in pairs if plan.primary in {m.machine.region for m in pair.failover}] or pairs[:1]
    placed = {member.machine for mirror in plan.mirrors for member in mirror.failover}
    tiers: dict[tuple[Role, str], list[Member]] = defaultdict(list)
    for machine in sorted(machines, key=lambda machine: machine.region != plan.primary):
        verdict = machine.verdict
        if machine in placed or verdict is None:
            continue
        role, sure, why = verdict.role, verdict.sure, verdict.why
        if role in {Role.MIRROR_FAILOVER, Role.DB} and not machine.tagged:
            elsewhere = plan.mirrors and machine.region not in {"", plan.primary}
            role, why = (Role.MIRROR_DR, f"{why}; its region") if elsewhere else (Role.DB, f"{why}; it has no partner")
        member = Member(machine, sure, why)
        if role in {Role.MIRROR_DR, Role.MIRROR_ARBITER, Role.MIRROR_REPORTING, Role.MIRROR_FAILOVER}:
            _assign(member, role, plan.mirrors)
        else:
            tiers[role, machine.product if plan.product.name == "healthshare" else ""].append(member)
    order = [Role.WEB, Role.APP, Role.PRINT, Role.DB]
    plan.tiers = dict(sorted(tiers.items(), key=lambda tier: (order.index(tier[0][0]), tier[0][1])))
    return plan


def _pairs(machines: list[Machine]) -> list[Mirror]:
    """Return the mirrors: by tag, by the pool that the members share, and where names come in pairs."""
    candidates = [m for m in machines if m.role is Role.MIRROR_FAILOVER or (m.role is Role.DB and not m.tagged)]
    lone = [m for m in machines if m.mirror_pools and not m.tagged and m.called in {None, Role.DB}]
    sizes = Counter(pool for machine in candidates for pool in machine.mirror_pools)
    found: dict[tuple[str, ...], list[Machine]] = defaultdict(list)
    for machine in candidates or lone[:1]:
        mirror = tag(machine.resource, TAG_MIRROR).strip()
        stem = (machine.region, " ".join(sorted(word for word in machine.words if len(word) > 1 and word.isalpha())))
        if mirror:
            found["tag", mirror.casefold()].append(machine)
        elif machine.mirror_pools:
            found["pool", min(machine.mirror_pools, key=lambda pool: (-sizes[pool], pool))].append(machine)
        elif machine.role is Role.DB:
            found["name", *stem].append(machine)
        else:
            found["role", ""].append(machine)
    mirrors = []
    for (sort, *_), members in found.items():
        if (sort == "name" and len(members) != 2) or (sort == "role" and len(found) > 1):
            continue
        why = {"name": "; a pair by name"}.get(sort, "")
        zones = {str(zone) for machine in members for zone in _zones(machine)}
        if len(members) == 2 and len(zones) == 2:
            why += f"; the two are in zones {' and '.join(sorted(zones))}"
        mirrors.append(Mirror([_member(machine, why) for machine in members], balanced=_balanced(members)))
        if sort == "tag":
            mirrors[-1].name = tag(members[0].resource, TAG_MIRROR).strip()
    return mirrors


def _member(machine: Machine, more: str = "") -> Member:
    verdict = machine.verdict
    return Member(machine, verdict.sure, verdict.why + more) if verdict else Member(machine, Sure.GUESS, more)


def _balanced(machines: list[Machine]) -> bool:
    return any(machine.mirror_pools for machine in machines)


def _zones(machine: Machine) -> list[object]:
    found = paths.get(machine.resource.body, ("zones",))
    return found if isinstance(found, list) else []


def _regions(machines: list[Machine], pairs: list[Mirror]) -> tuple[str, str]:
    """Return where the failover pairs are, and where most of the other machines are; "" for what cannot be told."""
    everywhere = Counter(machine.region for machine in machines if machine.region)
    homes = Counter(member.machine.region for pair in pairs for member in pair.failover if member.machine.region)
    arbiters = {machine.region for machine in machines if machine.role is Role.MIRROR_ARBITER}
    ranked = sorted(homes or everywhere, key=lambda region: (-homes[region], region not in arbiters, region))
    ranked = sorted(ranked, key=lambda region: -everywhere[region]) if not homes else ranked
    primary = next(iter(ranked), "")
    others = sorted(set(everywhere) - {primary}, key=lambda region: (-everywhere[region], region))
    dr_named = [r for r in others if any(m.region == r and DR_WORDS & m.words for m in machines)]
    databases = [r for r in others if any(m.region == r and m.role in DATABASES for m in machines)]
    return primary, next(iter((*dr_named, *databases)), "")


def _assign(member: Member, role: Role, mirrors: list[Mirror]) -> None:
    """Give a machine to the mirrors that it fits best: by tag, product, availability set, then by its name."""
    machine = member.machine
    said = tag(machine.resource, TAG_MIRROR).strip().casefold()

    def likeness(mirror: Mirror) -> tuple[bool, bool, bool, int]:
        sets = {m.machine.availability_set for m in mirror.failover} - {""}
        words = {word for m in mirror.failover for word in m.machine.words}
        return (
            bool(said) and said == mirror.name.casefold(),
            bool(machine.product) and machine.product == mirror.product,
            machine.availability_set in sets,
            len(words & machine.words),
        )

    best = max(map(likeness, mirrors), default=None)
    chosen = [mirror for mirror in mirrors if likeness(mirror) == best]
    for mirror in chosen:
        shared = Member(machine, Sure.GUESS, f"{member.why}; it may be another mirror's")
        mirror.rosters[role].append(member if len(chosen) == 1 else shared)


def _product(machines: list[Machine]) -> Product:  # noqa: PLR0911 - a case a line
    tagged = {tag(machine.resource, TAG_PRODUCT).lower() for machine in machines} - {""}
    if len(tagged) == 1 and tagged <= WHOLE_PRODUCTS:
        return Product(tagged.pop(), Sure.CERTAIN, f"the tag {TAG_PRODUCT}")
    products = {machine.product for machine in machines} - {""}
    if len(products) > 1 or "healthshare" in tagged:
        return Product("healthshare", Sure.LIKELY, f"its products are {', '.join(sorted(products)) or 'tagged so'}")
    words = {word for machine in machines for word in machine.words | machine.group_words}
    roles = {machine.role for machine in machines}
    for product, called in (("trakcare", {"trak", "trakcare"}), ("healthshare", HEALTHSHARE)):
        if called & words:
            return Product(product, Sure.LIKELY, f"names say {' and '.join(sorted(called & words))}")
    if Role.PRINT in roles:
        return Product("trakcare", Sure.LIKELY, "it has print servers")
    if "iris" in words:
        return Product("iris", Sure.GUESS, "names say iris")
    if Role.APP in roles:
        return Product("trakcare", Sure.GUESS, "it has application servers")
    return Product("iris", Sure.GUESS, "nothing says that it is TrakCare or HealthShare")


def _name(plans: list[Plan]) -> None:
    """Give deployments and mirrors names that are unique: those of tags, else of what they run."""
    taken: set[str] = set()
    for plan in plans:
        environment = "prod" if plan.production else "test"
        plan.name = _unique(label_of(plan.machines), f"{plan.product.name}-{environment}", taken)
        mirrors: set[str] = set()
        for mirror in plan.mirrors:
            mirror.name = _unique(mirror.name, mirror.product or plan.product.name, mirrors)


def _unique(wanted: str, instead: str, taken: set[str]) -> str:
    name = wanted if wanted and "/" not in wanted and len(wanted) <= 100 else instead
    number = 1
    while (name if number == 1 else f"{name}-{number}").casefold() in taken:
        number += 1
    unique = name if number == 1 else f"{name}-{number}"
    taken.add(unique.casefold())
    return unique
