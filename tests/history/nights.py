"""Folders of small reports, and what they say, counted without the code under test."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

from auditor.evaluation.model import fingerprint
from tests.report import reports

START: Final = dt.datetime(2025, 1, 1, 2, tzinfo=dt.UTC)
DAY: Final = dt.timedelta(days=1)
VM: Final = "Microsoft.Compute/virtualMachines"
LISTED: Final = {reports.SUBSCRIPTION: [VM]}

Subject = tuple[str, str, str]
"""Rule, deployment and id."""


def vm(name: str) -> str:
    return f"{reports.GROUP}/providers/{VM}/{name}"


MIRROR: Final[Subject] = ("MIR003", "prod", "prod/mirrors/TRAKDB")


@cache
def _template() -> str:
    return reports.render("json", reports.report())


_WAIVER: Final = {
    "rule": "MIR003",
    "gap": None,
    "scope": "*",
    "category": "Waiver",
    "reason": "it is planned",
    "approvedBy": "operations",
    "ticket": None,
    "grantedOn": "2025-01-01",
    "expiresOn": "2026-01-01",
    "observed": None,
    "file": "waivers.yaml",
    "line": 1,
}


def _subject(id_: str) -> dict[str, Any]:
    return {"id": id_, "kind": "x", "name": id_.rpartition("/")[2], "region": None, "line": None}


def _finding(subject: Subject, outcome: str) -> dict[str, Any]:
    """Return a finding; `waived` is the outcome of a waived fail."""
    rule, deployment, id_ = subject
    return {
        "rule": rule,
        "title": f"{rule} is met",
        "headline": f"{rule} is not met",
        "outcome": "fail" if outcome == "waived" else outcome,
        "severity": "critical" if rule == "MIR003" else "low",
        "subject": _subject(id_),
        "deployment": deployment,
        "evidence": [],
        "cause": "gap" if outcome == "unknown" else None,
        "reason": None,
        "reference": [],
        "fix": "",
        "key": fingerprint(rule, deployment, id_),
        "waiver": _WAIVER if outcome == "waived" else None,
        "attestation": None,
        "state": None,
    }


def report(
    moment: dt.datetime,
    outcomes: Mapping[Subject, str],
    *,
    brief: bool = True,
    listed: Mapping[str, Sequence[str]] = LISTED,
    carried: Sequence[Subject] = (),
    **more: Any,
) -> dict[str, Any]:
    """Return a report as JSON; without `brief`, as the first version wrote it."""
    made: dict[str, Any] = json.loads(_template())
    quiet = {subject: outcome for subject, outcome in outcomes.items() if outcome in {"pass", "not_applicable"}}
    subjects = sorted({subject[1:] for subject in quiet})
    made["takenAt"] = moment.isoformat()
    made["coverage"]["listed"] = listed
    made["findings"] = [_finding(s, outcome) for s, outcome in outcomes.items() if s not in quiet]
    made["carried"] = [{"lastSeen": "2025-01-01", "finding": _finding(subject, "fail")} for subject in carried]
    numbers = Counter(outcomes.values())
    made["summary"] |= {name: numbers[name] for name in ("pass", "not_applicable", "fail", "unknown")}
    made["summary"]["waived"]["fail"] = numbers["waived"]
    made["brief"] = {
        "subjects": [{"deployment": deployment, "subject": _subject(id_)} for deployment, id_ in subjects],
        "pass": _positions(subjects, quiet, "pass"),
        "notApplicable": _positions(subjects, quiet, "not_applicable"),
    }
    if not brief:
        del made["brief"]
    return made | more


def _positions(subjects: list[tuple[str, str]], quiet: Mapping[Subject, str], outcome: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for (rule, *rest), said in quiet.items():
        if said == outcome:
            found.setdefault(rule, []).append(subjects.index((rest[0], rest[1])))
    return found


def write(folder: Path, made: dict[str, Any], name: str = "") -> Path:
    """Write a report as a nightly run names it, and return its path."""
    path = folder / (name or made["takenAt"].replace(":", "").replace("+0000", "Z") + ".json")
    path.write_text(json.dumps(made))
    return path


# --- 400 nights -------------------------------------------------------------------------------------------------------

SUBJECTS: Final[tuple[Subject, ...]] = (
    MIRROR,
    ("MIR003", "prod", "prod"),
    *((rule, "prod", vm(f"vm-{n}")) for n in range(8) for rule in ("AVL002", "STO002")),
    *(("CMP006", name, f"{name}/tiers/app/westeurope") for name in ("prod", "test")),
)
"""Those of a mirror and of its deployment have one rule: the second says that there may be more of the first."""


def generate(number: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield reports in the order of time: outcomes last a while; nights are left out, or have two reports."""
    random = Random(seed)
    outcome = dict.fromkeys(SUBJECTS, "pass")
    for night in range(number):
        for subject in SUBJECTS:
            if random.random() < 0.06:
                outcome[subject] = random.choice(
                    ["pass", "pass", "fail", "fail", "waived", "unknown", "not_applicable", ""]
                )
        moments = [START + DAY * night] * (random.random() > 0.04)
        moments += [START + DAY * night + dt.timedelta(hours=13)] * (random.random() < 0.05)
        for moment in moments:
            seen = {subject: said for subject, said in outcome.items() if said}
            hidden = [subject for subject in SUBJECTS if random.random() < 0.01]
            made = report(
                moment,
                {subject: said for subject, said in seen.items() if subject not in hidden},
                brief=random.random() > 0.03,
                listed=LISTED if random.random() > 0.03 else {},
                carried=[subject for subject in hidden if outcome[subject] == "fail" and random.random() < 0.5],
            )
            yield made


# --- the count --------------------------------------------------------------------------------------------------------


def said_of(made: dict[str, Any], subject: Subject) -> str:
    """Return the outcome of a finding in a report: `pass`, `fail`, `unknown`, `not_applicable` or `none`."""
    return _named(made, subject) or ("unknown" if _may_be_hidden(made, subject) else "none")


def _named(made: dict[str, Any], subject: Subject) -> str:
    """Return what a report says of a finding, "" if it does not name it."""
    rule, deployment, id_ = subject
    key = fingerprint(rule, deployment, id_)
    said = [str(finding["outcome"]) for finding in made["findings"] if finding["key"] == key]
    said += ["unknown" for old in made["carried"] if old["finding"]["key"] == key]
    brief = made.get("brief", {"subjects": [], "pass": {}, "notApplicable": {}})
    place = {"deployment": deployment, "subject": _subject(id_)}
    for kind, outcome in (("pass", "pass"), ("notApplicable", "not_applicable")):
        said += [outcome for position in brief[kind].get(rule, []) if brief["subjects"][position] == place]
    return said[0] if said else ""


def _may_be_hidden(made: dict[str, Any], subject: Subject) -> bool:
    rule, deployment, _ = subject
    has_all = "brief" in made or made["summary"]["pass"] + made["summary"]["not_applicable"] == 0
    return not has_all or not made["coverage"]["listed"] or _named(made, (rule, deployment, deployment)) == "unknown"


def day_of(made: dict[str, Any]) -> str:
    return str(made["takenAt"])[:10]


def days(nights: Sequence[dict[str, Any]], subject: Subject) -> dict[str, str]:
    """Return the state of a finding on each day that has a report."""
    said: dict[str, set[str]] = {}
    for made in nights:
        said.setdefault(day_of(made), set()).add(said_of(made, subject))
    names = {"fail": "broken", "unknown": "unknown", "pass": "compliant"}
    return {day: next((name for one, name in names.items() if one in these), "none") for day, these in said.items()}


def events(nights: Sequence[dict[str, Any]], subject: Subject) -> dict[str, list[str]]:
    """Return the days on which a finding broke, was mended, and was gone."""
    known = [(day_of(made), said) for made in nights if (said := said_of(made, subject)) != "unknown"]
    found: dict[str, list[str]] = {"broke": [], "mended": [], "gone": []}
    if said_of(nights[0], subject) == "unknown":
        known = [("", "none"), *known]
    for (_, before), (day, now) in itertools.pairwise(known):
        if now == "fail" and before != "fail":
            found["broke"].append(day)
        if before == "fail" and now != "fail":
            found["gone" if now == "none" else "mended"].append(day)
    return found
