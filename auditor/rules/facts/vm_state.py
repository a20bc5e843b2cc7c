"""Facts of how machines are run: whether they are on, what is installed on them, and what depends on them."""

from __future__ import annotations

from collections import defaultdict
from typing import Final
from weakref import WeakKeyDictionary

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.types.names import EXTENSION
from auditor.estate.declaration import Role
from auditor.estate.graph import Graph
from auditor.estate.subjects import declared_region
from auditor.rules.context import Context
from auditor.rules.facts.reading import required, text_at, unviewed
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, Items, Read, Unknown
from auditor.snapshot.lookup import objects, unread, value
from auditor.snapshot.model import Part, Resource

POWER: Final = "powerstate/"

KEEPERS: Final = (Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.MIRROR_REPORTING, Role.DB, Role.APP)
"""Roles in which a machine runs InterSystems databases or what works on them."""

UNIQUE: Final = (Role.MIRROR_FAILOVER, Role.MIRROR_ARBITER, Role.MIRROR_DR, Role.MIRROR_REPORTING, Role.DB)
"""Roles in which a machine follows the data all the time, wherever it stands."""


@fact("vm.power_state", "vm", gives="text")
def power_state(_: Context, vm: Resource) -> Answer:
    """What the machine is doing by its instance view: `running`, `stopped`, `deallocated`, ..."""
    view = value(vm, "properties.instanceView")
    if isinstance(view.value, Unknown):
        return view
    if view.value is ABSENT:
        return Answer(unviewed(vm), view.reads)
    statuses = objects(vm, "properties.instanceView.statuses[*]")
    doubt = statuses.missing
    for status in statuses.known:
        code = value(status, "code") if isinstance(status, Part) else Answer(status)
        if isinstance(code.value, str) and code.value.lower().startswith(POWER):
            return Answer(code.value[len(POWER) :].lower(), code.reads)
        if isinstance(code.value, Unknown):
            doubt = doubt or code.value
    return Answer(doubt or ABSENT, (Read(vm.id, "properties.instanceView.statuses", ABSENT),))


@fact("vm.extensions", "vm", gives="extension*")
def extensions(context: Context, vm: Resource) -> Answer:
    """The extensions that Azure installed on the machine, as resources of their own or in its body."""
    graph = context.topology.graph
    found: dict[str, object] = {extension.key: extension for extension in _by_machine(graph).get(vm.key, ())}
    for inside in objects(vm, "resources[*]").known:
        if isinstance(inside, Part) and arm.type_of(inside.key) == EXTENSION and inside.key not in found:
            whole = isinstance(inside.body, dict) and inside.body.get("properties") is not None
            reason = f"{inside.id} is named by its machine, but was not read"
            found[inside.key] = inside if whole else Unknown(Cause.GAP, reason, about=(inside.id,))
    missing = graph.listing(EXTENSION, arm.subscription_of(vm.key)) or _hidden(vm)
    return Answer(Items(tuple(found[key] for key in sorted(found)), missing))


_BY_MACHINE: Final[WeakKeyDictionary[Graph, dict[str, list[Resource]]]] = WeakKeyDictionary()


def _by_machine(graph: Graph) -> dict[str, list[Resource]]:
    """Return the extensions of a subscription by the key of their machine."""
    if graph not in _BY_MACHINE:
        found: dict[str, list[Resource]] = defaultdict(list)
        for extension in graph.by_type.get(EXTENSION, ()):
            found[arm.parent_of(extension.key)].append(extension)
        _BY_MACHINE[graph] = found
    return _BY_MACHINE[graph]


def _hidden(vm: Resource) -> Unknown | None:
    """Return why the extensions of one machine were not read."""
    for gap in vm.unread:
        if arm.canonical_type(gap.what) == EXTENSION:
            return Unknown.of(gap)
    return unread(vm, "resources") if vm.unread else None


@fact("vm.keeps_data", "vm", gives="boolean")
def keeps_data(context: Context, vm: Resource) -> Answer:
    """Whether the machine is a database or application server, and not only a web or print server or an arbiter."""
    return Answer(_plays(context, vm, KEEPERS))


@fact("vm.stands_by", "vm", gives="boolean")
def stands_by(context: Context, vm: Resource) -> Answer:
    """Whether the machine is a web, application or print server outside of the primary region.

    It is needed only when that region is lost, unlike an arbiter and whatever follows the data all the time.
    """
    place = required(text_at(vm, "location"))
    if not isinstance(place.value, str):
        return place
    follows = _plays(context, vm, UNIQUE)
    if context.deployment is None or follows is True:
        return Answer(False, place.reads)
    primary = declared_region(context.deployment.declared, "primary")
    if isinstance(primary, Unknown):
        return Answer(primary, place.reads)
    if arm.location(place.value) == primary:
        return Answer(False, place.reads)
    return Answer(follows if isinstance(follows, Unknown) else True, place.reads)


def _plays(context: Context, vm: Resource, roles: tuple[Role, ...]) -> bool | Unknown:
    """Tell whether a machine has one of some roles; unknown where others may have it without our seeing it."""
    if context.deployment is None:
        return False
    if any(role in roles for role in context.deployment.roles.get(vm.key, ())):
        return True
    return Items.joined(*(context.deployment.machines[role] for role in roles)).open_end or False
