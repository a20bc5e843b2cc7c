"""The machines of an inventory, and what speaks for the role of each."""

from __future__ import annotations

import enum
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from auditor.azure import arm
from auditor.discover.names import (
    HEALTHSHARE,
    HEALTHSHARE_PRODUCTS,
    NON_PRODUCTION,
    PRODUCT_WORDS,
    WHOLE_PRODUCTS,
    role_in,
    words_of,
)
from auditor.estate.declaration import Role
from auditor.estate.graph import APPLICATION_GATEWAY, LOAD_BALANCER, VM, Graph, parts, value
from auditor.estate.load_balancing import POOLS, Balancing, network_of
from auditor.estate.tags import PRODUCT, TAG_DEPLOYMENT, TAG_PRODUCT, tag
from auditor.snapshot.known import Items
from auditor.snapshot.model import Part, Resource, Snapshot

DATABASES: Final = frozenset({Role.DB, Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.MIRROR_REPORTING})

_REGION: Final = re.compile(r"[a-z][a-z0-9]{1,63}")


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


@dataclass(eq=False)
class Machine:
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
        """Return the name as Azure spelled it."""
        return self.resource.name

    @property
    def called(self) -> Role | None:
        """Return the role that its name speaks of."""
        return role_in(self.words)

    @property
    def verdict(self) -> Hint | None:
        """Return what its hints add up to: a tag's role, else its name's, else what pools and sets say."""
        if not self.hints:
            return None
        said = next((hint for hint in self.hints if hint.sure is Sure.CERTAIN), None)
        own = next((hint for hint in self.hints if hint.named and hint.role is not Role.DB), None)
        best = said or own or max(self.hints, key=lambda hint: (hint.role is not Role.DB, hint.sure))
        support = [hint for hint in self.hints if hint.role is best.role or {hint.role, best.role} <= DATABASES]
        sure = max(hint.sure for hint in support)
        if len({hint.why for hint in support}) > 1:
            sure = max(sure, Sure.LIKELY)
        return Hint(best.role, sure, "; ".join(dict.fromkeys(hint.why for hint in support)))

    @property
    def role(self) -> Role | None:
        """Return the role that its hints add up to, None where there are none."""
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
        """Return its region, "" where a deployment file could not name it."""
        found = self.resource.location
        return found if _REGION.fullmatch(found) and found != "none" else ""

    @property
    def availability_set(self) -> str:
        """Return the key of its availability set, "" where it is in none."""
        found = value(self.resource, "properties.availabilitySet.id").value
        return arm.key(found) if isinstance(found, str) else ""

    @property
    def production(self) -> bool:
        """Tell whether nothing says that it is for testing."""
        return not NON_PRODUCTION & (self.words | self.group_words | words_of(tag(self.resource, "environment")))

    @property
    def product(self) -> str:
        """Return the HealthShare product that a tag or its name gives to it, "" where none does."""
        said = tag(self.resource, TAG_PRODUCT).lower()
        if PRODUCT.fullmatch(said):
            return "" if said in WHOLE_PRODUCTS else said
        if not HEALTHSHARE & (self.words | self.group_words):
            return ""
        return next((name for word, name in HEALTHSHARE_PRODUCTS.items() if word in self.words), "")


class Inventory:
    """The machines that a deployment file can name, and look-ups among them."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Read the machines; no hint is known of them yet."""
        self.graph = Graph(snapshot)
        self.balancing = Balancing(self.graph)
        self.machines = {
            machine.key: Machine(machine, words_of(machine.name), words_of(arm.group_of(machine.key)))
            for machine in self.graph.by_type.get(VM, ())
            if _can_be_written(machine)
        }
        self.names = Counter(machine.name.lower() for machine in self.graph.by_type.get(VM, ()))
        for machine in self.machines.values():
            machine.networks = frozenset(self._networks(machine.resource))
            words = PRODUCT_WORDS & (machine.words | machine.group_words)
            machine.anchors += [f"the name of it or its group says {word}" for word in sorted(words)]

    def _networks(self, machine: Resource) -> Iterator[str]:
        for interface in parts(machine, "properties.networkProfile.networkInterfaces[*]"):
            arm_id = value(interface, "id").value
            found = self.graph.get(arm_id) if isinstance(arm_id, str) else None
            for configuration in parts(found, "properties.ipConfigurations[*]") if isinstance(found, Resource) else ():
                subnet = value(configuration, "properties.subnet.id").value
                if isinstance(subnet, str):
                    yield network_of(subnet)

    def pools(self) -> Iterator[tuple[Part, list[Machine]]]:
        """Yield the pools of balancers and gateways with the machines in them."""
        for type_ in (LOAD_BALANCER, APPLICATION_GATEWAY):
            for balancer in self.graph.by_type.get(type_, ()):
                for pool in parts(balancer, POOLS):
                    known = self.balancing.machines(pool).value
                    members = known.known if isinstance(known, Items) else ()
                    found = [self.machines.get(m.key) for m in members if isinstance(m, Resource)]
                    yield pool, [machine for machine in found if machine is not None]


def _can_be_written(machine: Resource) -> bool:
    """Tell whether a deployment file can name a machine by its id."""
    return arm.is_id(machine.id) and len(machine.id) < 2000
