from __future__ import annotations

import textwrap
from typing import Any

import msgspec
import pytest

from auditor.azure.types.names import LOAD_BALANCER
from auditor.estate.subjects import Subject
from auditor.evaluation import coverage, engine
from auditor.evaluation.engine import Detail
from auditor.evaluation.model import Finding, Outcome
from auditor.rules import packs
from auditor.rules.context import Context
from auditor.rules.facts import FACTS
from auditor.rules.model import Severity
from auditor.rules.registry import Fact
from auditor.snapshot.known import Cause
from tests import estates
from tests.estate import subscription as s
from tests.estate.subscription import SUB, Body, arm_id
from tests.evaluation.small import DEPLOYMENT, IN_ZONE, NOT_READ, ON_VMS, VMS, Load, estate


def outcomes(findings: tuple[Finding, ...]) -> dict[str, Outcome]:
    return {f.subject.id.rpartition("/")[2]: f.outcome for f in findings}


def one(findings: tuple[Finding, ...], name: str) -> Finding:
    (found,) = [f for f in findings if f.subject.id.rpartition("/")[2] == name]
    return found


def test_outcomes(load: Load) -> None:
    findings = engine.evaluate(estate(), load(R1=ON_VMS + "assert: {fact: vm.zone, exists: true}\n"))
    assert outcomes(findings) == {"vm-a": Outcome.PASS, "vm-b": Outcome.FAIL}
    failed = one(findings, "vm-b")
    assert (failed.deployment, failed.cause, failed.reason, failed.severity) == ("d", None, "", Severity.HIGH)
    assert [(e.path, e.observed, e.expected) for e in failed.evidence] == [("zones[0]", None, "present")]
    own = arm_id("Compute/virtualMachines", "vm-b")
    assert failed.subject == Subject(own, "Microsoft.Compute/virtualMachines", "vm-b", "westeurope", 0)


def test_when_decides_first(load: Load) -> None:
    rule = ON_VMS + "when: {fact: vm.zone, exists: true}\nassert: {fact: unsure.gap, equals: x}\n"
    findings = engine.evaluate(estate(), load(R1=rule), Detail.ALL)
    assert outcomes(findings) == {"vm-a": Outcome.UNKNOWN, "vm-b": Outcome.NOT_APPLICABLE}
    assert one(findings, "vm-a").reason == "gap of vm-a"
    assert one(findings, "vm-b").evidence[0].path == "zones[0]"
    findings = engine.evaluate(estate(), load(R1=ON_VMS + "when: {fact: unsure.guest, equals: x}\n" + IN_ZONE))
    assert set(outcomes(findings).values()) == {Outcome.UNKNOWN}
    assert one(findings, "vm-b").cause is Cause.GUEST


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        (["gap"], Cause.GAP),
        (["value", "guest", "declaration", "gap"], Cause.GAP),
        (["value", "guest", "declaration"], Cause.DECLARATION),
        (["guest"], Cause.GUEST),
        (["value"], Cause.VALUE),
    ],
)
def test_the_first_cause_names_the_finding(load: Load, facts: list[str], cause: Cause) -> None:
    leaves = ", ".join(f"{{fact: unsure.{name}, equals: x}}" for name in facts)
    found = one(engine.evaluate(estate(), load(R1=ON_VMS + f"assert: {{allOf: [{leaves}]}}\n")), "vm-a")
    assert (found.cause, found.reason, found.evidence) == (cause, f"{cause} of vm-a", ())
    assert found.gaps == ((NOT_READ,) if facts == ["gap"] else ()), "gaps are named where they alone are the reason"


def test_what_lacks_an_optional_declaration_is_one_finding_about_the_deployment(load: Load) -> None:
    text = DEPLOYMENT.replace("vm-b]", "vm-b, vm-c]")
    built = estate(s.vm("vm-c"), s.nic("vm-c-nic"), deployment=text)
    findings = engine.evaluate(built, load(R1=ON_VMS + "assert: {fact: unsure.dns, equals: x}\n"))
    assert outcomes(findings) == {"d": Outcome.UNKNOWN, "vm-a": Outcome.PASS}
    found = one(findings, "d")
    assert (found.cause, found.reasons, found.optional) == (Cause.DECLARATION, ("`dns` is not declared",), True)


@pytest.mark.parametrize("cause", Cause)
def test_what_is_not_optional_decides_whether_an_unknown_is(load: Load, cause: Cause) -> None:
    both = f"{{allOf: [{{fact: unsure.dns, equals: x}}, {{fact: unsure.{cause}, equals: x}}]}}"
    built = estate(deployment=DEPLOYMENT + "  guest: required\n")
    found = one(engine.evaluate(built, load(R1=ON_VMS + f"assert: {both}\n")), "vm-b")
    assert (found.cause, found.reasons, found.optional) == (cause, (f"{cause} of vm-b",), False)
    assert found.gaps == ((NOT_READ,) if cause is Cause.GAP else ()), "a waiver of the gap covers it"


def test_what_lacks_a_guest_file_is_optional_unless_the_deployment_requires_files(load: Load) -> None:
    rules = load(R1=ON_VMS + "assert: {allOf: [{fact: unsure.guest, equals: x}, {fact: unsure.value, equals: x}]}\n")
    found = one(engine.evaluate(estate(), rules), "vm-b")
    assert (found.cause, found.optional) == (Cause.VALUE, False)
    required = estate(deployment=DEPLOYMENT + "  guest: required\n")
    assert one(engine.evaluate(required, rules), "vm-b").cause is Cause.GUEST
    alone = load(R1=ON_VMS + "assert: {fact: unsure.guest, equals: x}\n")
    assert one(engine.evaluate(estate(), alone), "vm-b").optional
    assert not one(engine.evaluate(required, alone), "vm-b").optional


def test_a_rule_by_attestation_is_unknown_where_it_applies(load: Load) -> None:
    rule = (
        "for: [{kind: deployment}]\nwhen: {fact: deployment.environment, equals: production}\nattest: It is tested.\n"
    )
    (found,) = engine.evaluate(estate(), load(R1=rule))
    assert (found.outcome, found.cause, found.optional) == (Outcome.UNKNOWN, Cause.ATTESTATION, True)
    assert found.reasons == ("nothing in Azure shows this; attest whether it holds: It is tested.",)
    other = DEPLOYMENT.replace("product: iris", "product: iris\n  environment: non-production")
    (found,) = engine.evaluate(estate(deployment=other), load(R1=rule))
    assert found.outcome is Outcome.NOT_APPLICABLE


def test_several_reasons_are_shown_once_each_and_cut(load: Load) -> None:
    hidden = [s.gap(arm_id("Compute/virtualMachines", f"x{n}")) for n in range(5)]
    members = ", ".join(f"x{n}" for n in range(5))
    text = DEPLOYMENT.replace("vm-a, vm-b", members)
    rule = """
    for: [{kind: deployment}]
    assert:
      each: {fact: deployment.members}
      empty: pass
      assert:
        each: {fact: member.matches}
        empty: pass
        assert: {allOf: [{fact: vm.zone, equals: x}, {fact: vm.zone, equals: y}]}
    """
    found = one(engine.evaluate(estate(gaps=hidden, deployment=text), load(R1=rule)), "d")
    assert len(found.reasons) == len(set(found.reasons)) == 5
    assert found.reason.count(" was not read (forbidden)") == 3
    assert found.reason.endswith("; and 2 more")


# --- subjects -------------------------------------------------------------------------------------------------------

ON_LOAD_BALANCERS = "for: [{type: Microsoft.Network/loadBalancers}]\nassert: {field: properties.x, exists: false}\n"
LB = s.load_balancer("lb", {"pool": s.by_nic("vm-a-nic")})
HIDDEN: Any = {"unlisted": [LOAD_BALANCER]}


def test_no_subject_is_not_applicable_only_where_none_can_be_hidden(load: Load) -> None:
    rules = load(R1=ON_LOAD_BALANCERS)
    (found,) = engine.evaluate(estate(), rules)
    assert (found.outcome, found.subject.kind, found.reason) == (Outcome.NOT_APPLICABLE, "deployment", "")
    (found,) = engine.evaluate(estate(**HIDDEN), rules)
    assert (found.outcome, found.subject.id, found.cause) == (Outcome.UNKNOWN, "d", Cause.GAP)
    assert "loadBalancers" in found.reason


def test_visible_subjects_are_evaluated_and_hidden_ones_reported(load: Load) -> None:
    findings = engine.evaluate(estate(LB, **HIDDEN), load(R1=ON_LOAD_BALANCERS))
    assert outcomes(findings) == {"lb": Outcome.PASS, "d": Outcome.UNKNOWN}
    assert outcomes(engine.evaluate(estate(LB), load(R1=ON_LOAD_BALANCERS))) == {"lb": Outcome.PASS}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("{kind: deployment}", {"d": "pass"}),
        ("{kind: subscription}", {SUB.rpartition("/")[2]: "pass"}),
        ("{kind: mirror}", {"d": "not_applicable"}),
        ("{kind: tier}", {"westeurope": "pass"}),
        ("{kind: tier, role: [app]}", {"westeurope": "pass"}),
        ("{kind: tier, role: [web]}", {"d": "not_applicable"}),
        ("{type: Microsoft.Compute/virtualMachines, role: [app, web]}", {"vm-a": "pass", "vm-b": "pass"}),
        (
            "{type: Microsoft.Compute/virtualMachines}, {type: Microsoft.Compute/virtualMachines, role: [app]}",
            {"vm-a": "pass", "vm-b": "pass"},
        ),
        ("{type: Microsoft.Compute/virtualMachines, role: [db]}", {"d": "not_applicable"}),
        ("{type: Microsoft.Network/loadBalancers, role: [web-lb]}", {"d": "not_applicable"}),
        ("{kind: deployment}, {kind: mirror}", {"d": "pass"}),
    ],
)
def test_targets(load: Load, target: str, expected: dict[str, str]) -> None:
    findings = engine.evaluate(estate(LB), load(R1=f"for: [{target}]\nassert: {{allOf: []}}\n"))
    assert outcomes(findings) == expected
    assert len(findings) == len(expected)


def test_a_rule_of_subscriptions_is_evaluated_once_and_for_no_deployment(load: Load) -> None:
    two = DEPLOYMENT + DEPLOYMENT.replace("name: d", "name: e")
    (found,) = engine.evaluate(estate(deployment=two), load(R1="for: [{kind: subscription}]\nassert: {allOf: []}\n"))
    assert (found.deployment, found.subject.id, found.subject.kind) == ("", SUB, "subscription")


def test_a_resource_of_two_deployments_is_evaluated_for_each(load: Load) -> None:
    two = DEPLOYMENT + DEPLOYMENT.replace("name: d", "name: e")
    findings = engine.evaluate(estate(deployment=two), load(R1=ON_VMS + IN_ZONE))
    assert [(f.deployment, f.subject.name) for f in findings] == [
        ("d", "vm-b"),
        ("d", "vm-a"),
        ("e", "vm-b"),
        ("e", "vm-a"),
    ]
    assert len({f.key for f in findings}) == 4


@pytest.mark.parametrize(
    ("target", "change"),
    [
        ("{kind: mirror}", ("  mirrors: none\n", "")),
        ("{kind: tier}", (", {role: web, members: none}", "")),
        ("{kind: tier, role: [web]}", (", {role: web, members: none}", "")),
        ("{kind: tier, role: [app]}", ("vm-b]", "lost]")),
        ("{type: Microsoft.Compute/virtualMachines, role: [web]}", (", {role: web, members: none}", "")),
        ("{type: Microsoft.Compute/virtualMachines, role: [app]}", ("vm-b]", "lost]")),
        ("{type: Microsoft.Network/loadBalancers, role: [web-lb]}", (", {role: web, members: none}", "")),
    ],
)
def test_roles_without_a_certain_member_are_reported_once(load: Load, target: str, change: tuple[str, str]) -> None:
    built = estate(deployment=DEPLOYMENT.replace(*change))
    findings = engine.evaluate(built, load(R1=f"for: [{target}]\nassert: {{allOf: []}}\n"))
    found = one(findings, "d")
    assert (found.outcome, found.cause) == (Outcome.UNKNOWN, Cause.DECLARATION)
    assert {f.outcome for f in findings if f is not found} <= {Outcome.PASS}


def test_a_vm_without_region_may_be_another_tier(load: Load) -> None:
    far = s.vm("vm-c", location="northeurope")
    text = DEPLOYMENT.replace("vm-b]", "vm-b, vm-c]")
    rules = load(R1="for: [{kind: tier}]\nassert: {allOf: []}\n")
    assert outcomes(engine.evaluate(estate(far, deployment=text), rules)).keys() == {"westeurope", "northeurope"}
    hidden = engine.evaluate(estate(gaps=[s.gap(far["id"])], deployment=text), rules)
    assert outcomes(hidden) == {"westeurope": Outcome.PASS, "d": Outcome.UNKNOWN}


def test_a_bug_is_reported_and_hides_nothing_else(load: Load) -> None:
    rules = load(R1=ON_VMS + "assert: {fact: broken, equals: x}\n", R2=ON_VMS + IN_ZONE)
    findings = engine.evaluate(estate(), rules)
    errors = [f for f in findings if f.outcome is Outcome.ERROR]
    assert [(f.rule.id, f.subject.name, f.reason) for f in errors] == [
        ("R1", "vm-a", "LookupError: a bug with vm-a"),
        ("R1", "vm-b", "LookupError: a bug with vm-b"),
    ]
    assert {f.outcome for f in findings if f.rule.id == "R2"} == {Outcome.PASS, Outcome.FAIL}
    assert not coverage.assess(estate(), coverage.gaps(estate(), rules), findings, {}).complete


@pytest.mark.parametrize(
    ("grades", "severity"),
    [
        (["{allOf: []}", "{allOf: []}"], Severity.LOW),
        (["{fact: vm.zone, exists: true}", "{allOf: []}"], Severity.INFO),
        (["{fact: unsure.gap, equals: x}"], Severity.HIGH),
        (["{fact: unsure.gap, equals: x}", "{allOf: []}"], Severity.INFO),
        (["{fact: vm.zone, exists: true}"], Severity.HIGH),
    ],
)
def test_the_first_grade_that_is_true_counts(load: Load, grades: list[str], severity: Severity) -> None:
    graded = ", ".join(f"{{when: {when}, severity: {to}}}" for when, to in zip(grades, ("low", "info"), strict=False))
    findings = engine.evaluate(estate(), load(R1=ON_VMS + IN_ZONE + f"grade: [{graded}]\n"))
    assert one(findings, "vm-b").severity is severity
    assert one(findings, "vm-a").severity is Severity.HIGH, "a pass is not graded"


def test_a_grade_that_applies_gives_its_reason(load: Load) -> None:
    graded = (
        "grade: [{when: {allOf: []}, severity: low, because: there is time}, {when: {allOf: []}, severity: info}]\n"
    )
    findings = engine.evaluate(estate(), load(R1=ON_VMS + IN_ZONE + graded))
    assert [one(findings, name).graded for name in ("vm-a", "vm-b")] == ["", "there is time"]


def test_an_observation_is_shown_once(load: Load) -> None:
    rule = ON_VMS + "assert: {allOf: [{fact: vm.zone, exists: true}, {field: 'zones[0]', exists: true}]}\n"
    assert len(one(engine.evaluate(estate(), load(R1=rule)), "vm-b").evidence) == 1
    rule = rule.replace("{field: 'zones[0]', exists: true}", "{field: 'zones[0]', default: x, equals: y}")
    assert len(one(engine.evaluate(estate(), load(R1=rule)), "vm-b").evidence) == 2


def test_the_worst_comes_first_within_a_deployment(load: Load) -> None:
    rules = load(
        R1=ON_VMS + "assert: {allOf: []}\n",
        R2=ON_VMS + "assert: {fact: unsure.gap, equals: x}\n",
        R3=ON_VMS + "assert: {anyOf: []}\ngrade: [{when: {fact: vm.zone, exists: true}, severity: critical}]\n",
        R4=ON_VMS + "assert: {fact: broken, equals: x}\n",
        R5="for: [{kind: subscription}]\nassert: {anyOf: []}\n",
        R0=ON_VMS + "when: {anyOf: []}\nassert: {anyOf: []}\n",
    )
    swapped = DEPLOYMENT.replace("vm-a, vm-b", "vm-b, vm-a")
    for text in (DEPLOYMENT, swapped):
        ranked = [(f.rule.id, f.subject.name[-1]) for f in engine.evaluate(estate(deployment=text), rules)]
        assert ranked[0][0] == "R5"
        assert ranked[1:] == [(rule, name) for rule in ("R3", "R2", "R4", "R1", "R0") for name in "ab"]


def test_the_key_survives_everything_but_rule_deployment_and_subject(load: Load) -> None:
    def keys(deployment: str = DEPLOYMENT, rule: str = "R1", vm: Body = VMS[1], more: str = IN_ZONE) -> str:
        built = s.topology(VMS[0], vm, deployment=deployment)
        return one(engine.evaluate(built, load(**{rule: ON_VMS + more})), vm["id"].rpartition("/")[2]).key

    same = keys()
    assert len(same) == 64
    assert keys(vm={**VMS[1], "id": VMS[1]["id"].upper(), "zones": ["1"]}) == same
    assert keys(deployment=DEPLOYMENT.replace("name: d", "name: D")) == same
    assert keys(more=IN_ZONE + "grade: [{when: {allOf: []}, severity: low}]\n") == same
    assert keys(deployment=DEPLOYMENT.replace("name: d", "name: e")) != same
    moved = s.vm("vm-b", group="other")
    assert keys(vm=moved) != same
    other = [f for f in engine.evaluate(estate(), load(R2=ON_VMS + IN_ZONE)) if f.rule.id == "R2"]
    assert same not in {f.key for f in other}


# --- detail -----------------------------------------------------------------------------------------------------------

QUIET = frozenset({Outcome.PASS, Outcome.NOT_APPLICABLE})


@pytest.mark.slow
@pytest.mark.parametrize("name", estates.ESTATES)
def test_detail_changes_nothing_but_the_evidence_of_what_does_not_fail(name: str) -> None:
    built, rules = estates.topology(name, estates.body_of(name)), estates.rules(estates.ESTATES[name])
    everything = engine.evaluate(built, rules, Detail.ALL)
    passes = [f for f in everything if f.outcome is Outcome.PASS]
    assert len([f for f in passes if f.evidence]) > len(passes) / 2
    assert engine.evaluate(built, rules) == tuple(
        msgspec.structs.replace(f, evidence=()) if f.outcome in QUIET else f for f in everything
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", estates.ESTATES)
def test_the_value_of_a_fact_alone_is_that_of_its_answer(name: str) -> None:
    asked: set[str] = set()

    def checked(fact: Fact) -> Fact:
        def value(context: Context, element: Any) -> object:
            asked.add(fact.name)
            found = fact.value(context, element) if fact.value else None
            assert found == fact.find(context, element).value
            return found

        return msgspec.structs.replace(fact, value=value) if fact.value else fact

    facts = {each.name: checked(each) for each in FACTS.values()}
    rules = packs.select(packs.load_all((), facts), estates.ESTATES[name])
    findings = engine.evaluate(estates.topology(name, estates.body_of(name)), rules)
    assert not [f.reason for f in findings if f.outcome is Outcome.ERROR]
    assert asked


@pytest.mark.slow
def test_recorded_reads_come_with_all_evidence() -> None:
    built, rules = estates.topology("demo", estates.body_of("demo")), estates.rules("current")
    findings = engine.evaluate(built, rules, recorded=built.graph.resources.keys())
    assert sum(1 for f in findings if f.reads) > len(findings) / 2
    assert engine.evaluate(built, rules, Detail.ALL) == tuple(msgspec.structs.replace(f, reads=()) for f in findings)


def test_evidence_names_the_alternatives_of_anyof_that_it_belongs_to(load: Load) -> None:
    zoned = "{fact: vm.zone, exists: true}"
    rule = f"""
        assert:
          allOf:
            - {{field: name, equals: x}}
            - anyOf:
                - {zoned}
                - allOf: [{{field: name, equals: y}}, {zoned}]
                - anyOf: [{{field: name, equals: z}}]
                - {{some: {{fact: vm.network_interfaces}}, empty: fail, assert: {{field: name, equals: nic}}}}
    """
    failed = one(engine.evaluate(estate(), load(R1=ON_VMS + textwrap.dedent(rule))), "vm-b")
    assert {(e.path, e.expected): e.alternatives for e in failed.evidence} == {
        ("name", "equals x"): (),
        ("zones[0]", "present"): ("assert.allOf[1].anyOf[0]", "assert.allOf[1].anyOf[1]"),
        ("name", "equals y"): ("assert.allOf[1].anyOf[1]",),
        ("name", "equals z"): ("assert.allOf[1].anyOf[2].anyOf[0]",),
        ("name", "equals nic"): ("assert.allOf[1].anyOf[3]",),
    }
