"""What `iris list` and `ccontrol list` print: the instances of a VM."""

from __future__ import annotations

import re
from typing import Any, Final

from auditor.sources.guest.content import Builder, Content, name, port, text
from auditor.sources.guest.text import Line, lines

KIND: Final = "instances"
START: Final = re.compile(r"Configuration '([\w.-]{1,64})'.*")
_FIELD: Final = re.compile(r"\s+([a-z][a-z ]{1,20}):\s+(.*\S)\s*")
_CONF: Final = re.compile(r"(\S+)\s+\(SuperServer port = (\d{1,5}), WebServer = (\d{1,5}|[A-Za-z]+)\)")
_MIRRORING: Final = re.compile(r"Member Type = ([\w -]{1,32}?)\s*;\s*Status = ([\w -]{1,32})")
_PLAIN: Final = {"directory": "directory", "versionid": "version", "state": "state", "product": "product"}


def parse(whole: str) -> Content:
    """Return the instances, with ports and state in the mirror."""
    builder = Builder()
    builder.properties["kind"] = KIND
    items: list[dict[str, Any]] = []
    every = lines(whole)
    for line in every:
        start = START.fullmatch(line.text.strip())
        field = _FIELD.fullmatch(line.text)
        if start and line.ended:
            items.append({"name": start[1]})
        elif field and items and line.ended:
            _put(builder, items[-1], f"instances[{len(items) - 1}]", field[1], field[2], line)
        elif line.text.strip():
            builder.miss("instances[*]", f"line {line.number} is malformed")
    builder.properties["instances"] = items
    if not items:
        builder.miss("instances[*]", "the file has no instance")
    else:
        # A file has no end, so that what the last instance lacks may have been cut off.
        for own in ("superServerPort", "webServerPort", "mirrorMemberType", "mirrorStatus", "status"):
            if own not in items[-1]:
                builder.miss(f"instances[{len(items) - 1}].{own}", "the file may be cut")
    return builder.content()


def _put(builder: Builder, item: dict[str, Any], path: str, key: str, value: str, line: Line) -> None:
    number = line.number
    if key in _PLAIN:
        builder.put(item, path, _PLAIN[key], value, text, number)
    elif key == "status":
        builder.put(item, path, "status", value.partition(",")[0], name, number)
    elif key == "conf file":
        found = _CONF.fullmatch(value)
        if found:
            builder.put(item, path, "superServerPort", found[2], port, number)
            builder.put(item, path, "webServerPort", found[3], port, number)
        else:
            builder.miss(f"{path}.superServerPort", f"line {number} is malformed")
            builder.miss(f"{path}.webServerPort", f"line {number} is malformed")
    elif key == "mirroring":
        found = _MIRRORING.fullmatch(value)
        if found:
            item |= {"mirrorMemberType": found[1], "mirrorStatus": found[2]}
        else:
            builder.miss(f"{path}.mirrorMemberType", f"line {number} is malformed")
            builder.miss(f"{path}.mirrorStatus", f"line {number} is malformed")
