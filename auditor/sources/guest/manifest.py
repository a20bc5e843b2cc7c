"""`manifest.yaml`: from which VM the files of a folder are, and when they were taken."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Final

import msgspec

from auditor import yaml_documents
from auditor.yaml_documents import Document

NAME: Final = "manifest.yaml"
SCHEMA: Final = "guest"


class ListedFile(msgspec.Struct, frozen=True):
    """One file of a VM."""

    line: int
    sha256: str
    """The SHA-256 of its bytes in lower case, "" if the manifest does not state it."""


class Entry(msgspec.Struct, frozen=True):
    """The files of one VM."""

    folder: str
    """The name of the VM, or `<resource group>~<VM name>`: that of its folder."""
    at: str
    """When they were taken, as an RFC 3339 time in UTC."""
    files: dict[str, ListedFile]
    """The files by their names."""
    manifest: str
    """The path of the manifest."""
    line: int


def parse(data: bytes, path: Path) -> list[Entry]:
    """Return the entries of a manifest.

    Raises:
        InputError: it is malformed, or has a VM or a file twice.
    """
    document = yaml_documents.parse(data, str(path)).check(SCHEMA)
    value: Any = document.value
    found: dict[str, Entry] = {}
    for item in value["taken"]:
        entry = _entry(document, item)
        if entry.folder.lower() in found:
            message = f"has {entry.folder} twice; list all its files in one entry"
            raise document.error(message, item, "machine")
        found[entry.folder.lower()] = entry
    return [*found.values()]


def _entry(document: Document, item: Any) -> Entry:  # noqa: ANN401 - parsed YAML
    files: dict[str, ListedFile] = {}
    for index, file in enumerate(item["files"]):
        name, sha256 = (file, "") if isinstance(file, str) else (file["name"], file["sha256"].lower())
        if name.lower() in {other.lower() for other in files}:
            message = f"has the file {name} twice"
            raise document.error(message, item["files"], index)
        files[name] = ListedFile(document.line(item["files"], index), sha256)
    return Entry(item["machine"], _time(document, item), files, document.file, document.line(item, "machine"))


def _time(document: Document, item: Any) -> str:  # noqa: ANN401 - parsed YAML
    try:
        found = dt.datetime.fromisoformat(item["at"])
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        message = f"must be a time with a zone, such as 2026-11-01T02:00:00Z, not {item['at']!r}"
        raise document.error(message, item, "at")
    return found.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
