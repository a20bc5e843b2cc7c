"""What redaction removes, and what it keeps."""

from __future__ import annotations

import copy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import bundled, files
from auditor.snapshot import model, redaction
from auditor.snapshot.redaction import DEEPEST, REDACTED, Redacted, redact
from auditor.sources import arm_json
from tests import cpu

_NAMES = [
    *("adminPassword", "password", "administratorLoginPassword", "passwordHash", "customData", "userData"),
    *("protectedSettings", "protectedParameters", "commandToExecute", "fileUris", "script", "scriptContent"),
    *("serviceUri", "callbackUrl", "httpTriggerUrl", "emailAddress", "phoneNumber"),
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
    *("account_key", "client-secret", "COMMAND_TO_EXECUTE", "sasToken"),
]


@pytest.mark.slow
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
        ('Server=s;Password="HUNTER2;HUNTER3";Encrypt=True', ";Encrypt=True"),
        ("Password='HUNTER2 HUNTER3", "Password='"),
        ("Password=HUNTER2&HUNTER3;Encrypt=True", ";Encrypt=True"),
        # percent-encoded, once and twice
        ("https://a/login?next=https%3A%2F%2Fb%3Fsv%3D2020%26sig%3DHUNTER%252B2%26se%3D2026", "%26se%3D2026"),
        ("next=b%3fsig%3dHUNTER2&y=2", "&y=2"),
        ("https%253A%252F%252Fb%253Fsr%253Db%2526sig%253DHUNTER%2526se%253D2026", "%2526se%253D2026"),
        ("AccountName%3Dn%3BAccountKey%3DHUNTER2%3BEndpointSuffix%3Ds", "%3BEndpointSuffix%3Ds"),
        # CSP.ini and iris.cpf
        ("[LOCAL]\nIp_Address=1.2.3.4\nUsername=CSPSystem\nPassword=]]]HUNTER2\nTCP_Port=1972\n", "TCP_Port=1972"),
        ("[Startup]\nPasswordHash=HUNTER,HUNTER\nDefaultPort=1972\n", "DefaultPort=1972"),
        ("ModifyUser:LDAPSearchPassword=HUNTER2\n", "ModifyUser:LDAPSearchPassword="),
        # JSON within a text
        ('{"storageAccountKey": "HUNTER2", "kept": 1}', '\\"kept\\":1'),
        ('  [{"fileUris": ["https://HUNTER2", "b"], "kept": true}]', '\\"kept\\":true'),
        ('{"protectedSettings": {"a": {"b": "HUNTER2"}}, "kept": null}', '\\"kept\\":null'),
        ('{"a": "{\\"password\\": \\"HUNTER2\\"}", "kept": 1}', "kept"),
        ('{"a": "https://b/c?x=1\\u0026sig=HUNTER2\\u0026y=2"}', "&y=2"),
        ('{"password": "HUNTER2", "password": null}', "password"),
        ('{"kept": 1, "password": "HUNTER2", "cut": "of', "kept"),
        ('{"password": "HUNTER2', "password"),
        ('set.sh --settings \'{"commandToExecute": "HUNTER2 \\"HUNTER3\\"", "kept": 1}\' -o c', "-o c"),
        ('sh -c "x {\\"client_secret\\": \\"HUNTER2\\"} y"', "} y"),
        ('x {"fileUris": ["https://HUNTER2", "HUNTER3"]} y', "} y"),
        ("{'password': 'HUNTER2'}", "password"),
        ("[" * 100_000 + '"password": "HUNTER2"', "password"),
    ],
)
def test_a_secret_within_a_text_is_dropped_and_the_rest_stays(text: str, kept: str) -> None:
    found = json.dumps(redact({"a": [text]}))
    assert "HUNTER" not in found
    assert kept in found


@pytest.mark.parametrize(
    "text",
    [
        *(
            "a" * 200_000 + "=",
            "a " * 200_000 + "=",
            "%" + "25" * 200_000,
            "\\" * 200_000 + '"=',
            "password=\\" * 20_000,
        ),
        *("password=" + "\\" * 200_000, '"password": "' * 20_000, "sig=" + "&a" * 200_000, "password=[" * 20_000),
    ],
    ids=range(9),
)
def test_no_text_costs_more_than_in_proportion(text: str) -> None:
    with cpu.limit():
        assert redact([text])


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
        {"text": '{"design": "a=b", "passwordless": "x", "hasPassword": true, "password": null}', "etag": 'W/"1:2"'},
        {"text": "a%20b%3Dc%26design%3De", "when": "2026-11-01T06:00:00Z", "query": "where name == 'a:b'"},
        {"probe": "https://[::1]:443/a@b", "resourceUri": "https://a.blob.core.windows.net/vhds/a.vhd"},
    ],
)
def test_what_is_harmless_stays_as_it_is(body: dict[str, Any]) -> None:
    before = copy.deepcopy(body)
    assert redact(body) is body
    assert body == before


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["trakcare-2018", "trakcare-current", "demo"])
def test_the_fixtures_lose_nothing(folder: str) -> None:
    """Therefore a snapshot of them has every property that a rule reads."""
    taken = arm_json.decode(files.read(bundled.FIXTURES / folder / bundled.INVENTORY), folder)
    bodies = [resource.body for resource in taken.resources]
    assert len(bodies) > 100
    assert [body for body in bodies if redact(body) is not body] == []


_TEXTS = st.lists(
    st.sampled_from([*"a=?&;: @/{}[],\"'\\%", "sig", "password", "%3D", "%26", "://u:", "null"]), max_size=14
).map("".join)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXTS,
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


@given(value=_JSON)
def test_what_is_found_to_have_no_secret_is_what_redacting_leaves_as_it_is(value: object) -> None:
    redacted = redaction._redact(value, 0)  # noqa: SLF001
    assert redact(value) == redacted
    assert (redact(value) is value) == (redacted is value)


def test_a_secret_at_the_deepest_level_costs_no_more_than_in_proportion() -> None:
    found: Any = {"password": "HUNTER2"}
    for _ in range(DEEPEST // 2 - 1):
        found = {"a": [found]}
    with cpu.limit():
        assert "HUNTER2" not in json.dumps(redact(found))


def nested(levels: int, kind: type[dict[str, Any] | list[Any]]) -> Any:
    found: Any = "text"
    for _ in range(levels):
        found = {"a": found} if kind is dict else [found]
    return found


@pytest.mark.parametrize("kind", [dict, list])
def test_a_value_of_more_levels_than_are_looked_through_is_refused(
    kind: type[dict[str, Any] | list[Any]],
) -> None:
    assert redact(nested(DEEPEST, kind)) == nested(DEEPEST, kind)
    with pytest.raises(RecursionError):
        redact(nested(DEEPEST + 1, kind))


# --- the gate ---------------------------------------------------------------------------------------------------------

TEXT = "a?sig=HUNTER2"
BODY: dict[str, object] = {"adminPassword": "HUNTER2", "list": [{"url": TEXT}], "kept": "kept"}
GAP = model.Gap("/subscriptions/s", "x", model.GapReason.TIMEOUT)
RECORDS: list[tuple[Redacted, dict[str, Any]]] = [
    (GAP, dict.fromkeys(("scope", "what", "code", "permission", "detail", "call"), TEXT)),
    (
        model.resource({}, "/subscriptions/s"),
        {**dict.fromkeys(("id", "key", "type", "path", "call", "version"), TEXT), "body": BODY},
    ),
    (model.Approval("me", "now", "why"), dict.fromkeys(("by", "at", "reason"), TEXT)),
    (
        model.Snapshot("", (), (), frozenset(), ()),
        {
            **dict.fromkeys(("taken_at", "cloud", "identity", "deployment"), TEXT),
            "scopes": (TEXT,),
            "listed": frozenset({(TEXT, TEXT)}),
        },
    ),
]
OTHER_RECORDS = {"reason", "unread", "resources", "gaps", "approved"}
"""Fields with a name that the auditor chooses, or with records that are redacted themselves."""


def test_every_record_of_a_snapshot_is_redacted_in_every_field() -> None:
    structs = {found for found in vars(model).values() if isinstance(found, type) and issubclass(found, msgspec.Struct)}
    assert {type(record) for record, _ in RECORDS} == structs - {Redacted, model.Part}, "a part is a view of a resource"
    for record, secrets in RECORDS:
        fields = set(record.__struct_fields__)
        assert fields - OTHER_RECORDS == set(secrets) - OTHER_RECORDS


@pytest.mark.parametrize(("record", "secrets"), RECORDS, ids=lambda value: type(value).__name__)
def test_however_a_record_is_made_it_holds_no_secret(record: Redacted, secrets: dict[str, Any]) -> None:
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    made = type(record)(**fields | secrets)
    assert "HUNTER2" not in repr(made)
    assert REDACTED in repr(made)
    assert msgspec.structs.replace(record, **secrets) == made


def test_a_gap_that_is_decoded_holds_no_secret() -> None:
    found = msgspec.json.decode(msgspec.json.encode({**msgspec.to_builtins(GAP), "detail": TEXT}), type=model.Gap)
    assert found.detail == "a?sig=[redacted]"


def test_equal_texts_become_one_object_and_stay_of_their_type() -> None:
    text = "/subscriptions/1/resourceGroups/{}"
    bodies = [{"id": text.format("a"), "of": [{"id": text.format("a")}]}, {"id": text.format("a"), "long": "x" * 999}]
    before = copy.deepcopy(bodies)
    assert [redact(body) for body in bodies] == before
    assert bodies[0]["id"] is bodies[1]["id"] is bodies[0]["of"][0]["id"]  # type: ignore[index]
    assert redact({"reason": str(model.GapReason.TIMEOUT)}) == {"reason": "timeout"}
    assert type(redact({"reason": model.GapReason.TIMEOUT})["reason"]) is model.GapReason


def test_texts_and_names_are_remembered_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_MOST", 10)
    for number in range(100):
        assert redact({f"n{number}": f"text {number}", "password": f"secret {number}"})["password"] == REDACTED
    remembered = redaction._harmless  # noqa: SLF001
    assert len(remembered) <= 10
    assert not any("secret" in text for text in remembered)
