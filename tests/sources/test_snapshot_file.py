"""The snapshot file: written files are read back; truncated, changed and foreign ones are refused."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import bundled, files
from auditor.azure import arm
from auditor.azure.types.names import SKU
from auditor.errors import InputError
from auditor.snapshot import redaction
from auditor.snapshot.model import Gap, GapReason, Resource, Snapshot, resource
from auditor.snapshot.skus import sku
from auditor.sources import arm_json, snapshot_file
from tests import cpu

_SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
_VM = f"{_SUBSCRIPTION}/resourceGroups/RG/providers/Microsoft.Compute/virtualMachines/"


def _resource(name: str, properties: object = None, call: str = "", version: str = "") -> Resource:
    return resource({"id": _VM + name, "properties": properties}, _VM + name, call, version=version)


def _taken(*resources: Resource, **rest: Any) -> Snapshot:
    fields: dict[str, Any] = {
        "taken_at": "2026-11-01T06:00:00Z",
        "scopes": (_SUBSCRIPTION,),
        "listed": frozenset(),
        "gaps": (),
    }
    return Snapshot(resources=resources, **(fields | rest))


_SMALL = _taken(
    sku({"resourceType": "virtualMachines", "name": "E8", "locations": ["westeurope"]}),
    _resource("a", {"n": [1, 2.5, None, True, "é\u2028"]}, "GET /x"),
    listed=frozenset({(_SUBSCRIPTION, "microsoft.compute/disks")}),
    gaps=(Gap(_SUBSCRIPTION, "x", GapReason.FORBIDDEN, "AuthorizationFailed", "p/read", "ask", "GET /y"),),
    identity="me",
    deployment="format: auditor.deployment/1\n",
)
_DATA = snapshot_file.encode(_SMALL)
_HEADER, *_RECORDS, _END = _DATA.splitlines()


def refusal(data: bytes) -> InputError:
    """Return the error with which a file is refused."""
    with pytest.raises(InputError) as caught:
        snapshot_file.decode(data, "s.jsonl")
    assert caught.value.file == "s.jsonl"
    return caught.value


def sealed(*records: bytes, header: bytes = _HEADER, count: int | None = None) -> bytes:
    """Return a file with the correct closing record, unless another count is given."""
    body = b"".join(line + b"\n" for line in (header, *records))
    end = {
        "record": "end",
        "count": len(records) if count is None else count,
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return body + json.dumps(end).encode() + b"\n"


# --- there and back ---------------------------------------------------------------------------------------------------

_NAMES = st.text("abcÄé-1. ", min_size=1, max_size=6).filter(lambda name: name == name.strip() and "/" not in name)
_BODIES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


def _skus(records: list[dict[str, Any]]) -> list[Resource]:
    found: dict[str, Resource] = {}
    for record in records:
        item = sku(record, found)
        found[item.key] = item
    return sorted(found.values(), key=lambda item: item.key)


_SNAPSHOTS = st.builds(
    lambda names, bodies, records, **rest: _taken(
        *_skus(records),
        *sorted((_resource(name, bodies[len(name) % len(bodies)]) for name in names), key=lambda found: found.key),
        **rest,
    ),
    st.lists(_NAMES, unique_by=arm.key, max_size=5),
    st.lists(_BODIES, min_size=1, max_size=4),
    st.lists(
        st.fixed_dictionaries(
            {"resourceType": st.text(max_size=2), "locations": st.lists(st.text(max_size=2)) | st.none()}
        ),
        max_size=3,
    ),
    listed=st.frozensets(st.tuples(st.just(_SUBSCRIPTION), st.sampled_from(["a/b", "c/d", "e/f/g"]))),
    gaps=st.lists(
        st.builds(Gap, st.just(_SUBSCRIPTION), st.text(max_size=3), st.sampled_from(GapReason), st.text(max_size=3)),
        max_size=3,
    ).map(tuple),
    identity=st.text(max_size=5),
    cloud=st.sampled_from(["AzureCloud", "AzureChinaCloud"]),
    deployment=st.text(max_size=20),
)


def _comparable(taken: Snapshot) -> object:
    """Return a snapshot without the order of its gaps and SKUs, which the file sorts."""
    gaps = sorted(map(repr, taken.gaps))
    records = sorted(json.dumps(found.body, sort_keys=True) for found in taken.resources if found.type == SKU)
    others = tuple(found for found in taken.resources if found.type != SKU)
    return msgspec.structs.replace(taken, gaps=(), resources=others), gaps, records


@given(taken=_SNAPSHOTS, seed=st.randoms(use_true_random=False))
def test_what_is_written_is_read_back_and_always_written_alike(taken: Snapshot, seed: random.Random) -> None:
    data = snapshot_file.encode(taken)
    assert snapshot_file.is_snapshot(data)
    again = snapshot_file.decode(data, "f")
    assert _comparable(again) == _comparable(taken)
    assert snapshot_file.encode(again) == data
    shuffled = msgspec.structs.replace(
        taken,
        **{name: tuple(seed.sample(getattr(taken, name), len(getattr(taken, name)))) for name in ("resources", "gaps")},
    )
    assert snapshot_file.encode(shuffled) == data
    ids = [arm.key(json.loads(line)["id"]) for line in data.split(b"\n")[1:-2]]
    assert ids == sorted(ids)


@pytest.mark.parametrize("folder", ["trakcare-2018", "trakcare-current", "demo"])
def test_the_fixtures_survive(folder: str) -> None:
    taken = arm_json.decode(files.read(bundled.FIXTURES / folder / bundled.INVENTORY), folder)
    assert _comparable(snapshot_file.decode(snapshot_file.encode(taken), folder)) == _comparable(taken)


def test_packed_or_not_it_is_the_same_file(tmp_path: Path) -> None:
    packed = snapshot_file.encode(_SMALL, compress=True)
    assert packed == snapshot_file.encode(_SMALL, compress=True)
    assert packed[4:8] == bytes(4), "it has no time of compression"
    (tmp_path / "s").write_bytes(packed)
    assert files.read(tmp_path / "s") == _DATA


def test_the_order_of_members_does_not_matter() -> None:
    one, other = _resource("a", {"x": 1, "y": {"a": 1, "b": 2}}), _resource("a", {"y": {"b": 2, "a": 1}, "x": 1})
    assert snapshot_file.encode(_taken(one)) == snapshot_file.encode(_taken(other))


def test_a_file_is_readable_by_line() -> None:
    assert [json.loads(line).get("record") for line in _DATA.splitlines()] == [
        None,
        "gap",
        "listed",
        "resource",
        "sku",
        "end",
    ]
    assert json.loads(_HEADER)["format"] == "auditor.snapshot/1"


# --- cut or changed ---------------------------------------------------------------------------------------------------


def test_a_file_cut_anywhere_is_refused() -> None:
    """Only the last line end may be missing, since it is not content."""
    for end in range(len(_DATA) - 1):
        error = refusal(_DATA[:end])
        complete = "has a header that is not" if end < len(_HEADER) else "is truncated"
        assert error.message.startswith(complete), end
        assert error.line == _DATA[:end].count(b"\n") + (end == 0 or _DATA[end - 1 : end] != b"\n"), end
    assert snapshot_file.decode(_DATA[:-1], "f") == snapshot_file.decode(_DATA, "f")


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_pieces_of_any_size_are_the_same_file(size: int) -> None:
    """A line may begin in one piece and end in a later one, and an error names it as if the file were one piece."""

    def outcome(pieces: list[bytes]) -> Snapshot | tuple[str, int]:
        try:
            return snapshot_file.decode_pieces(pieces, "s.jsonl")
        except InputError as error:
            return error.message, error.line

    wrong = sealed(*_RECORDS, b'{"record":"listed","id":"a"}', *_RECORDS)
    twice = sealed(*_RECORDS, _RECORDS[-1])
    for data in (_DATA, _DATA[:-1], _DATA[: len(_DATA) // 2], _DATA + _DATA, _HEADER, wrong, twice, wrong[:-9]):
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        assert outcome(pieces) == outcome([data])
    assert outcome([_DATA[:size], b"", _DATA[size:]]) == snapshot_file.decode(_DATA, "f")


def test_a_line_is_not_copied_for_every_piece_of_it() -> None:
    with cpu.limit(), pytest.raises(InputError) as refused:
        snapshot_file.decode_pieces(itertools.repeat(b"[" * 100, 200_000), "s")
    assert "has a header that is not" in str(refused.value)


@pytest.mark.parametrize("mask", [1, 2, 4, 8, 16, 32, 64, 128, 255])
def test_a_file_with_one_byte_changed_is_refused(mask: int) -> None:
    whole = snapshot_file.decode(_DATA, "f")
    for place in range(len(_DATA)):
        data = _DATA[:place] + bytes([_DATA[place] ^ mask]) + _DATA[place + 1 :]
        if place == len(_DATA) - 1 and mask in {1, 255}:
            refusal(data)
            continue
        try:
            assert snapshot_file.decode(data, "s.jsonl") == whole
        except InputError:
            continue
        # Accepted changes must not change the content: the case of a hexadecimal digit, or space around the end.
        assert place >= len(_DATA) - len(_END) - 1


@given(data=st.binary(max_size=60), place=st.integers(0, len(_DATA)))
def test_a_file_with_something_put_in_is_refused(data: bytes, place: int) -> None:
    try:
        assert snapshot_file.decode(_DATA[:place] + data + _DATA[place:], "f") == snapshot_file.decode(_DATA, "f")
    except InputError as error:
        assert error.line > 0


@pytest.mark.parametrize(
    ("call", "version", "written"),
    [
        ("", "", None),
        ("", "2022-03-01", "2022-03-01"),
        ("GET /x?api-version=2024-07-01&$top=5", "2024-07-01", None),
        ("GET", "2024-07-01", "2024-07-01"),
        ("POST /resources?api-version=2021-03-01", "", None),
    ],
)
def test_a_version_is_written_where_the_call_does_not_say_it(call: str, version: str, written: str | None) -> None:
    data = snapshot_file.encode(_taken(_resource("a", {}, call, version)))
    assert json.loads(data.splitlines()[1]).get("apiVersion") == written
    (found,) = snapshot_file.decode(data, "s.jsonl").resources
    assert (found.call, found.version) == (call, version)


@pytest.mark.parametrize("record", range(len(_RECORDS)))
def test_a_record_left_out_doubled_or_moved_is_refused(record: int) -> None:
    rest = [*_RECORDS[:record], *_RECORDS[record + 1 :]]
    for records in (rest, [*_RECORDS, _RECORDS[record]], [*rest, _RECORDS[record]]):
        if records != _RECORDS:
            assert "has been changed" in refusal(b"\n".join([_HEADER, *records, _END, b""])).message


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"", 1, "has a header that is not auditor.snapshot/1"),
        (b"\n\n", 1, "has a header that is not"),
        (b"\x00\xff", 1, "has a header that is not"),
        (b'{"format":"auditor.snapshot/\xff"}\n', 1, "has a header that is not"),
        (b"[" * 100_000, 1, "has a header that is not"),
        (_HEADER, 1, "is truncated"),
        (_HEADER + b"\n", 1, "is truncated"),
        (_END + b"\n", 1, "has a header that is not"),
        (
            sealed(header=_HEADER.replace(b"/1", b"/2", 1)),
            1,
            "has the format auditor.snapshot/2; this version reads auditor.snapshot/1",
        ),
        (sealed(header=b'{"format":"auditor.snapshot/1"}'), 1, "missing required field"),
        (sealed(header=_HEADER[:-1] + b',"x":1}'), 1, "unknown field `x`"),
        (sealed(header=_HEADER.replace(b'"AzureCloud"', b"5")), 1, "Expected `str`, got `int`"),
        (sealed(*_RECORDS, count=5), 6, "has 4 records, but 5 by its closing record"),
        (sealed(*_RECORDS, count=-1), 6, "has 4 records"),
        (_DATA + b"x", 7, "is truncated"),
        (_DATA + _RECORDS[0] + b"\n", 7, "is truncated"),
        (_DATA + _DATA, 12, "has been changed"),
        (sealed(*_RECORDS, _END), 6, "has a closing record before its end"),
        (sealed(_END, *_RECORDS), 2, "has a closing record before its end"),
        (sealed(_RECORDS[0], b"", *_RECORDS[1:]), 6, "has 4 records, but 5 by its closing record"),
        (sealed(_HEADER), 2, "missing required field `record`"),
        (sealed(b'{"record":"metric","id":"a"}'), 2, "Invalid value 'metric'"),
        (sealed(_RECORDS[0], b'{"record":"sku","id":"a","body":{},"x":1}'), 3, "unknown field `x`"),
        (sealed(_RECORDS[0], b'{"record":"listed","id":"a"}'), 3, "missing required field `type`"),
        (sealed(b'{"record":"resource","id":"a","body":[]}'), 2, "Expected `object`, got `array`"),
        (sealed(b'{"record":"resource","id":5,"body":{}}'), 2, "Expected `str`, got `int`"),
        (
            sealed(b'{"record":"gap","id":"a","gap":{"scope":"a","what":"b","reason":"lazy"}}'),
            2,
            "Invalid enum value 'lazy'",
        ),
        (sealed(b"{"), 2, "is not a record"),
        (sealed(b"7"), 2, "is not a record"),
        (sealed(*_RECORDS, b"\xff"), 6, "is not a record"),
        (sealed(b'{"record":"resource","id":"\xff","body":{}}'), 2, "is not a record"),
        (sealed(b'{"record":"sku","id":"a","body":{"x":NaN}}'), 2, "is not a record"),
        (sealed(b'{"record":"sku","id":"a","body":{"x":1e999}}'), 2, "is not a record"),
        (sealed(*_RECORDS, b'{"record":"sku","id":"a","body":' + b'{"a":' * 100_000), 6, "is nested too deeply"),
    ],
    ids=range(34),
)
def test_what_is_no_snapshot_is_refused_on_its_line(data: bytes, line: int, message: str) -> None:
    error = refusal(data)
    assert message in error.message
    assert error.line == line
    assert "\n" not in error.message


def test_two_resources_of_one_id_are_refused_whatever_its_case() -> None:
    def record(arm_id: str) -> bytes:
        return msgspec.json.encode({"record": "resource", "id": arm_id, "body": {}})

    error = refusal(sealed(_RECORDS[0], record(_VM + "a"), record(_VM + "b"), record(_VM.upper() + "A/")))
    assert (error.line, error.message) == (5, f"has {_VM.upper()}A/ twice")


def test_records_may_come_in_any_order_and_a_line_end_may_be_crlf_where_the_sum_says_so() -> None:
    assert snapshot_file.decode(sealed(*reversed(_RECORDS)), "f") == snapshot_file.decode(_DATA, "f")
    assert snapshot_file.decode(sealed(*(line + b"\r" for line in _RECORDS)), "f") == snapshot_file.decode(_DATA, "f")
    assert "has been changed" in refusal(_DATA.replace(b"\n", b"\r\n")).message


@pytest.mark.parametrize("data", [b"", b"[]", b'{"value":[]}', b'{"format":"auditor.report/1"}', b"\x1f\x8b", b"{"])
def test_other_files_are_not_taken_for_snapshots(data: bytes) -> None:
    assert not snapshot_file.is_snapshot(data)


def test_a_later_version_is_taken_for_a_snapshot_so_that_it_can_be_refused_by_name() -> None:
    assert snapshot_file.is_snapshot(_DATA.replace(b"/1", b"/22", 1))


@pytest.mark.parametrize("levels", [redaction.DEEPEST - 1, redaction.DEEPEST])
def test_a_body_that_is_accepted_is_written_and_read_again(levels: int) -> None:
    body = b'{"a":' * levels + b"{}" + b"}" * levels
    file = sealed(b'{"record":"resource","id":"%s","body":%s,"call":""}' % (_VM.encode(), body))
    if levels < redaction.DEEPEST:
        assert snapshot_file.encode(snapshot_file.decode(file, "f")).splitlines()[1] == file.splitlines()[1]
    else:
        error = refusal(file)
        assert (error.line, error.message) == (2, "is nested too deeply")
