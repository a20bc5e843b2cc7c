"""No output contains a secret of Azure's answers or of the login."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError, ServiceResponseError

from auditor.cli import exit_codes
from auditor.cli.main import main
from auditor.snapshot.model import Resource
from auditor.snapshot.redaction import REDACTED
from auditor.sources import snapshot_file
from auditor.sources.live.client import ArmClient
from auditor.sources.live.responses import NotReadError
from auditor.sources.live.throttling import Limiter
from tests import estates
from tests.arm import ArmServer, Estate, exchange
from tests.arm.exchange import Answer, Call
from tests.sources.live import live, virtual

if TYPE_CHECKING:
    from azure.core.rest import AsyncHttpResponse, HttpRequest

NAME = "demo"
(SUBSCRIPTION,) = live.subscriptions_of(NAME)
SCOPE = f"/subscriptions/{SUBSCRIPTION}"
PROVIDERS = f"{SCOPE}/resourceGroups/rg-planted/providers"
FORMATS = ("terminal", "json", "sarif", "sarif-github", "snapshot")
VM_ID = f"{PROVIDERS}/Microsoft.Compute/virtualMachines/vm-planted"


class Planted:
    """Generates secrets, each of which is recognised in any output."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}

    def secret(self, name: str) -> str:
        return self.secrets.setdefault(name, f"PLANTED{len(self.secrets):03}END")

    def url(self, name: str) -> str:
        return (
            f"https://scripts.blob.core.windows.net/c/install.sh?sv=2024-11-04&sp=r&sig={self.secret(name)}%3D&se=2030"
        )

    def found(self, text: str) -> list[str]:
        return [name for name, secret in self.secrets.items() if secret in text]


def bodies(planted: Planted) -> Iterator[dict[str, Any]]:
    """Yield resources with a secret of each kind that Azure returns, or that users put into other properties."""
    secret, url = planted.secret, planted.url
    extension = {
        "type": "CustomScript",
        "publisher": "Microsoft.Azure.Extensions",
        "settings": {
            "commandToExecute": f"sh install.sh --password {secret('command')}",
            "fileUris": [url("file"), f"https://files.example/{secret('path of a file')}"],
            "script": secret("script"),
            "storageAccountKey": secret("setting"),
        },
        "protectedSettings": {"anything": secret("protected setting"), "more": [secret("protected list")]},
        "instanceView": {"statuses": [{"code": "x", "message": f"cannot load {url('status of an extension')}"}]},
    }
    yield {
        "id": VM_ID,
        "name": "vm-planted",
        "location": "westeurope",
        "tags": {"script": secret("tag by its name"), "installer": url("tag")},
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
            "userData": secret("user data"),
            "osProfile": {
                "computerName": "vm-planted",
                "adminPassword": secret("password"),
                "customData": secret("custom data"),
                "windowsConfiguration": {"additionalUnattendContent": [{"content": secret("unattend")}]},
            },
            "instanceView": {
                "statuses": [{"code": "PowerState/running", "message": url("status")}],
                "bootDiagnostics": {"serialConsoleLogBlobUri": url("console")},
            },
        },
        "resources": [{"id": f"{VM_ID}/extensions/inside", "properties": extension}],
    }
    yield {"id": f"{VM_ID}/extensions/own", "properties": extension}
    yield {
        "id": f"{PROVIDERS}/Microsoft.Network/connections/cn-planted",
        "location": "westeurope",
        "properties": {"sharedKey": secret("shared key"), "authorizationKey": secret("authorization key")},
    }
    yield {
        "id": f"{PROVIDERS}/Microsoft.Network/expressRouteCircuits/er-planted",
        "location": "westeurope",
        "properties": {
            "serviceKey": secret("service key"),
            "authorizations": [{"properties": {"authorizationKey": secret("authorization")}}],
            "peerings": [{"properties": {"sharedKey": secret("key of a peering")}}],
        },
    }
    yield {
        "id": f"{PROVIDERS}/Microsoft.Automation/automationAccounts/aa-planted",
        "location": "westeurope",
        "properties": {"RegistrationInfo": {"primaryKey": secret("primary key"), "secondaryKey": secret("secondary")}},
    }
    yield {
        "id": f"{PROVIDERS}/Microsoft.Automation/automationAccounts/aa-planted/runbooks/rb-planted",
        "properties": {"draft": {"draftContentLink": {"uri": url("runbook")}}},
    }
    yield {
        "id": f"{PROVIDERS}/Microsoft.Insights/metricAlerts/ma-planted",
        "location": "global",
        "properties": {
            "description": f"see AccountName=a;AccountKey={secret('connection string')};EndpointSuffix=core.example",
            "actions": [{"webHookProperties": {"token": "x", "password": secret("hook")}}],
        },
    }
    yield {
        "resourceType": "virtualMachines",
        "name": "Standard_D2s_v5",
        "locations": ["westeurope"],
        "capabilities": [{"name": "note", "value": url("size")}],
    }


@dataclass
class LeakyServer(ArmServer):
    """Adds secrets to errors and links too."""

    planted: Planted = field(default_factory=Planted)

    def answer(self, call: Call) -> Answer:
        found = self._leak(call, call.path.lower().rpartition("/providers/")[2]) or super().answer(call)
        return replace(found, headers={**found.headers, "x-ms-request-id": f"id?sig={self.planted.secret('header')}"})

    def _leak(self, call: Call, asked: str) -> Answer | None:
        secret, url = self.planted.secret, self.planted.url
        nameless = {"name": secret("member without id"), "sasToken": secret("token of it")}
        page = f"{self.url}{call.path}?{call.query}&sig={secret('link')}"
        leaks = {
            "microsoft.keyvault/vaults": exchange.error(400, f"Broken?sig={secret('code')}", f"no {url('message')}"),
            "microsoft.network/dnszones": Answer(body={"value": [], "nextLink": url("foreign link")}),
            "microsoft.network/bastionhosts": Answer(307, b"", {"Location": url("redirection")}),
            "microsoft.network/natgateways": Answer(body={"value": [nameless]}),
            "microsoft.network/azurefirewalls": Answer(body={"value": [], "nextLink": page}),
        }
        if "sig=" in call.query:
            return exchange.error(404, "NotFound", f"nothing at {url('message of a page')}")
        return leaks.get(asked)


def planted_estate(planted: Planted) -> Estate:
    estate = live.estate_of(NAME)
    estate.add(*bodies(planted))
    return estate


def run(tmp_path: Path, planted: Planted) -> LeakyServer:
    """Scan, collect and discover with all output."""
    declaration = tmp_path / "deployment.yaml"
    declared = json.dumps(estates.declared_of(NAME))
    declaration.write_text(f"# clientSecret={planted.secret('deployment file')}\n{declared}\n")
    out = tmp_path / "out"
    out.mkdir()
    with LeakyServer(planted_estate(planted), planted=planted) as server, live.signed_in(server):
        source = ["--subscription", SUBSCRIPTION, "--arm-endpoint", server.url, "--ca-bundle", server.ca_file, "-v"]
        outputs = [argument for name in FORMATS for argument in ("-o", f"{name}={out / name}")]
        scan = ["scan", *source, "--deployment", str(declaration), "--passes", *outputs]
        assert main(scan) == exit_codes.FINDINGS
        assert main(["collect", *source, "-o", f"snapshot={out / 'collected'}"]) == exit_codes.INCOMPLETE
        assert main(["discover", *source]) == exit_codes.OK
    return server


@pytest.mark.slow
def test_no_secret_comes_out_of_what_was_read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    planted = Planted()
    server = run(tmp_path, planted)
    printed = capfd.readouterr()
    texts = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    assert set(texts) == {*FORMATS, "collected"}
    texts |= {"stdout": printed.out, "stderr": printed.err}
    assert len(planted.secrets) > 30
    assert {name: found for name, text in texts.items() if (found := planted.found(text))} == {}
    tokens = {entry.headers["authorization"][7:] for entry in server.log if "authorization" in entry.headers}
    assert tokens
    assert [
        name for name, text in texts.items() for secret in (*tokens, server.identity.secret) if secret in text
    ] == []

    taken = snapshot_file.decode(texts["snapshot"].encode(), "snapshot")
    read = {resource.key: resource for resource in taken.resources}
    assert {body["id"].lower() for body in bodies(planted) if "id" in body} <= set(read)
    vm = read[VM_ID.lower()]
    assert at(vm, "properties", "osProfile", "customData") == REDACTED
    assert at(vm, "properties", "osProfile", "computerName") == "vm-planted"
    codes = {gap.what: gap.code for gap in taken.gaps}
    assert codes["Microsoft.KeyVault/vaults"] == "Broken?sig=[redacted]"
    leaky = ("dnsZones", "azureFirewalls", "bastionHosts", "natGateways")
    assert {f"Microsoft.Network/{type_}" for type_ in leaky} <= set(codes)
    assert "request id?sig=[redacted]" in texts["stderr"]


def at(found: Resource, *path: str) -> object:
    value: Any = found.body
    for name in path:
        value = value[name]
    return value


@pytest.mark.slow
def test_no_secret_is_held_during_evaluation() -> None:
    planted = Planted()
    with LeakyServer(planted_estate(planted), planted=planted) as server:
        taken = live.read(server, NAME).snapshot
    assert planted.found(repr(taken)) == []


@pytest.mark.parametrize(
    "error", [ClientAuthenticationError, ServiceRequestError, ServiceResponseError, OSError, ValueError]
)
def test_messages_of_the_sdk_are_shown_without_secrets(error: type[Exception]) -> None:
    planted = Planted()
    told = live.Told()

    async def send(_: HttpRequest) -> AsyncHttpResponse:
        raise error(f"refused client_secret={planted.secret('sign-in')} at {planted.url('address')}")

    async def question() -> NotReadError:
        reader = ArmClient("https://arm.example", lambda _: send, Limiter(), told, math.inf)
        with pytest.raises(NotReadError) as caught:
            await reader.get(f"{SCOPE}/password={planted.secret('path')}?sig={planted.secret('query')}")
        return caught.value

    failure = virtual.run(question())
    assert "refused" in failure.detail
    assert planted.found(f"{failure} {failure.detail} {failure.code}") == []
