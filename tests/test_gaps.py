"""An unknown is never a pass or a fail: whatever is hidden, outcomes change to unknown only."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.azure import arm
from auditor.azure.types.names import APPLICATION_GATEWAY, GUEST_FILE, PUBLIC_ADDRESS, TRAFFIC_MANAGER, VM
from auditor.evaluation import engine
from auditor.evaluation.model import Finding, Outcome
from auditor.rules.conditions import CompiledRule
from auditor.sources import arm_json
from tests import estates
from tests.estates import Body, Key

LISTED = sorted(
    {
        (name, type_)
        for name in estates.ESTATES
        for types in estates.shared_body(name)["listed"].values()
        for type_ in types
    }
)
RESOURCES = [
    (name, item["id"]) for name in estates.ESTATES for item in estates.shared_body(name)["value"] if "id" in item
]

_PRODUCTS = re.compile("hspi|hshi|hspc|hshc")


def kind_of(name: str, arm_id: str) -> tuple[str, ...]:
    """Return a key that is equal for similar resources of HealthShare: products, VMs of a pair, data disks of a VM."""
    if name != "healthshare-current":
        return name, arm_id
    alike = re.sub(r"-[ab]\b|\d", "", _PRODUCTS.sub("hsie", arm.name_of(arm_id)))
    return name, arm.type_of(arm_id), alike


SAMPLE = list({kind_of(*found): found for found in reversed(RESOURCES)}.values())
"""The resources that are hidden one by one: one of each kind, the first."""

SAMPLES = sorted({(name, arm.type_of(arm_id)) for name, arm_id in SAMPLE})


QUICK = "trakcare-2018", "Microsoft.Compute/"
TYPES = [
    pytest.param(name, type_, marks=[] if name == QUICK[0] and type_.startswith(QUICK[1]) else pytest.mark.slow)
    for name, type_ in LISTED
]


def type_of(item: Body) -> str:
    return arm.type_of(item["id"]) if "id" in item else "microsoft.compute/skus"


def hide_type(body: Body, type_: str, *, keep: int = 0) -> Body:
    """Remove the listing of a type, and its resources but the first ones, from the top level of a body."""
    lowered = arm.canonical_type(type_)
    kept = [item for item in body["value"] if type_of(item) == lowered][:keep]
    body["value"] = [item for item in body["value"] if type_of(item) != lowered or item in kept]
    body["listed"] = {
        scope: [listed for listed in types if arm.canonical_type(listed) != lowered]
        for scope, types in body["listed"].items()
    }
    return body


def hide_resource(body: Body, arm_id: str, *, stub: bool) -> Body:
    """Make a resource unreadable: a gap instead of its body, or a stub without properties."""
    (found,) = [item for item in body["value"] if item.get("id") == arm_id]
    body["value"] = [item for item in body["value"] if item is not found]
    if stub:
        body["value"].append({name: found[name] for name in ("id", "name", "type", "location") if name in found})
    else:
        gap = {"scope": arm_id, "what": arm.type_of(arm_id), "reason": "forbidden", "code": "AuthorizationFailed"}
        body["gaps"] = [*body.get("gaps", ()), gap]
    return body


@cache
def evaluate_without(name: str, type_: str) -> Mapping[Key, Finding]:
    """Return the findings of an estate in which a type was not listed."""
    return estates.evaluate(name, hide_type(estates.top_of(name), type_))


@cache
def looked_at(name: str) -> Mapping[str, AbstractSet[str]]:
    """Return, by type, the rules that read a resource of that type."""
    body = estates.body_of(name)
    keys = {arm.key(item["id"]) for item in body["value"] if "id" in item}
    found: defaultdict[str, set[str]] = defaultdict(set)
    rules = estates.rules(estates.ESTATES[name])
    for finding in engine.evaluate(estates.topology(name, body), rules, recorded=keys):
        for key, _ in finding.reads:
            found[arm.type_of(key)].add(finding.rule.id)
    return found


@cache
def concerned(name: str, type_: str) -> tuple[CompiledRule, ...]:
    """Return the rules that read a resource of a type, or that have other findings where the type was not listed.

    Hiding this type alone does not change the findings of other rules.
    """
    rules = estates.rules(estates.ESTATES[name])
    if type_ == arm.SUBSCRIPTION:  # a gap of a subscription hides all that is in it
        return rules
    before, after = estates.baseline(name), evaluate_without(name, type_)
    changed = {key[0] for key in before.keys() | after.keys() if said(before.get(key)) != said(after.get(key))}
    wanted = changed | looked_at(name)[type_]
    return tuple(loaded for loaded in rules if loaded.rule.id in wanted)


def said(finding: Finding | None) -> object:
    return finding and (finding.outcome, finding.severity, finding.cause, finding.reasons)


def of_rules(findings: Mapping[Key, Finding], rules: Iterable[CompiledRule]) -> dict[Key, Finding]:
    wanted = {loaded.rule.id for loaded in rules}
    return {key: finding for key, finding in findings.items() if key[0] in wanted}


def softened(
    name: str, type_: str, before: Mapping[Key, Finding], bodies: Iterable[Body], declared: Any = None
) -> list[str]:
    """Return the changed findings, except unknown ones, of concerned rules for estates without resources of a type."""
    rules = concerned(name, arm.canonical_type(type_))
    before = of_rules(before, rules)
    return [
        found for body in bodies for found in estates.softened(before, estates.evaluate(name, body, declared, rules))
    ]


def test_resources_of_every_type_and_estate_are_hidden() -> None:
    assert {(name, arm.type_of(arm_id)) for name, arm_id in SAMPLE} == {
        (name, arm.type_of(arm_id)) for name, arm_id in RESOURCES
    }
    assert {name for name, _ in SAMPLE} == {name for name, _ in LISTED} == set(estates.ESTATES)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "type_"), TYPES)
def test_a_type_that_was_not_listed(name: str, type_: str) -> None:
    lowered, body = arm.canonical_type(type_), estates.shared_body(name)
    assert list(estates.softened(estates.baseline(name), evaluate_without(name, lowered))) == []
    count = sum(type_of(item) == lowered for item in body["value"])
    cut = [hide_type({**body}, type_, keep=keep) for keep in sorted({min(1, count), min(3, count)} - {0})]
    assert softened(name, type_, estates.baseline(name), cut) == []


@pytest.mark.slow
@pytest.mark.parametrize(("name", "type_"), SAMPLES)
def test_a_resource_that_was_not_read(name: str, type_: str) -> None:
    hidden = [arm_id for estate, arm_id in SAMPLE if (estate, arm.type_of(arm_id)) == (name, type_)]
    assert hidden
    for place, arm_id in enumerate(hidden):
        # The demo differs little from trakcare-current, where each resource is hidden in both ways.
        stubs = (place % 2 == 0,) if name == "demo" else (False, True)
        bodies = [hide_resource(estates.top_of(name), arm_id, stub=stub) for stub in stubs]
        assert softened(name, type_, estates.baseline(name), bodies) == [], arm_id


@pytest.mark.slow
def test_a_type_or_resource_of_a_mirror_without_tiers_was_not_read() -> None:
    name, rules = "mirror-template", estates.rules("current")
    before, body = estates.evaluate(name, estates.body_of(name), asked=rules), estates.shared_body(name)
    types = sorted({arm.canonical_type(type_) for listed in body["listed"].values() for type_ in listed})
    ids = [item["id"] for item in body["value"] if "id" in item]
    assert len(types) > 50
    assert len(ids) > 20
    cut = [hide_type({**body}, type_, keep=keep) for type_ in types for keep in (0, 1)]
    unread = [hide_resource({**body}, arm_id, stub=stub) for arm_id in ids for stub in (False, True)]
    for hidden in (*cut, *unread):
        assert list(estates.softened(before, estates.evaluate(name, hidden, asked=rules))) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", estates.KNOWN_GOOD)
def test_a_file_from_inside_a_vm_or_what_is_joined_with_it_was_not_read(name: str) -> None:
    """Only rules are evaluated whose outcomes rest on such files, of which those of one VM of a kind are hidden."""
    body, bare = estates.with_guest_files(name), estates.baseline(name)
    whole = estates.evaluate(name, body)
    resting = {key[0] for key in whole if key not in bare or whole[key].outcome is not bare[key].outcome}
    rules = [loaded for loaded in estates.rules(estates.KNOWN_GOOD[name]) if loaded.rule.id in resting]
    assert len(rules) > 15
    before = of_rules(whole, rules)
    keys = {arm.key(item["id"]) for item in body["value"] if "id" in item}
    findings = engine.evaluate(estates.topology(name, body), rules, recorded=keys)
    read = {arm.type_of(key) for finding in findings for key, _ in finding.reads}
    files = [item["id"] for item in body["value"] if type_of(item) == GUEST_FILE]
    sample = {(kind_of(name, vm_of(arm_id)), arm.name_of(arm_id)): arm_id for arm_id in reversed(files)}
    joined = [arm_id for estate, arm_id in SAMPLE if estate == name and arm.type_of(arm_id) in read - {GUEST_FILE}]
    assert min(len(sample), len(joined)) > 10
    hidden = [hide_type({**body}, type_) for type_ in sorted(read - {GUEST_FILE})]
    for place, arm_id in enumerate((*sample.values(), *joined)):
        hidden.append(hide_resource({**body}, arm_id, stub=place % 2 == 0))
    for changed in hidden:
        assert list(estates.softened(before, estates.evaluate(name, changed, None, rules))) == []


def vm_of(arm_id: str) -> str:
    """Return the id of the VM of a file, the same for VMs of a pair."""
    return re.sub(r"-[ab]$", "", arm_id.rsplit("/", 2)[0])


@pytest.mark.slow
def test_a_type_that_few_deployments_have_was_not_listed() -> None:
    """The resources are those that the examples of rules add."""
    name = "trakcare-current"
    whole = estates.with_added(name)
    before = estates.evaluate(name, estates.copied(whole))
    few = {type_of(item) for item in whole["value"]} - {type_of(item) for item in estates.body_of(name)["value"]}
    records = {type_ for type_ in few if type_.startswith("microsoft.network/dnszones/")}
    assert len(few - records) > 10
    for type_ in sorted(few - records):  # the records of a zone are listed together
        body = hide_type(estates.copied(whole), type_)
        assert list(estates.softened(before, estates.evaluate(name, body))) == [], type_


@pytest.mark.slow
def test_what_is_hidden_changes_nothing_for_rules_that_it_does_not_concern() -> None:
    """Therefore the other tests evaluate only concerned rules, which takes less time."""
    for name, arm_id in SAMPLE[::17]:
        asked = {loaded.rule.id for loaded in concerned(name, arm.type_of(arm_id))}
        others = [loaded for loaded in estates.rules(estates.ESTATES[name]) if loaded.rule.id not in asked]
        before = {key: said(finding) for key, finding in of_rules(estates.baseline(name), others).items()}
        for stub in (False, True):
            body = hide_resource(estates.top_of(name), arm_id, stub=stub)
            after = {key: said(finding) for key, finding in estates.evaluate(name, body, None, others).items()}
            assert after == before, (arm_id, stub)


@pytest.mark.slow
@pytest.mark.parametrize("name", estates.KNOWN_GOOD)
@pytest.mark.parametrize("file", [True, False])
def test_a_vm_that_was_not_read_where_tags_declare_roles(name: str, *, file: bool) -> None:
    body, declared = estates.by_tags(name)
    declared = declared if file else {}
    before = estates.evaluate(name, body, declared)
    assert {kind for kind in ("mirrors", "tiers") for _, _, subject in before if f"/{kind}/" in subject} == {
        "mirrors",
        "tiers",
    }
    vms = [arm_id for estate, arm_id in SAMPLE if estate == name and arm.type_of(arm_id) == VM]
    assert vms
    for arm_id in vms:
        for stub in (False, True):
            after = estates.evaluate(name, hide_resource({**body}, arm_id, stub=stub), declared)
            assert list(estates.softened(before, after)) == [], arm_id


def by_name(name: str) -> Body:
    """Return an estate whose Traffic Manager profiles have the DNS names of their targets."""
    body = estates.body_of(name)
    for item in body["value"]:
        for end in item.get("properties", {}).get("endpoints", ()):
            end["type"] = "Microsoft.Network/trafficManagerProfiles/externalEndpoints"
            del end["properties"]["targetResourceId"]
    return body


@pytest.mark.slow
@pytest.mark.parametrize("name", estates.KNOWN_GOOD)
def test_an_address_that_was_not_read_where_profiles_lead_to_names(name: str) -> None:
    body = by_name(name)
    before = estates.evaluate(name, body)
    assert {(key, f.outcome) for key, f in before.items()} == {
        (key, f.outcome) for key, f in estates.baseline(name).items()
    }
    led_through = [(PUBLIC_ADDRESS, 2), (APPLICATION_GATEWAY, 2), (TRAFFIC_MANAGER, 1)]
    for type_, least in led_through:
        hidden = [arm_id for estate, arm_id in RESOURCES if estate == name and arm.type_of(arm_id) == type_]
        assert len(hidden) >= least
        cut = [hide_type({**body}, type_, keep=keep) for keep in (0, 1)]
        unread = [hide_resource({**body}, arm_id, stub=stub) for arm_id in hidden for stub in (False, True)]
        assert softened(name, type_, before, (*cut, *unread)) == []


@pytest.mark.slow
@given(data=st.data(), name=st.sampled_from(sorted(estates.ESTATES)))
@settings(max_examples=80)
def test_any_gaps_at_once(data: st.DataObject, name: str) -> None:
    body = estates.top_of(name)
    for arm_id in data.draw(st.sets(st.sampled_from([i for n, i in RESOURCES if n == name]), max_size=6)):
        hide_resource(body, arm_id, stub=data.draw(st.booleans()))
    for type_ in data.draw(st.sets(st.sampled_from([t for n, t in LISTED if n == name]), max_size=3)):
        hide_type(body, type_, keep=data.draw(st.integers(0, 20)))
    assert estates.snapshot_of(name, body) == arm_json.decode(msgspec.json.encode(body), name)
    assert list(estates.softened(estates.baseline(name), estates.evaluate(name, body))) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", estates.KNOWN_GOOD)
def test_a_type_that_rules_need_makes_the_answer_incomplete(name: str) -> None:
    compute, network = ["virtualMachines", "disks", "skus"], ["loadBalancers", "trafficManagerProfiles"]
    for type_ in [*(f"Microsoft.Compute/{t}" for t in compute), *(f"Microsoft.Network/{t}" for t in network)]:
        assert (name, type_) in LISTED
        assert not estates.complete(name, hide_type(estates.top_of(name), type_)), type_


@pytest.mark.parametrize("name", estates.KNOWN_GOOD)
def test_hiding_everything_leaves_nothing_but_unknowns(name: str) -> None:
    """And the rules that do not apply by the deployment file alone, such as those of online backups."""
    body: Body = {"value": [], "listed": {scope: [] for scope in estates.body_of(name)["listed"]}}
    outcomes = {finding.outcome for finding in estates.evaluate(name, body).values()}
    assert outcomes - {Outcome.NOT_APPLICABLE} == {Outcome.UNKNOWN}
