"""Tests of rules by their examples."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from auditor.authoring import changes, fixtures
from auditor.authoring.fixtures import Fixture
from auditor.authoring.readers import Readers
from auditor.authoring.rule_files import Example
from auditor.errors import InputError
from auditor.evaluation import engine, exemptions
from auditor.evaluation.engine import Detail
from auditor.evaluation.exemptions import Exemptions
from auditor.evaluation.model import Attestation, Finding, Outcome
from auditor.rules.conditions import CompiledRule

Findings = Mapping[tuple[str, str, str], Finding]
"""Findings by rule, deployment and subject."""

_WORTH_RECORDING: Final = 2
"""The number of changed deployments for which evaluating all rules costs less than recording what each rule reads."""
_SHOWN: Final = 3
"""The number of subjects that a failure shows."""
_LONGEST: Final = 100
"""The number of characters that it shows of a value."""
_ID: Final = re.compile(r"/subscriptions/[^\s,;\])\"']*/([^/\s,;\])\"']+)")


class ExampleTest:
    """Tests examples: each with all rules of its profile, since it states which other rules fail too."""

    def __init__(self, rules: Mapping[str, tuple[CompiledRule, ...]]) -> None:
        """Take the rules by profile."""
        self._rules = rules
        self._findings: dict[tuple[str, str, bytes], Findings] = {}
        """Those of all rules, by deployment, profile and change: examples of many rules have the same change."""
        self._changed: Counter[tuple[str, str]] = Counter()
        """How many examples changed each known-good deployment."""
        self._readers: dict[tuple[str, str], Readers] = {}

    def evaluate(self, example: Example) -> Findings:
        """Evaluate the deployment of an example after its change.

        If the change only hides something, the findings of other rules are those before it: what was not read makes no
        rule fail.

        Raises:
            InputError: the deployment, a resource or a path does not exist, or the rule is not in the profile.
        """
        known_good, profile = self._place(example)
        change = {key: value for key, value in example.content.items() if key in changes.KEYS - {"attest"}}
        concerned = self._concerned(known_good, profile, change)
        if concerned is None:
            return attested(example, self._by_all(known_good, profile, change))
        rules = [rule for rule in self._rules[profile] if rule.rule.id in concerned | {example.rule}]
        again = {rule.rule.id for rule in rules}
        before = self._by_all(known_good, profile, {})
        kept = {key: finding for key, finding in before.items() if key[0] not in again}
        return attested(example, {**kept, **evaluate(known_good, change, rules)})

    def faults(self, example: Example, after: Findings) -> Iterator[str]:
        """Yield what an example states and its findings do not show: outcome, severity, which other rules fail."""
        known_good, profile = self._place(example)
        content = example.content
        expected, wanted = Outcome(content["expect"]), content.get("subject", "").lower()
        own = [
            finding
            for (rule, _, subject), finding in after.items()
            if rule == example.rule and (not wanted or f"/{subject}".endswith(f"/{wanted}"))
        ]
        meant = [finding for finding in own if finding.outcome is expected]
        others = {finding.outcome for finding in own} - {Outcome.PASS, Outcome.NOT_APPLICABLE}
        if not meant or (expected is Outcome.PASS and others):
            yield f"expected {expected}, got {self._got(example, own)}"
        elif "severity" in content and {finding.severity for finding in meant} != {content["severity"]}:
            severities = ", ".join(sorted({finding.severity for finding in meant}))
            yield f"expected the severity {content['severity']}, got {severities}"
        if profile == known_good.profile:
            failing = _failing(after) - _failing(self._by_all(known_good, profile, {})) - {example.rule}
            stated = set(content.get("also", ()))
            yield from (f"{rule} fails too, and `also` does not name it" for rule in sorted(failing - stated))
            yield from (f"{rule} does not fail, and `also` names it" for rule in sorted(stated - failing))
        for finding in after.values():
            if finding.outcome is Outcome.ERROR:
                yield f"{finding.rule.id} has an error: {finding.reason}"

    def check(self, example: Example) -> Iterator[str]:
        """Yield the faults of an example, also that it cannot be evaluated."""
        try:
            yield from self.faults(example, self.evaluate(example))
        except InputError as error:
            yield str(error)

    def _place(self, example: Example) -> tuple[Fixture, str]:
        """Return the deployment and the profile of an example."""
        known_good = fixtures.known_good(example.content["on"])
        profile = example.content.get("profile", known_good.profile)
        if not any(rule.rule.id == example.rule for rule in self._rules.get(profile, ())):
            message = f"the rule is not in the profile {profile}"
            raise InputError(message)
        return known_good, profile

    def _concerned(self, known_good: Fixture, profile: str, change: Mapping[str, Any]) -> frozenset[str] | None:
        """Return the rules that a change can make fail: those that read what it changes; None for all."""
        if change.keys() == {"gap"}:
            return frozenset()
        changed = changes.places(known_good, change)
        if not changed:
            return None
        place = known_good.name, profile
        self._changed[place] += 1
        if self._changed[place] <= _WORTH_RECORDING:
            return None
        if place not in self._readers:
            self._readers[place] = Readers(known_good, self._rules[profile])
        concerned = frozenset[str]().union(*(self._readers[place].concerned(each) for each in changed))
        return concerned if len(concerned) < len(self._rules[profile]) else None

    def _by_all(self, known_good: Fixture, profile: str, change: Mapping[str, Any]) -> Findings:
        """Return the findings of all rules after a change."""
        place = known_good.name, profile, msgspec.json.encode(change)
        if place not in self._findings:
            self._findings[place] = evaluate(known_good, change, self._rules[profile])
        return self._findings[place]

    def _got(self, example: Example, findings: list[Finding]) -> str:
        """Return the outcomes with subject and evidence, those of changed resources first."""
        if not findings:
            return "no finding for this subject" if "subject" in example.content else "no finding"
        known_good, profile = self._place(example)
        rules = [rule for rule in self._rules[profile] if rule.rule.id == example.rule]
        detailed = attested(example, evaluate(known_good, example.content, rules, Detail.ALL))
        changed = {entry["resource"].lower() for key in ("set", "remove") for entry in example.content.get(key, ())}
        keys = {(finding.deployment.lower(), finding.subject.id.lower()) for finding in findings}
        shown = sorted(
            (finding for (_, *key), finding in detailed.items() if tuple(key) in keys),
            key=lambda finding: (finding.subject.name.lower() not in changed, finding.outcome is Outcome.PASS),
        )
        outcomes = ", ".join(sorted({finding.outcome for finding in findings}))
        more = f"; and {len(shown) - _SHOWN} more subjects" if len(shown) > _SHOWN else ""
        return f"{outcomes}; {'; '.join(map(_described, shown[:_SHOWN]))}{more}"


def evaluate(
    known_good: Fixture, change: Mapping[str, Any], rules: Iterable[CompiledRule], detail: Detail = Detail.FAILURES
) -> Findings:
    """Evaluate a known-good deployment after a change.

    Raises:
        InputError: the change names a resource or a path that does not exist.
    """
    findings = engine.evaluate(changes.apply(known_good, change).topology(), rules, detail)
    return {(f.rule.id, f.deployment.lower(), f.subject.id.lower()): f for f in findings}


def attested(example: Example, findings: Findings) -> Findings:
    """Return findings with the attestation of an example applied."""
    if "attest" not in example.content:
        return findings
    given = example.content["attest"]
    attestation = Attestation(
        rule=example.rule,
        scope=given.get("scope", "*"),
        attested_by="the author of the example",
        attested_on=dt.date.fromisoformat(given.get("attestedOn", fixtures.AS_OF.isoformat())),
        valid_until=dt.date.fromisoformat(given.get("validUntil", fixtures.AS_OF.isoformat())),
        statement=example.content.get("because", "as the rule requires"),
        holds=given.get("holds", True),
    )
    applied = exemptions.apply(Exemptions((), (attestation,)), tuple(findings.values()), (), (), fixtures.AS_OF)
    return dict(zip(findings, applied.findings, strict=True))


def _failing(findings: Findings) -> set[str]:
    """Return the rules that fail."""
    return {rule for (rule, *_), finding in findings.items() if finding.outcome is Outcome.FAIL}


def _described(finding: Finding) -> str:
    """Return subject, outcome and evidence or reason of a finding, with names in place of ARM ids."""
    subject = f"{finding.subject.name} ({finding.subject.kind.rpartition('/')[2]})"
    evidence = [f"{entry.path} is {_value(entry.observed)}, expected {entry.expected}" for entry in finding.evidence]
    why = finding.reason or "; ".join(evidence[:_SHOWN]) or "without evidence"
    return f"{subject} {finding.outcome}: " + _ID.sub(r"\1", why)


def _value(observed: object) -> str:
    """Return a value as JSON, long ones cut."""
    text = "absent" if observed is None else msgspec.json.encode(observed).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
