"""Recorded answers of Azure, returned by the server and read by the SDK: all of them are read and evaluated.

The recordings are beside the checkout, not in it; without them these tests are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from auditor.azure import arm
from auditor.azure.types.names import VM
from auditor.estate import deployment_file
from auditor.estate.topology import Topology
from auditor.evaluation import engine
from auditor.evaluation.model import Outcome
from auditor.snapshot.model import Snapshot
from auditor.sources import snapshot_file
from auditor.sources.live import collection, reads, throttling
from auditor.sources.live.collection import CollectOptions, collect
from auditor.yaml_documents import Document
from tests import estates
from tests.arm.estate import Estate
from tests.arm.server import ArmServer
from tests.arm.target import Target
from tests.sources.live import live
from tests.test_recordings import RECORDINGS, chunks

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not here")]


@cache
def estate() -> Estate:
    return Estate.from_recordings(RECORDINGS)


@pytest.fixture(scope="module")
def read() -> Iterator[Snapshot]:
    """Read every subscription of the recordings, with VMs in every role."""
    subscriptions = [arm.name_of(body["id"]) for body in estate().subscriptions]
    declared = chunks(list(estate().resources.values()))
    file = Document({"format": "auditor.deployment/1", "deployments": declared}, "deployment.yaml", {})
    with pytest.MonkeyPatch.context() as patch, ArmServer(estate()) as server, live.signed_in(server):
        patch.setattr(collection, "Limiter", lambda: throttling.Limiter(()))
        wanted = CollectOptions(tuple(subscriptions), endpoint=server.url, ca_bundle=Path(server.ca_file))
        yield collect(wanted, deployment_file.load(file), "", live.Told()).snapshot


def test_all_that_was_recorded_is_read(read: Snapshot) -> None:
    types = {listing.key for listing in reads.LISTS if not listing.parent} | {arm.SUBSCRIPTION}
    recorded = {key for key in estate().resources if arm.type_of(key) in types}
    assert len(recorded) > 300
    assert recorded <= {resource.key for resource in read.resources}


def test_each_recording_is_kept_and_evaluated_without_an_error(read: Snapshot) -> None:
    assert snapshot_file.decode(snapshot_file.encode(read), "taken") == read
    declared = chunks([dict(resource.body) for resource in read.resources])
    file = Document({"format": "auditor.deployment/1", "deployments": declared}, "deployment.yaml", {})
    topology = Topology(read, deployment_file.load(file))
    assert len(topology.graph.by_type[VM]) > 50
    for profile in ("article-2018", "current"):
        findings = engine.evaluate(topology, estates.rules(profile))
        assert [f"{f.rule.id} {f.subject.id}: {f.reason}" for f in findings if f.outcome is Outcome.ERROR] == []
        assert {f.outcome for f in findings} >= {Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN}


def lists() -> Iterator[tuple[str, list[Any]]]:
    """Yield the items of every recorded list of a subscription, with the lower-case type that was requested."""
    for path in sorted(RECORDINGS.glob("responses/*/*.json")):
        recorded = json.loads(path.read_bytes())
        target = Target.of(urlsplit(recorded["request"]["url"]).path)
        body = recorded["response"]["body"]
        members = body.get("value") if isinstance(body, dict) else None
        if target is not None and not target.name and not target.parent and isinstance(members, list):
            yield target.type, members


def test_azure_lists_nothing_under_a_type_but_what_is_of_it() -> None:
    wanted = {listing.key for listing in reads.LISTS if not listing.parent}
    found = [(type_, arm.type_of(member["id"])) for type_, members in lists() if type_ in wanted for member in members]
    assert len({type_ for type_, _ in found}) > 10
    assert [pair for pair in found if pair[0] != pair[1]] == []
