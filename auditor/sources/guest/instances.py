"""What `iris list` and `ccontrol list` print: the instances of a VM."""

from __future__ import annotations

import re
from typing import Any, Final

from auditor.snapshot.guest_kinds import GuestKind
from auditor.sources.guest.content import Builder, Content, Place, name, port, text
from auditor.sources.guest.text import lines

START: Final = re.compile(r"Configuration '([\w.-]{1,64})'.*")
_FIELD: Final = re.compile(r"\s+([a-z][a-z ]{1,20}):\s+(.*\S)\s*")
_CONF: Final = re.compile(r"(\S+)\s+\(SuperServer port = (\d{1,5}), WebServer = (\d{1,5}|[A-Za-z]+)\)")
_MIRRORING: Final = re.compile(r"Member Type = ([\w -]{1,32}?)\s*;\s*Status = ([\w -]{1,32})")
_PLAIN: Final = {"directory": "directory", "versionid": "version", "state": "state", "product": "product"}
KEPT: Final = (*_PLAIN, "status", "conf file", "mirroring")
"""The names of the lines that are kept."""


def parse(whole: str) -> Content:
    """Return the instances, with ports and state in the mirror."""
    builder = Builder(GuestKind.INSTANCES)
    items: list[dict[str, Any]] = []
    for line in lines(whole):
        start = START.fullmatch(line.text.strip())
        field = _FIELD.fullmatch(line.text)
        if start and line.ended:
            items.append({"name": start[1]})
        elif field and items and line.ended:
            _put(Place(builder, f"instances[{len(items) - 1}]", items[-1], line.number), field[1], field[2])
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


def _put(place: Place, key: str, value: str) -> None:
    """Put what a line says of an instance."""
    if key in _PLAIN:
        place.put(_PLAIN[key], value, text)
    elif key == "status":
        place.put("status", value.partition(",")[0], name)
    elif key == "conf file":
        found = _CONF.fullmatch(value)
        place.put("superServerPort", found[2] if found else "?", port)
        place.put("webServerPort", found[3] if found else "?", port)
    elif key == "mirroring":
        found = _MIRRORING.fullmatch(value)
        if found:
            place.item |= {"mirrorMemberType": found[1], "mirrorStatus": found[2]}
        else:
            place.miss("mirrorMemberType", "is malformed")
            place.miss("mirrorStatus", "is malformed")
