"""No secret of a file is kept in memory or written, wherever it is in the file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor import bundled, files
from auditor.cli import exit_codes
from auditor.cli.main import main
from auditor.report import formats
from auditor.snapshot.model import Snapshot
from auditor.snapshot.redaction import REDACTED
from auditor.sources import arm_json, snapshot_file

SECRET = "HUNTER2"
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
VM = f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm"
SKU = {"resourceType": "virtualMachines", "name": "E8", "size": "E8", "locations": ["westeurope"], "capabilities": []}
GAP = {"scope": VM, "what": "a/b", "code": "c", "permission": "p/read", "detail": "d", "call": "GET /e"}
KINDS: list[Any] = [
    {"adminPassword": SECRET},
    {"CUSTOMDATA": SECRET},
    {"protectedSettings": {"a": [SECRET]}},
    {"commandToExecute": f"sh {SECRET}"},
    {"fileUris": [f"https://a/{SECRET}"]},
    {"serviceKey": SECRET},
    {"authorizationKey": SECRET},
    {"sharedkey": SECRET},
    {"uri": f"https://a/b?sv=1&sig={SECRET}"},
    f"AccountName=a;AccountKey={SECRET}==;",
    f'{{"commandToExecute": "sh {SECRET}", "fileUris": ["https://{SECRET}"]}}',
    f"https://a/b?next=https%3A%2F%2Fc%3Fsig%3D{SECRET}",
]
FORMATS = (*formats.FORMATS, "snapshot")


def sealed(header: dict[str, Any], *records: dict[str, Any]) -> bytes:
    """Return a snapshot file that another program could write."""
    content = b"".join(
        json.dumps(line, separators=(",", ":")).encode() + b"\n"
        for line in ({"format": snapshot_file.FORMAT} | header, *records)
    )
    end = {"record": "end", "count": len(records), "sha256": hashlib.sha256(content).hexdigest()}
    return content + json.dumps(end).encode() + b"\n"


def snapshot_lines(body: Any = None) -> list[dict[str, Any]]:
    """Return the content of a snapshot file with a value in every field."""
    header = {"takenAt": "2026", "cloud": "c", "identity": "i", "scopes": [SUBSCRIPTION], "deployment": "# d"}
    return [
        header | {"approved": {"by": "b", "at": "a", "reason": "r"}},
        {"record": "resource", "id": VM, "body": {"id": VM, "properties": body, "kept": "neighbour"}, "call": "GET /x"},
        {"record": "listed", "id": SUBSCRIPTION, "type": "a/b"},
        {"record": "gap", "id": VM, "gap": GAP | {"reason": "timeout"}},
        {"record": "sku", "id": "sku/a", "body": SKU | {"properties": body, "kept": "neighbour"}},
    ]


def arm_json_content(body: Any = None) -> dict[str, Any]:
    """Return the content of an ARM JSON file with a value in every field."""
    return {
        "takenAt": "2026",
        "listed": {SUBSCRIPTION: ["a/b"]},
        "gaps": [GAP | {"reason": "timeout"}],
        "value": [{"id": VM, "properties": body, "kept": "neighbour"}, SKU | {"properties": body, "kept": "neighbour"}],
    }


def read_snapshot_file(lines: list[dict[str, Any]]) -> Snapshot:
    return snapshot_file.decode(sealed(*lines), "f")


def read_arm_json(content: dict[str, Any]) -> Snapshot:
    return arm_json.decode(json.dumps(content).encode(), "f")


SOURCES: list[tuple[Callable[[Any], Any], Callable[[Any], Snapshot]]] = [
    (snapshot_lines, read_snapshot_file),
    (arm_json_content, read_arm_json),
]


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every text in a JSON value, except those that a format prescribes."""
    if isinstance(value, str):
        if path[-1] not in {"record", "reason"} or path[-2:] == ("approved", "reason"):
            yield path
    else:
        for name, item in value.items() if isinstance(value, dict) else enumerate(value or ()):
            yield from places(item, (*path, name))


def with_text(value: Any, path: tuple[str | int, ...]) -> Any:
    """Append a secret to the text at a path."""
    holder = value
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] += f"?sig={SECRET}"
    return value


@pytest.mark.parametrize("kind", KINDS, ids=range(len(KINDS)))
@pytest.mark.parametrize(("content", "read"), SOURCES, ids=["snapshot file", "ARM JSON file"])
def test_no_kind_of_secret_is_read_from_a_body(
    content: Callable[[Any], Any], read: Callable[[Any], Snapshot], kind: Any
) -> None:
    taken = read(content([[{"a": kind, "secretUrl": "https://v"}]]))
    written = snapshot_file.encode(taken)
    for text in (repr(taken), written.decode()):
        assert SECRET not in text
        assert text.count(REDACTED) >= 2, "in the resource and in the SKU"
        assert text.count("neighbour") == text.count("https://v") == 2


@pytest.mark.parametrize(("content", "read", "count"), [(*SOURCES[0], 27), (*SOURCES[1], 14)], ids=["snapshot", "ARM"])
def test_a_secret_is_removed_wherever_it_is_in_a_file(
    content: Callable[[Any], Any], read: Callable[[Any], Snapshot], count: int
) -> None:
    found = list(places(content({"a": "b"})))
    assert len(found) >= count
    for path in found:
        taken = read(with_text(content({"a": "b"}), path))
        assert SECRET not in repr(taken), path
        assert SECRET.encode() not in snapshot_file.encode(taken), path


@pytest.mark.slow
@pytest.mark.parametrize("by_snapshot", [True, False], ids=["snapshot file", "ARM JSON file"])
def test_no_secret_of_a_file_comes_out_of_a_command(
    by_snapshot: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    inventory = json.loads(files.read(bundled.DEMO / bundled.INVENTORY))
    for body in inventory["value"]:
        body["planted"] = KINDS
        for name, value in body.get("tags", {}).items():
            body["tags"][name] = f"{value}?sig={SECRET}" if not name.startswith("iris-") else value
    file = tmp_path / "file"
    if by_snapshot:
        records = [
            {"record": "resource", "id": body["id"], "body": body, "call": f"GET /?sig={SECRET}"}
            for body in inventory["value"]
            if "id" in body
        ]
        declared = f"# sig={SECRET}\n{(bundled.DEMO / bundled.DEPLOYMENT).read_text(encoding='utf-8')}"
        header = {"takenAt": inventory["takenAt"], "cloud": "AzureCloud", "identity": "", "deployment": declared}
        file.write_bytes(sealed(header | {"scopes": list(inventory["listed"])}, *records))
    else:
        file.write_text(json.dumps(inventory))
    outputs = [argument for name in FORMATS for argument in ("-o", f"{name}={tmp_path / name}")]
    main(["scan", "--snapshot", str(file), "--passes", *outputs])
    assert main(["discover", "--snapshot", str(file)]) == exit_codes.OK
    printed = capfd.readouterr()
    texts = {name: (tmp_path / name).read_text() for name in FORMATS} | {"stdout": printed.out, "stderr": printed.err}
    assert {name for name, text in texts.items() if SECRET in text} == set()
    assert all(texts[name] for name in (*FORMATS, "stdout"))
    assert REDACTED in texts["snapshot"]
