"""Login of operators, pipelines and VMs at a login service that answers as Entra ID does."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from azure.identity.aio import ClientSecretCredential

from auditor import files
from auditor.cli import exit_codes
from auditor.cli.main import main
from auditor.cli.parser import parser
from auditor.errors import InputError
from auditor.snapshot.model import Snapshot
from auditor.sources import snapshot_file
from auditor.sources.live.collection import collect
from auditor.sources.live.credential import identity_of
from tests.arm import ArmServer, Fault, Identity
from tests.arm.asking import connected
from tests.arm.hosting import Hosting, Site
from tests.sources.live import live, virtual

OPERATOR = Identity(upn="operator@hospital.example")
NAME = "trakcare-current"
ELSEWHERE = "99999999-9999-4999-8999-999999999999"


@pytest.fixture
def server() -> Iterator[ArmServer]:
    with ArmServer(live.estate_of(NAME)) as started:
        yield started


@pytest.fixture(scope="module")
def metadata_service() -> Iterator[str]:
    """Run the metadata service of a VM to which no identity is assigned; return its address."""

    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"error": "invalid_request", "error_description": "Identity not found"}, status=400)

    site = Site(refuse, https=False)
    with Hosting([site]):
        yield f"http://127.0.0.1:{site.port}"


@pytest.fixture(autouse=True)
def programs_folder(metadata_service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Remove every credential of the computer that runs the tests; return the only folder of programs."""
    for name in os.environ:
        if name.startswith(("AZURE_", "IDENTITY_", "MSI_", "IMDS_")):
            monkeypatch.delenv(name)
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", metadata_service)
    return programs


def read(server: ArmServer, **options: Any) -> Snapshot:
    return collect(live.wanted(server, NAME, **options), (), "", live.Told()).snapshot


def refusal(server: ArmServer, **options: Any) -> str:
    """Return the error that ends a run; check that it is one line without secrets."""
    with pytest.raises(InputError) as raised:
        read(server, **options)
    said = str(raised.value)
    secrets = (server.identity.secret, server.identity.assertion, server.identity.managed_identity_header)
    assert not [secret for secret in secrets if secret in said]
    assert "\n" not in said
    assert "aka.ms" not in said
    assert not [path for path in server.requests if path.startswith("/subscriptions")]
    return said


def with_secret(server: ArmServer, monkeypatch: pytest.MonkeyPatch, **changed: str) -> None:
    for name, value in {**server.environment, **changed}.items():
        monkeypatch.setenv(name, value)


def token_of(server: ArmServer) -> str:
    """Return a token as the Azure CLI stores it."""
    identity = server.identity

    async def log_in() -> str:
        async with ClientSecretCredential(
            identity.tenant_id, identity.client_id, identity.secret, **connected(server)
        ) as credential:
            return (await credential.get_token(server.audience + "/.default")).token

    return asyncio.run(log_in())


# --- the ways in ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_secret_in_the_environment(server: ArmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with_secret(server, monkeypatch)
    taken = read(server)
    assert taken.identity == f"application {Identity.client_id} (object {Identity.object_id})"
    assert taken.gaps == ()


@pytest.mark.slow
def test_a_federated_token(server: ArmServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(server.identity.assertion)
    with_secret(server, monkeypatch, AZURE_FEDERATED_TOKEN_FILE=str(file))
    monkeypatch.delenv("AZURE_CLIENT_SECRET")
    assert read(server).identity == f"application {Identity.client_id} (object {Identity.object_id})"


@pytest.mark.slow
def test_the_managed_identity_of_an_app_service(server: ArmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.managed_identity_environment.items():
        monkeypatch.setenv(name, value)
    assert read(server).identity == f"application {Identity.client_id} (object {Identity.object_id})"


@pytest.mark.slow
def test_the_user_of_the_azure_cli(server: ArmServer, programs_folder: Path) -> None:
    server.identity = OPERATOR
    called = live.azure_cli(programs_folder, live.cli_answer(token_of(server)))
    taken = read(server)
    assert (taken.identity, taken.gaps) == ("operator@hospital.example", ())
    asked = set(called.read_text().splitlines())
    assert asked == {f"account get-access-token --output json --resource {server.audience}"}


@pytest.mark.slow
@pytest.mark.parametrize("federated", [False, True])
def test_another_tenant_than_that_of_the_environment(
    federated: bool, server: ArmServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with_secret(server, monkeypatch, AZURE_TENANT_ID=ELSEWHERE)
    if federated:
        file = tmp_path / "token"
        file.write_text(server.identity.assertion)
        monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(file))
        monkeypatch.delenv("AZURE_CLIENT_SECRET")
    assert "AADSTS90002" in refusal(server), "the tenant of the environment does not exist"
    assert read(server, tenant=Identity.tenant_id).gaps == ()


@pytest.mark.slow
def test_another_tenant_than_that_of_the_azure_cli(server: ArmServer, programs_folder: Path) -> None:
    called = live.azure_cli(programs_folder, live.cli_answer(token_of(server)))
    assert read(server, tenant=ELSEWHERE).gaps == ()
    assert {line.partition(" --tenant ")[2] for line in called.read_text().splitlines()} == {ELSEWHERE}


def test_an_authority_of_the_user_is_where_it_signs_in(server: ArmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with_secret(server, monkeypatch)
    with ArmServer(live.estate_of(NAME)) as other:
        taken = read(server, authority=other.url)
    assert {entry.path for entry in other.log} == {f"/{Identity.tenant_id}/oauth2/v2.0/token"}
    (gap,) = taken.gaps
    assert (gap.what, gap.code) == ("microsoft.resources/subscriptions", "InvalidAuthenticationToken")
    assert gap.permission == "", "no retry"
    assert gap.detail.endswith("if it is in another tenant, name that tenant with --tenant")


@pytest.mark.slow
def test_a_token_is_renewed_while_reading(server: ArmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with_secret(server, monkeypatch)
    server.token_lifetime, server.latency = 1.0, 0.25
    server.clock_skew = 300.0  # else a token may expire before it arrives from a busy computer
    assert read(server).gaps == ()
    assert len({entry.headers["authorization"] for entry in server.log if "authorization" in entry.headers}) > 1


# --- none works -------------------------------------------------------------------------------------------------------


def test_each_credential_that_was_tried_is_named_with_its_reason(server: ArmServer) -> None:
    short = refusal(server)
    assert short == (
        "not signed in: run `az login`, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET of a service"
        " principal; -v shows what was tried"
    )
    said = refusal(server, verbose=True)
    assert said.startswith(short.removesuffix("-v shows what was tried"))
    for expected in (
        "; tried EnvironmentCredential: Environment variables are not",
        "; WorkloadIdentityCredential: The workload options are not fully configured",
        "; ManagedIdentityCredential: The requested identity has not been assigned",
        "; AzureCliCredential: Azure CLI not found on path",
        "; AzurePowerShellCredential: PowerShell is not installed",
        "; AzureDeveloperCliCredential: Azure Developer CLI could not be found",
    ):
        assert expected in said


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"AZURE_CLIENT_SECRET": "wrong-secret"}, "AADSTS7000215"),
        ({"AZURE_CLIENT_ID": ELSEWHERE}, "AADSTS700016"),
        ({"AZURE_TENANT_ID": ELSEWHERE}, "AADSTS90002"),
    ],
)
def test_a_secret_that_is_refused_ends_the_chain(
    changed: dict[str, str], code: str, server: ArmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_secret(server, monkeypatch, **changed)
    said = refusal(server)
    assert said.startswith(
        "cannot sign in to Azure: check AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET; "
        "tried EnvironmentCredential: Microsoft Entra ID error"
    )
    assert code in said
    assert "wrong-secret" not in said
    assert "AzureCli" not in said


def test_the_azure_cli_says_why_it_has_no_token(server: ArmServer, programs_folder: Path) -> None:
    live.azure_cli(programs_folder, "ERROR: Please run 'az login' to setup account.\n", 1)
    assert "AzureCliCredential: Please run 'az login' to set up an account" in refusal(server, verbose=True)
    live.azure_cli(programs_folder, "ERROR: AADSTS50173: The grant has expired.\n", 1)
    refused = refusal(server)
    assert refused.startswith("not signed in: run `az login`")
    assert "AADSTS50173" in refused
    assert "EnvironmentCredential" not in refused, "it was not there"


@pytest.mark.slow
def test_what_the_azure_cli_prints_is_shown_without_tokens(server: ArmServer, programs_folder: Path) -> None:
    live.azure_cli(programs_folder, '{"accessToken": "eyJ.planted.token", "expiresOn": "never"}')
    assert "eyJ.planted.token" not in refusal(server, verbose=True)
    live.azure_cli(programs_folder, "ERROR: went wrong with client_secret=planted-secret\nin two lines\n", 1)
    assert "planted-secret" not in refusal(server, verbose=True)


@pytest.mark.parametrize(
    ("name", "value"), [("AZURE_TOKEN_CREDENTIALS", "anything"), ("AZURE_TENANT_ID", "no tenant!")]
)
def test_a_variable_that_makes_no_sense_is_an_error(
    name: str, value: str, server: ArmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_secret(server, monkeypatch, **{name: value})
    assert refusal(server).startswith("cannot sign in to Azure: ")


def test_a_tenant_that_is_none_is_an_error(server: ArmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with_secret(server, monkeypatch)
    assert "enant" in refusal(server, tenant="no tenant!")


@pytest.mark.slow
@pytest.mark.parametrize("fault", [Fault.SILENCE, Fault.DRIP])
def test_a_login_that_does_not_answer_is_an_error_in_time(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    with virtual.Clock() as clock, ArmServer(live.estate_of(NAME), faults={"/oauth2/": fault}) as server:
        server.on_silence = lambda: clock.forward(1000)
        with_secret(server, monkeypatch)
        assert refusal(server, timeout=1000) == (
            f"cannot sign in to Azure: {server.url} did not answer in time; check the network and HTTPS_PROXY"
        )


# --- what is left behind ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("before", [None, "https://login.elsewhere.example"])
@pytest.mark.parametrize("works", [True, False])
def test_the_environment_is_as_it_was(
    before: str | None, works: bool, server: ArmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if before is not None:
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", before)
    with_secret(server, monkeypatch)
    if not works:
        monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    kept = dict(os.environ)
    if works:
        read(server)
    else:
        refusal(server)
    assert dict(os.environ) == kept


def arguments(server: ArmServer, command: str) -> list[str]:
    (subscription,) = live.subscriptions_of(NAME)
    return [command, "--subscription", subscription, "--arm-endpoint", server.url, "--ca-bundle", server.ca_file]


@pytest.mark.slow
def test_nothing_is_written_where_the_login_fails(
    server: ArmServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    assert main([*arguments(server, "collect"), "-o", f"snapshot={folder / 'taken.jsonl'}"]) == exit_codes.USAGE
    assert main([*arguments(server, "scan"), "-o", f"json={folder / 'report.json'}"]) == exit_codes.USAGE
    assert main(arguments(server, "discover")) == exit_codes.USAGE
    assert list(folder.iterdir()) == []
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert [line[:50] for line in lines] == ["auditor: error: not signed in: run `az login`, or "] * 3


@pytest.mark.slow
def test_reports_name_who_read(
    server: ArmServer, programs_folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    server.identity = OPERATOR
    live.azure_cli(programs_folder, live.cli_answer(token_of(server)))
    kept = tmp_path / "taken.jsonl"
    main(
        [*arguments(server, "scan"), "--details", "-o", "terminal", "-o", f"json={kept}.json", "-o", f"snapshot={kept}"]
    )
    assert ", by operator@hospital.example" in capsys.readouterr().out
    assert json.loads(Path(f"{kept}.json").read_bytes())["identity"] == "operator@hospital.example"
    assert snapshot_file.decode(files.read(kept), "").identity == "operator@hospital.example"


def test_no_option_takes_a_secret() -> None:
    found = parser()
    (commands,) = (action for action in found._actions if isinstance(action, _SubParsersAction))  # noqa: SLF001
    live_commands: list[ArgumentParser] = [commands.choices[name] for name in ("scan", "collect", "discover")]
    for command in live_commands:
        text = command.format_help().lower()
        assert "--tenant" in text
        assert not [word for word in ("secret", "password", "token", "certificate-file", "key") if f"-{word}" in text]


# --- who it is --------------------------------------------------------------------------------------------------------


def jwt(claims: object) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.x"


@pytest.mark.parametrize(
    ("token", "identity"),
    [
        (jwt({"upn": "a@hospital.example", "appid": "1"}), "a@hospital.example"),
        (jwt({"unique_name": "b@hospital.example"}), "b@hospital.example"),
        (jwt({"preferred_username": "c@hospital.example"}), "c@hospital.example"),
        (jwt({"upn": "", "appid": "1", "oid": "2"}), "application 1 (object 2)"),
        (jwt({"azp": "1"}), "application 1"),
        (jwt({"oid": "2"}), "object 2"),
        (jwt({}), ""),
        (jwt({"upn": 7}), ""),
        (jwt([]), ""),
        ("opaque", ""),
        ("a.b.c", ""),
        ("", ""),
        ("a.\N{GREEK SMALL LETTER ALPHA}.c", ""),
    ],
)
def test_a_token_says_whose_it_is(token: str, identity: str) -> None:
    assert identity_of(token) == identity
