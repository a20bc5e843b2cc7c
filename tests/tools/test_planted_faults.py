"""Validity of the list of planted faults: the texts to be replaced, and the tests."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import msgspec
import pytest

from auditor import bundled
from tests.tools import planted_faults

ROOT: Final = bundled.FIXTURES.parent
FAULTS: Final = msgspec.yaml.decode(planted_faults.LIST.read_bytes(), type=planted_faults.Faults).faults


def functions(path: Path) -> set[str]:
    """Return the names of the test functions of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_the_text_of_a_fault_occurs_once_and_is_changed(fault: planted_faults.Fault) -> None:
    assert (ROOT / fault.file).read_text(encoding="utf-8").count(fault.find) == 1
    assert fault.replace != fault.find


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_the_tests_of_a_fault_exist(fault: planted_faults.Fault) -> None:
    assert fault.tests
    for test in fault.tests:
        file, _, name = test.partition("::")
        found = functions(ROOT / file)
        assert found
        assert not name or name.partition("[")[0] in found, test


def test_ids_are_unique() -> None:
    assert len({fault.id for fault in FAULTS}) == len(FAULTS) > 0
