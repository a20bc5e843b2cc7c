"""The clouds of Microsoft, and those with their own metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme
from azure.core import AzureClouds
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints

from auditor.errors import InputError
from auditor.sources.live import clouds
from auditor.sources.live.clouds import CLOUDS, Cloud, check_url, from_metadata
from tests.arm import ArmServer, Fault, On, metadata
from tests.arm.exchange import RefusalError
from tests.sources.live import live
from tests.sources.live.proxy import Proxy

pytestmark = pytest.mark.slow

URL = "https://management.hospital.example"
AUDIENCES = ("https://management.hospital.example/", "https://another.example/")


# --- those of Microsoft -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "endpoints", "authority"),
    [
        ("AzureCloud", AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
        ("AzureUSGovernment", AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT),
        ("AzureChinaCloud", AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA),
    ],
)
def test_clouds_are_where_the_sdk_has_them(name: str, endpoints: AzureClouds, authority: str) -> None:
    theirs = get_arm_endpoints(endpoints)
    ours = CLOUDS[name]
    assert ours.name == name
    assert ours.endpoint + "/" == theirs["resource_manager"]
    assert [ours.scope] == theirs["credential_scopes"]
    assert ours.authority == f"https://{authority}"


@pytest.mark.parametrize("name", sorted(CLOUDS))
def test_a_cloud_is_read_at_its_endpoint_with_a_token_of_its_authority(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = CLOUDS[name]
    with (
        ArmServer(live.estate_of("trakcare-current"), audiences=(cloud.audience,), page_size=1000) as server,
        Proxy(server.port) as proxy,
    ):
        proxy.use(monkeypatch)
        taken = live.read(server, "trakcare-current", cloud=name, endpoint=None).snapshot
    assert set(proxy.hosts) == {urlsplit(url).hostname for url in (cloud.endpoint, cloud.authority)}
    assert proxy.hosts[0] == urlsplit(cloud.authority).hostname
    assert (taken.cloud, taken.gaps) == (name, ())


# --- others -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", clouds.METADATA)
def test_both_shapes_of_metadata_say_where_to_sign_in(version: str) -> None:
    found = from_metadata(URL, metadata.endpoints(URL, AUDIENCES, version), None)
    name = "management.hospital.example" if version < "2016" else "ArmTest"
    assert found == Cloud(name, URL, AUDIENCES[0], URL)
    assert found.scope == "https://management.hospital.example//.default", "a slash at its end belongs to an audience"


def test_of_a_list_of_clouds_the_endpoint_itself_counts() -> None:
    listed = metadata.endpoints(URL, AUDIENCES, "2019-05-01")
    public = {
        "name": "AzureCloud",
        "resourceManager": "https://management.azure.com/",
        "authentication": {"loginEndpoint": "https://login.microsoftonline.com/", "audiences": ["https://a.example"]},
    }
    assert from_metadata(URL.title().lower(), [public, *listed], None).name == "ArmTest"
    with pytest.raises(InputError, match="does not describe where to sign in"):
        from_metadata(URL, [public], None)


def test_an_authority_of_the_user_goes_before_the_described_one() -> None:
    found = from_metadata(URL, metadata.endpoints(URL, AUDIENCES, "2022-09-01"), "https://login.hospital.example")
    assert found.authority == "https://login.hospital.example"


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        7,
        {},
        [None, 7],
        {"authentication": None},
        {"authentication": []},
        {"authentication": {"loginEndpoint": URL}},
        {"authentication": {"loginEndpoint": URL, "audiences": []}},
        {"authentication": {"loginEndpoint": URL, "audiences": "https://a.example"}},
        {"authentication": {"loginEndpoint": URL, "audiences": [7, None, ""]}},
        {"authentication": {"audiences": ["https://a.example"]}},
        {"authentication": {"loginEndpoint": 7, "audiences": ["https://a.example"]}},
    ],
)
def test_metadata_that_make_no_sense_are_an_error(body: Any) -> None:
    with pytest.raises(InputError, match="does not describe where to sign in"):
        from_metadata(URL, body, None)


def test_an_endpoint_cannot_send_the_sign_in_over_http() -> None:
    body = {"authentication": {"loginEndpoint": "http://login.hospital.example", "audiences": ["https://a.example"]}}
    with pytest.raises(InputError, match=f"the loginEndpoint of {URL} is 'http://login.hospital.example'"):
        from_metadata(URL, body, None)


@pytest.mark.parametrize(
    "url",
    [
        "http://login.hospital.example",
        "login.hospital.example",
        "https://",
        "https:///path",
        "https://[",
        "https://login.hospital.example:port",
        "https://operator@login.hospital.example",
        "https://login.hospital.example?tenant=1",
        "https://login.hospital.example#tenant",
        "file:///etc/passwd",
        "",
    ],
)
def test_only_https_urls_are_taken(url: str) -> None:
    with pytest.raises(InputError, match="--authority is "):
        check_url(url, "--authority")


def test_a_url_that_is_refused_is_shown_without_its_password() -> None:
    with pytest.raises(InputError) as raised:
        check_url("https://operator:hunter2@login.hospital.example", "--authority")
    assert "hunter2" not in str(raised.value)


def test_a_url_may_have_a_port_and_a_path() -> None:
    assert check_url("https://login.hospital.example:8443/adfs/", "--authority") == (
        "https://login.hospital.example:8443/adfs"
    )


# --- over the wire ----------------------------------------------------------------------------------------------------


def test_an_endpoint_that_only_knows_the_first_metadata_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    described = metadata.endpoints

    def old(url: str, audiences: tuple[str, ...], version: str) -> Any:
        if version != "2015-01-01":
            raise RefusalError(400, "InvalidApiVersionParameter", "The api-version is invalid.")
        return described(url, audiences, version)

    monkeypatch.setattr(metadata, "endpoints", old)
    with ArmServer(live.estate_of("trakcare-current")) as server:
        taken = live.read(server, "trakcare-current").snapshot
    assert (taken.cloud, taken.gaps) == ("127.0.0.1", ())
    asked = [entry.query for entry in server.log if entry.path == metadata.PATH]
    assert asked == [f"api-version={version}" for version in clouds.METADATA]


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault.HTML, "DecodeError"),
        (Fault.TRUNCATED, "DecodeError"),
        (Fault.NULL, "does not describe where to sign in"),
        (Fault.NOT_FOUND, "HTTP 404"),
        (Fault.INTERNAL_ERROR, "HTTP 500"),
        (Fault.REDIRECT, "HTTP 307"),
        (Fault.RESET, "ClientOSError"),
        (Fault.RESET_MIDWAY, "ClientPayloadError"),
        (Fault.SILENCE, "TimeoutError"),
        (Fault.DRIP, "TimeoutError"),
    ],
)
def test_metadata_that_cannot_be_read_are_one_error(fault: Fault, why: str) -> None:
    faults: dict[str | On, Fault] = {"/metadata/": fault}
    with ArmServer(live.estate_of("trakcare-current"), faults=faults) as server, pytest.raises(InputError) as raised:
        live.read(server, "trakcare-current", timeout=1.0 if why == "TimeoutError" else 600.0)
    assert why in str(raised.value)
    assert str(raised.value).startswith(server.url)
    assert server.foreign.requests == []


def test_an_endpoint_that_does_not_answer_is_one_error() -> None:
    with ArmServer(live.estate_of("trakcare-current")) as server:
        pass
    with pytest.raises(InputError, match="cannot be read: ClientConnectorError"):
        live.read(server, "trakcare-current")


# --- certificates -----------------------------------------------------------------------------------------------------


UNTRUSTED = "its certificate is not trusted; name a file with the certificate of its issuer with --ca-bundle"


@pytest.fixture
def another_bundle(tmp_path: Path) -> Path:
    """Return a file with certificates of another authority than that of the server."""
    file = tmp_path / "another.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    return file


def test_an_endpoint_that_is_not_trusted_is_an_error_that_names_the_option(another_bundle: Path) -> None:
    with ArmServer(live.estate_of("trakcare-current")) as server, pytest.raises(InputError) as raised:
        live.read(server, "trakcare-current", ca_bundle=another_bundle)
    assert str(raised.value) == (
        f"{server.url}/metadata/endpoints?api-version={clouds.METADATA[0]} cannot be read: {UNTRUSTED}"
    )


@pytest.mark.parametrize("signs_in", [False, True])
def test_a_proxy_that_opens_tls_and_is_not_trusted_is_one_error_at_once_that_names_the_option(
    signs_in: bool, another_bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with ArmServer(live.estate_of("trakcare-current")) as server, Proxy(server.port) as proxy:
        proxy.use(monkeypatch)
        if signs_in:  # by the Azure CLI, which has its own trusted certificates
            live.azure_cli(tmp_path, live.cli_answer("a-token"))
            monkeypatch.setenv("PATH", str(tmp_path))
            monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")
        with pytest.raises(InputError) as raised:
            live.read(server, "trakcare-current", endpoint=None, ca_bundle=another_bundle)
    if signs_in:
        assert str(raised.value) == f"https://management.azure.com cannot be read: {UNTRUSTED}"
        assert proxy.hosts == ["management.azure.com"], "no retry"
    else:
        assert UNTRUSTED in str(raised.value)
        assert set(proxy.hosts) == {"login.microsoftonline.com"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is not a file of certificates in PEM format"),
        (b"no certificate", "is not a file of certificates in PEM format"),
        (
            b"-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n",
            "is not a file of certificates in PEM format",
        ),
    ],
)
def test_a_bundle_that_holds_no_certificates_is_an_error(content: bytes | None, why: str, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_bytes(content)
    with ArmServer(live.estate_of("trakcare-current")) as server, pytest.raises(InputError) as raised:
        live.read(server, "trakcare-current", ca_bundle=bundle)
    assert str(raised.value) == f"{bundle}: {why}"
    assert server.log == []
