"""ARM JSON files: the accepted shapes, the snapshot made from them, and the line of errors."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import files
from auditor.azure.types import VERSIONS
from auditor.azure.types.names import SKU
from auditor.errors import InputError
from auditor.snapshot.model import Gap, GapReason, Snapshot
from auditor.sources import arm_json

_SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
_VM = f"{_SUBSCRIPTION}/resourceGroups/RG/providers/Microsoft.Compute/virtualMachines/"
_SKU = {"resourceType": "virtualMachines", "name": "E8", "locations": ["westeurope"], "capabilities": []}


def vm(name: str, **rest: object) -> dict[str, object]:
    return {"id": _VM + name, "properties": {}, **rest}


def decode(content: object) -> Snapshot:
    data = (
        content
        if isinstance(content, bytes)
        else content.encode()
        if isinstance(content, str)
        else json.dumps(content).encode()
    )
    return arm_json.decode(data, "i.json")


def fault(content: object) -> tuple[int, str]:
    with pytest.raises(InputError) as caught:
        decode(content)
    assert caught.value.file == "i.json"
    assert "\n" not in caught.value.message
    return caught.value.line, caught.value.message


# --- what is taken ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        [vm("b"), vm("a")],
        {"value": [vm("b"), vm("a")]},
        {"value": [vm("b"), vm("a")], "data": None, "nextLink": None},
        {"data": [vm("b"), vm("a")], "count": 2, "skip_token": None, "total_records": 2},
        {"value": [vm("b"), vm("a")], "nextLink": "https://more"},
        {"$schema": "x", "value": [vm("b"), vm("a")], "anything": {"value": [1]}},
        {
            "totalRecords": 2,
            "$skipToken": None,
            "data": {
                "columns": [{"name": "id", "type": "string"}, {"name": "properties", "type": "object"}],
                "rows": [[_VM + "b", {}], [_VM + "a", {}]],
            },
        },
        [vm("b"), vm("a"), vm("b")],
        [vm("b"), vm("a"), {"id": _VM.lower() + "A"}, vm("b")],
        "\ufeff" + json.dumps([vm("b"), vm("a")]),
        " \r\n\t" + json.dumps([vm("b"), vm("a")], indent=2) + "\n\n",
    ],
)
def test_every_shape_gives_the_same_resources(content: object) -> None:
    taken = decode(content)
    assert [(found.id, found.key, found.type, found.body) for found in taken.resources] == [
        (_VM + name, (_VM + name).lower(), "microsoft.compute/virtualmachines", vm(name)) for name in "ab"
    ]
    assert (taken.scopes, taken.listed, taken.gaps, taken.taken_at) == ((_SUBSCRIPTION,), frozenset(), (), "")


@pytest.mark.parametrize("content", ["[]", '{"value":[]}', '{"data":[]}', '{"value":null,"data":[]}'])
def test_an_empty_list_is_one(content: str) -> None:
    assert decode(content).resources == ()


def test_what_the_file_claims_is_taken_over_in_comparable_form() -> None:
    gap = {"scope": _SUBSCRIPTION, "what": "a/b", "reason": "forbidden", "code": "AuthorizationFailed"}
    taken = decode(
        {
            "takenAt": "2026-11-01T06:00:00Z",
            "listed": {_SUBSCRIPTION.upper() + "/": ["Microsoft.Compute/disks", "Microsoft.Resources/resourceGroups"]},
            "gaps": [gap],
            "value": [],
        }
    )
    types = {"microsoft.compute/disks", "microsoft.resources/subscriptions/resourcegroups"}
    assert taken.listed == {(_SUBSCRIPTION, type_) for type_ in types}
    assert taken.scopes == (_SUBSCRIPTION,)
    assert taken.gaps == (Gap(_SUBSCRIPTION, "a/b", GapReason.FORBIDDEN, "AuthorizationFailed"),)
    assert taken.taken_at == "2026-11-01T06:00:00Z"


def test_records_of_sizes_are_distinguished_from_resources() -> None:
    taken = decode([_SKU, vm("a"), _SKU])
    assert [found.body for found in taken.resources if found.type == SKU] == [_SKU, _SKU]
    assert (len(taken.resources), taken.resource_count) == (3, 1)


@pytest.mark.parametrize(
    "body",
    [
        {"id": _VM + "a", "name": "a", "type": "Microsoft.Compute/virtualMachines", "location": "westeurope"},
        {"id": _VM + "a", "hardwareProfile": {"vmSize": "E8"}, "storageProfile": {}},
        {"id": _VM + "a", "properties": None},
        {"id": _VM + "a", "properties": []},
    ],
)
def test_a_resource_without_properties_is_a_gap_that_names_a_command(body: dict[str, object]) -> None:
    (gap,) = decode([body]).gaps
    assert (gap.scope, gap.what, gap.reason) == (_VM + "a", "microsoft.compute/virtualmachines", GapReason.UNSUPPORTED)
    assert (
        f"az rest --method get --url '{_VM}a?api-version={VERSIONS['Microsoft.Compute/virtualMachines']}'" in gap.detail
    )


def test_subscriptions_and_their_regions_have_no_properties() -> None:
    region = {"id": f"{_SUBSCRIPTION}/locations/westeurope", "name": "westeurope", "type": "Region"}
    taken = decode([{"id": _SUBSCRIPTION, "displayName": "x"}, region])
    assert (taken.gaps, len(taken.resources)) == ((), 2)
    assert taken.resource_count == 1, "a region is what Azure offers"


def test_a_packed_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "i.json.gz").write_bytes(gzip.compress(json.dumps([vm("a")]).encode()))
    assert len(decode(files.read(tmp_path / "i.json.gz")).resources) == 1


def test_a_number_of_any_length_and_deep_bodies_are_taken() -> None:
    deep: object = 1
    for _ in range(200):
        deep = [deep]
    assert decode([vm("a", n=10**400, deep=deep)]).resources[0].body["n"] == 10**400


def test_no_secret_goes_beyond_it() -> None:
    signed = "https://x.blob.core.windows.net/s?sv=1&sig=HUNTER2"
    body = vm("a", osProfile={"customData": "HUNTER2", "adminUsername": "azure"}, script=signed)
    sku = {"resourceType": "virtualMachines", "name": "s", "capabilities": [], "password": "HUNTER2"}
    taken = decode([body, sku])
    assert "HUNTER2" not in repr(taken)
    assert taken.resources[1].body["osProfile"] == {"customData": "[redacted]", "adminUsername": "azure"}
    deep = b'[{"id": "/subscriptions/s"},\n{"id": "/subscriptions/t", "a": ' + b"[" * 900 + b"]" * 900 + b"}]"
    with pytest.raises(InputError, match="f:2: element 1 is nested too deeply"):
        arm_json.decode(deep, "f")


# --- what is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("", 1, "is neither a snapshot nor a JSON list"),
        ("{}", 1, 'has no "value" and no "data"'),
        ('{"Value": []}', 1, 'has no "value" and no "data"'),
        ('{"value": null}', 1, 'has no "value" and no "data"'),
        ('{"value": [], "data": []}', 1, 'has both "value" and "data"'),
        ('{"n": [1, "[1"],\n"value": [\n1]}', 3, "element 0 is not an Azure resource"),
        ("null", 1, "Expected `object`, got `null`"),
        ("7", 1, "Expected `object`, got `int`"),
        ('"x"', 1, "Expected `object`, got `str`"),
        ('{"value": {}}', 0, "Expected `array | null`, got `object` - at `$.value`"),
        ('{\n"value": [],\n"takenAt": 5}', 0, "`$.takenAt`"),
        ('{"value": [], "listed": []}', 0, "`$.listed`"),
        ('{"value": [], "listed": {"a": "b"}}', 0, "`$.listed[...]`"),
        ('{"value": [], "gaps": [{"scope": "a", "what": "b", "reason": "lazy"}]}', 0, "Invalid enum value 'lazy'"),
        ('{"value": [], "nextLink": 5}', 0, "`$.nextLink`"),
        ('{"value": [], "listed": {"": ["a/b"]}}', 0, "has \"listed\" types of ''"),
        (
            f'{{"value": [], "listed": {{"{_SUBSCRIPTION[15:]}": ["a/b"]}}}}',
            0,
            f"has \"listed\" types of '{_SUBSCRIPTION[15:]}'",
        ),
        (
            f'{{"value": [], "listed": {{"{_SUBSCRIPTION}": ["a/b"]}}, "nextLink": "x"}}',
            0,
            'its "nextLink" shows that pages are missing',
        ),
        (
            f'{{"data": [], "listed": {{"{_SUBSCRIPTION}": ["a/b"]}}, "skip_token": "x"}}',
            0,
            'its "skip_token" shows that pages are missing',
        ),
        (
            f'{{"data": [], "listed": {{"{_SUBSCRIPTION}": ["a/b"]}}, "total_records": 2}}',
            0,
            'has "listed" types, but only 0 of 2 records',
        ),
        (
            f'{{"data": [], "listed": {{"{_SUBSCRIPTION}": ["a/b"]}}, "$skipToken": "x"}}',
            0,
            'its "$skipToken" shows that pages are missing',
        ),
        (
            f'{{"data": [], "listed": {{"{_SUBSCRIPTION}": ["a/b"]}}, "totalRecords": 1}}',
            0,
            'has "listed" types, but only 0 of 1 records',
        ),
        ('{"data": {"columns": [], "rows": 1}}', 0, "`$.data.rows`"),
        ('{"data": {"columns": [{"name": "id"}],\n"rows": [\n["x"]]}}', 3, "element 0 is not an Azure resource"),
        ('{"value": [], "apiVersion": "2024-05-01"}', 0, "`$.apiVersion`"),
        ('{"value": [], "apiVersion": {"a/b": 2024}}', 0, "`$.apiVersion[...]`"),
        ('{"value": [], "apiVersion": {"a/b": "latest"}}', 0, "has the \"apiVersion\" 'latest' of 'a/b'"),
        ('{"value": [], "apiVersion": {"ab": "2024-05-01"}}', 0, "has the \"apiVersion\" '2024-05-01' of 'ab'"),
        (f'[\n{{"id": "{_VM}a", "apiVersion": "v1"}}]', 2, "element 0 has the \"apiVersion\" 'v1', which is not like"),
        (f'[{{"id": "{_VM}a", "apiVersion": {{}}}}, 1]', 1, "element 1 is not an Azure resource"),
        (f'[{{"id": "{_VM}a", "apiVersion": 2024}}]', 1, 'element 0 has the "apiVersion" 2024, which is not like'),
        ("[\n1,\n2", 3, "truncated"),
        ("[1,\n2,\n]", 3, "malformed"),
        ("[]\n x", 2, "trailing characters"),
        ("[\nNaN]", 2, "malformed"),
        ("[1e999]", 0, "out of range"),
        ("[" + "9" * 5000 + "]", 0, "out of range"),
        (b"[\n\xff]", 2, "malformed"),
        (b'[\n"\xff"]', 2, "is not UTF-8 text"),
        ("[]".encode("utf-16"), 1, "is UTF-16 text"),
        (b"\x00", 1, "malformed"),
        (b"\x89PNG\r\n\x1a\n", 1, "malformed"),
        ("[" * 100_000, 0, "is nested too deeply"),
        ('{"value":[' + '{"a":' * 100_000, 0, "is nested too deeply"),
        ('{"value":["\\ud800"]}', 1, "is neither a snapshot nor"),
    ],
    ids=range(45),
)
def test_what_is_no_inventory_is_refused(content: str | bytes, line: int, message: str) -> None:
    found = fault(content)
    assert message in found[1]
    assert found[0] == line


_WRONG: list[Any] = [
    *(1, None, "x", [], [1], {}, {"id": 5}, {"id": None}, {"id": ""}, {"id": "vm-a"}, {"id": "/subscriptions/"}),
    *({"id": "/subscriptions/a/b"}, {"id": "/providers/Microsoft.Compute/operations/x"}, {"resourceType": "x"}),
    {**_SKU, "id": "x"},
]
_BEFORE: list[dict[str, Any]] = [
    {},
    {"note": 'a "value": [ and ] and {'},
    {"note": '\\"value\\"', "other": {"value": [1, 2], "data": [[{}]]}},
    {"type": "value", "count": 1, "é\u2028": "é\n"},
]


@pytest.mark.slow
@pytest.mark.parametrize("wrong", _WRONG, ids=range(len(_WRONG)))
@pytest.mark.parametrize("before", _BEFORE, ids=range(len(_BEFORE)))
@pytest.mark.parametrize("key", ["value", "data", ""])
def test_an_element_that_is_no_resource_is_named_with_its_line(wrong: object, before: dict[str, Any], key: str) -> None:
    elements = [vm("a", x="],[{"), _SKU, wrong, vm("b")]
    for indent in (None, 1):
        for ascii_only in (True, False):
            content = elements if not key else {**before, key: elements, "after": ["x"]}
            text = json.dumps(content, indent=indent, ensure_ascii=ascii_only)
            head = json.dumps(elements[:2] if not key else {**before, key: elements[:2]}, indent=indent)
            expected = 1 if indent is None else head.count("\n") + (1 if not key else 0)
            line, message = fault(text)
            assert message.startswith("element 2 is not an Azure resource")
            assert line == expected


@pytest.mark.parametrize(
    "text", ['{"value":[],"value":[\n1]}', '{"\\u0076alue":[\n1]}', '{"value":\n\n[\n\n1]}', '{"value" :[1]}', "[1]"]
)
def test_an_odd_spelling_of_the_list_does_no_harm(text: str) -> None:
    assert fault(text)[1].startswith("element 0 is not an Azure resource")
    assert fault(text)[0] == text[: text.index("1")].count("\n") + 1


def test_a_contradiction_names_both_elements_and_the_property_on_the_line_of_the_second() -> None:
    for first, second, path in (
        (vm("a", x=1), vm("a", x=2), "x"),
        (vm("a", properties={"y": {"z": "p"}}), vm("A", properties={"y": {"z": "q"}}), "properties.y.z"),
        (vm("a", properties={"y": ["p"]}), vm("a", properties={"y": []}), "properties.y"),
    ):
        text = ",\n".join(json.dumps(body) for body in (first, vm("b"), vm("a"), second))
        line, message = fault(f"[\n{text}\n]")
        told = (
            f"elements 0 and 3 contradict each other in {path} of {second['id']}; leave out the one that was read first"
        )
        assert (line, message) == (5, told)


# --- versions ---------------------------------------------------------------------------------------------------------


def versions(content: object) -> dict[str, str]:
    return {found.name: found.version for found in decode(content).resources}


def test_a_body_has_its_own_version_or_that_of_its_type() -> None:
    of_type = {"microsoft.compute/VIRTUALMACHINES": "2022-03-01", "Microsoft.Compute/disks": "2020-06-30"}
    bodies = [vm("a"), vm("b", apiVersion="2024-07-01"), vm("c", apiVersion=None), vm("d", apiVersion="")]
    assert versions({"value": bodies, "apiVersion": of_type}) == {
        "a": "2022-03-01",
        "b": "2024-07-01",
        "c": "2022-03-01",
        "d": "2022-03-01",
    }
    assert versions(bodies) == {"a": "", "b": "2024-07-01", "c": "", "d": ""}
    assert versions({"value": [vm("a")], "apiVersion": {"Microsoft.Compute/disks": "2020-06-30"}}) == {"a": ""}
    assert all("apiVersion" not in found.body for found in decode(bodies).resources)


# --- anything at all --------------------------------------------------------------------------------------------------

_ITEMS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([_VM + "a", _VM + "b", _SUBSCRIPTION, "value", "forbidden", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "properties",
                    "value",
                    "data",
                    "listed",
                    "gaps",
                    "takenAt",
                    "nextLink",
                    "resourceType",
                    "capabilities",
                    "scope",
                    "what",
                    "reason",
                    _SUBSCRIPTION,
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(
    content=_ITEMS | st.lists(_ITEMS, max_size=3) | st.fixed_dictionaries({"value": st.lists(_ITEMS, max_size=4)}),
    indent=st.sampled_from([None, 2]),
)
def test_any_json_is_taken_or_refused(content: object, indent: int | None) -> None:
    text = json.dumps(content, indent=indent)
    try:
        decode(text)
    except InputError as error:
        assert 0 <= error.line <= text.count("\n") + 1


@given(
    data=st.binary(max_size=40)
    | st.binary(max_size=20).map(lambda data: b'{"value":[' + data + b"]}")
    | st.text('[]{}":,\\ \n1e-aNu', max_size=30).map(str.encode)
)
def test_any_bytes_are_taken_or_refused(data: bytes) -> None:
    try:
        decode(data)
    except InputError as error:
        assert 0 <= error.line <= data.count(b"\n") + 1
