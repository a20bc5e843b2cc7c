"""Known-good deployments and the demo, which tests change and evaluate."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from auditor import bundled, yaml_documents
from auditor.authoring import fixtures
from auditor.authoring import rule_files as authoring_files
from auditor.authoring.rule_files import RuleFile
from auditor.azure import arm
from auditor.estate.declaration import DeclaredDeployment
from auditor.estate.topology import Topology
from auditor.evaluation import coverage, engine
from auditor.evaluation.model import Finding, Outcome
from auditor.rules import packs
from auditor.rules.conditions import CompiledRule
from auditor.rules.facts import FACTS
from auditor.rules.packs import LoadedPack
from auditor.snapshot.known import PartialList
from auditor.snapshot.model import Resource, Snapshot

KNOWN_GOOD: Mapping[str, str] = fixtures.profiles()
"""The known-good deployments with their profiles."""

ESTATES = {**KNOWN_GOOD, "demo": "current"}

RULE_IDS: tuple[str, ...] = tuple(sorted(path.stem for path in bundled.PACK.glob("[A-Z]*.yaml")))
"""The ids of the built-in rules, by their files: they name tests before any rule is loaded."""

Body = dict[str, Any]
Key = tuple[str, str, str]
"""The rule, deployment and subject of a finding."""


@cache
def pack() -> LoadedPack:
    return packs.load(bundled.PACK, FACTS)


def rules(profile: str) -> tuple[CompiledRule, ...]:
    return packs.select([pack()], profile)


@cache
def rule_files() -> dict[str, RuleFile]:
    """Return what `pack.yaml` and each rule file of the built-in pack state for tests, by rule."""
    found = map(authoring_files.read, (bundled.PACK / packs.PACK_FILE, *packs.rule_paths(bundled.PACK)))
    return {file.rule: file for file in found}


@cache
def _files(name: str) -> tuple[bytes, bytes]:
    folder = bundled.FIXTURES / name
    declared = yaml_documents.read(folder / bundled.DEPLOYMENT).value
    return (folder / bundled.INVENTORY).read_bytes(), msgspec.json.encode(declared)


def body_of(name: str) -> Body:
    """Return a copy of the ARM JSON file of an estate."""
    body: Body = msgspec.json.decode(_files(name)[0])
    return body


@cache
def shared_body(name: str) -> Body:
    """Return the ARM JSON file of an estate, which all tests share: none may change it."""
    return body_of(name)


@cache
def _guest_files(name: str) -> bytes:
    return msgspec.json.encode(fixtures.with_guest_files(name, _files(name)[0]))


def with_guest_files(name: str) -> Body:
    """Return a copy of the ARM JSON file of an estate with the files from inside its VMs."""
    body: Body = msgspec.json.decode(_guest_files(name))
    return body


def top_of(name: str) -> Body:
    """Return a copy of the ARM JSON file of an estate of which only the top level may be changed."""
    return {**shared_body(name)}


def declared_of(name: str) -> Any:
    """Return a copy of the content of the deployment file of an estate."""
    return msgspec.json.decode(_files(name)[1])


@cache
def _decoder(name: str) -> fixtures.Decoder:
    return fixtures.Decoder(name, with_guest_files(name))


def snapshot_of(name: str, body: Body) -> Snapshot:
    """Return the snapshot of a changed ARM JSON file."""
    return _decoder(name).snapshot(body)


def deployments_of(name: str) -> tuple[DeclaredDeployment, ...]:
    """Return the declarations of the deployment file of an estate."""
    return _decoder(name).deployments(declared_of(name))


def topology(name: str, body: Body, declared: Any = None, as_of: dt.date = fixtures.AS_OF) -> Topology:
    """Return the topology of an estate with a changed ARM JSON file, and perhaps a changed deployment file.

    There is no such file where `declared` is empty.
    """
    told = declared_of(name) if declared is None else declared
    deployments = _decoder(name).deployments(told) if told else ()
    return Topology(snapshot_of(name, body), deployments, as_of)


def evaluate(
    name: str, body: Body, declared: Any = None, asked: Sequence[CompiledRule] | None = None
) -> dict[Key, Finding]:
    """Return the findings of a changed estate by their keys; only those of the given rules, if any."""
    findings = engine.evaluate(topology(name, body, declared), rules(ESTATES[name]) if asked is None else asked)
    found = {(f.rule.id, f.deployment, f.subject.id.lower()): f for f in findings}
    assert len(found) == len(findings), "one finding a (rule, deployment, subject)"
    return found


@cache
def baseline(name: str) -> Mapping[Key, Finding]:
    return evaluate(name, body_of(name))


def complete(name: str, body: Body) -> bool:
    built = topology(name, body)
    loaded = rules(ESTATES[name])
    return coverage.assess(built, coverage.gaps(built, loaded), engine.evaluate(built, loaded), {}).complete


def by_tags(name: str) -> tuple[Body, Body]:
    """Return an estate whose VMs have the roles of the deployment file as tags, and the rest of that file."""
    body = body_of(name)
    (found,) = topology(name, body).deployments
    vms = {arm.key(item["id"]): item for item in body["value"] if "id" in item}
    for mirror in found.mirrors:
        for roster in (mirror.failover, mirror.arbiter, mirror.dr, mirror.reporting):
            for vm in PartialList.of(roster).of_type(Resource):
                (role,) = found.roles[vm.key]
                more = {"iris-mirror": mirror.declared.name, "iris-product": mirror.declared.product}
                vms[vm.key]["tags"] = {"iris-deployment": found.id, "iris-role": str(role), **more}
    for tier in found.tiers:
        for vm in tier.members.of_type(Resource):
            product = tier.declared.product or found.declared.product
            own = {"iris-deployment": found.id, "iris-role": str(tier.declared.role), "iris-product": product}
            vms[vm.key]["tags"] = own
    declared = declared_of(name)
    (left,) = declared["deployments"]
    del left["mirrors"], left["tiers"]
    return body, declared


def find(body: Body, name: str) -> Body:
    """Return the resource of a name."""
    (found,) = [item for item in body["value"] if "id" in item and arm.name_of(item["id"]) == name]
    resource: Body = found
    return resource


def with_added(name: str) -> Body:
    """Return a known-good deployment with all resources that the examples of rules add to it, and their parents."""
    body = body_of(name)
    (own,) = body["listed"]
    found = {arm.key(item["id"]): item for item in body["value"] if "id" in item}
    examples = [example.content for file in rule_files().values() for example in file.examples]
    for item in (item for content in examples if content["on"] == name for item in content.get("add", ())):
        arm_id = item.get("id", "")
        while arm.subscription_of(arm.key(arm_id)) == own and arm.type_of(arm_id):
            added = copied(item) if arm_id == item["id"] else {"id": arm_id, "properties": {}}
            found.setdefault(arm.key(arm_id), added)
            arm_id = arm_id.rsplit("/", 2)[0] if arm.parent_of(arm.key(arm_id)) else ""
    body["value"] = [*(item for item in body["value"] if "id" not in item), *found.values()]
    return body


def moved(body: Body, subscription: str, *names: str) -> Body:
    """Move resources to another subscription, where every type is listed too; the references to them follow."""
    old = {arm.key(found["id"]): found["id"] for found in (find(body, name) for name in names)}
    own = next(iter(body["listed"]))

    def change(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: arm_id(found) for name, found in value.items()}
        return [arm_id(found) for found in value]

    def arm_id(value: Any) -> Any:
        return value.replace(own, subscription, 1) if isinstance(value, str) and arm.key(value) in old else value

    body["value"] = everywhere(body["value"], change)
    body["listed"][subscription] = [*body["listed"][own]]
    return body


def everywhere(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return parsed JSON in which every object and list, innermost first, was changed."""
    if isinstance(value, dict):
        return change({name: everywhere(member, change) for name, member in value.items()})
    if isinstance(value, list):
        return change([everywhere(item, change) for item in value])
    return value


def softened(before: Mapping[Key, Finding], after: Mapping[Key, Finding]) -> Iterator[str]:
    """Yield each outcome that a loss of knowledge changed to anything but unknown."""
    for key, finding in before.items():
        now = after.get(key)
        if now is None:
            unknown = any(
                f.outcome is Outcome.UNKNOWN for (rule, deployed, _), f in after.items() if (rule, deployed) == key[:2]
            )
            if not unknown:
                yield f"{key} was {finding.outcome} and is not mentioned any more"
        elif now.outcome not in {finding.outcome, Outcome.UNKNOWN}:
            yield f"{key} was {finding.outcome} and is {now.outcome}: {now.evidence} {now.reason}"
    for key, finding in after.items():
        if key not in before and finding.outcome is not Outcome.UNKNOWN:
            yield f"{key} was not there and is {finding.outcome}"


def copied(body: Body) -> Body:
    return copy.deepcopy(body)
