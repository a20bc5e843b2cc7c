"""Proposes a deployment file from what an inventory shows; nothing in here has a say in a scan.

Evidence is collected by subject (tags, mirror pools, names, other pools, availability sets), weighed for each machine,
and sorted into deployments, mirrors and tiers. Every line of the proposal tells how sure it is, and why.
"""

from __future__ import annotations

import enum
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from auditor import arm, documents, paths
from auditor.errors import InputError
from auditor.model import Part, Resource, Role, Snapshot
from auditor.report.escape import printable
from auditor.topology import Balancing, Graph
from auditor.topology.balancing import POOLS, network_of
from auditor.topology.graph import APPLICATION_GATEWAY, LOAD_BALANCER, VIRTUAL_NETWORK, VM, parts, value
from auditor.topology.tags import TAG_DEPLOYMENT, TAG_MIRROR, TAG_PRODUCT, TAG_ROLE, tag
from auditor.values import Items


class Proposal(NamedTuple):
    """A deployment file as text."""

    text: str
    found: bool
    """False where no deployment was recognised, so that the text is a skeleton of comments."""


def propose(snapshot: Snapshot) -> Proposal:
    """Return the deployment file that an inventory suggests.

    Raises:
        InputError: it would be larger than such a file may be.
    """
    inventory = _Inventory(snapshot)
    for evidence in (_tags, _mirror_pools, _names, _other_pools, _availability_sets):
        for machine, hint in list(evidence(inventory)):
            machine.hints.append(hint)
    plans = [_plan(estate) for estate in _estates(inventory) if _is_ours(estate)]
    _name_plans(plans)
    text = _text(inventory, plans)
    if len(text.encode()) > documents.MAX_BYTES:
        message = "has more machines than one deployment file may name: discover one subscription at a time"
        raise InputError(message)
    return Proposal(text, bool(plans))


def _is_ours(estate: list[_Machine]) -> bool:
    """Tell whether anything says InterSystems of some machines, and one of them is a database or tagged."""
    data = any(machine.role in _DATABASES or machine.label for machine in estate)
    return data and any(machine.anchors for machine in estate)


# --- what is known of a machine ---------------------------------------------------------------------------------------


class Sure(enum.IntEnum):
    """How far to trust a line."""

    GUESS = 1
    """One hint, such as a name."""
    LIKELY = 2
    """The mirror status page, or two hints of different sorts that agree."""
    CERTAIN = 3
    """Somebody said so with a tag."""


class Hint(NamedTuple):
    """One reason to give a machine a role."""

    role: Role
    sure: Sure
    why: str
    named: bool = False
    """Whether it is the machine's own name that says so."""


_DATABASES: Final = frozenset({Role.DB, Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.MIRROR_REPORTING})


@dataclass(eq=False)
class _Machine:
    """A virtual machine and what speaks for its role."""

    resource: Resource
    words: frozenset[str]
    """Those of its name."""
    group_words: frozenset[str]
    """Those of its resource group's name."""
    hints: list[Hint] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)
    """What says that it has to do with InterSystems at all."""
    mirror_pools: list[str] = field(default_factory=list)
    """Keys of the pools of a mirror's balancer that it is in."""
    networks: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.resource.name

    @property
    def verdict(self) -> Hint | None:
        """Return the role that its hints add up to: a tag's, else its name's, else what pools and sets say."""
        if not self.hints:
            return None
        said = next((hint for hint in self.hints if hint.sure is Sure.CERTAIN), None)
        own = next((hint for hint in self.hints if hint.named and hint.role is not Role.DB), None)
        best = said or own or max(self.hints, key=lambda hint: (hint.role is not Role.DB, hint.sure))
        support = [hint for hint in self.hints if hint.role is best.role or {hint.role, best.role} <= _DATABASES]
        sure = max(hint.sure for hint in support)
        if len({hint.why for hint in support}) > 1:
            sure = max(sure, Sure.LIKELY)
        return Hint(best.role, sure, "; ".join(dict.fromkeys(hint.why for hint in support)))

    @property
    def role(self) -> Role | None:
        verdict = self.verdict
        return verdict.role if verdict else None

    @property
    def tagged(self) -> bool:
        """Tell whether a tag says what it is."""
        return any(hint.sure is Sure.CERTAIN for hint in self.hints)

    @property
    def label(self) -> str:
        """Return the deployment that a tag names, "" where none does."""
        return tag(self.resource, TAG_DEPLOYMENT).strip()

    @property
    def region(self) -> str:
        found = self.resource.location
        return found if _REGION.fullmatch(found) and found != "none" else ""

    @property
    def availability_set(self) -> str:
        found = value(self.resource, "properties.availabilitySet.id").value
        return arm.key(found) if isinstance(found, str) else ""

    @property
    def production(self) -> bool:
        return not _NON_PRODUCTION & (self.words | self.group_words | _words(tag(self.resource, "environment")))

    @property
    def product(self) -> str:
        """Return the HealthShare product that a tag or its name gives to it, "" where none does."""
        said = tag(self.resource, TAG_PRODUCT).lower()
        if _PRODUCT.fullmatch(said):
            return "" if said in _WHOLE_PRODUCTS else said
        if not _HEALTHSHARE & (self.words | self.group_words):
            return ""
        return next((name for word, name in _HEALTHSHARE_PRODUCTS.items() if word in self.words), "")


_REGION: Final = re.compile(r"[a-z][a-z0-9]{1,63}")
_PRODUCT: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
_WHOLE_PRODUCTS: Final = frozenset({"trakcare", "healthshare", "iris"})
_NON_PRODUCTION: Final = frozenset(
    ("test", "tst", "dev", "uat", "qa", "stage", "staging", "sandbox", "training", "nonprod", "preprod", "non")
)
_HEALTHSHARE: Final = frozenset({"healthshare", "hs"})
_HEALTHSHARE_PRODUCTS: Final = {
    "ie": "information-exchange",
    "hie": "information-exchange",
    "pi": "patient-index",
    "hi": "health-insight",
    "pc": "personal-community",
    "hc": "health-connect",
}
_PRODUCT_WORDS: Final = frozenset(
    {*_HEALTHSHARE, "trak", "trakcare", "iris", "intersystems", "ensemble", "cache", "irishealth"}
)
_GLUED: Final = ("trakcare", "trak", "iris", "cache", "vm", "hs")
_KNOWN: Final = re.compile(
    "trakcare|trak|iris|cache|hs|vm|srv|prod|prd|test|tst|dev|uat|dr|db|web|app|print|prn|arbiter|arb|rpt|ie|pi|hi|pc|hc"
)
_RUN_TOGETHER: Final = re.compile(f"(?:{_KNOWN.pattern})+")
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def _words(text: str) -> frozenset[str]:
    """Return the words of a name in lower case; `vmDb1`, `PRDTRAKDB01` and `hsie` are each made of several."""
    found: set[str] = set()
    for word in _WORD.findall(text):
        word = word.lower()  # noqa: PLW2901 - the same word
        found.add(word)
        if _RUN_TOGETHER.fullmatch(word):
            found.update(_KNOWN.findall(word))
        for front in _GLUED:
            if word.startswith(front) and len(word) > len(front):
                found |= {front, word.removeprefix(front)}
    return frozenset(found)


class _Inventory:
    """The machines that a deployment file can name, and look-ups among them."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.graph = Graph(snapshot)
        self.balancing = Balancing(self.graph)
        self.machines = {
            machine.key: _Machine(machine, _words(machine.name), _words(arm.group_of(machine.key)))
            for machine in self.graph.by_type.get(VM, ())
            if _can_be_written(machine)
        }
        self.names = Counter(machine.name.lower() for machine in self.graph.by_type.get(VM, ()))
        for machine in self.machines.values():
            machine.networks = frozenset(self._networks(machine.resource))
            words = _PRODUCT_WORDS & (machine.words | machine.group_words)
            machine.anchors += [f"the name of it or its group says {word}" for word in sorted(words)]

    def _networks(self, machine: Resource) -> Iterator[str]:
        for interface in parts(machine, "properties.networkProfile.networkInterfaces[*]"):
            arm_id = value(interface, "id").value
            found = self.graph.get(arm_id) if isinstance(arm_id, str) else None
            for configuration in parts(found, "properties.ipConfigurations[*]") if isinstance(found, Resource) else ():
                subnet = value(configuration, "properties.subnet.id").value
                if isinstance(subnet, str):
                    yield network_of(subnet)

    def pools(self) -> Iterator[tuple[Part, list[_Machine]]]:
        """Yield the pools of balancers and gateways with the machines in them."""
        for type_ in (LOAD_BALANCER, APPLICATION_GATEWAY):
            for balancer in self.graph.by_type.get(type_, ()):
                for pool in parts(balancer, POOLS):
                    known = self.balancing.machines(pool).value
                    members = known.known if isinstance(known, Items) else ()
                    found = [self.machines.get(m.key) for m in members if isinstance(m, Resource)]
                    yield pool, [machine for machine in found if machine is not None]


def _can_be_written(machine: Resource) -> bool:
    """Tell whether a deployment file can name a machine by its id, whatever characters are in it."""
    whole = arm.is_id(machine.id) and len(machine.id) < 2000
    return whole and not any("\ud800" <= character <= "\udfff" for character in machine.id)


# --- evidence, one subject each ---------------------------------------------------------------------------------------

_Evidence = Iterator[tuple[_Machine, Hint]]

_STATUS_PAGE: Final = re.compile(r"mirror_?status\.(cxw|cmx)", re.IGNORECASE)
_SUPERSERVERS: Final = frozenset({1972, 51773})
_WEB_PORTS: Final = frozenset({80, 443})


def _tags(inventory: _Inventory) -> _Evidence:
    """What somebody said with the auditor's own tags."""
    for machine in inventory.machines.values():
        role = tag(machine.resource, TAG_ROLE).strip().lower()
        machine.anchors += [
            f"it has the tag {name}"
            for name in (TAG_DEPLOYMENT, TAG_ROLE, TAG_MIRROR, TAG_PRODUCT)
            if tag(machine.resource, name)
        ]
        if role in set(Role):
            yield machine, Hint(Role(role), Sure.CERTAIN, f"the tag {TAG_ROLE} says so")


def _mirror_pools(inventory: _Inventory) -> _Evidence:
    """Pools of which a balancer asks for the mirror status page, or to which it leads superserver traffic.

    One that holds two machines holds the failover members, one that holds a single machine probably a DR member.
    """
    for pool, machines in inventory.pools():
        asked, what = _asks_for_mirror(inventory, pool)
        if not asked:
            continue
        members = _members(machines)
        for machine in members:
            role = Role.MIRROR_FAILOVER if len(members) > 1 else Role.MIRROR_DR
            machine.mirror_pools.append(pool.key)
            machine.anchors.append(what)
            number = f"as one of {len(members)}" if len(members) > 1 else "alone"
            yield machine, Hint(role, asked if len(members) < 3 else Sure.GUESS, f"{what}, {number}")


def _asks_for_mirror(inventory: _Inventory, pool: Part) -> tuple[Sure | None, str]:
    """Return how surely a pool is a mirror's, None where nothing says so, and what says it."""
    best: tuple[Sure | None, str] = (None, "")
    for rule in inventory.balancing.rules_into(pool):
        probe = inventory.balancing.probe(rule).value
        path = value(probe, "properties.requestPath").value if isinstance(probe, Part) else None
        if isinstance(path, str) and _STATUS_PAGE.search(path):
            return Sure.LIKELY, f"{pool.resource.name} asks its pool for the mirror status page"
        port = value(rule, "properties.backendPort").value
        if type(port) is int and port in _SUPERSERVERS:
            best = (Sure.GUESS, f"{pool.resource.name} leads to the superserver port {port}")
    return best


def _members(machines: list[_Machine]) -> list[_Machine]:
    """Return the members of a mirror's pool; where there are too many, those whose names say that they are databases.

    A machine that its name calls something else never is one.
    """
    possible = [machine for machine in machines if (_role_by_name(machine) or Role.DB) in _DATABASES]
    named = [machine for machine in possible if _role_by_name(machine)]
    return named if len(possible) > 2 and len(named) > 1 else possible


_ROLE_WORDS: Final = (
    (Role.MIRROR_ARBITER, frozenset({"arbiter", "arb"})),
    (Role.PRINT, frozenset({"print", "prn", "prt", "printing", "spooler"})),
    (Role.WEB, frozenset({"web", "csp", "webgateway", "webserver", "apache", "httpd", "nginx", "iis"})),
    (Role.APP, frozenset({"app", "ecp", "application", "appserver"})),
    (Role.MIRROR_REPORTING, frozenset({"report", "reporting", "rpt"})),
    (Role.DB, frozenset({"db", "database", "dbserver"})),
    (Role.DB, frozenset({"iris", "ensemble", "irishealth"})),
)
"""The first that a name has counts: the database's are last, since every machine may bear the product's name."""
_DR_WORDS: Final = frozenset({"dr", "disaster"})


def _role_by_name(machine: _Machine) -> Role | None:
    """Return the role that a machine's name speaks of."""
    role = next((role for role, words in _ROLE_WORDS if words & machine.words), None)
    return Role.MIRROR_DR if role is Role.DB and _DR_WORDS & machine.words else role


def _names(inventory: _Inventory) -> _Evidence:
    """What machines are called."""
    for machine in inventory.machines.values():
        role = _role_by_name(machine)
        if role is not None:
            yield machine, Hint(role, Sure.GUESS, "its name", named=True)
        if role is Role.MIRROR_ARBITER:
            machine.anchors.append("it is called an arbiter")


def _other_pools(inventory: _Inventory) -> _Evidence:
    """Who stands behind one balancer or gateway with machines whose names tell, or behind a web port."""
    for pool, machines in inventory.pools():
        if any(pool.key in machine.mirror_pools for machine in machines):
            continue
        where = f"it is in a pool of {pool.resource.name}"
        roles = {role for role in map(_role_by_name, machines) if role}
        if len(roles) == 1 and len(machines) > 1:
            for machine in machines:
                yield machine, Hint(next(iter(roles)), Sure.GUESS, where)
        elif not roles and _leads_to_web(inventory, pool):
            for machine in machines:
                yield machine, Hint(Role.WEB, Sure.GUESS, f"{where}, which takes web traffic")


def _leads_to_web(inventory: _Inventory, pool: Part) -> bool:
    """Tell whether a pool is a gateway's, or gets what comes for a web port."""
    ports = {value(rule, "properties.frontendPort").value for rule in inventory.balancing.rules_into(pool)}
    return pool.resource.type == APPLICATION_GATEWAY or any(type(p) is int and p in _WEB_PORTS for p in ports)


def _availability_sets(inventory: _Inventory) -> _Evidence:
    """Who shares an availability set: the third one among failover members is their arbiter."""
    sets: dict[str, list[_Machine]] = defaultdict(list)
    for machine in inventory.machines.values():
        if machine.availability_set:
            sets[machine.availability_set].append(machine)
    for key, machines in sets.items():
        where = f"it shares the availability set {arm.name_of(key)}"
        roles = Counter(machine.role for machine in machines)
        rest = [machine for machine in machines if machine.role in {None, Role.MIRROR_ARBITER}]
        if roles[Role.MIRROR_FAILOVER] + roles[Role.DB] >= 2:
            for machine in rest if len(rest) == 1 else ():
                yield machine, Hint(Role.MIRROR_ARBITER, Sure.GUESS, f"{where} with the failover members")
            continue
        known = set(roles) - {None}
        for machine in machines if len(known) == 1 and len(machines) > 1 else ():
            for role in known:
                if role is not None:
                    yield machine, Hint(role, Sure.GUESS, where)


# --- which machines belong together -----------------------------------------------------------------------------------


class _Groups:
    """Machines that were found to belong together; what tags or environments keep apart stays apart."""

    def __init__(self, machines: Iterable[_Machine]) -> None:
        self._of: dict[str, list[_Machine]] = {machine.resource.key: [machine] for machine in machines}

    def join(self, one: _Machine, other: _Machine) -> None:
        a, b = self._of[one.resource.key], self._of[other.resource.key]
        if a is b or not _may_join(a, b):
            return
        small, large = sorted((a, b), key=len)
        large += small
        for machine in small:
            self._of[machine.resource.key] = large

    def all(self) -> list[list[_Machine]]:
        groups = {id(group): group for group in self._of.values()}
        return [sorted(group, key=lambda machine: machine.resource.key) for group in groups.values()]


def _may_join(one: list[_Machine], other: list[_Machine]) -> bool:
    labels, others = _label(one).casefold(), _label(other).casefold()
    if labels or others:
        return labels == others or (not (labels and others) and one[0].production is other[0].production)
    return one[0].production is other[0].production


def _label(machines: list[_Machine]) -> str:
    return next((machine.label for machine in machines if machine.label), "")


def _estates(inventory: _Inventory) -> list[list[_Machine]]:
    """Sort the machines that have a role into deployments, by tags, pools, sets, resource groups and networks."""
    machines = [machine for machine in inventory.machines.values() if machine.role]
    groups = _Groups(machines)
    peers = _peers(inventory)
    sorts: tuple[dict[str, list[_Machine]], ...] = tuple(defaultdict(list) for _ in range(6))
    for machine in machines:
        keys: tuple[Iterable[str], ...] = (
            [machine.label.casefold()],
            machine.mirror_pools,
            [machine.availability_set],
            [arm.subscription_of(machine.resource.key) + "/" + arm.group_of(machine.resource.key)],
            machine.networks,
            [pair for network in machine.networks for pair in peers[network]],
        )
        for sort, found in zip(sorts, keys, strict=True):
            for key in found:
                sort[key].append(machine)
    for sort in sorts:
        for key, together in sort.items():
            for machine in together[1:] if key else ():
                groups.join(together[0], machine)
    _adopt(groups)
    return sorted(groups.all(), key=lambda group: group[0].resource.key)


def _peers(inventory: _Inventory) -> dict[str, list[str]]:
    """Return, by network, a key for each peering that it is a side of."""
    peers: dict[str, list[str]] = defaultdict(list)
    for network in inventory.graph.by_type.get(VIRTUAL_NETWORK, ()):
        for peering in parts(network, "properties.virtualNetworkPeerings[*]"):
            remote = value(peering, "properties.remoteVirtualNetwork.id").value
            if isinstance(remote, str):
                pair = " ".join(sorted((network.key, arm.key(remote))))
                peers[network.key].append(pair)
                peers[arm.key(remote)].append(pair)
    return peers


def _adopt(groups: _Groups) -> None:
    """Give a group without failover members, such as a DR region, to the only one that has some."""

    def has_mirror(group: list[_Machine]) -> bool:
        return sum(machine.role in {Role.MIRROR_FAILOVER, Role.DB} for machine in group) > 1

    everyone = groups.all()
    for group in everyone:
        if not has_mirror(group) and not _label(group) and any(machine.role in _DATABASES for machine in group):
            homes = [other for other in everyone if has_mirror(other) and _may_join(other, group)]
            if len(homes) == 1 and any(machine.anchors for machine in homes[0]):
                groups.join(homes[0][0], group[0])


# --- mirrors and tiers ------------------------------------------------------------------------------------------------


class Member(NamedTuple):
    """A machine in a role, with how sure that is and why."""

    machine: _Machine
    sure: Sure
    why: str


@dataclass(eq=False)
class _Mirror:
    failover: list[Member]
    name: str = ""
    balanced: bool = False
    rosters: dict[Role, list[Member]] = field(default_factory=lambda: defaultdict(list))

    @property
    def product(self) -> str:
        return next((member.machine.product for member in self.failover if member.machine.product), "")


@dataclass(eq=False)
class _Plan:
    """A deployment as it will be written."""

    machines: list[_Machine]
    product: tuple[str, Sure, str]
    name: str = ""
    primary: str = ""
    dr: str = ""
    """"" where no machine in another region was found."""
    mirrors: list[_Mirror] = field(default_factory=list)
    tiers: dict[tuple[Role, str], list[Member]] = field(default_factory=dict)

    @property
    def production(self) -> bool:
        return any(machine.production for machine in self.machines)


def _plan(machines: list[_Machine]) -> _Plan:
    """Sort the machines of one deployment into its mirrors and tiers."""
    plan = _Plan(machines, product=_product(machines))
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
            tiers[role, machine.product if plan.product[0] == "healthshare" else ""].append(member)
    order = [Role.WEB, Role.APP, Role.PRINT, Role.DB]
    plan.tiers = dict(sorted(tiers.items(), key=lambda tier: (order.index(tier[0][0]), tier[0][1])))
    return plan


def _pairs(machines: list[_Machine]) -> list[_Mirror]:
    """Return the mirrors: by tag, by the pool that the members share, and where names come in pairs."""
    candidates = [m for m in machines if m.role is Role.MIRROR_FAILOVER or (m.role is Role.DB and not m.tagged)]
    lone = [m for m in machines if m.mirror_pools and not m.tagged and _role_by_name(m) in {None, Role.DB}]
    sizes = Counter(pool for machine in candidates for pool in machine.mirror_pools)
    found: dict[tuple[str, ...], list[_Machine]] = defaultdict(list)
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
        mirrors.append(_Mirror([_member(machine, why) for machine in members], balanced=_balanced(members)))
        if sort == "tag":
            mirrors[-1].name = tag(members[0].resource, TAG_MIRROR).strip()
    return mirrors


def _member(machine: _Machine, more: str = "") -> Member:
    verdict = machine.verdict
    return Member(machine, verdict.sure, verdict.why + more) if verdict else Member(machine, Sure.GUESS, more)


def _balanced(machines: list[_Machine]) -> bool:
    return any(machine.mirror_pools for machine in machines)


def _zones(machine: _Machine) -> list[object]:
    found = paths.get(machine.resource.body, ("zones",))
    return found if isinstance(found, list) else []


def _regions(machines: list[_Machine], pairs: list[_Mirror]) -> tuple[str, str]:
    """Return where the failover pairs are, and where most of the other machines are; "" for what cannot be told."""
    everywhere = Counter(machine.region for machine in machines if machine.region)
    homes = Counter(member.machine.region for pair in pairs for member in pair.failover if member.machine.region)
    arbiters = {machine.region for machine in machines if machine.role is Role.MIRROR_ARBITER}
    ranked = sorted(homes or everywhere, key=lambda region: (-homes[region], region not in arbiters, region))
    ranked = sorted(ranked, key=lambda region: -everywhere[region]) if not homes else ranked
    primary = next(iter(ranked), "")
    others = sorted(set(everywhere) - {primary}, key=lambda region: (-everywhere[region], region))
    dr_named = [r for r in others if any(m.region == r and _DR_WORDS & m.words for m in machines)]
    databases = [r for r in others if any(m.region == r and m.role in _DATABASES for m in machines)]
    return primary, next(iter((*dr_named, *databases)), "")


def _assign(member: Member, role: Role, mirrors: list[_Mirror]) -> None:
    """Give a machine to the mirrors that it fits best: by tag, product, availability set, then by its name."""
    machine = member.machine
    said = tag(machine.resource, TAG_MIRROR).strip().casefold()

    def likeness(mirror: _Mirror) -> tuple[bool, bool, bool, int]:
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


def _product(machines: list[_Machine]) -> tuple[str, Sure, str]:
    """Return the product of a deployment, how sure that is, and why."""
    tagged = {tag(machine.resource, TAG_PRODUCT).lower() for machine in machines} - {""}
    if len(tagged) == 1 and tagged <= _WHOLE_PRODUCTS:
        return (*tagged, Sure.CERTAIN, f"the tag {TAG_PRODUCT}")  # type: ignore[return-value]
    products = {machine.product for machine in machines} - {""}
    if len(products) > 1 or "healthshare" in tagged:
        return "healthshare", Sure.LIKELY, f"its products are {', '.join(sorted(products)) or 'tagged so'}"
    words = {word for machine in machines for word in machine.words | machine.group_words}
    roles = {machine.role for machine in machines}
    for product, called in (("trakcare", {"trak", "trakcare"}), ("healthshare", _HEALTHSHARE)):
        if called & words:
            return product, Sure.LIKELY, f"names say {' and '.join(sorted(called & words))}"
    hints = (
        (Role.PRINT in roles, "trakcare", Sure.LIKELY, "it has print servers"),
        ("iris" in words, "iris", Sure.GUESS, "names say iris"),
        (Role.APP in roles, "trakcare", Sure.GUESS, "it has application servers"),
        (True, "iris", Sure.GUESS, "nothing says that it is TrakCare or HealthShare"),
    )
    return next((product, sure, why) for applies, product, sure, why in hints if applies)


def _name_plans(plans: list[_Plan]) -> None:
    """Give deployments and mirrors names that are unique: those of tags, else of what they run."""
    taken: set[str] = set()
    for plan in plans:
        environment = "prod" if plan.production else "test"
        plan.name = _unique(_label(plan.machines), f"{plan.product[0]}-{environment}", taken)
        mirrors: set[str] = set()
        for mirror in plan.mirrors:
            mirror.name = _unique(mirror.name, mirror.product or plan.product[0], mirrors)


def _unique(wanted: str, instead: str, taken: set[str]) -> str:
    name = wanted if wanted and "/" not in wanted and len(wanted) <= 100 and _encodes(wanted) else instead
    number = 1
    while (name if number == 1 else f"{name}-{number}").casefold() in taken:
        number += 1
    unique = name if number == 1 else f"{name}-{number}"
    taken.add(unique.casefold())
    return unique


def _encodes(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


# --- writing ----------------------------------------------------------------------------------------------------------

_HEAD: Final = """\
# Proposed by `auditor discover` from what the inventory shows. Read each line, mend it, and keep the file.
#   certain  a tag says so
#   likely   the mirror status page, or two hints of different sorts, say so
#   guess    a single hint, such as a name
# What has a # in front was not found: name it, or write `none` where there is none on purpose.
"""

_SKELETON: Final = """\
# No InterSystems deployment was recognised. Take the # away, and name your own machines:
#
# format: auditor.deployment/1
# deployments:
#   - name: iris-prod
#     product: iris  # trakcare | healthshare | iris
#     environment: production  # production | non-production
#     regions: {primary: westeurope, dr: northeurope}  # dr: none where there is none
#     mirrors:
#       - name: IRISDB
#         address: {kind: load-balancer}  # load-balancer | secondary-ip | none
#         failover:
#           - vm-db-a
#           - vm-db-b
#         arbiter: vm-arbiter
#         dr:
#           - vm-db-dr
#         reporting: none
#     tiers:
#       - role: web
#         members:
#           - vm-web-a
#           - vm-web-b
"""

_MAX_LEFT: Final = 200
_MAX_COMMENT: Final = 300
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
_SPECIAL: Final = frozenset({"none", "null", "true", "false"})
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _text(inventory: _Inventory, plans: list[_Plan]) -> str:
    lines = (_HEAD if plans else _SKELETON).splitlines()
    lines += [f"# {_comment(line)}" for line in _unseen(inventory)]
    if plans:
        lines += ["format: auditor.deployment/1", "deployments:"]
        for plan in plans:
            lines += _deployment(inventory, plan)
    lines += [f"# {_comment(line)}" for line in _left_out(inventory, plans)]
    return "\n".join(lines) + "\n"


def _unseen(inventory: _Inventory) -> Iterator[str]:
    """Yield why there may be machines that are not in the proposal."""
    for subscription in inventory.graph.snapshot.scopes:
        gap = inventory.graph.listing(VM, subscription)
        if gap is not None:
            yield f"There may be more machines: {gap.reason}"


def _left_out(inventory: _Inventory, plans: list[_Plan]) -> Iterator[str]:
    """Yield the machines that fit nowhere."""
    placed = {member.machine for plan in plans for member in _members_of(plan)}
    rest = [machine for machine in inventory.machines.values() if machine not in placed]
    if rest:
        yield "Left out, since nothing gives them a place:"
    for machine in rest[:_MAX_LEFT]:
        verdict = machine.verdict
        why = f": perhaps {verdict.role} ({verdict.why})" if verdict else ""
        yield f"  {machine.name} in {arm.group_of(machine.resource.key)}{why}"
    if len(rest) > _MAX_LEFT:
        yield f"  and {len(rest) - _MAX_LEFT} more"


def _members_of(plan: _Plan) -> Iterator[Member]:
    for mirror in plan.mirrors:
        yield from mirror.failover
        for roster in mirror.rosters.values():
            yield from roster
    for members in plan.tiers.values():
        yield from members


def _deployment(inventory: _Inventory, plan: _Plan) -> Iterator[str]:
    product, sure, why = plan.product
    yield f"  - name: {_scalar(plan.name)}"
    yield f"    product: {product}  # {_reason(sure, why)}"
    if plan.production:
        yield "    environment: production  # nothing says otherwise"
    else:
        yield f"    environment: non-production  # {_reason(Sure.GUESS, 'a name or tag says so')}"
    subscriptions = {arm.name_of(arm.subscription_of(machine.resource.key)) for machine in plan.machines}
    if all(_GUID.fullmatch(subscription) for subscription in subscriptions):
        yield "    subscriptions:"
        yield from (f"      - {_scalar(subscription)}" for subscription in sorted(subscriptions))
    yield from _region_lines(plan)
    yield from _mirror_lines(inventory, plan)
    yield from _tier_lines(inventory, plan)


def _region_lines(plan: _Plan) -> Iterator[str]:
    primary = _scalar(plan.primary or "unknown")
    where = "the failover members are in the primary one" if plan.mirrors else "where its machines are"
    yield "    regions:"
    yield f"      primary: {primary}  # {_reason(Sure.LIKELY if plan.mirrors and plan.primary else Sure.GUESS, where)}"
    if plan.dr:
        yield f"      dr: {_scalar(plan.dr)}  # {_reason(Sure.LIKELY, 'the other region that has its machines')}"
    else:
        yield "      # dr: none  # no machine in another region was found"


def _mirror_lines(inventory: _Inventory, plan: _Plan) -> Iterator[str]:
    if not plan.mirrors:
        yield "    # mirrors: none  # no pair of failover members was found"
        return
    yield "    mirrors:"
    for mirror in plan.mirrors:
        yield f"      - name: {_scalar(mirror.name)}  # the name that the mirror has in IRIS or Cache"
        if mirror.product:
            yield f"        product: {_scalar(mirror.product)}"
        if mirror.balanced:
            yield "        address: {kind: load-balancer}  # a balancer leads to its members"
        else:
            yield "        # address: {kind: none}  # no balancer leads to its members: or secondary-ip?"
        failover = [*mirror.failover, *mirror.rosters[Role.MIRROR_FAILOVER]]
        rosters = (
            ("failover", failover),
            ("arbiter", mirror.rosters[Role.MIRROR_ARBITER]),
            ("dr", mirror.rosters[Role.MIRROR_DR]),
            ("reporting", mirror.rosters[Role.MIRROR_REPORTING]),
        )
        for name, members in rosters:
            if members:
                yield f"        {name}:"
                yield from (f"          - {_line(inventory, member)}" for member in members)
            else:
                yield f"        # {name}: none  # nothing looks like one"


def _tier_lines(inventory: _Inventory, plan: _Plan) -> Iterator[str]:
    if not plan.tiers:
        yield "    # tiers: none  # no web, application or print server was found"
        return
    yield "    tiers:"
    for (role, product), members in plan.tiers.items():
        yield f"      - role: {role}"
        if product:
            yield f"        product: {_scalar(product)}"
        yield "        members:"
        yield from (f"          - {_line(inventory, member)}" for member in members)


def _line(inventory: _Inventory, member: Member) -> str:
    """Return a member, by name where that tells it from all others, and why it is one."""
    machine = member.machine.resource
    name = machine.name
    plain = _PLAIN.fullmatch(name) and name.lower() not in _SPECIAL and inventory.names[name.lower()] == 1
    return f"{_scalar(name if plain else machine.id)}  # {_reason(member.sure, member.why)}"


def _reason(sure: Sure, why: str) -> str:
    return _comment(f"{sure.name.lower()}: {why}")


def _comment(text: str) -> str:
    """Return a text that ends neither its line nor, on a terminal, its powerlessness."""
    shown = printable(text)
    return shown if len(shown) <= _MAX_COMMENT else f"{shown[:_MAX_COMMENT]}..."


def _scalar(text: str) -> str:
    """Return a text as YAML takes it literally."""
    if _PLAIN.fullmatch(text) and text.lower() not in _SPECIAL:
        return text
    if _GUID.fullmatch(text):
        return text
    kept = (c if c.isascii() and c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in text)
    return f'"{"".join(kept)}"'
