"""Registration of functions as facts."""

from __future__ import annotations

import pytest

from auditor.azure.paths import ABSENT
from auditor.azure.types.names import VM
from auditor.rules.facts import FACTS
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer
from tests.estate import subscription as s


def test_two_facts_cannot_have_one_name() -> None:
    with pytest.raises(ValueError, match=r"two facts are named vm\.zone"):
        fact("vm.zone", "vm", gives="text")(lambda _context, _element: Answer(ABSENT))


def test_a_fact_is_computed_once_for_each_vm() -> None:
    built = s.topology(s.vm("a"), s.vm("b"))
    context = s.context(built)
    a, b = built.graph.by_type[VM]
    first = FACTS["vm.network_interfaces"].find(context, a)
    assert FACTS["vm.network_interfaces"].find(context, a) is first
    assert FACTS["vm.network_interfaces"].find(context, b) is not first
    assert FACTS["vm.network_interfaces"].find(s.context(built), a) is not first, "another context has its own answers"
