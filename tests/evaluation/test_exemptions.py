"""Waivers and attestations: their files, what they cover, and for how long."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import yaml_documents
from auditor.authoring import fixtures
from auditor.azure.types.names import DISK, LOAD_BALANCER
from auditor.errors import InputError
from auditor.evaluation import coverage, engine, exemptions
from auditor.evaluation.exemptions import ExemptionResult, Exemptions
from auditor.evaluation.model import Attestation, Carried, ExemptionState, ExemptionStatus, Finding, Outcome, Waiver
from auditor.rules.evidence import Evidence
from auditor.snapshot.known import Cause
from auditor.snapshot.model import Gap, GapReason
from tests import estates, test_gaps
from tests.faults import Change, Sound, changes
from tests.report import reports
from tests.report.reports import PROBE, SIZE, attestation, finding, gap, unknown, vm, waiver

TODAY: Final = dt.date(2026, 11, 1)
RULES: Final = (PROBE.id, SIZE.id)

WAIVERS: Final = """\
format: auditor.waivers/1
waivers:
  - rule: MIR003
    scope: "prod/mirrors/*"
    category: Waiver
    reason: The SKU will be upgraded in spring.
    approvedBy: the head of operations
    grantedOn: 2026-10-01
    expiresOn: 2027-03-31
    ticket: CHG-1234
    observed: {'properties.probes[0].properties.protocol': Tcp, mirror.members: [a, 2, null]}
  - gap: Microsoft.Compute/disks
    scope: /subscriptions/*/disks/*
    category: Mitigated
    reason: Another team's disk, audited by them.
    approvedBy: the head of operations
    grantedOn: "2026-10-01"
    expiresOn: "2027-10-01"
"""

ATTESTATIONS: Final = """\
format: auditor.attestations/1
attestations:
  - rule: CMP006
    scope: prod
    attestedBy: the data centre's manager
    attestedOn: 2026-10-01
    validUntil: 2027-10-01
    statement: Both members are alike; seen on site.
"""


def load(text: str) -> tuple[Waiver, ...]:
    return exemptions.load(yaml_documents.parse(text.encode(), "waivers.yaml"), RULES)


def load_attestations(text: str) -> tuple[Attestation, ...]:
    return exemptions.load_attestations(yaml_documents.parse(text.encode(), "attestations.yaml"), RULES)


def applied(
    *findings: Finding,
    waived: tuple[Waiver, ...] = (),
    attested: tuple[Attestation, ...] = (),
    carried: tuple[Carried, ...] = (),
    gaps: tuple[Gap, ...] = (),
    as_of: dt.date = TODAY,
) -> ExemptionResult:
    return exemptions.apply(Exemptions(waived, attested), findings, carried, gaps, as_of)


def states(stood: tuple[ExemptionStatus[Any], ...]) -> list[tuple[ExemptionState, int]]:
    return [(one.state, one.covers) for one in stood]


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_file_of_waivers_is_read() -> None:
    first, second = load(WAIVERS)
    assert first == Waiver(
        scope="prod/mirrors/*",
        category="Waiver",
        reason="The SKU will be upgraded in spring.",
        approved_by="the head of operations",
        granted_on=dt.date(2026, 10, 1),
        expires_on=dt.date(2027, 3, 31),
        rule="MIR003",
        ticket="CHG-1234",
        observed={"properties.probes[0].properties.protocol": "Tcp", "mirror.members": ["a", 2, None]},
        file="waivers.yaml",
        line=3,
    )
    assert (second.rule, second.gap, second.category, second.line) == ("", "Microsoft.Compute/disks", "Mitigated", 12)
    assert (second.granted_on, second.expires_on) == (dt.date(2026, 10, 1), dt.date(2027, 10, 1))


def test_a_file_of_attestations_is_read() -> None:
    assert load_attestations(ATTESTATIONS) == (
        Attestation(
            rule="CMP006",
            scope="prod",
            attested_by="the data centre's manager",
            attested_on=dt.date(2026, 10, 1),
            valid_until=dt.date(2027, 10, 1),
            statement="Both members are alike; seen on site.",
            file="attestations.yaml",
            line=3,
        ),
    )
    (given,) = load_attestations(f"{ATTESTATIONS}    holds: false\n")
    assert not given.holds


def test_a_file_may_be_empty_of_them() -> None:
    assert load("format: auditor.waivers/1\nwaivers: []\n") == ()
    assert load_attestations("format: auditor.attestations/1\nattestations: []\n") == ()


@changes(
    ("/1", "/2", "must be auditor.waivers/1"),
    ("rule: MIR003", "rule: MIR004", "there is no rule 'MIR004'; did you mean 'MIR003'?"),
    ("rule: MIR003", "rule: ZZZ999", "there is no rule 'ZZZ999'; list the rules with auditor rules list"),
    ("rule: MIR003", "rule: MIR*", "without wildcard"),
    ("rule: MIR003", "gap: Microsoft.Compute", "must match"),
    ("rule: MIR003", "gap: Microsoft.Compute/*", "must match"),
    ("rule: MIR003", "category: Waiver", "has the key 'category' twice", 2),
    ("rule: MIR003", "gap: Microsoft.Compute/disks", "has 'observed', which needs 'rule' beside it"),
    ("rule: MIR003", "rule: MIR003\n    gap: Microsoft.Compute/disks", "has both 'rule' and 'gap'"),
    ("gap: Microsoft.Compute/disks", "ticket: x", "needs one of rule, gap"),
    ('scope: "prod/mirrors/*"', "ticket: x", "has the key 'ticket' twice", 6),
    ('    scope: "prod/mirrors/*"\n', "", "lacks the key 'scope'", -1),
    ('scope: "prod/mirrors/*"', "scope: ' '", "scope must not be blank"),
    ("category: Waiver", "category: waived", "must be Waiver or Mitigated"),
    ("    reason: The SKU will be upgraded in spring.\n", "", "lacks the key 'reason'", -3),
    ("reason: The SKU will be upgraded in spring.", "reason: ''", "reason must not be blank"),
    ("    approvedBy: the head of operations\n", "", "lacks the key 'approvedBy'", -4),
    ("    grantedOn: 2026-10-01\n", "", "lacks the key 'grantedOn'", -5),
    ("    expiresOn: 2027-03-31\n", "", "lacks the key 'expiresOn'", -6),
    ("expiresOn: 2027-03-31", "expires: 2027-03-31", "has the unknown key 'expires'; did you mean 'expiresOn'?"),
    ("expiresOn: 2027-03-31", "expiresOn: 31.3.2027", "(A date such as 2026-11-01)"),
    ("expiresOn: 2027-03-31", "expiresOn: 2027-02-30", "expiresOn is '2027-02-30', which is not a calendar date"),
    ("expiresOn: 2027-03-31", "expiresOn: 2026-10-01", "expiresOn must be later than grantedOn"),
    ("expiresOn: 2027-03-31", "expiresOn: 2026-09-30", "expiresOn must be later than grantedOn"),
    ("expiresOn: 2027-03-31", "expiresOn: 2027-10-02", "a waiver lasts at most one year"),
    ("expiresOn: 2027-03-31", "expiresOn: 9999-12-31", "a waiver lasts at most one year"),
)
def test_a_fault_in_a_file_of_waivers_is_named_with_its_line(change: Change) -> None:
    Sound(WAIVERS, "waivers.yaml", load).refuses(change)


@changes(
    ("rule: CMP006", "rule: CMP007", "there is no rule 'CMP007'; did you mean 'CMP006'?"),
    ("rule: CMP006", "gap: Microsoft.Compute/disks", "has the unknown key 'gap'"),
    ("validUntil: 2027-10-01", "validUntil: 2026-10-01", "validUntil must be later than attestedOn"),
    ("attestedOn: 2026-10-01", "attestedOn: 2026-13-01", "which is not a calendar date"),
    ("    statement: Both members are alike; seen on site.\n", "", "lacks the key 'statement'", -5),
    ("    attestedBy: the data centre's manager\n", "", "lacks the key 'attestedBy'", -2),
    ("attestedOn: 2026-10-01", "attestedOn: 2026-10-01\n    holds: maybe", "holds must be true or false", 1),
)
def test_a_fault_in_a_file_of_attestations_is_named_with_its_line(change: Change) -> None:
    Sound(ATTESTATIONS, "attestations.yaml", load_attestations).refuses(change)


@pytest.mark.parametrize(
    ("granted", "expires"), [("2027-03-01", "2028-03-01"), ("2028-02-29", "2029-02-28"), ("2027-02-28", "2028-02-28")]
)
def test_a_year_is_counted_by_the_calendar(granted: str, expires: str) -> None:
    def lasting(until: dt.date) -> tuple[Waiver, ...]:
        changed = WAIVERS.replace("grantedOn: 2026-10-01", f"grantedOn: {granted}")
        return load(changed.replace("expiresOn: 2027-03-31", f"expiresOn: {until}"))

    last = dt.date.fromisoformat(expires)
    assert lasting(last)[0].expires_on == last
    too_long = last + dt.timedelta(days=2 if granted.endswith("29") else 1)
    with pytest.raises(InputError, match="at most one year"):
        lasting(too_long)


# --- what they cover --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.UNKNOWN])
def test_a_waived_finding_keeps_its_outcome(outcome: Outcome) -> None:
    before = finding(outcome)
    found = applied(before, waived=(waiver(),))
    assert found.findings == (msgspec.structs.replace(before, waiver=waiver()),)
    assert states(found.waivers) == [(ExemptionState.USED, 1)]


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.PASS, Outcome.NOT_APPLICABLE])
def test_a_waiver_affects_neither_passes_nor_errors(outcome: Outcome) -> None:
    before = finding(outcome)
    found = applied(before, waived=(waiver(),), attested=(attestation(),))
    assert found.findings == (before,)
    assert states(found.waivers) == states(found.attestations) == [(ExemptionState.UNUSED, 0)]


@pytest.mark.parametrize(
    ("scope", "covers"),
    [
        (vm("vm-a").id, True),
        (vm("vm-a").id.upper() + "/", True),
        ("*/VIRTUALMACHINES/vm-?", True),
        ("*", True),
        (f"{reports.GROUP}/*", True),
        (reports.GROUP, False),
        ("vm-a", False),
        ("*/vm-", False),
        ("*/virtualMachines/vm-[b-z]", False),
    ],
)
def test_a_scope_is_a_glob_over_whole_ids(scope: str, covers: bool) -> None:
    (found,) = applied(finding(subject=vm("vm-a")), waived=(waiver(scope=scope),)).findings
    assert (found.waiver is not None) is covers


@pytest.mark.parametrize(
    ("outcome", "of_waiver", "of_attestation"),
    [
        (Outcome.FAIL, "", "the findings in its scope fail, and only an unknown can be attested"),
        (
            Outcome.ERROR,
            "the findings in its scope are errors of auditor, which cannot be exempted",
            "the findings in its scope are errors of auditor, which cannot be exempted",
        ),
        (Outcome.PASS, "the findings in its scope pass", "the findings in its scope pass"),
        (
            Outcome.NOT_APPLICABLE,
            "the rule does not apply to the resources in its scope",
            "the rule does not apply to the resources in its scope",
        ),
    ],
)
def test_an_exemption_without_effect_has_a_reason(outcome: Outcome, of_waiver: str, of_attestation: str) -> None:
    there = (finding(Outcome.NOT_APPLICABLE, subject=vm("vm-b")), finding(outcome))
    found = applied(*there, waived=(waiver(),), attested=(attestation(),))
    assert [stood.why for stood in found.waivers] == [of_waiver]
    assert found.attestations[0].why.startswith(of_attestation)


def test_an_exemption_of_an_absent_finding_has_a_reason() -> None:
    gone = {"scope": "elsewhere"}
    granted = (waiver(**gone), waiver(rule="", gap=gap().what, **gone))
    found = applied(finding(), waived=granted, attested=(attestation(**gone),), gaps=(gap(),))
    nothing = "the rule evaluates no resource of that scope"
    assert [stood.why for stood in found.waivers] == [nothing, "there is no gap of that type and scope"]
    assert [stood.why for stood in found.attestations] == [nothing]


def test_a_waiver_is_for_one_rule() -> None:
    found = applied(finding(rule=SIZE), waived=(waiver(rule=PROBE.id),))
    assert found.findings[0].waiver is None
    assert states(found.waivers) == [(ExemptionState.UNUSED, 0)]


def test_an_attested_unknown_passes_and_a_fail_stays_one() -> None:
    unseen, failed = unknown(PROBE, vm("vm-a"), "why"), finding(subject=vm("vm-b"))
    found = applied(unseen, failed, attested=(attestation(),))
    passed = msgspec.structs.replace(unseen, outcome=Outcome.PASS, cause=None, reasons=(), attestation=attestation())
    assert found.findings == (passed, failed)
    assert states(found.attestations) == [(ExemptionState.USED, 1)]
    (failed,) = applied(failed, attested=(attestation(),)).findings
    assert failed.attestation is None


def test_an_attestation_that_does_not_hold_fails_an_unknown_and_nothing_else() -> None:
    unseen, passed = unknown(PROBE, vm("vm-a"), "why"), finding(Outcome.PASS, subject=vm("vm-b"))
    given = attestation(holds=False, statement="Seen off.")
    fails, same = applied(unseen, passed, attested=(given,)).findings
    assert (fails.outcome, fails.attestation, fails.cause, fails.severity) == (
        Outcome.FAIL,
        given,
        None,
        PROBE.severity,
    )
    assert fails.evidence == (Evidence(vm("vm-a").id, "attestation", "Seen off.", PROBE.title),)
    assert same is passed


def test_of_several_attestations_one_that_does_not_hold_counts() -> None:
    given = attestation(holds=False, valid_until=dt.date(2026, 12, 1))
    for order in ((given, attestation()), (attestation(), given)):
        assert applied(finding(Outcome.UNKNOWN), attested=order).findings[0].outcome is Outcome.FAIL


def test_an_attestation_replaces_a_carried_finding_that_rests_on_one() -> None:
    unseen, holds, fails = finding(Outcome.UNKNOWN), attestation(), attestation(holds=False)
    observed, attested = finding(), msgspec.structs.replace(finding(), attestation=fails)
    kept = {
        (old.attestation is not None, given): bool(
            applied(unseen, carried=(Carried(old, "2026-10-01"),), attested=(given,) if given else ()).carried
        )
        for old in (observed, attested)
        for given in (holds, fails, None)
    }
    assert kept == {
        (False, holds): True,
        (False, fails): False,
        (False, None): True,
        (True, holds): False,
        (True, fails): False,
        (True, None): True,
    }


def test_an_attested_finding_needs_no_waiver() -> None:
    found = applied(finding(Outcome.UNKNOWN), waived=(waiver(),), attested=(attestation(),))
    assert found.findings[0].waiver is None
    assert states(found.waivers) == [(ExemptionState.UNUSED, 0)]


# --- for how long -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("as_of", "state"),
    [
        ("2026-09-30", ExemptionState.PENDING),
        ("2026-10-01", ExemptionState.USED),
        ("2027-09-30", ExemptionState.USED),
        ("2027-10-01", ExemptionState.EXPIRED),
    ],
)
def test_both_hold_from_their_first_day_to_their_last(as_of: str, state: ExemptionState) -> None:
    first, last = dt.date(2026, 10, 1), dt.date(2027, 9, 30)
    granted = waiver(granted_on=first, expires_on=last)
    given = attestation(attested_on=first, valid_until=last)
    day = dt.date.fromisoformat(as_of)
    failed = applied(finding(), waived=(granted,), as_of=day)
    unseen = applied(finding(Outcome.UNKNOWN), attested=(given,), as_of=day)
    holds = state is ExemptionState.USED
    assert states(failed.waivers) == states(unseen.attestations) == [(state, 1)]
    assert (failed.findings[0].waiver == granted) is holds
    assert (unseen.findings[0].outcome is Outcome.PASS) is holds


def test_of_several_the_one_that_lasts_longest_is_named() -> None:
    short = waiver(expires_on=dt.date(2026, 12, 1), line=1)
    long = waiver(expires_on=dt.date(2027, 2, 1), line=2)
    found = applied(finding(), waived=(short, long))
    assert found.findings[0].waiver == long
    assert states(found.waivers) == [(ExemptionState.USED, 1), (ExemptionState.USED, 1)]


# --- bound to a value -------------------------------------------------------------------------------------------------

PATH: Final = "properties.x"


def seeing(*values: object, path: str = PATH, subject: str = "vm-a") -> Finding:
    seen = tuple(Evidence(vm(subject).id, path, value, "more") for value in values)
    return finding(subject=vm(subject), seen=seen)


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ("Tcp", "TCP"),
        (4, 4),
        (4, 4.0),
        (True, True),
        (None, None),
        (["a", 1], ("A", 1)),
        ({"a": 1}, {"a": 1}),
        ([[None]], [[None]]),
    ],
)
def test_a_bound_waiver_holds_while_the_value_stays(wanted: object, shown: object) -> None:
    found = applied(seeing(shown, shown), waived=(waiver(observed={PATH: wanted}),))
    assert found.findings[0].waiver is not None
    assert states(found.waivers) == [(ExemptionState.USED, 1)]


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [("Tcp", "Http"), (1, True), (4, "4"), (4, None), (None, 4), (["a"], ["a", "b"]), (["a"], "a"), ({"a": 1}, {})],
)
def test_a_bound_waiver_lapses_with_the_value(wanted: object, shown: object) -> None:
    found = applied(seeing(wanted, shown), waived=(waiver(observed={PATH: wanted}),))
    assert found.findings[0].waiver is None
    assert states(found.waivers) == [(ExemptionState.LAPSED, 1)]


def test_a_lapse_says_which_value_changed() -> None:
    bound = waiver(observed={PATH: "Tcp", "y": 1})
    shown = (seeing("Http"), seeing(None), seeing(1, 2, path="z"), seeing())
    texts = [applied(f, waived=(bound,)).waivers[0].why for f in shown]
    where = f"{PATH} of {vm('vm-a').id} is"
    assert texts == [
        f'{where} "Http"; it was granted for "Tcp"',
        f'{where} absent; it was granted for "Tcp"',
        f"{vm('vm-a').id} has no {PATH} in its evidence, only z",
        f"{vm('vm-a').id} has no {PATH} in its evidence",
    ]


def test_a_waiver_may_hold_for_one_subject_and_lapse_for_another() -> None:
    found = applied(seeing("Tcp"), seeing("Http", subject="vm-b"), waived=(waiver(observed={PATH: "Tcp"}),))
    assert [f.waiver is None for f in found.findings] == [False, True]
    assert states(found.waivers) == [(ExemptionState.LAPSED, 1), (ExemptionState.USED, 1)]


def test_an_expired_waiver_does_not_lapse_too() -> None:
    found = applied(seeing("Http"), waived=(waiver(observed={PATH: "Tcp"}),), as_of=dt.date(2030, 1, 1))
    assert states(found.waivers) == [(ExemptionState.EXPIRED, 0)]


# --- gaps -------------------------------------------------------------------------------------------------------------

LOAD_BALANCERS: Final = waiver(rule="", gap="microsoft.network/LOADBALANCERS", scope="/subscriptions/*")


def test_a_waived_gap_covers_what_it_alone_makes_unknown() -> None:
    hidden = reports.hidden_by(gap(), subject=vm("vm-a"))
    found = applied(hidden, gaps=(gap(),), waived=(LOAD_BALANCERS,))
    assert found.gaps == {gap(): LOAD_BALANCERS}
    assert found.findings == (msgspec.structs.replace(hidden, waiver=LOAD_BALANCERS),)
    assert states(found.waivers) == [(ExemptionState.USED, 1)]


@pytest.mark.parametrize(
    "hidden",
    [
        reports.hidden_by(Gap(f"{reports.GROUP}/x", "Microsoft.Compute/disks", GapReason.THROTTLED)),
        reports.hidden_by(gap(), Gap(f"{reports.GROUP}/x", "Microsoft.Compute/disks", GapReason.THROTTLED)),
        unknown(PROBE, vm("vm-a"), str(gap())),
        finding(Outcome.FAIL, gaps=(gap(),)),
    ],
    ids=["another-gap", "one-of-two", "same-words-without-the-gap", "fail"],
)
def test_a_waived_gap_covers_nothing_else(hidden: Finding) -> None:
    assert applied(hidden, gaps=(gap(),), waived=(LOAD_BALANCERS,)).findings == (hidden,)


def test_of_the_waivers_of_several_gaps_the_one_that_ends_first_is_named() -> None:
    other = Gap(f"{reports.GROUP}/x", "Microsoft.Compute/disks", GapReason.THROTTLED)
    disks = waiver(rule="", gap="Microsoft.Compute/disks", scope="*", expires_on=dt.date(2026, 12, 1))
    hidden = reports.hidden_by(gap(), other)
    (found,) = applied(hidden, gaps=(gap(), other), waived=(LOAD_BALANCERS, disks)).findings
    assert found.waiver == disks


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"scope": "/subscriptions/other"}, (ExemptionState.UNUSED, 0)),
        ({"gap": "Microsoft.Compute/disks"}, (ExemptionState.UNUSED, 0)),
        ({"expires_on": dt.date(2026, 10, 31)}, (ExemptionState.EXPIRED, 1)),
        ({"granted_on": dt.date(2026, 11, 2)}, (ExemptionState.PENDING, 1)),
    ],
)
def test_a_gap_that_no_waiver_covers_stays_one(changes: dict[str, Any], state: tuple[ExemptionState, int]) -> None:
    hidden = unknown(PROBE, vm("vm-a"), str(gap()))
    found = applied(hidden, gaps=(gap(),), waived=(msgspec.structs.replace(LOAD_BALANCERS, **changes),))
    assert (found.gaps, found.findings, states(found.waivers)) == ({}, (hidden,), [state])


def test_a_gap_within_a_resource_is_of_the_type_of_the_resource() -> None:
    tags = Gap(reports.LOAD_BALANCER_ID, "tags", GapReason.FORBIDDEN)
    found = applied(gaps=(tags,), waived=(waiver(rule="", gap="Microsoft.Network/loadBalancers", scope="*lb-mirror"),))
    assert list(found.gaps) == [tags]


@pytest.mark.slow
@pytest.mark.parametrize("name", estates.KNOWN_GOOD)
@pytest.mark.parametrize("type_", [LOAD_BALANCER, DISK])
@pytest.mark.parametrize("how", ["not listed", "forbidden", "resource"])
def test_the_reasons_of_real_findings_name_the_gaps_that_hide_them(name: str, type_: str, how: str) -> None:
    body = estates.body_of(name)
    if how == "resource":
        body = test_gaps.hide_resource(
            body, next(i["id"] for i in body["value"] if test_gaps.type_of(i) == type_), stub=False
        )
    else:
        test_gaps.hide_type(body, type_)
    if how == "forbidden":
        body["gaps"] = [{"scope": scope, "what": type_, "reason": "forbidden"} for scope in body["listed"]]
    built, rules = estates.topology(name, body), estates.rules(estates.ESTATES[name])
    gaps, findings = coverage.gaps(built, rules), engine.evaluate(built, rules)
    leave = waiver(rule="", gap=type_, scope="*", granted_on=fixtures.AS_OF - dt.timedelta(days=1))
    found = exemptions.apply(Exemptions((leave,)), findings, (), gaps, fixtures.AS_OF)
    assert any(f.outcome is Outcome.UNKNOWN for f in findings)
    assert not coverage.assess(built, gaps, findings, {}).complete
    assert coverage.assess(built, gaps, found.findings, found.gaps).complete


# --- whatever they are ------------------------------------------------------------------------------------------------

DAYS: Final = st.dates(TODAY - dt.timedelta(days=40), TODAY + dt.timedelta(days=40))
SCOPES: Final = st.sampled_from(["*", "prod*", "*/vm-a", "*/vm-?", reports.MIRROR.id, vm("vm-b").id, "nothing"])
RULE_IDS: Final = st.sampled_from(RULES)
EVIDENCE: Final = st.sampled_from([(), (reports.evidence(observed="Tcp"),), (reports.evidence(observed="Http"),)])
BINDINGS: Final = st.sampled_from([{}, {reports.evidence().path: "Tcp"}])
GAPS: Final = (gap(), Gap(reports.LOAD_BALANCER_ID, "Microsoft.Network/loadBalancers", GapReason.TIMEOUT))


@st.composite
def granted(draw: st.DrawFn) -> Waiver:
    first = draw(DAYS)
    more: dict[str, Any] = {"granted_on": first, "expires_on": first + dt.timedelta(days=draw(st.integers(1, 60)))}
    if draw(st.booleans()):
        scope = draw(st.sampled_from(["*", "*lb-mirror", "/subscriptions/*-000000000001", "nothing"]))
        return waiver(rule="", gap="Microsoft.Network/loadBalancers", scope=scope, **more)
    return waiver(rule=draw(RULE_IDS), scope=draw(SCOPES), observed=draw(BINDINGS), **more)


@st.composite
def given_word(draw: st.DrawFn) -> Attestation:
    first = draw(DAYS)
    until = first + dt.timedelta(days=draw(st.integers(1, 60)))
    return attestation(rule=draw(RULE_IDS), scope=draw(SCOPES), attested_on=first, valid_until=until)


@st.composite
def a_finding(draw: st.DrawFn) -> Finding:
    rule = draw(st.sampled_from([PROBE, SIZE]))
    subject = draw(st.sampled_from([reports.MIRROR, vm("vm-a"), vm("vm-b")]))
    outcome = draw(st.sampled_from(Outcome))
    if outcome is not Outcome.UNKNOWN:
        return finding(outcome, rule, subject, seen=draw(EVIDENCE))
    gaps = draw(st.lists(st.sampled_from(GAPS), unique=True))
    if gaps:
        return reports.hidden_by(*gaps, rule=rule, subject=subject)
    return unknown(rule, subject, "another reason", draw(st.sampled_from(Cause)))


def in_lines(exceptions: list[Any]) -> tuple[Any, ...]:
    return tuple(msgspec.structs.replace(one, line=line) for line, one in enumerate(exceptions, 1))


WAIVED: Final = st.lists(granted(), max_size=5).map(in_lines)
ATTESTED: Final = st.lists(given_word(), max_size=4).map(in_lines)
FINDINGS: Final = st.lists(a_finding(), max_size=8).map(tuple)


@given(FINDINGS, WAIVED, ATTESTED)
def test_no_outcome_changes_but_from_unknown_to_attested(
    findings: tuple[Finding, ...], waived: tuple[Waiver, ...], attested: tuple[Attestation, ...]
) -> None:
    found = applied(*findings, waived=waived, attested=attested, gaps=GAPS)
    for before, after in zip(findings, found.findings, strict=True):
        assert (after.key, after.severity, after.evidence) == (before.key, before.severity, before.evidence)
        if after.attestation is None:
            assert after.outcome is before.outcome
        else:
            assert (before.outcome, after.outcome, after.waiver) == (Outcome.UNKNOWN, Outcome.PASS, None)
        if after.waiver is not None:
            assert after.outcome in {Outcome.FAIL, Outcome.UNKNOWN}
    assert {one.exemption.line for one in found.waivers} == {one.line for one in waived}
    assert {one.exemption.line for one in found.attestations} == {one.line for one in attested}
    named = [f.waiver for f in found.findings if f.waiver] + list(found.gaps.values())
    assert {one.line for one in named} <= {o.exemption.line for o in found.waivers if o.state is ExemptionState.USED}


@given(FINDINGS, WAIVED, ATTESTED)
def test_exemptions_that_are_not_in_effect_do_nothing(
    findings: tuple[Finding, ...], waived: tuple[Waiver, ...], attested: tuple[Attestation, ...]
) -> None:
    found = applied(*findings, waived=waived, attested=attested, gaps=GAPS)
    holding = tuple(one for one in waived if one.granted_on <= TODAY <= one.expires_on)
    standing = tuple(one for one in attested if one.attested_on <= TODAY <= one.valid_until)
    without = applied(*findings, waived=holding, attested=standing, gaps=GAPS)
    assert (found.findings, found.gaps) == (without.findings, without.gaps)


@given(FINDINGS, WAIVED, ATTESTED, st.randoms(use_true_random=False))
def test_their_order_does_not_matter(
    findings: tuple[Finding, ...], waived: tuple[Waiver, ...], attested: tuple[Attestation, ...], random: Any
) -> None:
    shuffled = [random.sample(some, len(some)) for some in (waived, attested)]
    found = applied(*findings, waived=waived, attested=attested, gaps=GAPS)
    again = applied(*findings, waived=tuple(shuffled[0]), attested=tuple(shuffled[1]), gaps=GAPS)
    assert found == again
