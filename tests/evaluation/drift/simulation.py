"""A subscription that changes from night to night, and the expected comparison with its first night."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from auditor.azure import arm
from auditor.evaluation.drift.model import Drift, ResourceChangeKind
from tests import estates
from tests.estates import Body
from tests.test_gaps import hide_resource, hide_type

CHANGES = (
    "set",
    "drop",
    "add",
    "extend",
    "shorten",
    "mend",
    "recreate",
    "move",
    "rename",
    "create",
    "remove",
    "rewrite",
)

UNIQUE = ("vmId", "uniqueId", "resourceGuid")
FIXED = {"id", "name", "type", "lun", "code", "timeCreated", "creationTime", *UNIQUE}
"""Properties that identify an item, which a change of a property does not touch."""
BY_ITSELF = re.compile(
    r"""
    .*[:.](?:etag|provisioningState|lastModified\w*|diskState|profileMonitorStatus)\b.*
    | .*:properties\.instanceView\.(?:disks|statuses|vmAgent|extensions)\b.*
    | availabilitysets:properties\.virtualMachines\b.*
    | virtualnetworks:properties\.subnets\[[^]]*\]\.properties\.ipConfigurations\b.*
    | networksecuritygroups:properties\.(?:subnets|networkInterfaces|defaultSecurityRules)\b.*
    | (?:replication)?protecteditems:properties\.
      (?:health(?:Details|Status)|kpisHealths|lastBackup(?:Status|Time)|lastRecoveryPoint|extendedInfo)\b.*
    | replicationprotecteditems:properties\.(?:replicationHealth|healthErrors|lastSuccessfulTestFailoverTime)\b.*
    | backupinstances:properties\.protection(?:Status|ErrorDetails)\b.*
    | connections:properties\.(?:connectionStatus|(?:e|in)gressBytesTransferred|tunnelConnectionStatus)\b.*
    | storageaccounts:properties\.geoReplicationStats\b.*
    | networkmanagers:properties\.lastUpdatedTime\b.*
    | usages:(?:currentValue|name\b.*)
    | (?:metrics|recoverypoints):.*
    """,
    re.VERBOSE,
)
"""Volatile properties, by the last part of the resource type; an empty path is the existence of a resource."""

BY_ID = re.compile(r"(?<=\[id=)/[^]]+")
"""The id of an item of a list, in a path."""


class Told(NamedTuple):
    """The reported change of a resource; ids and paths in lower case, since their case does not matter."""

    id: str
    kind: ResourceChangeKind
    former_id: str
    paths: frozenset[str]


class Place(NamedTuple):
    """A property of a resource of the first night."""

    first: str
    """The key of the resource on the first night."""
    holder: Body
    name: str
    path: str
    """The path that is reported."""

    @property
    def value(self) -> Any:
        return self.holder[self.name]


def told(drift: Drift) -> set[Told]:
    """Return the changes that a comparison reports."""
    return {
        Told(arm.key(c.id), c.kind, arm.key(c.former_id), frozenset(p.path.lower() for p in c.properties))
        for c in drift.resources
    }


class Estate:
    """A subscription, and its changes since the first night."""

    def __init__(self, name: str) -> None:
        self.body = estates.body_of(name)
        self.first = {arm.key(item["id"]): arm.key(item["id"]) for item in self._resources()}
        """By present key, the one of the first night."""
        self.first_night = frozenset(self.first)
        self.kinds: dict[str, ResourceChangeKind] = {}
        """By first key, the kind of change of recreated, moved, renamed or removed resources."""
        self.added: set[str] = set()
        self.moved: dict[tuple[str, str], tuple[object, object]] = {}
        """By first key and path, the values before and after; containers are values too."""
        self.touched: dict[str, set[str]] = defaultdict(set)
        """By first key, every path that was ever changed: no second change is made near it."""
        self.number = 0

    def expected(self) -> set[Told]:
        """Return exactly the changes that a comparison with the first night must report."""
        now = {first: key for key, first in self.first.items()}
        paths: dict[str, set[str]] = defaultdict(set)
        for first, path in self.moved:
            paths[first].add(path.lower())
        found = {Told(key, ResourceChangeKind.ADDED, "", frozenset()) for key in self.added}
        for first in {*self.kinds, *paths}:
            kind = self.kinds.get(first, ResourceChangeKind.CHANGED)
            former = first if kind in {ResourceChangeKind.MOVED, ResourceChangeKind.RENAMED} else ""
            found.add(Told(now.get(first, first), kind, former, frozenset(paths[first])))
        return found

    def change(self, kind: str, choice: int) -> None:
        """Make a change at a place that the number chooses; without such a place, change nothing."""
        self.number += 1
        getattr(self, f"_{kind}")(choice)

    def hide(self, body: Body, gaps: list[tuple[bool, int]]) -> tuple[Body, set[str]]:
        """Return a body without some types and some resources of the first night, and the first keys of those."""
        body, hidden = estates.copied(body), set()
        for whole_type, choice in gaps:
            read = [i for i in body["value"] if i.get("properties") and arm.key(i["id"]) in self.first]
            for item in one(choice, read):
                type_ = arm.type_of(item["id"])
                if whole_type:
                    hide_type(body, type_)
                    hidden |= {key for key in self.first_night if arm.type_of(key) == type_}
                else:
                    hide_resource(body, item["id"], stub=False)
                    hidden.add(arm.key(item["id"]))
        return body, hidden

    @staticmethod
    def is_seen(arm_id: str, body: Body) -> bool:
        """Return whether a body claims to have all resources of the type of an id."""
        listed = {arm.canonical_type(type_) for types in body["listed"].values() for type_ in types}
        return arm.type_of(arm_id) in listed

    # --- changes of properties ----------------------------------------------------------------------------------------

    def _set(self, choice: int) -> None:
        for place in one(choice, [p for p in self._places() if is_plain(p.value)]):
            before, place.holder[place.name] = place.value, other(place.value, self.number)
            self._note(place.first, place.path, before, place.value)

    def _mend(self, choice: int) -> None:
        """Give a property its first value again."""
        for first, path in one(
            choice, [key for key, (old, new) in self.moved.items() if is_plain(old) and is_plain(new)]
        ):
            (place,) = [p for p in self._members() if (p.first, p.path) == (first, path)]
            place.holder[place.name], _ = self.moved.pop((first, path))

    def _drop(self, choice: int) -> None:
        for place in one(choice, [p for p in self._places() if not is_nothing(p.value)]):
            self._note(place.first, place.path, place.holder.pop(place.name), None)

    def _add(self, choice: int) -> None:
        for place in one(choice, self._places()):
            name = f"new{self.number}"
            place.holder[name] = [choice, {"deep": [choice]}, "New"][choice % 3]
            self._note(place.first, place.path.removesuffix(place.name) + name, None, place.holder[name])

    def _extend(self, choice: int) -> None:
        """Add an item to a list whose items have names."""
        for place in one(choice, self._named_lists()):
            added = estates.copied(place.value[0])
            added |= {name: f"{added[name]}-{self.number}" for name in ("id", "name") if name in added}
            place.value.insert(choice % len(place.value), added)
            self._note(place.first, f"{place.path}[name={added['name']}]", None, added)
            self.touched[place.first].add(place.path)

    def _shorten(self, choice: int) -> None:
        for place in one(choice, self._named_lists()):
            taken = place.value.pop(choice % len(place.value))
            self._note(place.first, f"{place.path}[name={taken['name']}]", taken, None)
            self.touched[place.first].add(place.path)

    # --- changes of resources -----------------------------------------------------------------------------------------

    def _recreate(self, choice: int) -> None:
        for item in one(choice, self._identified()):
            self._identify(item)
            self.kinds[arm.key(item["id"])] = ResourceChangeKind.RECREATED

    def _move(self, choice: int) -> None:
        for item in one(choice, self._identified()):
            parts = item["id"].split("/")
            self._spell(item, "/".join((*parts[:4], f"rg-{self.number}", *parts[5:])), ResourceChangeKind.MOVED)

    def _rename(self, choice: int) -> None:
        for item in one(choice, self._identified()):
            self._spell(item, f"{item['id']}-{self.number}", ResourceChangeKind.RENAMED)

    def _create(self, choice: int) -> None:
        """Add a copy of a resource with another id."""
        for item in one(choice, self._identified()):
            added = respelled(item, item["id"], f"{item['id']}-{self.number}")
            self._identify(added)
            self.body["value"].append(added)
            self.added.add(arm.key(added["id"]))

    def _remove(self, choice: int) -> None:
        """Remove a resource and its children; references to them stay, with their first ids."""
        several = {arm.SUBSCRIPTION, arm.RESOURCE_GROUP}
        found = [item for item in self._resources() if arm.type_of(item["id"]) not in several]
        for item in one(choice, [item for item in found if self.first.get(key := arm.key(item["id"]), key) == key]):
            gone = [found for found in self._resources() if is_below(found["id"], item["id"])]
            keys = {arm.key(found["id"]) for found in gone}
            self.body["value"] = [found for found in self.body["value"] if found not in gone]
            self.added -= keys
            firsts = {self.first.pop(key) for key in keys & self.first.keys()}
            lasting = {first for first in firsts if not moves_by_itself(first, "")}
            self.kinds |= dict.fromkeys(lasting, ResourceChangeKind.REMOVED)
            self.moved = {key: values for key, values in self.moved.items() if key[0] not in firsts}

    def _rewrite(self, choice: int) -> None:
        """Change the spelling of everything, but not the meaning."""
        chance = random.Random(choice)

        def otherwise(value: Any) -> Any:
            if isinstance(value, list):
                return chance.sample(value, len(value))
            written = {}
            for name, member in chance.sample(sorted(value.items(), key=lambda entry: entry[0]), len(value)):
                known = isinstance(member, str) and (arm.is_id(member) or name in {"type", "location"})
                written[name] = chance.choice([member.upper(), member.lower(), member]) if known else member
                if name in {"etag", "provisioningState"}:
                    written[name] = f"{choice}"
            return written

        self.body["value"] = estates.everywhere(self.body["value"], otherwise)

    def _identify(self, item: Body) -> None:
        """Give a resource another identity."""
        (name,) = set(UNIQUE) & item["properties"].keys()
        item["properties"][name] = f"00000000-0000-4000-8000-{self.number:012}"

    def _spell(self, item: Body, new: str, kind: ResourceChangeKind) -> None:
        """Give a resource another id, in all references too."""
        old = item["id"]
        self.kinds[arm.key(old)] = kind
        self.body["value"] = [respelled(found, old, new) for found in self.body["value"]]
        self.first = {
            arm.key(new) + key.removeprefix(arm.key(old)) if is_below(key, old) else key: first
            for key, first in self.first.items()
        }
        self.added = {
            arm.key(new) + key.removeprefix(arm.key(old)) if is_below(key, old) else key for key in self.added
        }

    # --- where --------------------------------------------------------------------------------------------------------

    def _resources(self) -> list[Body]:
        return [item for item in self.body["value"] if "id" in item]

    def _identified(self) -> list[Body]:
        """Return the resources of the first night that have an identity, and their first kind still before them."""
        return [
            item
            for item in self._resources()
            if self.first.get(key := arm.key(item["id"])) == key
            and key not in self.kinds
            and set(UNIQUE) & (item.get("properties") or {}).keys()
        ]

    def _members(self) -> Iterator[Place]:
        """Yield every property of the resources of the first night; ids in paths are those of the first night."""
        for item in self._resources():
            first = self.first.get(arm.key(item["id"]))
            if first is not None:
                for holder, name, path in members(item):
                    yield Place(first, holder, name, BY_ID.sub(lambda found: self._first_id(found.group()), path))

    def _first_id(self, arm_id: str) -> str:
        """Return the id that a resource, or a part of it, had on the first night."""
        key = top = arm.key(arm_id)
        while top and top not in self.first:
            top = top.rpartition("/")[0]
        return self.first.get(top, top) + key.removeprefix(top)

    def _places(self) -> list[Place]:
        """Return the properties that may be changed."""
        return [
            place
            for place in self._members()
            if place.name not in FIXED
            and place.path != "properties"  # a body without properties was not read
            and not moves_by_itself(place.first, place.path)
            and not any(near(place.path, path) for path in self.touched[place.first])
        ]

    def _named_lists(self) -> list[Place]:
        return [p for p in self._places() if isinstance(p.value, list) and label_of(p.value) == "name"]

    def _note(self, first: str, path: str, before: object, after: object) -> None:
        self.moved[first, path] = (before, after)
        self.touched[first].add(path)


@cache
def moves_by_itself(key: str, path: str) -> bool:
    return BY_ITSELF.fullmatch(f"{arm.type_of(key).rpartition('/')[2]}:{path}") is not None


def members(holder: Body, path: str = "") -> Iterator[tuple[Body, str, str]]:
    """Yield the members of an object and of all objects in it: what holds them, their names and paths.

    Members whose name is an id are left out, since another change may rename the resource.
    """
    for name, value in holder.items():
        if arm.is_id(name):
            continue
        where = f"{path}.{name}" if path else name
        yield holder, name, where
        if isinstance(value, dict):
            yield from members(value, where)
        elif isinstance(value, list) and (label := label_of(value)):
            for member in value:
                yield from members(member, f"{where}[{label}={member[label]}]")


def label_of(values: list[Any]) -> str:
    """Return the key that identifies the objects of a list; "" where none does, or where the list has no objects."""
    for label in ("name", "id", "lun"):
        named = [str(value[label]).lower() for value in values if isinstance(value, dict) and label in value]
        if values and len(set(named)) == len(values):
            return label
    return ""


def near(one: str, other: str) -> bool:
    """Return whether one of two paths is the beginning of the other."""
    return f"{one}.".startswith((f"{other}.", f"{other}[")) or f"{other}.".startswith((f"{one}.", f"{one}["))


def is_plain(value: object) -> bool:
    """Return whether a value is neither null, nor a container, nor an id, which other changes may spell differently."""
    return value is not None and not isinstance(value, list | dict) and not arm.is_id(value)


def is_nothing(value: Any) -> bool:
    """Return whether a value means the same as an absent one."""
    if isinstance(value, dict):
        return all(map(is_nothing, value.values()))
    return value is None or value == []


def is_below(arm_id: str, top: str) -> bool:
    return f"{arm.key(arm_id)}/".startswith(f"{arm.key(top)}/")


def respelled(item: Body, old: str, new: str) -> Body:
    """Return a body with another id for a resource, its parts and its children."""

    def change(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: spelled(member) for name, member in value.items()}
        return [spelled(member) for member in value]

    def spelled(value: Any) -> Any:
        return new + value[len(old) :] if arm.is_id(value) and is_below(value, old) else value

    found: Body = estates.everywhere(item, change)
    return found


def other(value: Any, number: int) -> Any:
    """Return a value of the same type with another meaning."""
    if isinstance(value, bool):
        return not value
    return value + number if isinstance(value, int | float) else f"{value}-{number}"


def one(choice: int, items: list[Any]) -> list[Any]:
    """Return one of some items, none where there is none."""
    return [items[choice % len(items)]] if items else []
