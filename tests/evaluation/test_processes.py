"""Findings can be sent to another process."""

from __future__ import annotations

import pickle

import pytest

from auditor.evaluation import engine
from tests import estates


@pytest.mark.slow
@pytest.mark.parametrize("name", estates.ESTATES)
def test_every_finding_can_be_pickled(name: str) -> None:
    topology = estates.topology(name, estates.body_of(name))
    loaded = estates.rules(estates.ESTATES[name])
    findings = engine.evaluate(topology, loaded, recorded=topology.graph.resources.keys())
    assert len(findings) > 100
    assert pickle.loads(pickle.dumps(findings)) == findings  # noqa: S301 - our own
