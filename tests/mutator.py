"""A generic mutator: it changes one property of a known-good deployment that some rule reads, or removes one resource.

It knows no rule. What it changes is what was looked at while a deployment was judged, so that a rule which comes to
read another property is met with changes of that one too. An id by which a resource or a part of one names itself is
left alone: what has another id is another thing, and the old one is dropped.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from typing import Any, Final, NamedTuple

import msgspec

from auditor import bundled
from auditor.authoring import examples
from auditor.azure import arm, paths
from auditor.azure.paths import Step
from auditor.azure.types.names import DISK, SKU
from auditor.errors import InputError
from auditor.estate import deployment_file
from auditor.estate.scope import ScopeBuilder
from auditor.estate.topology import Topology
from auditor.evaluation import engine
from auditor.evaluation.model import Finding, Outcome
from auditor.rules.conditions import CompiledRule
from auditor.snapshot.known import PartialList
from auditor.snapshot.model import Resource, Snapshot
from auditor.yaml_documents import Document
from tests import estates, tracing
from tests.tracing import Place, Steps, walk

NOTHING: Final = object()
"""What stands where nothing does."""

CORPUS: Final = tuple(sorted(folder.name for folder in bundled.FIXTURES.iterdir() if folder.is_dir()))
"""Where other values of a property are looked for."""

WORSE: Final[Mapping[str, tuple[str, ...]]] = {
    "access": ("Allow", "Deny"),
    "adminState": ("Up",),
    "alwaysServe": ("Enabled",),
    "caching": ("ReadWrite",),
    "code": ("PowerState/deallocated", "PowerState/running"),
    "cookieBasedAffinity": ("Disabled",),
    "destinationAddressPrefix": ("*", "10.99.0.0/24"),
    "destinationPortRange": ("*", "1024-65535"),
    "direction": ("Outbound", "Inbound"),
    "endpointMonitorStatus": ("Online", "Degraded"),
    "endpointStatus": ("Disabled",),
    "loadDistribution": ("Default",),
    "minProtocolVersion": ("TLSv1_0",),
    "noHealthyBackendsBehavior": ("AllProbedUp",),
    "policyType": ("Predefined",),
    "privateIPAddressVersion": ("IPv6",),
    "privateIPAllocationMethod": ("Dynamic",),
    "profileStatus": ("Disabled",),
    "securityType": ("Standard",),
    "sourceAddressPrefix": ("*", "10.0.0.0/8"),
    "sourcePortRange": ("*", "1024-65535"),
    "trafficRoutingMethod": ("Weighted",),
    "vmSize": ("Basic_A2", "Standard_B4ms"),
    "availabilitySets sku.name": ("Classic",),
    "disks sku.name": ("Standard_LRS",),
    "applicationGateways properties.sku.tier": ("Standard",),
    "applicationGateways properties.httpListeners[*].properties.hostNames[*]": ("other.example",),
    "applicationGateways properties.httpListeners[*].properties.protocol": ("Http", "Https"),
    "extensions properties.type": ("AzureDiskEncryptionForLinux",),
    "loadBalancers properties.loadBalancingRules[*].properties.protocol": ("Udp",),
    "loadBalancers properties.probes[*].properties.protocol": ("Tcp",),
    "loadBalancers properties.probes[*].properties.requestPath": ("/",),
    "loadBalancers sku.name": ("Basic",),
    "loadBalancers sku.tier": ("Global",),
    "networkSecurityGroups properties.defaultSecurityRules[*].properties.protocol": ("Udp",),
    "networkSecurityGroups properties.securityRules[*].properties.protocol": ("*", "Udp"),
    "publicIPAddresses sku.name": ("Basic",),
    "trafficManagerProfiles properties.monitorConfig.path": ("/",),
    "trafficManagerProfiles properties.monitorConfig.protocol": ("TCP",),
    "virtualNetworkGateways properties.gatewayType": ("Vpn",),
    "virtualNetworkGateways properties.sku.name": ("Standard",),
}
"""What Azure allows as well and is mostly worse, by the name of a property or by type and path.

Any other property gets a value that it has elsewhere in the deployment, or in another one.
"""

_FEW: Final = 12
"""Up to so many different values a property is taken for one of several kinds, each of which is changed."""


class Mutant(NamedTuple):
    """One change."""

    type: str
    path: str
    """The property, with every index as `[*]`; "" for the whole resource."""
    kind: str
    """`flip`, where there are several `flip to ...`; `zero`, `tenfold`, `next` of a number; `elsewhere`, `nowhere` of a
    reference; `add`, `drop`; of a resource `delete` with all references to it, or `vanish` without them."""
    of: str
    """What the resource is there for: the roles of the machines that lead to it; an SKU and its region."""
    was: str
    """What stood there, where that tells one sort of thing from another."""
    target: str
    steps: Steps
    value: object

    def __str__(self) -> str:
        """Return what was changed into what."""
        into = "" if self.value is NOTHING else f" {json.dumps(self.value)}"
        where = paths.render(self.steps) or "all of it"
        return f"{self.type} {arm.name_of(self.target)} ({self.of}): {where} {self.kind}{into}, was {self.was or '...'}"


class Estate:
    """A known-good deployment that is changed and judged many times."""

    def __init__(self, name: str) -> None:
        """Read it."""
        self.fixture = examples.fixture(name)
        self.rules = estates.rules(self.fixture.profile)
        self.snapshot = self.fixture.decoder.snapshot
        self.declared = deployment_file.load(Document(self.fixture.declared, bundled.DEPLOYMENT, {}))
        self.bodies: dict[str, Any] = {resource.key: resource.body for resource in self.snapshot.resources}
        self.roles = _roles(Topology(self.snapshot, self.declared, examples.AS_OF))
        for key, body in self.bodies.items():
            if arm.type_of(key) == SKU:
                self.roles[key] = " ".join([body["name"], *body["locations"]])
        self.values = _values(self.bodies.values())
        self._asked = list(self.rules)
        self._concerned: dict[Place, tuple[CompiledRule, ...]] = {}
        self.ids: defaultdict[str, list[str]] = defaultdict(list)
        for key, steps, found in self._everything():
            if steps[-1:] == ("id",) and _names_itself(key, found):
                self.ids[arm.type_of(found)].append(found)

    def judge(self, snapshot: Snapshot, rules: Iterable[CompiledRule]) -> tuple[Finding, ...]:
        """Judge it as it is in a snapshot."""
        return engine.evaluate(Topology(snapshot, self.declared, examples.AS_OF), rules)

    def is_noticed(self, mutant: Mutant) -> bool:
        """Tell whether a change makes any rule say fail or unknown, or the file be refused.

        On a known-good deployment none does. The rules that noticed something are asked first the next time.
        """
        try:
            topology = Topology(self.changed(mutant), self.declared, examples.AS_OF)
        except InputError:
            return True
        concerned = {loaded.rule.id for loaded in self.concerned(mutant)}
        for place, loaded in enumerate(self._asked):
            if loaded.rule.id in concerned:
                outcomes = {finding.outcome for finding in engine.evaluate(topology, [loaded])}
                assert Outcome.ERROR not in outcomes, f"{loaded.rule.id} breaks down: {mutant}"
                if not outcomes <= {Outcome.PASS, Outcome.NOT_APPLICABLE}:
                    self._asked.insert(0, self._asked.pop(place))
                    return True
        return False

    def concerned(self, mutant: Mutant) -> tuple[CompiledRule, ...]:
        """Return the rules that look at what a mutant changes; the others cannot but say what they said before."""
        place = mutant.target, mutant.steps
        if place not in self._concerned:
            self._concerned[place] = self._find_concerned(mutant)
        return self._concerned[place]

    def _find_concerned(self, mutant: Mutant) -> tuple[CompiledRule, ...]:
        if not mutant.steps or self._sees("", mutant):
            return self.rules
        # Who asks for zones looks through all SKU records by itself, which is not traced.
        of_sku = arm.type_of(mutant.target) == SKU and mutant.steps[:1] != ("capabilities",)
        return tuple(
            loaded
            for loaded in self.rules
            if (of_sku and loaded.rule.id in self._need_skus) or self._sees(loaded.rule.id, mutant)
        )

    @cached_property
    def _need_skus(self) -> set[str]:
        """Return the rules that say anything else where nothing is known of any SKU."""
        kept = tuple(resource for resource in self.snapshot.resources if resource.type != SKU)
        without = msgspec.structs.replace(self.snapshot, resources=kept)
        before, after = (
            {(finding.rule.id, finding.subject.id, finding.outcome, finding.reasons) for finding in found}
            for found in (self.judge(self.snapshot, self.rules), self.judge(without, self.rules))
        )
        return {rule for rule, *_ in before ^ after}

    def _sees(self, rule: str, mutant: Mutant) -> bool:
        """Return whether a rule, or "" for the topology, looks at a property, into it, or at what it stands in.

        Who looks at a list of objects looks into each of them by itself.
        """
        exactly, on_the_way = self._looks[rule]
        places = [(mutant.target, mutant.steps[:depth]) for depth in range(1, len(mutant.steps) + 1)]
        body = self.bodies[mutant.target]
        return places[-1] in on_the_way or any(
            place in exactly and not (place in places[:-2] and _holds_objects(at(body, place[1]))) for place in places
        )

    @cached_property
    def _looks(self) -> dict[str, tuple[set[Place], set[Place]]]:
        """Return, by rule, the places that it looks at, and all those on the way there."""
        looks = {"": self.reads(())} | {loaded.rule.id: self.reads([loaded]) for loaded in self.rules}
        return {
            rule: (places, {(key, steps[:depth]) for key, steps in places for depth in range(1, len(steps) + 1)})
            for rule, places in looks.items()
        }

    def changed(self, mutant: Mutant) -> Snapshot:
        """Return it with one change, as if that had been read from Azure.

        Raises:
            InputError: nobody would take it for an inventory any more.
        """
        target = mutant.target
        if mutant.kind == "delete":
            bodies = [_without(body, target) for key, body in self.bodies.items() if not _below(key, target)]
        else:
            bodies = [body for key, body in self.bodies.items() if key != target]
            if mutant.kind != "vanish":
                bodies.append(_replaced(self.bodies[target], mutant.steps, mutant.value))
        return self.fixture.decoder.decode(self.fixture.inventory | {"value": bodies})

    def reads(self, rules: Iterable[CompiledRule]) -> set[Place]:
        """Return every property that is looked at while rules judge it, also those that are not there."""
        with tracing.places(self.bodies) as seen:
            self.judge(self.snapshot, rules)
        return seen

    def mutants(self, places: Iterable[Place]) -> list[Mutant]:
        """Return the changes of some properties, and of the resources that have them; of those that are alike, one."""
        places = set(places)
        wanted = {(key, steps) for place in places for key, steps in self._around(*place)}
        found: dict[tuple[str, ...], Mutant] = {}
        for key, steps in sorted(wanted, key=lambda place: (place[0], [str(step) for step in place[1]])):
            for mutant in self._of(key, steps):
                found.setdefault(mutant[:5], mutant)
        return list(found.values())

    def _everything(self) -> Iterator[tuple[str, Steps, Any]]:
        return ((key, steps, found) for key, body in self.bodies.items() for steps, found in walk(body))

    def _around(self, key: str, steps: Steps) -> Iterator[Place]:
        """Yield what goes with a property: itself, the lists on the way to it with their members, the resource."""
        yield key, ()
        body = self.bodies[key]
        own = at(body, steps)
        if _names_itself(key, own):
            return
        yield key, steps
        if _is_reference(body, steps):
            yield key, steps[:-1]
        for depth, step in enumerate(steps):
            if isinstance(step, int):
                yield key, steps[:depth]
                yield key, steps[: depth + 1]
        yield from ((key, (*steps, index)) for index in range(len(own) if isinstance(own, list) else 0))

    def _of(self, key: str, steps: Steps) -> Iterator[Mutant]:
        """Yield the changes at one place."""
        body = self.bodies[key]
        type_, path, was = _type(body), normal(body, steps), at(body, steps)
        few = len(self.values[type_, path]) <= _FEW
        said = was.get("name", was.get("code", was.get("lun", ""))) if isinstance(was, dict) else was
        plain = steps and few and isinstance(said, str | int | float) and not arm.is_id(said)
        for kind, value in self._changes(key, steps, was) if steps else _GONE[arm.is_id(body.get("id"))]:
            if value != was:
                yield Mutant(type_, path, kind, self.roles.get(key, ""), str(said) if plain else "", key, steps, value)

    def _changes(self, key: str, steps: Steps, was: object) -> Iterator[tuple[str, object]]:  # noqa: C901 - a sort a line
        body = self.bodies[key]
        type_, path = _type(body), normal(body, steps)
        others = [value for value in (*self.values[type_, path], *_corpus()[type_, path]) if value != was]
        if was is NOTHING:
            value = next((value for value in others if not isinstance(value, dict | list)), NOTHING)
            if arm.is_id(value):
                value = next(iter(self.ids[arm.type_of(str(value))]), NOTHING)
            if value is not NOTHING:
                yield "add", value
            return
        if was not in (None, "", [], {}) and not _is_reference(body, steps):  # a reference goes as a whole
            yield "drop", NOTHING
        if isinstance(was, bool):
            yield "flip", not was
        elif isinstance(was, int | float):
            yield from (("zero", 0), ("tenfold", was * 10), ("next", was + 1))
        elif isinstance(was, str) and arm.is_id(was):
            other = self._other_id(body, was)
            if other:
                yield "elsewhere", other
            yield "nowhere", _lost(key, was)
        elif isinstance(was, str) and was.isdigit() and path.startswith("capabilities"):
            yield from (("zero", "0"), ("tenfold", f"{was}0"), ("next", str(int(was) + 1)))
        elif isinstance(was, str):
            worse = WORSE.get(f"{arm.name_of(type_)} {path}", WORSE.get(str(steps[-1]), _OPPOSITE.get(was, ())))
            texts = [text for text in worse if text.lower() != was.lower()]
            elsewhere = (text for text in others if isinstance(text, str) and text.lower() != was.lower())
            texts = texts or [next(elsewhere, f"{was}-2")]
            yield from ((f"flip to {text}" if len(texts) > 1 else "flip", text) for text in texts)

    def _other_id(self, body: Any, was: str) -> str | None:
        """Return another id of the same type: of a sibling, else one that the resource does not refer to yet."""
        known = {arm.key(found) for _, found in walk(body) if isinstance(found, str)}
        parent = arm.parent_of(arm.key(was))
        same = [found for found in self.ids[arm.type_of(was)] if arm.key(found) != arm.key(was)]
        siblings = [found for found in same if parent and arm.parent_of(arm.key(found)) == parent]
        return next((found for found in (*siblings, *same) if arm.key(found) not in known or found in siblings), None)


_SKUS: Final = "Microsoft.Compute/skus"
_GONE: Final = {True: (("vanish", NOTHING), ("delete", NOTHING)), False: (("vanish", NOTHING),)}
_OPPOSITE: Final = {"True": ("False",), "False": ("True",)}


@cache
def estate(name: str) -> Estate:
    """Return a known-good deployment."""
    return Estate(name)


def at(body: Any, steps: Steps) -> Any:
    """Return what stands at a place, or `NOTHING`."""
    for step in steps:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return NOTHING
    return body


def _holds_objects(value: object) -> bool:
    """Return whether a value is a list of objects."""
    return isinstance(value, list) and any(isinstance(member, dict) for member in value)


def normal(body: Any, steps: Steps) -> str:
    """Return a path with every index as `[*]`; in a list of names and values the name takes its place."""
    plain: list[Step] = []
    for depth, step in enumerate(steps):
        member = at(body, steps[: depth + 1])
        pair = isinstance(step, int) and isinstance(member, dict) and set(member) == {"name", "value"}
        plain.append(member["name"] if pair else None if isinstance(step, int) else step)
    return paths.render(tuple(plain))


def _roles(topology: Topology) -> dict[str, str]:
    """Return, by the key of each resource, the roles of the machines that lead to it; `dr` marks the DR region."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for deployed in topology.deployments:
        for key, own in deployed.roles.items():
            machine = topology.graph.resources[key]
            region = " dr" if machine.location == deployed.declared.dr_region else ""
            scope = ScopeBuilder(topology.graph, topology.load_balancing, deployed.subscriptions)
            scope.add_members(PartialList((machine,)))
            for members in scope.result().values():
                for reached in members.known:
                    assert isinstance(reached, Resource)
                    found[reached.key] |= {f"{role}{region}" for role in own}
    roles = {key: ", ".join(sorted(own)) for key, own in found.items()}
    for disk in topology.graph.by_type[DISK]:
        roles[disk.key] = (
            f"{'OS' if at(disk.body, ('properties', 'osType')) is not NOTHING else 'data'} {roles[disk.key]}"
        )
    return roles


def _type(body: Any) -> str:
    return str(body["type"]) if "type" in body else f"{_SKUS}/{body['resourceType']}"


def _values(bodies: Iterable[Any]) -> defaultdict[tuple[str, str], list[Any]]:
    """Return the different values of each property, by type and path."""
    found: defaultdict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
    for body in bodies:
        if "type" in body or "id" not in body:
            for steps, value in walk(body):
                found[_type(body), normal(body, steps)][json.dumps(value)] = value
    return defaultdict(list, {place: [values[text] for text in sorted(values)] for place, values in found.items()})


@cache
def _corpus() -> defaultdict[tuple[str, str], list[Any]]:
    """Return the different values of each property over all deployments."""
    files = (bundled.FIXTURES / name / bundled.INVENTORY for name in CORPUS)
    return _values(body for file in files for body in json.loads(file.read_bytes())["value"])


def _names_itself(key: str, value: object) -> bool:
    """Tell whether a value is the id of the resource with a key, or of a part of it."""
    return isinstance(value, str) and arm.is_id(value) and _below(arm.key(value), key)


def _is_reference(body: Any, steps: Steps) -> bool:
    """Tell whether the id at a place is all that the object around it holds."""
    return steps[-1:] == ("id",) and arm.is_id(at(body, steps)) and len(at(body, steps[:-1])) == 1


def _lost(key: str, arm_id: str) -> str:
    """Return the id of something that does not exist: of a part of the same resource, or of a part of another one."""
    if _names_itself(key, arm_id):
        return f"{arm_id}-gone"
    segments = arm_id.split("/")
    name = [segment.lower() for segment in segments].index("providers") + 3
    return "/".join([*segments[:name], f"{segments[name]}-gone", *segments[name + 1 :]])


def _below(key: str, above: str) -> bool:
    return f"{key}/".startswith(f"{above}/")


def _replaced(body: Any, steps: Steps, value: object) -> Any:
    """Return parsed JSON with another value at a place; only what leads there is copied."""
    changed = list(body) if isinstance(body, list) else dict(body) if isinstance(body, dict) else {}
    step: Any = steps[0]
    if len(steps) > 1:
        changed[step] = _replaced(at(changed, (step,)), steps[1:], value)
    elif value is NOTHING:
        del changed[step]
    else:
        changed[step] = value
    return changed


def _without(body: Any, removed: str) -> Any:
    """Return parsed JSON without references to a resource or its parts, as Azure leaves none behind."""
    if isinstance(body, dict):
        kept = {name: _without(value, removed) for name, value in body.items()}
        return {name: value for name, value in kept.items() if value is not NOTHING} or NOTHING
    if isinstance(body, list):
        return [item for item in (_without(item, removed) for item in body) if item is not NOTHING]
    return NOTHING if isinstance(body, str) and _below(arm.key(body), removed) else body
