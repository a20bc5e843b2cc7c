"""No rule passes without resources: neither where nothing was listed, nor where all types were and none exists.

Nor does one by the files from inside VMs alone.
"""

from __future__ import annotations

import pytest

from auditor.azure import arm
from auditor.azure.types import REFERENCES
from auditor.azure.types.names import GUEST_FILE, SKU
from auditor.evaluation import engine
from auditor.evaluation.model import Outcome
from auditor.rules.facts.neighbours import CLASSIC_TYPES
from tests import estates

LISTED = {type_ for name in estates.ESTATES for types in estates.body_of(name)["listed"].values() for type_ in types}
TARGETS = {target.type for p in estates.pack().rules for r in estates.rules(p) for target in r.rule.targets}
EVERYTHING = sorted({*LISTED, *CLASSIC_TYPES, *TARGETS - {""}, *REFERENCES, SKU})
NOTHING = ["Microsoft.Web/sites"]
"""A type that no rule reads, so that the subscription was scanned."""


def failing_by_declaration(name: str, profile: str) -> set[str]:
    """Return the rules that fail where everything was listed and nothing exists, since the deployment file has it.

    They are about members (DEP001), the Internet entrance and ExpressRoute (NET001), for which a second line is needed
    (NET002), Azure Backup, which in 2018 needed runbooks (BKP009), and an account for online backups (DEP004).
    """
    backup = estates.declared_of(name)["deployments"][0]["backup"]
    by_runbook = profile == "article-2018" and backup["strategy"] == "azure-backup"
    more = {"BKP009"} if by_runbook else {"DEP004"} if "account" in backup else set()
    return {"DEP001", "NET001", "NET002", *more}


@pytest.mark.parametrize("name", estates.ESTATES)
@pytest.mark.parametrize("profile", estates.pack().rules)
@pytest.mark.parametrize("types", [NOTHING, EVERYTHING], ids=["nothing listed", "everything listed"])
@pytest.mark.parametrize("files", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["", "files inside VMs"])
def test_no_rule_passes_on_an_empty_inventory(name: str, profile: str, types: list[str], *, files: bool) -> None:
    kept = [item for item in estates.with_guest_files(name)["value"] if arm.type_of(item.get("id", "")) == GUEST_FILE]
    empty = {"value": kept if files else [], "listed": dict.fromkeys(estates.body_of(name)["listed"], types)}
    assert len(kept) > 20
    rules = estates.rules(profile)
    findings = engine.evaluate(estates.topology(name, empty), rules)
    assert {finding.rule.id for finding in findings} == {loaded.rule.id for loaded in rules}
    assert [finding.rule.id for finding in findings if finding.outcome is Outcome.PASS] == []
    failing = {finding.rule.id for finding in findings if finding.outcome is Outcome.FAIL}
    assert failing == (failing_by_declaration(name, profile) if types is EVERYTHING else set())
