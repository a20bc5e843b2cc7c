"""Results of scans built by hand, for the tests of every format."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import msgspec

from auditor.estate.subjects import Subject
from auditor.evaluation.drift.model import (
    Baseline,
    Drift,
    FindingChange,
    PropertyChange,
    ResourceChange,
    ResourceChangeKind,
)
from auditor.evaluation.model import (
    Attestation,
    BaselineState,
    Carried,
    Coverage,
    ExemptionState,
    ExemptionStatus,
    Finding,
    Outcome,
    Waiver,
)
from auditor.evaluation.result import Evaluation
from auditor.report.build import build
from auditor.report.formats import FORMATS
from auditor.report.view import View
from auditor.rules.evidence import Evidence, Read
from auditor.rules.model import Pack, Rule, Severity, Source, Statement
from auditor.snapshot.known import Cause
from auditor.snapshot.model import Approval, Gap, GapReason, Resource, Snapshot

SUBSCRIPTION: Final = "/subscriptions/00000000-0000-0000-0000-000000000001"
GROUP: Final = f"{SUBSCRIPTION}/resourceGroups/rg-prod"
LOAD_BALANCER_ID: Final = f"{GROUP}/providers/Microsoft.Network/loadBalancers/lb-mirror"

HOSTILE: Final = "a\x1b[31m[red]b[/red]<script>alert(1)</script>\u202egpj.exe\u200b\x9b2J\r\n## c\u2028 :smile: 名前"
"""A name that would colour, clear, break lines, reverse text or run a script if it were not shown as text."""

PROBE: Final = Rule(
    id="MIR003",
    title="The mirror has a probe for the mirror status page",
    fails="The mirror status page is not probed",
    severity=Severity.CRITICAL,
    targets=(),
    condition={},
    why="A probe that only opens a connection finds both members healthy.\n",
    fix="# Ask the page, not the port.\naz network lb probe update -g RG --lb-name LB -n PROBE "
    "--protocol Http --port PORT --path '/csp/bin/mirror status.cxw'",
    reference=("S45", "S47"),
    pack="test",
)
SIZE: Final = Rule(
    id="CMP006",
    title="The failover members are alike",
    severity=Severity.MEDIUM,
    targets=(),
    condition={},
    why="Either may be the primary.",
    fix="az vm resize -g RG -n VM --size SIZE",
    sources=(Source("High Availability Guide", "https://docs.example.com/ha", "2025"),),
    pack="test",
)
PACK: Final = Pack(
    name="test",
    title="Test",
    profiles={"current": "Today's guidance."},
    statements={name: Statement("Database Mirroring", "The page is asked.") for name in ("S45", "S47")},
    source=Source("Reference Architecture", "https://example.com/reference", "2018-08-02"),
)


def vm(name: str, region: str = "westeurope") -> Subject:
    """Return a virtual machine."""
    arm_id = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/{name}"
    return Subject(arm_id, "Microsoft.Compute/virtualMachines", name, region)


def render(name: str, evaluation: Evaluation, view: View | None = None) -> str:
    """Return the result of a scan in a format, as the command line writes it."""
    view = view or View()
    shown = FORMATS[name]
    return shown.render(build(evaluation, passes=view.passes or shown.needs_passes), view)


MIRROR: Final = Subject("prod/mirrors/TRAKDB", "mirror", "TRAKDB", "westeurope")


def evidence(number: int = 0, observed: object = "Tcp", expected: str = "in [Http, Https]") -> Evidence:
    """Return an observation of one of the probes of a load balancer."""
    return Evidence(LOAD_BALANCER_ID, f"properties.probes[{number}].properties.protocol", observed, expected)


def finding(  # noqa: PLR0913 - findings differ in all of them, and all have a default
    outcome: Outcome = Outcome.FAIL,
    rule: Rule = PROBE,
    subject: Subject = MIRROR,
    *,
    deployment: str = "prod",
    severity: Severity | None = None,
    seen: tuple[Evidence, ...] = (),
    cause: Cause | None = None,
    reasons: tuple[str, ...] = (),
    gaps: tuple[Gap, ...] = (),
) -> Finding:
    """Return a finding."""
    return Finding(rule, outcome, severity or rule.severity, subject, deployment, seen, cause, reasons, gaps)


def hidden_by(*gaps: Gap, rule: Rule = PROBE, subject: Subject = MIRROR) -> Finding:
    """Return an unknown finding with gaps as its only reason."""
    return finding(Outcome.UNKNOWN, rule, subject, cause=Cause.GAP, reasons=tuple(map(str, gaps)), gaps=gaps)


def unknown(rule: Rule, subject: Subject, reason: str, cause: Cause = Cause.GAP) -> Finding:
    """Return an unknown finding."""
    return finding(Outcome.UNKNOWN, rule, subject, cause=cause, reasons=(reason,))


def waiver(**changes: Any) -> Waiver:
    """Return a waiver of the first rule for any subject."""
    usual: dict[str, Any] = {
        "scope": "*",
        "category": "Waiver",
        "reason": "The SKU will be upgraded in spring.",
        "approved_by": "the head of operations",
        "granted_on": dt.date(2026, 10, 1),
        "expires_on": dt.date(2027, 3, 31),
        "rule": PROBE.id,
        "ticket": "CHG-1234",
        "file": "waivers.yaml",
        "line": 3,
    }
    return Waiver(**(usual | changes))


def attestation(**changes: Any) -> Attestation:
    """Return an attestation of the first rule for any subject."""
    usual: dict[str, Any] = {
        "rule": PROBE.id,
        "scope": "*",
        "attested_by": "the data centre's manager",
        "attested_on": dt.date(2026, 10, 1),
        "valid_until": dt.date(2027, 9, 30),
        "statement": "Seen on site.",
        "file": "attestations.yaml",
        "line": 3,
    }
    return Attestation(**(usual | changes))


def gap(scope: str = SUBSCRIPTION, detail: str = "") -> Gap:
    """Return a missing permission."""
    what = "Microsoft.Network/loadBalancers"
    call = f"GET {scope}/providers/{what}?api-version=2024-05-01"
    return Gap(scope, what, GapReason.FORBIDDEN, "AuthorizationFailed", f"{what}/read", detail, call)


def report(
    *findings: Finding, gaps: tuple[Gap, ...] = (), declarations: tuple[str, ...] = (), complete: bool | None = None
) -> Evaluation:
    """Return a report, by default complete if nothing is missing."""
    clean = not gaps and not declarations and not any(f.outcome in {Outcome.UNKNOWN, Outcome.ERROR} for f in findings)
    return Evaluation(
        profile="current",
        as_of=dt.date(2026, 11, 1),
        snapshot=Snapshot(
            taken_at="2026-11-01T06:00:00Z",
            scopes=(SUBSCRIPTION,),
            resources=(Resource(LOAD_BALANCER_ID, {}),),
            listed=frozenset(),
            gaps=gaps,
            identity="auditor@example.com",
        ),
        findings=findings,
        coverage=Coverage(
            complete=clean if complete is None else complete,
            listed=((SUBSCRIPTION, "Microsoft.Compute/virtualMachines"), (SUBSCRIPTION, "Microsoft.Compute/disks")),
            gaps=gaps,
            declarations=declarations,
        ),
        packs=(PACK,),
        rules=(PROBE, SIZE),
        deployment_file="deployment.yaml",
    )


def full() -> Evaluation:
    """Return a report with every kind of finding, gap and missing declaration."""
    computed = Evidence(
        MIRROR.id,
        "mirror.sizes",
        ["Standard_E16ds_v5", "Standard_E8ds_v5"],
        "equals 1",
        tuple(
            Read(vm(name).id, "properties.hardwareProfile.vmSize", size) for name, size in (("a", "E16"), ("b", None))
        ),
    )
    return report(
        finding(seen=(evidence(), evidence(1, observed=None, expected="present"))),
        finding(rule=SIZE, seen=(computed,)),
        hidden_by(gap(), subject=vm("vm-c")),
        finding(Outcome.ERROR, SIZE, vm("vm-d"), reasons=("KeyError: 'zones'",)),
        finding(Outcome.PASS, SIZE, vm("vm-e"), seen=(evidence(),)),
        finding(Outcome.NOT_APPLICABLE, PROBE, vm("vm-f")),
        finding(Outcome.PASS, SIZE, Subject(SUBSCRIPTION, "subscription", "0001"), deployment=""),
        gaps=(gap(),),
        declarations=("the web tier of prod is not declared: add it, or `none`",),
    )


def excused() -> Evaluation:
    """Return a report with every effect of waivers and attestations."""
    granted, seen = waiver(), waiver(rule="", gap="Microsoft.Network/loadBalancers", line=12, ticket="")
    given = attestation()
    hidden = unknown(PROBE, vm("vm-b"), str(gap()))
    made = report(
        msgspec.structs.replace(finding(seen=(evidence(),)), waiver=granted),
        finding(subject=vm("vm-a")),
        msgspec.structs.replace(hidden, waiver=seen),
        msgspec.structs.replace(finding(Outcome.PASS, subject=vm("vm-c")), attestation=given),
        gaps=(gap(),),
        complete=True,
    )
    stood = (
        ExemptionStatus(granted, ExemptionState.USED, 1),
        ExemptionStatus(seen, ExemptionState.USED, 1),
        ExemptionStatus(waiver(expires_on=dt.date(2026, 10, 31), line=20), ExemptionState.EXPIRED, 2),
        ExemptionStatus(
            waiver(observed={"size": 4}, line=30), ExemptionState.LAPSED, 1, "size of vm-a is 8; it was granted for 4"
        ),
        ExemptionStatus(waiver(granted_on=dt.date(2026, 12, 1), line=40), ExemptionState.PENDING, 1),
        ExemptionStatus(waiver(granted_on=dt.date(2026, 12, 1), line=45), ExemptionState.PENDING, 0),
        ExemptionStatus(
            waiver(scope="gone", line=50), ExemptionState.UNUSED, 0, "the rule has no finding in that scope"
        ),
    )
    vouched = (
        ExemptionStatus(given, ExemptionState.USED, 1),
        ExemptionStatus(attestation(valid_until=dt.date(2026, 10, 31), line=20), ExemptionState.EXPIRED, 1),
        ExemptionStatus(attestation(attested_on=dt.date(2026, 12, 1), line=30), ExemptionState.PENDING, 1),
        ExemptionStatus(attestation(valid_until=dt.date(2026, 10, 31), line=35), ExemptionState.EXPIRED, 0),
        ExemptionStatus(
            attestation(scope="gone", line=40), ExemptionState.UNUSED, 0, "the rule has no finding in that scope"
        ),
    )
    covered = msgspec.structs.replace(made.coverage, waived={gap(): seen})
    return msgspec.structs.replace(made, coverage=covered, waivers=stood, attestations=vouched)


def carried() -> Evaluation:
    """Return a report without sight of a fail, of another fail that is waived now, and of an unknown."""
    why = (str(gap()),)
    seen = (evidence(),)
    lost = (
        finding(seen=seen, reasons=why),
        msgspec.structs.replace(finding(subject=vm("vm-w"), reasons=why), waiver=waiver()),
        unknown(SIZE, vm("vm-gone"), str(gap())),
    )
    made = report(unknown(PROBE, MIRROR, *why), unknown(SIZE, vm("vm-b"), *why), gaps=(gap(),))
    return msgspec.structs.replace(made, carried=tuple(Carried(old, "2026-10-31T06:00:00Z") for old in lost))


def drifted() -> Evaluation:
    """Return a report with every state of findings and every kind of resource change."""
    ok, failed = finding(Outcome.PASS), finding(seen=(evidence(),))
    same, added = finding(rule=SIZE), finding(rule=SIZE, subject=vm("vm-new"))
    hidden = unknown(PROBE, vm("vm-hidden"), str(gap()))
    mended, moved = (finding(Outcome.PASS, SIZE, vm(name)) for name in ("vm-mended", "vm-moved"))
    changes = (
        FindingChange(BaselineState.REGRESSED, ok, failed),
        FindingChange(BaselineState.NEW, None, added),
        FindingChange(BaselineState.LOST_SIGHT, finding(subject=hidden.subject), hidden),
        FindingChange(BaselineState.FIXED, finding(rule=SIZE, subject=mended.subject), mended),
        FindingChange(BaselineState.GONE, finding(rule=SIZE, subject=vm("vm-gone")), None),
        FindingChange(BaselineState.DRIFTED, moved, moved),
    )
    resources = (
        ResourceChange(vm("vm-gone").id, ResourceChangeKind.REMOVED, rules=("CMP006",)),
        ResourceChange(vm("vm-moved").id, ResourceChangeKind.MOVED, vm("vm-moved").id.replace("rg-prod", "rg-old")),
        ResourceChange(vm("vm-hidden").id, ResourceChangeKind.LOST_SIGHT, reason=str(gap())),
        ResourceChange(
            LOAD_BALANCER_ID,
            ResourceChangeKind.CHANGED,
            properties=(
                PropertyChange("properties.probes[name=status].properties.protocol", "Http", "Tcp", ("MIR003",)),
                PropertyChange("tags.owner", None, {"team": ["a"]}),
            ),
            rules=("MIR003",),
        ),
    )
    states = (
        (failed, BaselineState.REGRESSED),
        (same, BaselineState.UNCHANGED),
        (added, BaselineState.NEW),
        (hidden, BaselineState.LOST_SIGHT),
        (mended, BaselineState.FIXED),
        (moved, BaselineState.DRIFTED),
    )
    made = report(*(msgspec.structs.replace(found, state=state) for found, state in states), gaps=(gap(),))
    return msgspec.structs.replace(made, drift=Drift(baseline(), changes, resources))


def baseline() -> Baseline:
    """Return the baseline of a comparison."""
    approval = Approval("operations", "2026-08-02T09:00:00Z", "change 4711")
    return Baseline("2026-08-01T06:00:00Z", (SUBSCRIPTION,), approval, (gap(),))


def hostile(text: str) -> Evaluation:
    """Return a report with this text for everything that Azure or a user may choose."""
    rule = msgspec.structs.replace(
        SIZE, title=text, fails=text, why=text, fix=text, sources=(Source(text, text, text),)
    )
    subject = Subject(f"{GROUP}/providers/Microsoft.Compute/virtualMachines/{text}", text, text, text)
    seen = Evidence(subject.id, text, text, text, (Read(text, text, text), Read(text, text, [text, {text: text}])))
    findings = [finding(outcome, rule, subject, deployment=text, seen=(seen,), reasons=(text,)) for outcome in Outcome]
    words = {"scope": text, "reason": text, "approved_by": text, "ticket": text, "file": text, "observed": {text: text}}
    leave, word = waiver(**words), attestation(scope=text, attested_by=text, statement=text, file=text)
    hidden, waived = (Gap(text, more, GapReason.FORBIDDEN, text, text, text, text) for more in (text, f"{text}/waived"))
    made = report(
        *findings,
        msgspec.structs.replace(findings[0], waiver=leave),
        msgspec.structs.replace(finding(Outcome.PASS, rule, subject, deployment=text), attestation=word),
        gaps=(hidden, waived),
        declarations=(text,),
    )
    taken = msgspec.structs.replace(made.snapshot, taken_at=text, identity=text, cloud=text, scopes=(text,))
    moved = ResourceChange(
        subject.id,
        ResourceChangeKind.LOST_SIGHT,
        f"{subject.id}/{text}",
        (PropertyChange(text, text, {text: [text]}, (text,)), PropertyChange(text, [text], None)),
        (text,),
        text,
    )
    changes = [
        FindingChange(state, findings[0], findings[1], text)
        for state in BaselineState
        if state is not BaselineState.UNCHANGED
    ]
    against = Baseline(text, (text,), Approval(text, text, text), (hidden,))
    return msgspec.structs.replace(
        made,
        drift=Drift(against, tuple(changes), (moved,)),
        snapshot=taken,
        deployment_file=text,
        coverage=msgspec.structs.replace(made.coverage, waived={waived: leave}),
        carried=(Carried(msgspec.structs.replace(findings[0], deployment=f"{text}."), text),),
        waivers=tuple(ExemptionStatus(leave, state, 1, text) for state in ExemptionState),
        attestations=tuple(
            ExemptionStatus(word, state, 1, text) for state in ExemptionState if state is not ExemptionState.LAPSED
        ),
    )
