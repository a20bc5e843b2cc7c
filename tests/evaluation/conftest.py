from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from auditor import bundled
from auditor.rules import packs
from auditor.rules.conditions import CompiledRule
from tests.evaluation.small import FACTS_AND_OURS, HEAD, PACK, Load


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Return a function that compiles rules, each given by its id and its changes."""
    # Bundled rules are not validated: these are shorter than the schema requires.
    monkeypatch.setattr(bundled, "VALIDATED", {"pack": tmp_path, "rule": tmp_path})

    def loaded(**rules: str) -> tuple[CompiledRule, ...]:
        (tmp_path / "pack.yaml").write_text(PACK)
        for name, text in rules.items():
            (tmp_path / f"{name}.yaml").write_text(HEAD.format(id=name) + textwrap.dedent(text))
        return packs.select([packs.load(tmp_path, FACTS_AND_OURS)], "current")

    return loaded
