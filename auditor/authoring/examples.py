"""Examples of rules: a change to a known-good deployment, and what the rule says of it then."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, Final

import msgspec

from auditor import bundled, yaml_documents
from auditor.azure import arm, paths
from auditor.azure.types.names import SKU
from auditor.errors import InputError
from auditor.estate import deployment_file
from auditor.estate.topology import Topology
from auditor.evaluation import engine
from auditor.evaluation.model import Finding, Outcome
from auditor.rules.conditions import CompiledRule
from auditor.rules.model import Rule
from auditor.snapshot.model import Gap, GapReason, Resource, Snapshot, resource
from auditor.sources import arm_json
from auditor.yaml_documents import Document

AS_OF: Final = dt.date(2026, 11, 1)
"""The date that counts in examples, so that they say the same for ever: that of the known-good deployments."""

Findings = Mapping[tuple[str, str, str], Finding]
"""Findings by rule, deployment and subject."""

_CHANGES: Final = {"set", "remove", "add", "gap", "declare"}
"""The keys of an example that change the deployment."""

_HIDDEN: Final = {"reason": GapReason.FORBIDDEN, "code": "AuthorizationFailed"}


class Inventory:
    """A raw inventory of which changed copies are decoded; what is unchanged in them is decoded only once."""

    def __init__(self, body: Mapping[str, Any], file: str) -> None:
        """Decode it.

        Raises:
            InputError: see `arm_json.decode`.
        """
        self._file = file
        self.snapshot = arm_json.decode(msgspec.json.encode(body), file)
        unread = {arm.key(gap.scope) for gap in self.snapshot.gaps}
        known = {resource.key: resource for resource in self.snapshot.resources if resource.key not in unread}
        self._resources: dict[bytes, Resource] = {
            msgspec.json.encode(item): known[arm.key(item["id"])]
            for item in body["value"]
            if "id" in item and arm.key(item["id"]) in known
        }

    def decode(self, changed: Mapping[str, Any]) -> Snapshot:
        """Return the same as `arm_json.decode` of a changed copy.

        Raises:
            InputError: see `arm_json.decode`.
        """
        kept, others = {}, []
        for item in changed["value"]:
            text = msgspec.json.encode(item)
            if text in self._resources:
                kept[self._resources[text].key] = self._resources[text]
            else:
                others.append(item)
        decoded = arm_json.decode(msgspec.json.encode({**changed, "value": others}), self._file)
        if any(resource.key in kept for resource in decoded.resources):  # the file is refused, with its line
            return arm_json.decode(msgspec.json.encode(changed), self._file)
        resources = sorted((*kept.values(), *decoded.resources), key=attrgetter("key"))
        return msgspec.structs.replace(
            decoded,
            scopes=tuple(sorted({*decoded.scopes, *map(arm.subscription_of, kept)})),
            resources=tuple(resources),
        )


class Fixture(msgspec.Struct, frozen=True):
    """A known-good deployment: its inventory and deployment file as they stand in its folder."""

    name: str
    profile: str
    inventory: dict[str, Any]
    declared: dict[str, Any]
    decoder: Inventory


class Failure(msgspec.Struct, frozen=True):
    """An example that does not show what it says."""

    rule: str
    number: int
    """Counted from 1."""
    message: str

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.rule} example {self.number}: {self.message}"


@cache
def fixture(name: str) -> Fixture:
    """Return a known-good deployment by the name of its folder.

    Raises:
        InputError: there is none of that name.
    """
    index: Any = yaml_documents.read(bundled.FIXTURES / "index.yaml").value
    if name not in index:
        message = f"there is no known-good deployment '{name}'; there is {', '.join(sorted(index))}"
        raise InputError(message)
    folder = bundled.FIXTURES / name
    declared: Any = yaml_documents.read(folder / bundled.DEPLOYMENT).value
    body: dict[str, Any] = msgspec.json.decode((folder / bundled.INVENTORY).read_bytes())
    return Fixture(name, index[name]["profile"], body, declared, Inventory(body, name))


def evaluate(known_good: Fixture, change: Mapping[str, Any], rules: Iterable[CompiledRule]) -> Findings:
    """Evaluate a known-good deployment after an example's change.

    Raises:
        InputError: the change names a resource or a path that is not there.
    """
    changed = apply(known_good, change)
    snapshot = known_good.decoder.decode(changed.inventory)
    declared = deployment_file.load(Document(changed.declared, f"{known_good.name}/{bundled.DEPLOYMENT}", {}))
    findings = engine.evaluate(Topology(snapshot, declared, AS_OF), rules)
    return {(f.rule.id, f.deployment.lower(), f.subject.id.lower()): f for f in findings}


class Trial:
    """The examples of rules, tried with all rules of a profile."""

    def __init__(self, rules_of: Mapping[str, tuple[CompiledRule, ...]]) -> None:
        """Take the rules by profile."""
        self._rules_of = rules_of
        self._unchanged: dict[tuple[str, str], Findings] = {}

    def check(self, rule: Rule) -> Iterator[Failure]:
        """Yield what does not hold of a rule's examples: outcome, severity, and that exactly the named rules change."""
        for number, example in enumerate(rule.examples, start=1):
            try:
                for message in self.faults(rule, example, self.evaluate(rule, example)):
                    yield Failure(rule.id, number, message)
            except InputError as error:
                yield Failure(rule.id, number, str(error))

    def evaluate(self, rule: Rule, example: Mapping[str, Any]) -> Findings:
        """Evaluate the deployment of an example after its change.

        Raises:
            InputError: the deployment, the profile, a resource or a path does not exist.
        """
        known_good = fixture(example["on"])
        profile = example.get("profile", known_good.profile)
        if profile not in rule.profiles:
            message = f"the rule is not in the profile {profile}"
            raise InputError(message)
        if _CHANGES & example.keys():
            return evaluate(known_good, example, self._rules_of[profile])
        return self._before(known_good, profile)

    def faults(self, rule: Rule, example: Mapping[str, Any], after: Findings) -> Iterator[str]:
        """Yield what does not hold of one example, given its findings."""
        known_good = fixture(example["on"])
        profile = example.get("profile", known_good.profile)
        before = self._before(known_good, profile)
        expected = Outcome(example["expect"])
        wanted = example.get("subject", "").lower()
        own = [
            finding
            for (rule_id, _, subject), finding in after.items()
            if rule_id == rule.id and (not wanted or f"/{subject}".endswith(f"/{wanted}"))
        ]
        outcomes = [finding.outcome for finding in own]
        meant = [finding for finding in own if finding.outcome is expected]
        if not meant or (expected is Outcome.PASS and set(outcomes) - {Outcome.PASS, Outcome.NOT_APPLICABLE}):
            said = ", ".join(f"{f.subject.id} {f.outcome}{f': {f.reason}' if f.reason else ''}" for f in own)
            yield f"expected {expected}, but the rule says: {said or 'nothing'}"
        if "severity" in example and {finding.severity for finding in meant} != {example["severity"]}:
            yield f"expected the severity {example['severity']}, not {', '.join(sorted({f.severity for f in meant}))}"
        also = _failing(after) - _failing(before) - {rule.id}
        if profile == known_good.profile and also != set(example.get("also", ())):
            yield f"expected that also {sorted(example.get('also', ()))} fail, but {sorted(also)} do"
        if any(finding.outcome is Outcome.ERROR for finding in after.values()):
            yield "; ".join(f"{f.rule.id}: {f.reason}" for f in after.values() if f.outcome is Outcome.ERROR)

    def _before(self, known_good: Fixture, profile: str) -> Findings:
        """Evaluate an unchanged deployment, once in each profile."""
        place = known_good.name, profile
        if place not in self._unchanged:
            self._unchanged[place] = evaluate(known_good, {}, self._rules_of[profile])
        return self._unchanged[place]


def _failing(findings: Findings) -> set[str]:
    """Return the rules that fail."""
    return {rule_id for (rule_id, *_), finding in findings.items() if finding.outcome is Outcome.FAIL}


def apply(known_good: Fixture, change: Mapping[str, Any]) -> Fixture:
    """Return a known-good deployment with an example's change made to a copy of it.

    Raises:
        InputError: the change names a resource or a path that is not there.
    """
    declared = copy.deepcopy(known_good.declared)
    body = known_good.inventory | {"value": list(known_good.inventory["value"])}
    for entry in change.get("set", ()):
        sizes = [item for item in body["value"] if "id" not in item and item["name"] == entry["resource"]]
        for size in sizes:
            _set_capability(_copied(body, size), entry["path"], entry["value"])
        if not sizes:
            _set(_copied(body, _find(body["value"], entry["resource"])), entry["path"], entry["value"])
    for entry in change.get("remove", ()):
        target = _find(body["value"], entry["resource"])
        if "path" in entry:
            _set(_copied(body, target), entry["path"], None)
        else:
            body["value"] = [_without(item, arm.key(target["id"])) for item in body["value"] if item is not target]
    body["value"] += change.get("add", ())
    for what in change.get("gap", ()):
        _hide(body, what)
    for entry in change.get("declare", ()):
        _set(declared, entry["path"], entry["value"])
    return msgspec.structs.replace(known_good, inventory=body, declared=declared)


def _copied(body: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    """Put a copy in the place of an element of an inventory, and return it."""
    copied = copy.deepcopy(item)
    body["value"] = [copied if other is item else other for other in body["value"]]
    return copied


def _find(bodies: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the resource of a name; `type/name` where several have it."""
    type_, _, short = name.lower().rpartition("/")
    found = [
        body
        for body in bodies
        if "id" in body
        and arm.name_of(body["id"]).lower() == short
        and (not type_ or arm.type_of(body["id"]).endswith(type_))
    ]
    if len(found) != 1:
        message = f"'{name}' names {len(found)} resources of the known-good deployment, not one"
        raise InputError(message)
    return found[0]


def _set(body: Any, path: str, value: object) -> None:  # noqa: ANN401 - parsed JSON or YAML
    """Set a property, appending to a list one past its end; None removes it."""
    steps = paths.parse(path)
    for depth, step in enumerate(steps[:-1]):
        if isinstance(step, str) and isinstance(body, dict) and step not in body and value is not None:
            body[step] = {} if isinstance(steps[depth + 1], str) else []
        body = _member(body, step, path)
    last = steps[-1]
    if isinstance(body, list) and last == len(body) and value is not None:
        body.append(value)
        return
    if value is None or isinstance(body, list):
        _member(body, last, path)
    if value is None:
        del body[last]
    else:
        body[last] = value


def _member(body: Any, step: paths.Step, path: str) -> Any:  # noqa: ANN401
    try:
        return body[step]
    except (KeyError, IndexError, TypeError):
        message = f"the known-good deployment has nothing at '{path}'"
        raise InputError(message) from None


def _without(body: Any, removed: str) -> Any:  # noqa: ANN401
    """Return a body without references to a removed resource or its parts, as Azure leaves none behind."""
    if isinstance(body, dict):
        kept = {name: _without(value, removed) for name, value in body.items()}
        return {name: value for name, value in kept.items() if value is not None}
    if isinstance(body, list):
        return [item for item in (_without(item, removed) for item in body) if item not in (None, {})]
    gone = isinstance(body, str) and f"{arm.key(body)}/".startswith(f"{removed}/")
    return None if gone else body


def _set_capability(size: dict[str, Any], name: str, value: object) -> None:
    """Set a capability of a size."""
    others = [capability for capability in size["capabilities"] if capability["name"] != name]
    size["capabilities"] = [*others, {"name": name, "value": value}]


def _hide(body: dict[str, Any], what: str) -> None:
    """Hide a type that was not listed, or a resource that was not read."""
    if what.lower().startswith("microsoft."):
        type_ = arm.canonical_type(what)
        kept = [item for item in body["value"] if _type(item) != type_]
        for scope, types in body["listed"].items():
            if what.lower() in [listed.lower() for listed in types]:
                others = [listed for listed in types if listed.lower() != what.lower()]
                body["listed"] = body["listed"] | {scope: others}
                body["gaps"] = [*body.get("gaps", ()), {"scope": scope, "what": what, **_HIDDEN}]
        body["value"] = kept
        return
    target = _find(body["value"], what)
    body["value"] = [item for item in body["value"] if item is not target]
    gap = Gap(target["id"], arm.type_of(target["id"]), **_HIDDEN)  # type: ignore[arg-type]
    body["gaps"] = [*body.get("gaps", ()), msgspec.to_builtins(gap)]


def _type(item: dict[str, Any]) -> str:
    return resource(item, item["id"]).type if "id" in item else SKU
