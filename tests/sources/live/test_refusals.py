"""Refusals of Azure that are no lack of permission: types that it does not know, and tokens that it does not accept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.azure import arm
from auditor.cli.main import main
from auditor.estate.topology import Topology
from auditor.evaluation import engine
from auditor.evaluation.model import Outcome
from auditor.snapshot.model import GapReason, Snapshot
from auditor.sources.live.collection import collect
from tests import estates
from tests.arm import ArmServer, Fault, Identity, On, Role, refusals
from tests.arm.exchange import Answer, Call
from tests.sources.live import live

pytestmark = pytest.mark.slow

NAME = "trakcare-current"
(SUBSCRIPTION,) = live.subscriptions_of(NAME)
SCOPE = f"/subscriptions/{SUBSCRIPTION}"
CLASSIC = {
    "microsoft.classiccompute/virtualmachines",
    "microsoft.classicnetwork/virtualnetworks",
    "microsoft.classicstorage/storageaccounts",
}
LOAD_BALANCERS = "/providers/Microsoft.Network/loadBalancers"


@pytest.fixture
def server() -> Iterator[live.Answering]:
    with live.Answering(live.estate_of(NAME)) as started:
        yield started


def outcome(rule: str, taken: Snapshot) -> Outcome:
    """Return the only outcome of a rule."""
    topology = Topology(taken, live.declared(NAME))
    (found,) = {f.outcome for f in engine.evaluate(topology, estates.rules("current")) if f.rule.id == rule}
    return found


# --- types ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("types", [CLASSIC, {*sorted(CLASSIC)[:1]}, {"microsoft.classiccompute/virtualmachines"}])
@pytest.mark.parametrize("whole", [True, False])
def test_of_a_type_that_azure_does_not_know_there_is_nothing(
    server: live.Answering, types: set[str], *, whole: bool
) -> None:
    server.estate.retired |= types
    if whole:  # the provider is gone with all its types
        server.estate.retired.add("microsoft.classiccompute/domainnames")
    taken = live.read(server, NAME).snapshot
    codes = {entry.status for entry in server.log if "Microsoft.Classic" in entry.path}
    assert 404 in codes
    assert taken.gaps == ()
    assert {(SCOPE, type_) for type_ in CLASSIC} <= taken.listed
    assert outcome("GOV001", taken) is Outcome.PASS


def test_no_permission_is_needed_for_a_type_that_azure_does_not_know(server: live.Answering) -> None:
    server.estate.retired |= CLASSIC
    server.identity = Identity(roles=(Role(not_actions=("Microsoft.Classic*",)),))
    assert live.read(server, NAME).snapshot.gaps == ()


@pytest.mark.parametrize(
    "type_",
    [
        "Microsoft.Network/bastionHosts",
        "Microsoft.Network/firewallPolicies/ruleCollectionGroups",
        "Microsoft.DevTestLab/schedules",
    ],
)
def test_any_type_may_be_retired(server: live.Answering, type_: str) -> None:
    policy = f"{SCOPE}/resourceGroups/rg-trakcare-network/providers/Microsoft.Network/firewallPolicies/odd"
    server.estate.add({"id": policy, "name": "odd", "location": "westeurope", "properties": {}})
    server.estate.retired.add(type_.lower())
    taken = live.read(server, NAME).snapshot
    assert [entry.status for entry in server.log if entry.path.lower().endswith(type_.rpartition("/")[2].lower())]
    assert taken.gaps == ()
    assert (SCOPE, arm.canonical_type(type_)) in taken.listed


def test_a_version_that_is_not_served_any_more_leaves_the_type_unknown(server: live.Answering) -> None:
    server.estate.versions["microsoft.classiccompute/virtualmachines"] = ["2030-01-01"]
    taken = live.read(server, NAME).snapshot
    (gap,) = taken.gaps
    assert (gap.what, gap.reason, gap.code, gap.permission) == (
        "Microsoft.ClassicCompute/virtualMachines",
        GapReason.UNSUPPORTED,
        "InvalidResourceType",
        "",
    )
    assert "2030-01-01" in gap.detail
    assert outcome("GOV001", taken) is Outcome.UNKNOWN


def test_a_list_that_is_unknown_on_its_second_page_is_not_complete(server: live.Answering) -> None:
    server.page_size = 1
    gone = refusals.UNKNOWN_TYPE.error(namespace="Microsoft.Network", version="1").answer
    server.own = lambda call: gone if LOAD_BALANCERS in call.path and "skipToken" in call.query else None
    taken = live.read(server, NAME).snapshot
    assert (SCOPE, "microsoft.network/loadbalancers") not in taken.listed
    assert taken.gaps


# --- tokens -----------------------------------------------------------------------------------------------------------


def tokens(server: ArmServer, path: str) -> list[str]:
    """Return the tokens of the requests for a path."""
    return [entry.headers["authorization"] for entry in server.log if path in entry.path]


@pytest.mark.parametrize("fault", [Fault.EXPIRED, Fault.UNAUTHORIZED])
@pytest.mark.parametrize(
    "path", [LOAD_BALANCERS, f"^{SCOPE}\\?", "/providers/Microsoft.ResourceGraph/", "instanceView"]
)
def test_a_token_that_is_refused_once_is_renewed(server: live.Answering, fault: Fault, path: str) -> None:
    server.faults = {On(path, times=1): fault}
    result = live.read(server, NAME)
    assert (result.snapshot.gaps, result.amount.retries) == ((), 1)
    assert result.amount.calls == len([entry for entry in server.log if "authorization" in entry.headers])
    refused = [entry for entry in server.log if entry.fault is fault]
    assert len(refused) == 1
    again = [entry for entry in server.log if (entry.path, entry.query) == (refused[0].path, refused[0].query)]
    assert len({entry.headers["authorization"] for entry in again}) == 2, "it came again with a fresh token"


def test_a_token_that_is_revoked_while_many_requests_are_under_way_is_renewed_once(server: live.Answering) -> None:
    server.latency = 0.02
    first: list[str] = []

    def own(call: Call) -> Answer | None:
        token = call.headers.get("authorization", "")
        if not token:
            return None
        first.append(token)
        revoked = len(first) > 12 and token == first[0]
        return refusals.INVALID_TOKEN.error().answer if revoked else None

    server.own = own
    assert live.read(server, NAME).snapshot.gaps == ()
    assert len(set(first)) == 2
    assert len([entry for entry in server.log if entry.status == 401]) > 1


@pytest.mark.parametrize(
    ("fault", "expected", "advice"),
    [
        (Fault.EXPIRED, (GapReason.UNAVAILABLE, "ExpiredAuthenticationToken"), "set the clock"),
        (Fault.UNAUTHORIZED, (GapReason.FORBIDDEN, "InvalidAuthenticationToken"), "--tenant"),
    ],
)
def test_where_no_token_is_accepted_the_gap_says_what_to_do(
    server: live.Answering, fault: Fault, expected: tuple[GapReason, str], advice: str
) -> None:
    server.faults = {LOAD_BALANCERS: fault}
    (gap,) = live.read(server, NAME).snapshot.gaps
    assert (gap.what, gap.permission) == ("Microsoft.Network/loadBalancers", "")
    assert (gap.reason, gap.code) == expected
    assert [found for found in ("set the clock", "--tenant") if found in gap.detail] == [advice]
    assert len(set(tokens(server, LOAD_BALANCERS))) == len(tokens(server, LOAD_BALANCERS)) == 2


@pytest.mark.parametrize("fault", [Fault.EXPIRED, Fault.UNAUTHORIZED])
def test_a_subscription_to_which_no_token_is_accepted_is_one_gap(server: live.Answering, fault: Fault) -> None:
    server.faults = {SCOPE: fault, "/subscriptions": fault}
    (gap,) = live.read(server, NAME).snapshot.gaps
    assert (gap.scope, gap.what) == (SCOPE, arm.SUBSCRIPTION)


def test_an_azure_cli_that_has_no_other_token_is_asked_once_more(
    server: live.Answering, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = server.answer(Call("POST", f"/{server.identity.tenant_id}/oauth2/v2.0/token", {}, login(server)))
    programs = tmp_path / "bin"
    programs.mkdir()
    called = live.azure_cli(programs, live.cli_answer(answer.body["access_token"]))
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")
    server.faults = {LOAD_BALANCERS: Fault.EXPIRED}
    taken = collect(live.wanted(server, NAME), (), "", live.Told()).snapshot
    assert [gap.code for gap in taken.gaps] == ["ExpiredAuthenticationToken"]
    assert len(called.read_text().splitlines()) <= 6


def login(server: ArmServer) -> bytes:
    """Return the form with which the identity of a server signs in."""
    identity = server.identity
    return (
        f"grant_type=client_credentials&client_id={identity.client_id}&client_secret={identity.secret}"
        f"&scope={server.audience}.default"
    ).encode()


def test_reports_say_what_to_do_about_an_expired_token(
    server: live.Answering, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.faults = {LOAD_BALANCERS: Fault.EXPIRED}
    file = tmp_path / "report.json"
    with live.signed_in(server):
        source = ["--subscription", SUBSCRIPTION, "--arm-endpoint", server.url, "--ca-bundle", server.ca_file]
        main(["scan", *source, "--details", "-o", "terminal", "-o", f"json={file}"])
    (gap,) = json.loads(file.read_bytes())["coverage"]["gaps"]
    assert gap["code"] == "ExpiredAuthenticationToken"
    printed = " ".join(capsys.readouterr().out.split())
    assert "set the clock of this computer, then sign in again" in printed
    assert "`auditor permissions`" not in printed


# --- sets -------------------------------------------------------------------------------------------------------------


def test_availability_sets_are_read_with_their_vms() -> None:
    with ArmServer(live.estate_of("trakcare-2018")) as server:
        taken = live.read(server, "trakcare-2018").snapshot
    sets: list[Any] = [
        found.body["properties"] for found in taken.resources if found.type.endswith("/availabilitysets")
    ]
    assert sets
    assert all(found["virtualMachines"] for found in sets)
