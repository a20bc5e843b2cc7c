"""A partial run closes no alert: findings of an earlier run stay open until they are known to be fixed or gone."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor import bundled, yaml_documents
from auditor.authoring import fixtures
from auditor.azure import arm
from auditor.azure.types.names import DISK, LOAD_BALANCER, TRAFFIC_MANAGER, VM
from auditor.errors import InputError
from auditor.estate import deployment_file
from auditor.estate.subjects import Subject
from auditor.estate.topology import Topology
from auditor.evaluation import carry_over, coverage, engine
from auditor.evaluation.exemptions import Exemptions, apply
from auditor.evaluation.model import Attestation, Carried, Finding, Outcome, Waiver
from auditor.evaluation.result import Evaluation
from auditor.report import previous
from auditor.report.document import Document
from auditor.report.view import View
from auditor.snapshot.known import Cause
from tests import estates, test_gaps
from tests.estates import Body
from tests.report import reports
from tests.report.reports import attestation, waiver

pytestmark = pytest.mark.slow

DEMO: Final = "demo"
Alerts = Mapping[str, Any]
"""The results of a log for GitHub by their fingerprint."""


def run(  # noqa: PLR0913 - runs differ in all of them
    body: Body,
    earlier: Evaluation | None = None,
    *,
    name: str = DEMO,
    declared: Any = None,
    waived: tuple[Waiver, ...] = (),
    attested: tuple[Attestation, ...] = (),
) -> Evaluation:
    """Evaluate an ARM JSON file after an earlier run."""
    if declared is None:  # the file itself, for its lines
        deployments = deployment_file.load(yaml_documents.read(bundled.FIXTURES / name / bundled.DEPLOYMENT))
        topology = Topology(estates.snapshot_of(name, body), deployments, fixtures.AS_OF)
    else:
        topology = estates.topology(name, body, declared)
    rules = estates.rules(estates.ESTATES[name])
    gaps, findings = coverage.gaps(topology, rules), engine.evaluate(topology, rules)
    lost: tuple[Carried, ...] = ()
    if earlier:
        before = previous.earlier(read(reports.render("json", earlier)), [rule.rule for rule in rules])
        lost = carry_over.carried(before, findings, topology)
    applied = apply(Exemptions(waived, attested), findings, lost, gaps, fixtures.AS_OF)
    return Evaluation(
        profile="current",
        as_of=fixtures.AS_OF,
        snapshot=topology.graph.snapshot,
        findings=applied.findings,
        coverage=coverage.assess(topology, gaps, applied.findings, applied.gaps),
        packs=(estates.pack().pack,),
        rules=tuple(rule.rule for rule in rules),
        deployment_file="deployment.yaml",
        carried=applied.carried,
        waivers=applied.waivers,
        attestations=applied.attestations,
    )


def read(text: str, profile: str = "current") -> Document:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        path.write_text(text, encoding="utf-8")
        return previous.load(path, profile)


def alerts(shown: Evaluation) -> Alerts:
    results = json.loads(reports.render("sarif-github", shown))["runs"][0]["results"]
    found = {result["partialFingerprints"]["auditorFinding/v1"]: result for result in results}
    assert len(found) == len(results), "one alert a finding"
    return found


def open_fails(shown: Evaluation) -> set[str]:
    return {key for key, result in alerts(shown).items() if result["properties"]["outcome"] == "fail"}


def unseen(shown: Evaluation) -> set[str]:
    """Return the rules that the alerts of gaps name."""
    return {rule for result in alerts(shown).values() for rule in result["properties"].get("rules", ())}


def failed(shown: Evaluation) -> set[str]:
    return {finding.key for finding in shown.findings if finding.outcome is Outcome.FAIL and finding.waiver is None}


def without(body: Body, *types: str) -> Body:
    for type_ in types:
        test_gaps.hide_type(body, type_)
    return body


@pytest.fixture(scope="module")
def first() -> Evaluation:
    return run(estates.body_of(DEMO))


# --- what stays open --------------------------------------------------------------------------------------------------


def test_a_fail_that_is_lost_from_sight_stays_open_with_its_message(first: Evaluation) -> None:
    seen = alerts(first)
    hidden = without(estates.body_of(DEMO), LOAD_BALANCER)
    again = run(hidden, first)
    now = alerts(again)
    assert seen.keys() <= now.keys()
    carried = {old.finding.key: old for old in again.carried}
    assert carried.keys() == failed(first) - failed(run(hidden))
    assert {old.finding.rule.id for old in carried.values()} >= {"MIR002", "MIR003", "LB003", "LB004"}
    unlisted = (
        "Microsoft.Network/loadBalancers in /subscriptions/00000000-0000-0000-0000-000000000003 "
        "was not listed completely"
    )
    whys = dict.fromkeys(carried, unlisted) | {found.key: found.reason for found in again.findings}
    for key, old in carried.items():
        assert (old.last_seen, old.finding.outcome) == (first.snapshot.taken_at, Outcome.FAIL)
        assert (now[key]["level"], now[key]["ruleId"]) == (seen[key]["level"], seen[key]["ruleId"])
        assert now[key]["locations"] == seen[key]["locations"]
        assert now[key]["partialFingerprints"] == seen[key]["partialFingerprints"]
        assert now[key]["message"]["text"] == (
            f"{seen[key]['message']['text']} Not evaluated this time, last on {first.snapshot.taken_at}: {whys[key]}."
        )
    for key in failed(first) - carried.keys():
        # A message may count what is not seen any more: `at least 1` for `1`.
        assert now[key] | {"message": None} == seen[key] | {"message": None}


def test_a_carried_finding_stays_open_until_it_is_evaluated_again(first: Evaluation) -> None:
    everything = {type_ for name, type_ in test_gaps.LISTED if name == DEMO}
    latest = first
    for hidden in ({LOAD_BALANCER}, {LOAD_BALANCER, VM}, everything, {VM}):
        latest = run(without(estates.body_of(DEMO), *hidden), latest)
        assert open_fails(first) <= open_fails(latest), hidden
        assert failed(first) <= failed(latest) | {
            old.finding.key for old in latest.carried if old.finding.outcome is Outcome.FAIL
        }
    assert {old.last_seen for old in latest.carried} == {first.snapshot.taken_at}
    seen = run(estates.body_of(DEMO), latest)
    assert seen.carried == ()
    assert alerts(seen) == alerts(first)


def test_an_unknown_that_was_no_alert_is_not_carried() -> None:
    body = estates.body_of(DEMO)
    profiles = [item.get("properties", {}).get("hardwareProfile", {}) for item in body["value"]]
    for profile in filter(None, profiles):
        profile["vmSize"] = ["malformed"]
    earlier = run(body)
    others = {f.key for f in earlier.findings if f.outcome is Outcome.UNKNOWN and f.cause is not Cause.GAP}
    blind = run(without(estates.body_of(DEMO), VM), earlier)
    assert others - {finding.key for finding in blind.findings}
    assert not others & {old.finding.key for old in blind.carried}


def test_an_unknown_that_was_an_alert_stays_open_too(first: Evaluation) -> None:
    unread = {f.key for f in first.findings if f.cause is Cause.GAP}
    again = run(without(estates.body_of(DEMO), VM), first)
    kept = [old.finding for old in again.carried if old.finding.key in unread]
    assert {finding.outcome for finding in kept} == {Outcome.UNKNOWN}
    assert {finding.subject.name for finding in kept} == {"vm-db-dr", "vm-db-dr-data2"}
    assert {finding.rule.id for finding in kept} <= unseen(again)


def test_the_line_of_a_carried_subject_is_kept_unless_another_has_it(first: Evaluation) -> None:
    declared = {f.subject.id: f.subject.line for f in first.findings if f.subject.line}
    hidden = without(estates.body_of(DEMO), VM)
    kept = [old.finding.subject for old in run(hidden, first).carried]
    lined = [subject for subject in kept if subject.kind.endswith("virtualMachines")]
    assert lined
    assert {subject.id: subject.line for subject in lined} == {subject.id: declared[subject.id] for subject in lined}
    mirror = next(f.subject.line for f in first.findings if f.subject.kind == "mirror")
    moved = msgspec.structs.replace(
        first,
        findings=tuple(
            msgspec.structs.replace(f, subject=msgspec.structs.replace(f.subject, line=mirror)) for f in first.findings
        ),
    )
    kept = [old.finding.subject for old in run(hidden, moved).carried]
    assert {subject.line for subject in kept if subject.kind.endswith("virtualMachines")} == {0}


def test_findings_of_a_deployment_without_vms_or_tags_stay_open() -> None:
    name = "trakcare-current"
    body, declared = estates.by_tags(name)
    (only,) = declared["deployments"]
    estates.find(body, "vm-db-a")["properties"]["hardwareProfile"]["vmSize"] = "Standard_D2s_v5"
    only_tags: Body = {}
    before = run(estates.copied(body), name=name, declared=only_tags)
    assert {f.deployment for f in before.findings if f.key in failed(before)} == {only["name"]}
    vm = next(item for item in body["value"] if test_gaps.type_of(item) == VM)
    for hidden in (
        without(estates.copied(body), VM),
        test_gaps.hide_resource(stripped(body), vm["id"], stub=False),
    ):
        after = run(hidden, before, name=name, declared=only_tags)
        assert only["name"] not in {f.deployment for f in after.findings}
        assert failed(before) <= {old.finding.key for old in after.carried}
    gone = run(stripped(body), before, name=name, declared=only_tags)
    assert gone.carried == ()


def stripped(body: Body) -> Body:
    """Return an estate without tags, so that no deployment is recognised in it."""
    bare = estates.copied(body)
    for item in bare["value"]:
        item.pop("tags", None)
    return bare


def test_a_subscription_that_was_not_scanned_closes_nothing(first: Evaluation) -> None:
    other = "/subscriptions/00000000-0000-0000-0000-000000000009"
    old = msgspec.structs.replace(
        next(f for f in first.findings if f.key in failed(first)),
        subject=Subject(f"{other}/resourceGroups/g/providers/{VM}/vm", VM, "vm"),
    )
    whole = msgspec.structs.replace(old, deployment="", subject=Subject(other, "subscription", "9"))
    tagged = msgspec.structs.replace(old, deployment="tagged", subject=Subject("tagged", "deployment", "tagged"))
    scopes = (*first.snapshot.scopes, other)
    before = msgspec.structs.replace(
        first, findings=(old, whole, tagged), snapshot=msgspec.structs.replace(first.snapshot, scopes=scopes)
    )
    after = run(estates.body_of(DEMO), before)
    assert {c.finding.key: c.finding.reasons for c in after.carried} == {
        found.key: (f"{other} was not scanned",) for found in (old, whole, tagged)
    }


def test_a_bug_closes_nothing(first: Evaluation) -> None:
    key = next(iter(failed(first)))
    body = estates.body_of(DEMO)
    topology, rules = estates.topology(DEMO, body), estates.rules("current")
    findings = [
        msgspec.structs.replace(f, outcome=Outcome.ERROR, reasons=("KeyError: 'x'",)) if f.key == key else f
        for f in engine.evaluate(topology, rules)
    ]
    before = previous.earlier(read(reports.render("json", first)), [rule.rule for rule in rules])
    (old,) = carry_over.carried(before, findings, topology)
    assert (old.finding.key, old.finding.reasons) == (key, ("KeyError: 'x'",))


def test_an_attestation_does_not_close_an_observed_fail(first: Evaluation) -> None:
    hidden = without(estates.body_of(DEMO), LOAD_BALANCER)
    after = run(hidden, first, attested=(attestation(rule="MIR003"),))
    assert [f.subject.name for f in after.findings if f.attestation] == ["TRAKDB"]
    assert "MIR003" in {old.finding.rule.id for old in after.carried}
    assert alerts(first).keys() <= alerts(after).keys()


# --- what closes ------------------------------------------------------------------------------------------------------


def test_a_fixed_finding_closes(first: Evaluation) -> None:
    body = estates.body_of(DEMO)
    (probe,) = [
        p for p in estates.find(body, "lb-mirror")["properties"]["probes"] if p["properties"]["protocol"] == "Tcp"
    ]
    probe["properties"] |= {"protocol": "Http", "requestPath": "/csp/bin/mirror_status.cxw"}
    after = run(body, first)
    assert after.carried == ()
    closed = alerts(first).keys() - alerts(after).keys()
    assert {alerts(first)[key]["ruleId"] for key in closed} == {"MIR003"}


@pytest.mark.parametrize("kind", [VM, LOAD_BALANCER, TRAFFIC_MANAGER, DISK])
def test_a_finding_that_is_gone_closes(kind: str, first: Evaluation) -> None:
    gone = [f for f in first.findings if f.subject.kind.lower() == kind and f.key in alerts(first)]
    assert gone
    body = estates.body_of(DEMO)
    ids = {arm.key(finding.subject.id) for finding in gone}
    body["value"] = [item for item in body["value"] if arm.key(item.get("id", "")) not in ids]
    body["gaps"] = [g for g in body.get("gaps", ()) if arm.key(g["scope"]) not in ids]
    after = run(body, first)
    assert not {finding.key for finding in gone} & alerts(after).keys()


def test_a_finding_that_is_not_declared_any_more_closes(first: Evaluation) -> None:
    declared = estates.declared_of(DEMO)
    declared["deployments"] = declared["deployments"][1:]
    after = run(estates.body_of(DEMO), first, declared=declared)
    assert after.carried == ()


def test_a_waiver_closes_a_carried_finding(first: Evaluation) -> None:
    hidden = without(estates.body_of(DEMO), LOAD_BALANCER)
    after = run(hidden, first, waived=(waiver(rule="MIR003"),))
    closed = alerts(first).keys() - alerts(after).keys()
    assert {alerts(first)[key]["ruleId"] for key in closed} == {"MIR003"}
    (stood,) = after.waivers
    assert stood.covers == 1, "the unknown and its former fail are one finding"
    following = run(hidden, after)
    assert "MIR003" not in {old.finding.rule.id for old in following.carried}


def test_the_waiver_of_a_gap_closes_a_carried_unknown(first: Evaluation) -> None:
    hidden = without(estates.body_of(DEMO), VM)
    leave = tuple(waiver(rule="", gap=type_) for type_ in (VM, DISK))
    after = run(hidden, first, waived=leave)
    assert {f.rule.id for f in first.findings if f.cause is Cause.GAP} == unseen(first)
    assert unseen(after) == set()
    assert failed(first) <= alerts(after).keys()


def test_a_waived_finding_is_not_carried() -> None:
    waived = run(estates.body_of(DEMO), waived=(waiver(rule="MIR003"),))
    after = run(without(estates.body_of(DEMO), LOAD_BALANCER), waived)
    assert "MIR003" not in {old.finding.rule.id for old in after.carried}
    assert "LB003" in {old.finding.rule.id for old in after.carried}


def test_findings_of_a_deleted_rule_are_not_carried(first: Evaluation) -> None:
    body = without(estates.body_of(DEMO), LOAD_BALANCER)
    topology, rules = estates.topology(DEMO, body), estates.rules("current")
    left = [rule.rule for rule in rules if rule.rule.id != "MIR003"]
    before = previous.earlier(read(reports.render("json", first)), left)
    lost = carry_over.carried(before, engine.evaluate(topology, rules), topology)
    carried = {old.finding.rule.id for old in run(body, first).carried}
    assert "MIR003" in carried
    assert {old.finding.rule.id for old in lost} == carried - {"MIR003"}


# --- whatever is hidden -----------------------------------------------------------------------------------------------


@st.composite
def partial_bodies(draw: st.DrawFn) -> Body:
    body = estates.body_of(DEMO)
    for arm_id in draw(st.sets(st.sampled_from([i for n, i in test_gaps.RESOURCES if n == DEMO]), max_size=6)):
        test_gaps.hide_resource(body, arm_id, stub=draw(st.booleans()))
    for type_ in draw(st.sets(st.sampled_from([t for n, t in test_gaps.LISTED if n == DEMO]), max_size=3)):
        test_gaps.hide_type(body, type_, keep=draw(st.integers(0, 20)))
    return body


@given(bodies=st.lists(partial_bodies(), min_size=1, max_size=3))
@settings(max_examples=25)
def test_partial_runs_close_and_open_no_alert_permanently(bodies: list[Body], first: Evaluation) -> None:
    latest = first
    for body in bodies:
        latest = run(body, latest)
        assert open_fails(first) <= open_fails(latest)
        fails = failed(latest) | {c.finding.key for c in latest.carried if c.finding.outcome is Outcome.FAIL}
        assert fails == failed(first)
    assert alerts(run(estates.body_of(DEMO), latest)) == alerts(first)


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_report_comes_back_as_it_was() -> None:
    carried = Carried(reports.finding(seen=(reports.evidence(),)), "2026-10-01")
    full = msgspec.structs.replace(reports.full(), carried=(carried,))
    loaded = read(reports.render("json", full, View(passes=True)))
    assert len(loaded.findings) == len(full.findings)
    assert (loaded.scopes, loaded.taken_at, loaded.as_of) == (
        full.snapshot.scopes,
        full.snapshot.taken_at,
        full.as_of,
    )
    assert [old.last_seen for old in loaded.carried] == ["2026-10-01"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a report as scan -o json writes it: Input data was truncated"),
        ("[]", "Expected `object`, got `array`"),
        ("{}", "Object missing required field `format`"),
        ('{"format": "auditor.report/2"}', "Invalid enum value 'auditor.report/2' - at `$.format`"),
        ('{"format": "auditor.report/1", "profile": 1}', "Expected `str`, got `int` - at `$.profile`"),
        ("[" * 100_000, "Expected `object`, got `array`"),
    ],
)
def test_a_file_that_is_no_report_is_one_error(text: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        read(text)
    assert message in refused.value.message
    assert refused.value.file.endswith("report.json")


def test_a_report_of_something_else_is_refused(first: Evaluation) -> None:
    with pytest.raises(InputError, match="is a report of the profile 'current', not of 'article-2018'"):
        read(reports.render("json", first), "article-2018")
    with pytest.raises(InputError, match="and none of them is scanned"):
        run(estates.body_of("trakcare-current"), first, name="trakcare-current")


@given(st.binary(max_size=60) | st.text('[]{}":,1an\\', max_size=60).map(str.encode))
def test_nothing_but_an_input_error_is_ever_raised(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        path.write_bytes(data)
        with pytest.raises(InputError):
            previous.load(path, "current")


def test_findings_are_read_back_as_they_were(first: Evaluation) -> None:
    """SARIF needs the evidence of a carried finding, which JSON must have kept completely."""
    again = run(without(estates.body_of(DEMO), *(t for n, t in test_gaps.LISTED if n == DEMO)), first)
    before = {finding.key: finding for finding in first.findings}
    fails = [old.finding for old in again.carried if old.finding.outcome is Outcome.FAIL]
    assert len(fails) == len(failed(first))

    def shown(finding: Finding) -> object:
        return json.loads(msgspec.json.encode(finding.evidence))

    assert [shown(finding) for finding in fails] == [shown(before[finding.key]) for finding in fails]
    assert [finding.severity for finding in fails] == [before[finding.key].severity for finding in fails]
