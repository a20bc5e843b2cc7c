"""The lines of a CPF about mirrors, whose values are told by their place: `[Mirrors]` and `[MapMirrors.NAME]`.

A value that was lost or added moves those behind it, so a line is read only if every value has the form of its place.
"""

from __future__ import annotations

from typing import Any, Final

from auditor.sources.guest.content import Place, Read, address, flag, guid, name, number, one_of, port, required, text

_IRIS: Final = "iris"
_CACHE: Final = "cache"
_COMPRESSION: Final = {"0": "system", "1": "none", "2": "compressed"}


def _compression(value: str) -> str | None:
    if value and value not in _COMPRESSION:
        raise ValueError
    return _COMPRESSION.get(value)


def _arbiter(value: str) -> dict[str, Any] | None:
    """Read `host|port`; several addresses of an arbiter are not documented."""
    if not value:
        return None
    host, separator, own_port = value.partition("|")
    found = {"host": address(host), "port": port(own_port)}
    if not separator or None in found.values():
        raise ValueError
    return found


def _virtual_address(value: str) -> str | None:
    """Read the mirror virtual IP, perhaps with the length of its prefix."""
    host, separator, length = value.partition("/")
    if separator and not (length.isdecimal() and len(length) <= len("128")):
        raise ValueError
    address(host)
    return value or None


_COMMON: Final[tuple[tuple[str, Read], ...]] = (
    ("guid", required(guid)),
    ("", required(one_of("2"))),
    ("", required(one_of("1"))),
    ("definedPrimary", name),
    ("qosTimeout", required(number)),
    ("", required(one_of("0"))),
    ("useSsl", required(flag)),
    ("virtualAddress", _virtual_address),
    ("", required(one_of("0"))),
)
_MIRRORS: Final[dict[str, tuple[tuple[str, Read], ...]]] = {
    _IRIS: (
        *_COMMON,
        ("arbiter", _arbiter),
        ("compressionFailover", required(_compression)),
        ("compressionAsync", required(_compression)),
        ("parallelDejournaling", required(one_of("0", "1", "2"))),
        ("", required(one_of("0", "1", "2"))),
        ("", required(one_of("0", "1", "2"))),
    ),
    _CACHE: (
        *_COMMON,
        ("agentAddress", address),
        ("agentPort", port),
        ("arbiter", _arbiter),
        ("parallelDejournaling", required(one_of("0", "1", "2"))),
    ),
}
"""The values of a line of [Mirrors], by layout; those without a name are for internal use."""
_FEWEST: Final = 12
"""Values that a line has at least: versions leave out the last ones."""

_MEMBER: Final[tuple[tuple[str, Read], ...]] = (
    ("agentAddress", address),
    ("agentPort", required(port)),
    ("", one_of()),
    ("superServerAddress", required(address)),
    ("guid", required(guid)),
    ("directory", required(text)),
    ("memberType", required(one_of("0", "2"))),
    ("mirrorPrivate", required(address)),
    ("superServerPort", required(port)),
)
"""The values of a line of [MapMirrors.NAME]; those behind them are for internal use."""


def put_mirror(place: Place, line: str, product: str) -> None:
    """Put a line of [Mirrors]; the product decides the layout, or the line itself where the product is unknown."""
    values = line.split(",")
    layouts = [_IRIS] if product == "IRIS" else [_CACHE] if product else [_IRIS, _CACHE]
    found = {layout: read for layout in layouts if (read := _read(values, _MIRRORS[layout], _FEWEST)) is not None}
    if len(found) == 1:
        layout, read = next(iter(found.items()))
        place.item |= {"layout": layout, **read}
    else:
        place.miss("", "does not have the values of a mirror")


def put_member(place: Place, line: str) -> None:
    """Put a line of [MapMirrors.NAME]."""
    read = _read(line.split(",")[: len(_MEMBER)], _MEMBER, len(_MEMBER))
    if read is None:
        place.miss("", "does not have the values of a mirror member")
    else:
        place.item |= read


def _read(values: list[str], layout: tuple[tuple[str, Read], ...], fewest: int) -> dict[str, Any] | None:
    """Return the values that are not empty, None if they have not the form of the layout."""
    if not fewest <= len(values) <= len(layout):
        return None
    found: dict[str, Any] = {}
    for value, (own, read) in zip(values, layout, strict=False):
        try:
            result = read(value)
        except ValueError:
            return None
        if own and result is not None:
            found[own] = result
    return found
