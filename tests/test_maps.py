"""The maps of the built-in pack: their rows against the sources, the rules, and the examples of the rules."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import msgspec
import pytest

from auditor import bundled, yaml_documents
from auditor.authoring import changes, examples, fixtures
from auditor.azure import arm, paths
from auditor.azure.types import KINDS
from auditor.evaluation.model import Outcome
from auditor.report.document import Control
from auditor.report.oscal import ids
from auditor.rules import maps
from auditor.rules.conditions import Compiled, CompiledRule, Compiler
from auditor.rules.facts import FACTS
from auditor.rules.maps import Maps, Recommendation, Relation
from auditor.rules.model import Rule, Severity, Target
from tests import estates
from tests.test_docs import ROOT
from tests.tools import verify_maps

DATA: Final = ROOT / "tests" / "data" / "maps"
Change = Mapping[str, Any]
PASS, FAIL = Outcome.PASS, Outcome.FAIL


@cache
def built_in() -> Maps:
    found = maps.load([estates.pack()])
    assert found.recommendations
    assert found.evidence
    return found


@cache
def restated() -> dict[str, Any]:
    """Return the conditions of public checks in our language, by system and id."""
    value: Any = yaml_documents.read(DATA / "restated.yaml").value
    assert value
    return dict(value)


def name_of(row: Recommendation) -> str:
    return f"{row.check.system} {row.check.id}"


# --- sources ----------------------------------------------------------------------------------------------------------


def test_the_sources_have_every_id_and_mapping_that_the_maps_name() -> None:
    """The index was read from the sources at the versions that the maps name, by `tests/tools/verify_maps.py`."""
    index = json.loads(verify_maps.INDEX.read_text("utf-8"))
    assert list(verify_maps.unconfirmed(index)) == []


def test_a_row_that_the_sources_do_not_confirm_is_found() -> None:
    index = json.loads(verify_maps.INDEX.read_text("utf-8"))
    aprl = index["checks"]["APRL"]
    place = next(place for place, ids in aprl.items() if "a8d25876-7951-b646-b4e8-880c9031596b" in ids)
    aprl[place]["a8d25876-7951-b646-b4e8-880c9031596b"] = ""
    del aprl[place]["2bd0be95-a825-6f47-a8c6-3db1fb5eb387"]
    index["controls"]["nist-800-53"]["microsoft"]["fc4d8e41-e223-45ea-9bf5-eada37891d87"] = ["SC-28(1)"]
    index["controls"]["nis2"]["text"][""].remove("21.2.i")
    faults = "\n".join(verify_maps.unconfirmed(index))
    assert "a8d25876-7951-b646-b4e8-880c9031596b has the recommendationTypeId ''" in faults
    assert "2bd0be95-a825-6f47-a8c6-3db1fb5eb387 is not in" in faults
    assert "nist-800-53 SC-28 (microsoft) is not confirmed for SEC002" in faults
    assert "nist-800-53 SC-28(1)" not in faults
    assert "nis2 21(2)(i) (text) is not confirmed for DEP001" in faults


@pytest.mark.parametrize("name", [maps.RECOMMENDATIONS, maps.CONTROLS])
def test_each_rule_is_in_the_rows_or_in_the_list_of_those_without(name: str) -> None:
    value: Any = yaml_documents.read(bundled.PACK / maps.FOLDER / name).validate(name.removesuffix(".yaml")).value
    rows = built_in().recommendations if name == maps.RECOMMENDATIONS else built_in().evidence
    without = [rule for entry in value["none"] for rule in entry["rules"]]
    assert len(without) == len(set(without))
    assert sorted({*without, *(row.rule for row in rows)}) == sorted(estates.RULE_IDS)
    assert not {row.rule for row in rows} & set(without)


def test_the_catalogue_of_nist_has_the_ids_by_which_oscal_names_its_controls() -> None:
    catalogue = json.loads(verify_maps.INDEX.read_text("utf-8"))["controls"][ids.NIST]["text"]
    rows = [row for row in built_in().evidence if row.framework.name == ids.NIST]
    controls = {Control(ids.NIST, row.control, row.basis, row.because) for row in rows}
    assert len(controls) >= 20
    assert not {ids.control(control) for control in controls} - {*catalogue[""]}
    assert not {ids.statement(control) for control in controls} - {*catalogue["statements"]}


def test_what_others_map_to_a_control_is_about_the_same_as_the_rule() -> None:
    related = {(row.rule, row.check.id.lower()) for row in built_in().recommendations}
    strangers = [
        (row.rule, check) for row in built_in().evidence for check in row.by if (row.rule, check.lower()) not in related
    ]
    assert not strangers


def test_the_readers_of_sources_find_ids_and_controls() -> None:
    assert verify_maps.aprl("- {aprlGuid: A-1, recommendationTypeId: B-2}\n- {aprlGuid: c}\n") == {
        "a-1": "b-2",
        "c": "",
    }
    groups = [{"name": "NIST_SP_800-53_R5_SC-7(3)"}, {"name": "NIST_SP_800-53_R5_AC-4"}]
    policies = [
        {"policyDefinitionId": "/x/POLICY", "groupNames": [groups[0]["name"]]},
        {"policyDefinitionId": "/x/policy", "groupNames": [groups[1]["name"]]},
    ]
    body = {"properties": {"policyDefinitionGroups": groups, "policyDefinitions": policies}}
    assert verify_maps.initiative(json.dumps(body)) == {"policy": ["AC-4", "SC-7(3)"]}
    requirements = {"Requirements": [{"Id": "164_312_a_1", "Checks": ["a", "b"]}, {"Id": "2", "Checks": ["a"]}]}
    expected = {"": ["164_312_a_1", "2"], "a": ["164_312_a_1", "2"], "b": ["164_312_a_1"]}
    assert verify_maps.prowler(json.dumps(requirements)) == expected
    assert verify_maps.same("164.312(a)(1)", "164_312_a_1")
    assert not verify_maps.same("164.312(a)(1)", "164_312_a_1_i")
    text = "Rule 'Azure.A.B' -Labels @{ 'Azure.MCSB.v1/control' = 'DP-4' } {\n}\nRule 'Azure.A.C' -Type 'x' {\n}\n"
    assert verify_maps.psrule(text) == {"Azure.A.B": ["DP-4"]}
    labels = "---\nmetadata:\n  name: Azure.A.D\n  labels:\n    Azure.MCSB.v1/control: NS-2\n---\nname: Azure.A.E\n"
    assert verify_maps.psrule(labels) == {"Azure.A.D": ["NS-2"]}
    assert verify_maps.statement_ids("  - id: sc-8.1_smt\n  - id: sc-8.1_smt.a\n  id: x_smt\n") == ["sc-8.1_smt"]
    catalogue = "  - id: sc-8.1\n    title: x\n  code: B5.b\n      ref_id: 21.2.c\n  id: not one\n"
    assert verify_maps.control_ids(catalogue) == {"": ["21.2.c", "B5.b", "sc-8.1"]}


# --- relations --------------------------------------------------------------------------------------------------------


def as_rule(name: str, entry: Mapping[str, Any]) -> CompiledRule:
    """Return a restated condition as a rule: what it fails, the public check reports."""
    target = Target(arm.canonical_type(entry.get("type", "")), entry.get("kind", ""))
    rule = Rule(name, name, Severity.INFO, (target,), entry["assert"], "", "", when=entry.get("when"))
    kind = entry.get("kind") or KINDS.get(target.type, target.type)
    compiler = Compiler(FACTS, {}, {}, (kind,) if kind == "deployment" else (kind, "deployment"))
    when = compiler.compile(rule.when, ("when",)) if rule.when else None
    return CompiledRule(rule, (Compiled(when, compiler.compile(rule.condition, ("assert",)), ()),))


def changed(content: Change) -> Change:
    """Return the change of an example; `every` sets a property of all resources of a type."""
    change: dict[str, Any] = {key: value for key, value in content.items() if key in changes.KEYS - {"attest"}}
    bodies = fixtures.known_good(content["on"]).inventory["value"]
    for entry in content.get("every", ()):
        of_type = [body for body in bodies if body.get("type", "").lower() == entry["type"].lower()]
        entries = [
            {**entry, "resource": body["name"], "path": path} for body in of_type for path in within(body, entry)
        ]
        assert entries, entry
        key = "set" if "value" in entry else "remove"
        change[key] = [*entries, *change.get(key, ())]
    return change


def within(body: Mapping[str, Any], entry: Mapping[str, Any]) -> list[str]:
    """Return the path of an entry with each index that the list before `[*]` has."""
    before, star, after = entry["path"].partition("[*]")
    if star:
        return [f"{place}{after}" for place, _ in paths.find(body, paths.parse(before + star))]
    is_there = paths.get(body, paths.parse(before)) is not paths.ABSENT
    return [before] if is_there or "value" in entry else []


def cases(rule: str, checks: set[str]) -> Iterator[Change]:
    """Yield the known-good deployments, the examples that a rule passes or fails, and the further changes of checks."""
    yield from ({"on": name} for name in estates.KNOWN_GOOD)
    yield from (each.content for each in estates.rule_files()[rule].examples if each.content["expect"] in {PASS, FAIL})
    for check in sorted(checks):
        yield from (extra for extra in restated()[check].get("also", ()) if extra.get("rule", rule) == rule)


@cache
def seen(rule: str) -> Mapping[tuple[str, str, str], Mapping[tuple[Outcome, bool], list[str]]]:
    """Return what the cases show of a rule and its restated public checks.

    It is by public check, profile and known-good deployment: the outcome of the rule and whether the check reports
    something, each with the cases that show it. A case shows nothing if the rule is undecided or the check unknown.
    """
    checks = {name_of(row) for row in built_in().recommendations_of(rule)} & restated().keys()
    compiled = {check: as_rule(check, restated()[check]) for check in sorted(checks)}
    shown: dict[tuple[str, str, str], dict[tuple[Outcome, bool], list[str]]] = defaultdict(lambda: defaultdict(list))
    for content in cases(rule, checks):
        known_good = fixtures.known_good(content["on"])
        profile = content.get("profile", known_good.profile)
        own = [each for each in estates.rules(profile) if each.rule.id == rule]
        if not own:
            continue
        findings = examples.evaluate(known_good, changed(content), [*own, *compiled.values()])
        outcomes: dict[str, set[Outcome]] = defaultdict(set)
        for (of, _, _), finding in findings.items():
            outcomes[of].add(finding.outcome)
        assert not any(Outcome.ERROR in found for found in outcomes.values()), content
        decided = next((o for o in (FAIL, Outcome.UNKNOWN, PASS) if o in outcomes[rule]), None)
        if decided not in {PASS, FAIL}:
            continue
        for check in compiled:
            if outcomes[check] & {FAIL, Outcome.UNKNOWN} != {Outcome.UNKNOWN}:
                reports = FAIL in outcomes[check]
                label = str(content.get("because") or content.get("set") or content.get("every") or content["on"])
                shown[check, profile, content["on"]][decided, reports].append(label)
    return shown


def faults(row: Recommendation) -> Iterator[str]:
    """Yield what the cases show that the relation of a row excludes, and what it states and they do not show."""
    places = {
        (profile, place): found
        for (check, profile, place), found in seen(row.rule).items()
        if check == name_of(row) and profile in row.profiles
    }
    reported = {key: found for key, found in places.items() if key[1] in found.get((PASS, True), ())}
    if row.relation is Relation.CONTRADICTS:
        places = reported
    elif any((FAIL, False) in found for found in reported.values()) and not any(
        (PASS, False) in found for found in reported.values()
    ):
        yield "what satisfies the check in a known-good deployment that it reports makes the rule fail"
    total: dict[tuple[Outcome, bool], list[str]] = defaultdict(list)
    for found in places.values():
        for key, labels in found.items():
            total[key] += labels
    both, only_rule, only_check = total[PASS, False], total[PASS, True], total[FAIL, False]
    excluded = {
        Relation.SAME: (only_rule, only_check),
        Relation.WEAKER: (only_rule,),
        Relation.STRONGER: (only_check,),
        Relation.OVERLAPS: (),
        Relation.CONTRADICTS: (both,),
    }
    stated = {
        Relation.SAME: (both, total[FAIL, True]),
        Relation.WEAKER: (both, only_check),
        Relation.STRONGER: (both, only_rule),
        Relation.OVERLAPS: (both, only_rule, only_check),
        Relation.CONTRADICTS: (only_rule, only_check),
    }
    names = {
        id(both): "pass/silent",
        id(only_rule): "pass/reported",
        id(only_check): "fail/silent",
        id(total[FAIL, True]): "fail/reported",
    }
    yield from (f"shown, but excluded: {names[id(labels)]} {labels[:2]}" for labels in excluded[row.relation] if labels)
    yield from (f"not shown: {names[id(labels)]}" for labels in stated[row.relation] if not labels)


@pytest.mark.slow
def test_the_examples_of_the_rules_show_each_relation_and_exclude_every_other_one() -> None:
    rows = [row for row in built_in().recommendations if name_of(row) in restated()]
    assert {name_of(row) for row in rows} == restated().keys()
    wrong = [
        f"{row.rule} {name_of(row)} {row.relation} {row.profiles}: {fault}" for row in rows for fault in faults(row)
    ]
    assert not wrong, "\n".join(["", *wrong])
    others = [msgspec.structs.replace(row, relation=other) for row in rows for other in set(Relation) - {row.relation}]
    assert [f"{row.rule} {name_of(row)} {row.relation}" for row in others if not list(faults(row))] == []


def test_no_contradiction_rests_on_reading_alone() -> None:
    found = [row for row in built_in().recommendations if row.relation is Relation.CONTRADICTS]
    assert len(found) > 5
    assert {name_of(row) for row in found} <= restated().keys()
