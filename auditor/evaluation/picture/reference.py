"""What the reference architecture asks for, in the places that are used where it leaves the choice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from auditor.azure import arm
from auditor.estate.declaration import NONE, Role
from auditor.estate.subjects import Deployment, Mirror
from auditor.evaluation.picture.model import ExpectedNode, Node
from auditor.evaluation.picture.rows import (
    ANYWHERE,
    ARBITERS,
    GATEWAYS,
    LOAD_BALANCERS,
    MIRROR_LOAD_BALANCERS,
    NAMES,
    UNREAD,
    mirror_row,
    tier_row,
    vms,
)

_MEMBERS: Final[Mapping[str, str]] = {
    Role.WEB: "web server",
    Role.APP: "application server",
    Role.PRINT: "print server",
    Role.DB: "database server",
}
_FAILOVER, _DR, _REPORTING = "failover member", "DR async", "reporting async"
_OF_MIRRORS: Final = {
    Role.MIRROR_FAILOVER: _FAILOVER,
    Role.MIRROR_DR: _DR,
    Role.MIRROR_REPORTING: _REPORTING,
}
_PAIR: Final = 2


class Reference:
    """The expected nodes of a deployment."""

    def __init__(self, deployment: Deployment, profile: str, nodes: Iterable[Node]) -> None:
        """Take the deployment as built."""
        declared = deployment.declared
        self._deployment = deployment
        self._production = declared.environment == "production"
        self._primary = declared.primary_region
        self._dr = declared.dr_region if declared.dr_region != NONE else ""
        self._prefix = "fault domain " if profile == "article-2018" else "zone "
        self._built: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
        self._used: dict[str, set[str]] = defaultdict(set)
        self._arbiters: dict[str, tuple[str, str]] = {}
        for node in nodes:
            if not node.undeclared:
                region, place = node.region or "", node.place or ""
                self._built[node.row, region, _label(node)][place] += 1
                self._used[region].add(place)
                self._arbiters[arm.key(node.id)] = region, place

    def nodes(self) -> Iterator[ExpectedNode]:
        """Yield what is expected in each slot."""
        regions = [region for region in (self._primary, self._dr) if region]
        names = self._number(NAMES, "") or int(self._production and len(regions) > 1)
        if names:
            yield ExpectedNode(NAMES, None, None, names, "Traffic Manager or Front Door")
        yield from self._entrances(regions)
        for role, label in _MEMBERS.items():
            tiers = (tier.declared for tier in self._deployment.tiers if tier.declared.role is role)
            for row in dict.fromkeys(tier_row(role, tier.product) for tier in tiers):
                for region in regions:
                    yield from self._spread(row, region, label, _PAIR)
        if self._primary:
            yield from self._mirrors(regions)

    def _entrances(self, regions: Iterable[str]) -> Iterator[ExpectedNode]:
        """Yield the gateways and load balancers that are built; production web servers are behind one of them."""
        has_web = self._production and any(tier.declared.role is Role.WEB for tier in self._deployment.tiers)
        for region in regions:
            gateways, load_balancers = self._number(GATEWAYS, region), self._number(LOAD_BALANCERS, region)
            if gateways:
                yield ExpectedNode(GATEWAYS, region, None, gateways, "application gateway")
            if load_balancers or (has_web and not gateways):
                yield ExpectedNode(LOAD_BALANCERS, region, None, max(load_balancers, 1), "load balancer")

    def _mirrors(self, regions: Iterable[str]) -> Iterator[ExpectedNode]:
        mirrors = self._deployment.mirrors
        behind = sum(mirror.declared.address_kind == "load-balancer" for mirror in mirrors)
        for region in regions:
            number = max(self._number(MIRROR_LOAD_BALANCERS, region), behind if region == self._primary else 0)
            if number:
                yield ExpectedNode(MIRROR_LOAD_BALANCERS, region, None, number, "load balancer")
        arbiters: Counter[tuple[str, str]] = Counter()
        for mirror in mirrors:
            row = mirror_row(mirror)
            members = tuple(self._spread(row, self._primary, _FAILOVER, _PAIR))
            yield from members
            if self._dr:
                yield from self._spread(row, self._dr, _DR, 1)
            for region in regions:
                for place, number in self._built[row, region, _REPORTING].items():
                    yield ExpectedNode(row, region, place, number, _REPORTING)
            if not mirror.declared.arbiter_address and (self._production or vms(mirror.arbiter)):
                arbiters[self._arbiter(mirror, {member.place for member in members})] += 1
        for (region, place), number in arbiters.items():
            yield ExpectedNode(ARBITERS, region, place, number, "arbiter")

    def _number(self, row: str, region: str) -> int:
        return self._built[row, region, ""].total()

    def _spread(self, row: str, region: str, label: str, pair: int) -> Iterator[ExpectedNode]:
        """Yield members of a row where they are; in production at least so many, and those of a pair in two places."""
        built = self._built[row, region, label]
        places = Counter(built)
        if self._production:
            free = self._places(region)
            wanted = max(built.total(), pair)
            if pair > 1:
                del places[ANYWHERE]
            while places.total() < wanted:
                places[min(free, key=places.__getitem__)] += 1
            (most, number), *others = places.most_common()
            if number > 1 and pair > 1 and not others and not most.endswith(UNREAD):
                places[most] -= 1
                places[next(place for place in free if place != most)] += 1
        for place, number in places.items():
            yield ExpectedNode(row, region, place, number, label)

    def _arbiter(self, mirror: Mirror, taken: Collection[str | None]) -> tuple[str, str]:
        """Return where the arbiter belongs: where it is, if no failover member is there."""
        for vm in vms(mirror.arbiter):
            region, place = self._arbiters[vm.key]
            if not self._production or region != self._primary or place not in (*taken, ANYWHERE):
                return region, place
        return self._primary, next(place for place in self._places(self._primary) if place not in taken)

    def _places(self, region: str) -> list[str]:
        """Return places of a region: the zones or fault domains that are used, and enough others."""
        used = sorted(place for place in self._used[region] if place[-1:].isdigit())
        prefix = used[-1].rstrip("0123456789") if used else self._prefix
        others = (f"{prefix}{number}" for number in range(4))
        skipped = "" if prefix.startswith("fault") else f"{prefix}0"
        return sorted({*(place for place in used if place.startswith(prefix)), *others} - {skipped})[:3]


def _label(node: Node) -> str:
    """Return what the VM is in its row, "" for anything else."""
    if node.row == ARBITERS or not node.row.startswith("mirror/"):
        return _MEMBERS.get(node.row.partition("/")[0], "")
    return next(label for role, label in _OF_MIRRORS.items() if role in node.roles)
