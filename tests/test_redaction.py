"""What is kept out of files, and what stays."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import bundled, files, inventory
from auditor.redaction import REDACTED, redact

_NAMES = [
    *("adminPassword", "password", "administratorLoginPassword", "passwordHash", "customData", "userData"),
    *("protectedSettings", "protectedParameters", "commandToExecute", "fileUris", "script", "scriptContent"),
    *("serviceKey", "authorizationKey", "sharedKey", "preSharedKey", "primaryKey", "secondaryKey", "storageAccountKey"),
    *(
        "primaryAccessKey",
        "connectionString",
        "primaryConnectionString",
        "secret",
        "clientSecret",
        "radiusServerSecret",
    ),
    "additionalUnattendContent",
]


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("secret", ["hunter2", "", 7, ["hunter2"], {"a": {"b": "hunter2"}}])
def test_a_property_of_a_secret_name_is_dropped_whole(name: str, secret: object) -> None:
    for spelt in (name, name.lower(), name.upper()):
        body = {"properties": {"x": [[{spelt: secret, "kept": 1}]]}}
        assert redact(body) == {"properties": {"x": [[{spelt: REDACTED, "kept": 1}]]}}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (
            "https://a.blob.core.windows.net/c/b?sv=2020&sr=b&sig=HUNTER%2B2&se=2026",
            "https://a.blob.core.windows.net/c/b?sv=",
        ),
        ("https://a/b?SIG=HUNTER2", "https://a/b?SIG="),
        ("?x=1&sig=HUNTER2&y=2", "&y=2"),
        ("sig=HUNTER2&x=1", "&x=1"),
        ("https://a/b?a=1&amp;sig=HUNTER2", "https://a/b?a=1&amp;sig="),
        ("curl 'https://a/b?sig=HUNTER2' -o c", "' -o c"),
        ("BlobEndpoint=https://a;SharedAccessSignature=sv=2020&sig=HUNTER2&se=1", "BlobEndpoint=https://a;"),
        ("SharedAccessSignature sr=a&sig=HUNTER2&skn=Root", "&skn=Root"),
        ("DefaultEndpointsProtocol=https;AccountName=n;AccountKey=HUNTER2/+==;EndpointSuffix=s", ";EndpointSuffix=s"),
        ("accountkey = HUNTER2", "accountkey = "),
        (
            "Endpoint=sb://n/;SharedAccessKeyName=Root;SharedAccessKey=HUNTER2=",
            "Endpoint=sb://n/;SharedAccessKeyName=Root;",
        ),
        ("Server=s;User ID=u;Password=HUNTER2;", "Server=s;User ID=u;Password="),
        ("Server=s;Pwd=HUNTER2", "Server=s;"),
        ("http://user:HUNTER2@proxy:8080/x", "http://user:[redacted]@proxy:8080/x"),
    ],
)
def test_a_secret_within_a_text_is_dropped_and_the_rest_stays(text: str, kept: str) -> None:
    found = json.dumps(redact({"a": [text]}))
    assert "HUNTER" not in found
    assert kept in found


@pytest.mark.parametrize(
    "body",
    [
        {"secretUrl": "https://v.vault.azure.net/secrets/s/1", "sourceVault": {"id": "/v"}},
        {"keyVaultSecretId": "https://v.vault.azure.net/secrets/s"},
        {"protectedSettingsFromKeyVault": {"secretUrl": "https://v", "sourceVault": {"id": "/v"}}},
        {"secrets": [{"sourceVault": {"id": "/v"}, "vaultCertificates": [{"certificateUrl": "https://c"}]}]},
        {"diskEncryptionKey": {"secretUrl": "https://v"}, "keyEncryptionKey": {"keyUrl": "https://k"}},
        {"primary": True, "secondary": False, "key": "k", "keys": ["k"], "publicKeys": [{"keyData": "ssh-rsa A"}]},
        {"disablePasswordAuthentication": True, "adminUsername": "azureuser", "password": None, "hasPassword": True},
        {"description": "postscript", "scripts": 1, "preScriptLocation": "/etc/azure/pre.sh", "signature": "s"},
        {"path": "/csp/bin/mirror_status.cxw?a=1&design=2&se=3", "text": "a=b;c=d", "mail": "a@b.c", "id": "/a:b/c@d"},
        {"probe": "https://[::1]:443/a@b", "resourceUri": "https://a.blob.core.windows.net/vhds/a.vhd"},
    ],
)
def test_what_is_harmless_stays_as_it_is(body: dict[str, Any]) -> None:
    before = copy.deepcopy(body)
    assert redact(body) is body
    assert body == before


@pytest.mark.parametrize("folder", ["trakcare-2018", "trakcare-current", "demo"])
def test_the_fixtures_lose_nothing(folder: str) -> None:
    """Whatever a rule reads of them is therefore still in a snapshot of them."""
    taken = inventory.decode(files.read(bundled.FIXTURES / folder / bundled.INVENTORY), folder)
    bodies = [*(resource.body for resource in taken.resources), *taken.skus]
    assert len(bodies) > 100
    assert [body for body in bodies if redact(body) is not body] == []


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("a=?&;sig :@/", max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*_NAMES, "a", "b"]), inner, max_size=3)
    ),
)


@given(value=_JSON)
def test_redacting_changes_nothing_of_its_argument_and_a_second_time_nothing_at_all(value: object) -> None:
    before = copy.deepcopy(value)
    once = redact(value)
    assert value == before
    assert redact(once) == once
