"""Examples of each state of findings, each kind of resource change, and the rules that read what changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from auditor.azure import arm
from auditor.evaluation import drift, engine
from auditor.evaluation.drift.model import ResourceChange, ResourceChangeKind
from auditor.evaluation.model import BaselineState, Outcome
from auditor.rules.model import Severity
from tests import estates
from tests.estates import Body
from tests.evaluation.drift.comparing import Compared, compare
from tests.evaluation.drift.simulation import respelled
from tests.report import reports
from tests.test_gaps import hide_resource, hide_type

pytestmark = pytest.mark.slow

NAME = "trakcare-current"
DISKS, NSGS, LOAD_BALANCERS, VMS = (
    "microsoft.compute/disks",
    "microsoft.network/networksecuritygroups",
    "microsoft.network/loadbalancers",
    "microsoft.compute/virtualmachines",
)
RETIRING = "Standard_DS3_v2"
"""A size that Azure retires on 2028-05-01."""

Change = Callable[[Body], object]


def changed(*changes: Change) -> Body:
    body = estates.body_of(NAME)
    for change in changes:
        change(body)
    return body


def since(before: Change | None, *after: Change) -> Compared:
    """Compare the known-good estate, changed or not, with one that was changed further."""
    first = [before] if before else []
    return compare(NAME, changed(*first), changed(*first, *after))


def state(found: Compared, rule: str, name: str) -> BaselineState | None:
    """Return the state of a current finding."""
    (finding,) = [f for f in found.after if f.rule.id == rule and f.subject.name == name]
    return finding.state


def turns(found: Compared, rule: str, name: str) -> list[tuple[BaselineState, Outcome | None, Outcome | None]]:
    """Return the state of a changed finding and its outcomes before and now."""
    changes = [c for c in found.drift.findings if (c.finding.rule.id, c.finding.subject.name) == (rule, name)]
    return [(c.state, c.before.outcome if c.before else None, c.after.outcome if c.after else None) for c in changes]


def resource(found: Compared, name: str) -> ResourceChange:
    (change,) = [c for c in found.drift.resources if c.id.rpartition("/")[2] == name]
    return change


def looked_at(found: Compared, name: str) -> dict[str, tuple[str, ...]]:
    """Return the changed properties of a resource with the rules that read them."""
    return {moved.path: moved.rules for moved in resource(found, name).properties}


def properties(body: Body, name: str) -> Any:
    return estates.find(body, name)["properties"]


def to_tcp(body: Body) -> None:
    properties(body, "lb-mirror")["probes"][0]["properties"]["protocol"] = "Tcp"


def noted(name: str) -> Change:
    """Return a change of a property that no rule reads."""
    return lambda body: estates.find(body, name).setdefault("tags", {}).update(note="seen")


def spread(how: object) -> Change:
    def change(body: Body) -> None:
        properties(body, "lb-web")["loadBalancingRules"][0]["properties"]["loadDistribution"] = how

    return change


def resized(name: str, size: str) -> Change:
    def change(body: Body) -> None:
        properties(body, name)["hardwareProfile"]["vmSize"] = size

    return change


def without(name: str) -> Change:
    return lambda body: body["value"].remove(estates.find(body, name))


def hidden(type_: str) -> Change:
    return lambda body: hide_type(body, type_)


def partly(type_: str) -> Change:
    """Return a change that hides all resources of a type but the first three."""
    return lambda body: hide_type(body, type_, keep=3)


def unreadable(name: str) -> Change:
    return lambda body: hide_resource(body, estates.find(body, name)["id"], stub=False)


def respell(name: str, old: str, new: str) -> Change:
    """Give a resource another id, in all references too."""

    def change(body: Body) -> None:
        arm_id = estates.find(body, name)["id"]
        assert old in arm_id
        body["value"] = [respelled(item, arm_id, arm_id.replace(old, new)) for item in body["value"]]

    return change


# --- findings ---------------------------------------------------------------------------------------------------------


def test_a_pass_that_fails_has_regressed() -> None:
    found = since(None, to_tcp)
    assert turns(found, "MIR003", "TRAKDB") == [(BaselineState.REGRESSED, Outcome.PASS, Outcome.FAIL)]
    assert looked_at(found, "lb-mirror") == {
        "properties.probes[name=mirror-status].properties.protocol": ("DR017", "MIR003", "MIR027")
    }
    assert {finding.state for finding in found.after if finding.rule.id not in {"DR017", "MIR003"}} <= {
        BaselineState.UNCHANGED,
        BaselineState.DRIFTED,
    }


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("SourceIPProtocol", "Default", BaselineState.REGRESSED),
        ("Default", "SourceIPProtocol", BaselineState.DRIFTED),
        ("Default", "Default", BaselineState.UNCHANGED),
    ],
)
def test_a_fail_that_is_more_severe_has_regressed(before: str, after: str, expected: BaselineState) -> None:
    found = since(spread(before), spread(after))
    assert state(found, "LB003", "lb-web") is expected


def test_an_unknown_severity_is_no_higher_one() -> None:
    def with_another(how: object) -> Change:
        def change(body: Body) -> None:
            rules = properties(body, "lb-web")["loadBalancingRules"]
            rules.append(estates.copied(rules[0]))
            rules[-1]["properties"] |= {"loadDistribution": how, "frontendPort": 80, "backendPort": 80}
            rules[-1] |= {"name": "other", "id": f"{rules[0]['id']}-other"}

        return change

    before, after = (changed(spread("SourceIPProtocol"), with_another(how)) for how in ("SourceIPProtocol", 5))
    found = compare(NAME, before, after)
    was, now = (next(f for f in evaluated if f.rule.id == "LB003") for evaluated in (found.before, found.after))
    assert (was.outcome, was.severity, was.severity_is_sure) == (Outcome.FAIL, Severity.LOW, True)
    assert (now.outcome, now.severity, now.severity_is_sure) == (Outcome.FAIL, Severity.HIGH, False)
    assert now.state is BaselineState.LOST_SIGHT


def test_a_fail_that_passes_is_fixed() -> None:
    found = compare(NAME, changed(to_tcp), changed())
    assert turns(found, "MIR003", "TRAKDB") == [(BaselineState.FIXED, Outcome.FAIL, Outcome.PASS)]


def test_a_fail_is_new_after_an_unknown_and_a_pass_is_unchanged() -> None:
    found = compare(NAME, changed(hidden(LOAD_BALANCERS)), changed(to_tcp))
    assert turns(found, "MIR003", "TRAKDB") == [(BaselineState.NEW, Outcome.UNKNOWN, Outcome.FAIL)]
    passed = compare(NAME, changed(hidden(LOAD_BALANCERS)), changed())
    assert state(passed, "MIR003", "TRAKDB") is None
    assert turns(passed, "MIR003", "TRAKDB") == []


def test_a_fail_of_what_was_not_there_is_new() -> None:
    def add_disk(body: Body) -> None:
        disk = estates.copied(estates.find(body, "vm-app-a-data0"))
        disk["id"] += "-more"
        disk["name"] += "-more"
        disk["properties"] |= {"uniqueId": "00000000-0000-4000-8000-000000000001"}
        disk["sku"] = {"name": "Standard_LRS", "tier": "Standard"}
        del disk["managedBy"]
        body["value"].append(disk)

    found = since(None, add_disk)
    assert resource(found, "vm-app-a-data0-more").kind is ResourceChangeKind.ADDED
    vm = changed(resized("vm-app-a", "Standard_B2ms"))
    found = compare(NAME, changed(without("vm-app-a")), vm)
    added = [change for change in found.drift.findings if change.finding.subject.name == "vm-app-a"]
    assert {(change.state, change.before) for change in added} == {(BaselineState.NEW, None)}


@pytest.mark.parametrize("before", [None, to_tcp], ids=["passed", "failed"])
@pytest.mark.parametrize("hide", [hidden(LOAD_BALANCERS), unreadable("lb-mirror")], ids=["type", "resource"])
def test_a_fail_that_became_unknown_is_lost_from_sight_and_never_fixed(before: Change | None, hide: Change) -> None:
    found = since(before, hide)
    was = Outcome.FAIL if before else Outcome.PASS
    assert turns(found, "MIR003", "TRAKDB") == [(BaselineState.LOST_SIGHT, was, Outcome.UNKNOWN)]
    change = resource(found, "lb-mirror")
    assert change.kind is ResourceChangeKind.LOST_SIGHT
    assert "lb-mirror" in change.reason or LOAD_BALANCERS in change.reason.lower()


@pytest.mark.parametrize("hide", [unreadable("vm-app-a"), partly(VMS), partly(NSGS)], ids=["one", "some", "others"])
def test_a_finding_that_was_as_unknown_before_is_not_lost_from_sight(hide: Change) -> None:
    """Some subjects of the rule were hidden in the baseline; they were unknown, and are unknown now."""
    found = compare(NAME, changed(hide), changed(hide))
    assert (found.drift.findings, found.drift.resources) == ((), ())
    assert {finding.state for finding in found.after} == {BaselineState.UNCHANGED}


def test_where_more_subjects_of_a_rule_are_hidden_the_finding_of_the_deployment_is_lost_from_sight() -> None:
    """In the baseline the rule was evaluated for all disks; now it is unknown whether the deployment has more."""
    found = since(None, partly(DISKS))
    assert turns(found, "STO005", "trakcare-prod") == [(BaselineState.LOST_SIGHT, None, Outcome.UNKNOWN)]


def test_a_finding_that_was_unknown_cannot_be_lost_from_sight() -> None:
    """Every property that the rule reads was there and malformed."""

    def confuse(body: Body) -> None:
        for disk in body["value"]:
            if arm.type_of(disk.get("id", "")) == DISKS:
                disk["sku"] = {"name": 5}

    found = compare(NAME, changed(confuse), changed(hidden(DISKS)))
    assert {f.outcome for f in found.before if f.rule.id == "STO005"} == {Outcome.UNKNOWN}
    assert state(found, "STO005", "trakcare-prod") is None


def test_only_findings_of_subjects_that_certainly_do_not_exist_are_gone() -> None:
    retiring = resized("vm-print-a", RETIRING)
    evaluated = [f for f in since(retiring).before if f.subject.name == "vm-print-a"]
    assert evaluated
    found = since(retiring, without("vm-print-a"))
    gone = [change for change in found.drift.findings if change.finding.subject.name == "vm-print-a"]
    assert {(change.state, change.after, change.reason) for change in gone} == {(BaselineState.GONE, None, "")}
    lost = since(retiring, hidden(VMS))
    hid = [change for change in lost.drift.findings if change.finding.subject.name == "vm-print-a"]
    assert {(change.state, change.after, bool(change.reason)) for change in hid} == {
        (BaselineState.LOST_SIGHT, None, True)
    }
    assert len(gone) == len(hid) > 0


def test_findings_of_subjects_outside_the_deployment_are_gone() -> None:
    """The Traffic Manager profile still exists, and leads to another target."""

    def lead_nowhere(body: Body) -> None:
        properties(body, "tm-trakcare")["endpoints"] = []

    found = since(None, lead_nowhere)
    assert turns(found, "DR010", "tm-trakcare") == [(BaselineState.GONE, Outcome.PASS, None)]


def test_a_finding_with_the_same_outcome_and_changed_properties_has_drifted() -> None:
    def grow(body: Body) -> None:
        for name in ("vm-db-a-data0", "vm-db-b-data0", "vm-db-dr-data0"):
            estates.find(body, name)["properties"]["diskSizeGB"] += 1024

    found = since(None, grow)
    moved = looked_at(found, "vm-db-a-data0")
    assert [*moved] == ["properties.diskSizeGB"]
    assert "CMP006" in moved["properties.diskSizeGB"]
    assert turns(found, "CMP006", "TRAKDB") == [(BaselineState.DRIFTED, Outcome.PASS, Outcome.PASS)]
    assert state(found, "MIR003", "TRAKDB") is BaselineState.UNCHANGED


def test_security_rules_that_open_nothing_are_read_too() -> None:
    """The requirement is that no rule opens a port: rules that open none are read as well."""

    def admit_one(body: Body) -> None:
        rules = properties(body, "nsg-app-weu")["securityRules"]
        rules.append(estates.copied(rules[0]))
        rules[-1] |= {"name": "one-more", "id": f"{rules[0]['id']}-more"}
        rules[-1]["properties"] |= {"priority": 3999, "sourceAddressPrefixes": ["10.10.9.9"]}

    found = since(None, admit_one)
    assert looked_at(found, "nsg-app-weu") == {"properties.securityRules[name=one-more]": ("NET009",)}
    assert turns(found, "NET009", "vm-app-a") == [(BaselineState.DRIFTED, Outcome.PASS, Outcome.PASS)]


def test_properties_that_are_only_counted_are_read_too() -> None:
    removed = resource(since(None, without("nsg-app-weu")), "nsg-app-weu")
    assert (removed.kind, "NET008" in removed.rules) == (ResourceChangeKind.REMOVED, True)


def test_a_change_that_no_rule_reads_is_reported_and_is_no_drift_of_a_finding() -> None:
    found = since(None, lambda body: estates.find(body, "vm-app-a-data0")["tags"].update(note="seen"))
    assert looked_at(found, "vm-app-a-data0") == {"tags.note": ()}
    assert found.drift.findings == ()
    assert {finding.state for finding in found.after} == {BaselineState.UNCHANGED}


def test_a_finding_of_a_malformed_value_has_the_changes_of_the_resource_that_it_names() -> None:
    """A fact for which a security rule is malformed has no evidence except the reason."""

    def confuse(body: Body) -> None:
        rule = properties(body, "nsg-app-weu")["securityRules"][0]
        rule["properties"] |= {"sourceAddressPrefix": "300.0.0.0/8", "sourceAddressPrefixes": []}
        properties(body, "vm-app-a")["licenseType"] = "RHEL_BYOS"

    found = since(None, confuse)
    assert turns(found, "NET009", "vm-app-a") == [(BaselineState.LOST_SIGHT, Outcome.PASS, Outcome.UNKNOWN)]
    named = looked_at(found, "nsg-app-weu")
    assert named
    assert all("NET009" in rules for rules in named.values())
    assert looked_at(found, "vm-app-a") == {"properties.licenseType": ()}


def test_a_finding_that_became_unknown_has_all_changes_of_the_resources_that_it_names() -> None:
    """The rule did not read the property whose absence makes it unknown now."""

    def unmanage(body: Body) -> None:
        del properties(body, "vm-app-a")["storageProfile"]["dataDisks"][0]["managedDisk"]

    found = since(None, unmanage)
    assert turns(found, "SEC004", "vm-app-a") == [(BaselineState.LOST_SIGHT, Outcome.PASS, Outcome.UNKNOWN)]
    (moved,) = resource(found, "vm-app-a").properties
    assert {"SEC004", "STO001"} <= {*moved.rules}


def test_a_rule_is_named_only_with_properties_that_it_reads() -> None:
    found = since(None, to_tcp, noted("lb-mirror"))
    assert looked_at(found, "lb-mirror") == {
        "properties.probes[name=mirror-status].properties.protocol": ("DR017", "MIR003", "MIR027"),
        "tags.note": (),
    }


@pytest.mark.parametrize("forward", [True, False], ids=["added", "taken away"])
def test_a_rule_is_named_with_each_property_that_it_reads(*, forward: bool) -> None:
    """The list has another probe before the one that rules read; no rule reads the other."""

    def put_another_first(body: Body) -> None:
        probes = properties(body, "lb-mirror")["probes"]
        probes.insert(0, estates.copied(probes[0]) | {"name": "other", "id": f"{probes[0]['id']}-other"})

    bodies = changed(), changed(to_tcp, put_another_first)
    found = compare(NAME, *(bodies if forward else reversed(bodies)))
    moved = looked_at(found, "lb-mirror")
    assert moved["properties.probes[name=mirror-status].properties.protocol"] == ("DR017", "MIR003", "MIR027")
    assert "MIR003" not in moved["properties.probes[name=other]"]


@pytest.mark.parametrize("forward", [True, False], ids=["regressed", "fixed"])
def test_where_no_read_property_changed_all_changes_are_the_reason(*, forward: bool) -> None:
    """A declared name matches no VM any more, so that no resource shows the reason."""
    bodies = changed(), changed(noted("vm-print-a"), respell("vm-print-a", "vm-print-a", "vm-print-z"))
    found = compare(NAME, *(bodies if forward else reversed(bodies)))
    expected = BaselineState.REGRESSED if forward else BaselineState.FIXED
    assert [c.state for c in found.drift.findings if c.finding.rule.id == "DEP001"] == [expected]
    assert looked_at(found, "vm-print-z" if forward else "vm-print-a") == {"tags.note": ("DEP001", "DEP002")}


def test_a_finding_with_the_same_outcome_and_other_values_has_drifted() -> None:
    """One more of the declared VMs is not found."""
    renamed = respell("vm-print-a", "vm-print-a", "vm-print-z")
    found = compare(NAME, changed(without("vm-arbiter")), changed(without("vm-arbiter"), renamed))
    assert turns(found, "DEP001", "trakcare-prod") == [(BaselineState.DRIFTED, Outcome.FAIL, Outcome.FAIL)]


def test_a_new_resource_that_a_rule_reads_is_drift_despite_another_gap() -> None:
    """Where a gap differs, other values prove nothing; another item to read does."""

    def extend(body: Body) -> None:
        extension = estates.copied(estates.find(body, "ama-vm-db-a"))
        extension |= {"id": f"{extension['id']}-2", "name": "ama-vm-db-a-2"}
        body["value"].append(extension)

    found = since(None, extend, unreadable("vm-print-a-os"))
    looking = resource(found, "ama-vm-db-a-2").rules
    assert looking
    assert {state(found, rule, "vm-db-a") for rule in looking} == {BaselineState.DRIFTED}


def test_values_are_not_compared_where_nothing_changed() -> None:
    """Then they differ only in volatile properties or because of the date."""
    seen = [{"evidence": (reports.evidence(observed=observed),)} for observed in ("then", "now")]
    assert retold("MIR003", changed(), changed(), *seen) is BaselineState.UNCHANGED


def test_a_finding_that_does_not_apply_any_more_has_drifted() -> None:
    told: tuple[Mapping[str, object], ...] = ({}, {"outcome": Outcome.NOT_APPLICABLE})
    assert retold("MIR003", changed(), changed(), *told) is BaselineState.DRIFTED
    assert retold("MIR003", changed(), changed(), *reversed(told)) is BaselineState.DRIFTED


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        ("Http", "HTTP", BaselineState.UNCHANGED),
        (["a", {"Name": "b"}], [{"name": "B"}, "A"], BaselineState.UNCHANGED),
        (["a", "a", "b"], ["a", "b", "b"], BaselineState.DRIFTED),
        ({"a": 1}, {"a": 2}, BaselineState.DRIFTED),
        ({"a": 1}, {"b": 1}, BaselineState.DRIFTED),
        (True, 1, BaselineState.DRIFTED),
        (1, 1.0, BaselineState.UNCHANGED),
        (None, False, BaselineState.DRIFTED),
    ],
)
def test_values_are_compared_by_what_they_mean(then: object, now: object, expected: BaselineState) -> None:
    seen = [{"evidence": (reports.evidence(observed=observed),)} for observed in (then, now)]
    assert retold("MIR003", changed(), changed(noted("lb-mirror")), *seen) is expected


def test_references_to_moved_resources_are_unchanged() -> None:
    move = respell("lb-mirror", "rg-trakcare-prod-weu", "rg-other")
    bodies = changed(), changed(noted("lb-mirror"), move)
    ids = [estates.find(body, "lb-mirror")["id"] for body in bodies]
    assert ids[0] != ids[1]
    seen = [{"evidence": (reports.evidence(observed=arm_id),)} for arm_id in ids]
    assert retold("MIR003", *bodies, *seen) is BaselineState.UNCHANGED
    assert retold("MIR003", *bodies, *reversed(seen)) is BaselineState.DRIFTED


@pytest.mark.parametrize(
    ("before", "expected"),
    [(None, BaselineState.LOST_SIGHT), (hidden(LOAD_BALANCERS), BaselineState.UNCHANGED)],
    ids=["was evaluated", "was unknown"],
)
def test_an_attested_unknown_is_not_compared_as_a_pass(before: Change | None, expected: BaselineState) -> None:
    """An attestation of an unknown is no pass: it does not continue a pass, and it fixes nothing."""
    bodies = changed(*filter(None, [before])), changed(hidden(LOAD_BALANCERS))
    attested = {"outcome": Outcome.PASS, "attestation": reports.attestation()}
    assert retold("MIR003", *bodies, {}, attested) is expected


PASSES = {"outcome": Outcome.PASS, "attestation": reports.attestation()}
FAILS = {"outcome": Outcome.FAIL, "attestation": reports.attestation(holds=False)}


@pytest.mark.parametrize(
    ("before", "then", "now", "expected"),
    [
        (hidden(LOAD_BALANCERS), {}, FAILS, BaselineState.NEW),
        (hidden(LOAD_BALANCERS), PASSES, FAILS, BaselineState.NEW),
        (None, {}, FAILS, BaselineState.REGRESSED),
        (hidden(LOAD_BALANCERS), FAILS, FAILS, BaselineState.UNCHANGED),
        (hidden(LOAD_BALANCERS), FAILS, PASSES, BaselineState.FIXED),
        (hidden(LOAD_BALANCERS), FAILS, {}, BaselineState.LOST_SIGHT),
    ],
    ids=["unknown", "attested pass", "pass", "the same", "attested pass now", "not attested now"],
)
def test_a_fail_by_attestation_is_compared_as_a_fail(
    before: Change | None, then: Mapping[str, object], now: Mapping[str, object], expected: BaselineState
) -> None:
    bodies = changed(*filter(None, [before])), changed(hidden(LOAD_BALANCERS))
    assert retold("MIR003", *bodies, then, now) is expected


def test_a_fail_of_perhaps_the_same_severity_has_not_regressed() -> None:
    bodies = changed(spread("SourceIPProtocol")), changed(spread("Default"))
    assert retold("LB003", *bodies, {}, {}) is BaselineState.REGRESSED
    assert retold("LB003", *bodies, {"severity_is_sure": False}, {}) is BaselineState.DRIFTED


def retold(
    rule: str, before: Body, after: Body, then: Mapping[str, object], now: Mapping[str, object]
) -> BaselineState | None:
    """Return the state of the worst finding of a rule, after replacing fields of both findings."""
    graphs = [estates.topology(NAME, body) for body in (before, after)]
    changes = drift.Changes(*(topology.graph for topology in graphs))
    rules = estates.rules(estates.ESTATES[NAME])
    evaluated = [
        drift.EvaluatedSnapshot(
            topology,
            tuple(
                msgspec.structs.replace(finding, **(told if finding.rule.id == rule else {}))
                for finding in engine.evaluate(topology, rules, engine.Detail.ALL, watched)
            ),
        )
        for topology, watched, told in zip(graphs, (changes.before, changes.after), (then, now), strict=True)
    ]
    findings, _ = drift.compare(changes, *evaluated)
    return next(finding.state for finding in findings if finding.rule.id == rule)


def test_the_date_and_the_age_of_the_baseline_are_no_drift() -> None:
    body = changed(resized("vm-app-a", RETIRING))
    dates = dt.date(2026, 4, 1), dt.date(2026, 7, 1)
    (earlier,), (later,) = (
        [f for f in compare(NAME, changed(), body, date).after if f.rule.id == "GOV005"] for date in dates
    )
    assert (earlier.outcome, later.outcome) == (Outcome.PASS, Outcome.FAIL), "the date matters in a single scan"
    for date in dates:
        found = compare(NAME, body, body, date)
        assert found.drift.findings == ()
        assert {finding.state for finding in found.after} == {BaselineState.UNCHANGED}


# --- resources --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("vm-app-a", "vmId"),
        ("vm-app-a-data0", "uniqueId"),
        ("nsg-app-weu", "resourceGuid"),
        ("id-agw-trakcare", "principalId"),
        ("sttrakcareweu", "creationTime"),
    ],
)
def test_another_resource_under_the_same_id_is_recreated(name: str, path: str) -> None:
    other = "2026-10-30T01:02:03Z" if path == "creationTime" else "00000000-0000-4000-8000-000000000001"
    found = since(None, lambda body: properties(body, name).update({path: other}))
    (change,) = found.drift.resources
    assert (change.kind, change.properties, change.former_id) == (ResourceChangeKind.RECREATED, (), "")


def test_times_of_creation_are_compared_to_the_second() -> None:
    def at(time: str) -> Body:
        return changed(lambda body: properties(body, "sttrakcareweu").update(creationTime=time))

    same = [at(time) for time in ("2026-01-02T03:04:05.1234567Z", "2026-01-02T04:04:05+01:00", "2026-01-02T03:04:05")]
    for body in same:
        assert compare(NAME, same[0], body).drift.resources == ()


def test_an_absent_time_of_creation_proves_nothing() -> None:
    untold = changed(lambda body: properties(body, "sttrakcareweu").pop("creationTime"))
    for bodies in ((changed(), untold), (untold, changed())):
        assert compare(NAME, *bodies).drift.resources == ()


def test_a_vm_moved_to_another_resource_group_is_the_same_vm() -> None:
    found = since(None, respell("vm-app-a", "rg-trakcare-prod-weu", "rg-other"))
    change = resource(found, "vm-app-a")
    assert (change.kind, change.properties) == (ResourceChangeKind.MOVED, ())
    assert change.former_id == change.id.replace("rg-other", "rg-trakcare-prod-weu")
    assert [c.id for c in found.drift.resources] == [change.id], "what refers to it has not changed"
    evaluated = [f for f in found.after if f.subject.id == change.id]
    assert len(evaluated) > 10
    assert {f.state for f in evaluated} == {BaselineState.DRIFTED}
    assert not [c for c in found.drift.findings if c.state is BaselineState.GONE]


def test_a_disk_with_another_name_is_the_same_one() -> None:
    found = since(None, respell("vm-app-a-data0", "vm-app-a-data0", "vm-app-a-data9"))
    change = resource(found, "vm-app-a-data9")
    assert (change.kind, change.former_id.rpartition("/")[2]) == (ResourceChangeKind.RENAMED, "vm-app-a-data0")


def test_the_rules_of_a_change_do_not_depend_on_a_new_name() -> None:
    def idle(body: Body) -> None:
        properties(body, "lb-web")["loadBalancingRules"][0]["properties"]["idleTimeoutInMinutes"] = 29

    alone = since(None, idle)
    found = since(None, idle, respell("lb-web", "lb-web", "lb-new"))
    assert resource(found, "lb-new").kind is ResourceChangeKind.RENAMED
    (rules,) = looked_at(alone, "lb-web").values()
    assert list(looked_at(found, "lb-new").values()) == [rules]


def test_resources_without_identity_are_removed_and_added() -> None:
    found = since(None, respell("tm-trakcare", "rg-trakcare-network", "rg-other"))
    kinds = {(c.id.split("/")[4], c.kind) for c in found.drift.resources if c.id.endswith("/tm-trakcare")}
    assert kinds == {("rg-trakcare-network", ResourceChangeKind.REMOVED), ("rg-other", ResourceChangeKind.ADDED)}


def test_an_identity_of_two_resources_identifies_none() -> None:
    def share(body: Body) -> None:
        unique = properties(body, "vm-app-a-data0")["uniqueId"]
        properties(body, "vm-app-b-data0")["uniqueId"] = unique

    for name in ("vm-app-a-data0", "vm-app-b-data0"):
        found = compare(NAME, changed(share), changed(share, without(name)))
        assert [(c.id.rpartition("/")[2], c.kind) for c in found.drift.resources] == [
            (name, ResourceChangeKind.REMOVED)
        ]


def test_a_resource_with_the_id_of_a_moved_one_is_another() -> None:
    def swap(body: Body) -> None:
        moved = estates.copied(estates.find(body, "vm-app-a-data0"))
        properties(body, "vm-app-a-data0")["uniqueId"] = "00000000-0000-4000-8000-000000000001"
        moved["id"] = moved["id"].replace("rg-trakcare-prod-weu", "rg-other")
        body["value"].append(moved)

    found = since(None, swap)
    kinds = {(c.id.split("/")[4], c.kind) for c in found.drift.resources if c.id.endswith("vm-app-a-data0")}
    assert kinds == {("rg-other", ResourceChangeKind.MOVED), ("rg-trakcare-prod-weu", ResourceChangeKind.ADDED)}


def test_a_resource_renamed_to_the_id_of_a_removed_one_is_renamed() -> None:
    def take(body: Body) -> None:
        without("vm-app-a-data0")(body)
        respell("vm-app-b-data0", "vm-app-b-data0", "vm-app-a-data0")(body)

    found = since(None, take)
    assert {(c.id.rpartition("/")[2], c.kind, c.former_id.rpartition("/")[2]) for c in found.drift.resources} >= {
        ("vm-app-a-data0", ResourceChangeKind.REMOVED, ""),
        ("vm-app-a-data0", ResourceChangeKind.RENAMED, "vm-app-b-data0"),
    }
    was = [(c.state, c.before.subject.name, c.after is None) for c in found.drift.findings if c.before]
    assert (BaselineState.GONE, "vm-app-a-data0", True) in was
    assert (BaselineState.DRIFTED, "vm-app-b-data0", False) in was


def test_resources_that_the_baseline_could_not_list_are_not_added() -> None:
    found = compare(NAME, changed(hidden(NSGS)), changed())
    assert [c for c in found.drift.resources if NSGS in c.id.lower()] == []
    added = compare(NAME, changed(without("nsg-app-weu")), changed())
    assert resource(added, "nsg-app-weu").kind is ResourceChangeKind.ADDED


def test_resources_known_only_by_a_gap_are_neither_added_nor_removed() -> None:
    bodies = changed(unreadable("lb-web")), changed(without("lb-web"))
    for before, after in (bodies, reversed(bodies)):
        assert "lb-web" not in {c.id.rpartition("/")[2] for c in compare(NAME, before, after).drift.resources}


@pytest.mark.parametrize(
    ("type_", "told"), [("recoveryPoints", set()), ("points", {ResourceChangeKind.ADDED, ResourceChangeKind.REMOVED})]
)
def test_what_every_backup_adds_or_removes_is_not_reported(type_: str, told: set[ResourceChangeKind]) -> None:
    full = f"Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems/{type_}"

    def kept(day: int) -> Change:
        def change(body: Body) -> None:
            (scope,) = body["listed"]
            body["listed"][scope].append(full)
            names = "vaults/v/backupFabrics/Azure/protectionContainers/c/protectedItems/vm"
            arm_id = f"{scope}/resourceGroups/rg/providers/Microsoft.RecoveryServices/{names}/{type_}/{day}"
            body["value"].append({"id": arm_id, "name": str(day), "type": full, "properties": {}})

        return change

    found = compare(NAME, changed(kept(1)), changed(kept(2)))
    assert {change.kind for change in found.drift.resources} == told


def test_a_changed_capability_is_reported_only_where_a_rule_reads_it() -> None:
    def with_iops(body: Body, value: str, size: str) -> None:
        for item in body["value"]:
            if item.get("resourceType") == "virtualMachines" and item["name"] == size:
                for entry in item["capabilities"]:
                    if entry["name"] == "UncachedDiskIOPS":
                        entry["value"] = value

    found = since(None, lambda body: with_iops(body, "99999", "Standard_E16ds_v5"))
    (change,) = found.drift.resources
    assert change.id.endswith("/Standard_E16ds_v5")
    assert "STO007" in change.properties[0].rules

    def in_the_second_region(body: Body) -> None:
        records = [i for i in body["value"] if i.get("name") == "Standard_E16ds_v5" and i.get("resourceType")]
        (entry,) = [entry for entry in records[1]["capabilities"] if entry["name"] == "UncachedDiskIOPS"]
        entry["value"] = "99999"
        records[1]["capabilities"].append("nonsense")

    (change,) = since(None, in_the_second_region).drift.resources
    (moved,) = change.properties
    before = found.drift.resources[0].properties[0].before
    assert (moved.before, moved.after) == (before, {"northeurope": before, "westeurope": "99999"})

    def unused(body: Body) -> None:
        record = next(i for i in body["value"] if i.get("resourceType") == "virtualMachines")
        record["capabilities"].append({"name": "NobodyAsks", "value": "1"})

    assert since(None, unused).drift.resources == ()
