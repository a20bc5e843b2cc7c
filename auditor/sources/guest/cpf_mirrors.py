"""The lines of a CPF about mirrors, whose values are told by their place: `[Mirrors]` and `[MapMirrors.NAME]`.

A value that was lost or added moves those behind it, so a line is read only if every value has the form of its place.
"""

from __future__ import annotations

from typing import Any, Final

from auditor.sources.guest.content import Place, Read, address, flag, guid, name, number, one_of, port, text

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


def _required(read: Read) -> Read:
    def found(value: str) -> Any:  # noqa: ANN401 - of the reader
        result = read(value)
        if result is None:
            raise ValueError
        return result

    return found


def _virtual_address(value: str) -> str | None:
    """Read the mirror virtual IP, perhaps with the length of its prefix."""
    host, separator, length = value.partition("/")
    if separator and not (length.isdecimal() and len(length) <= len("128")):
        raise ValueError
    address(host)
    return value or None


_COMMON: Final[tuple[tuple[str, Read], ...]] = (
    ("guid", _required(guid)),
    ("", _required(one_of("2"))),
    ("", _required(one_of("1"))),
    ("definedPrimary", name),
    ("qosTimeout", _required(number)),
    ("", _required(one_of("0"))),
    ("useSsl", _required(flag)),
    ("virtualAddress", _virtual_address),
    ("", _required(one_of("0"))),
)
_MIRRORS: Final[dict[str, tuple[tuple[str, Read], ...]]] = {
    _IRIS: (
        *_COMMON,
        ("arbiter", _arbiter),
        ("compressionFailover", _required(_compression)),
        ("compressionAsync", _required(_compression)),
        ("parallelDejournaling", _required(one_of("0", "1", "2"))),
        ("", _required(one_of("0", "1", "2"))),
        ("", _required(one_of("0", "1", "2"))),
    ),
    _CACHE: (
        *_COMMON,
        ("agentAddress", address),
        ("agentPort", port),
        ("arbiter", _arbiter),
        ("parallelDejournaling", _required(one_of("0", "1", "2"))),
    ),
}
"""The values of a line of [Mirrors], by layout; those without a name are for internal use."""
_FEWEST: Final = 12
"""Values that a line has at least: versions leave out the last ones."""

_MEMBER: Final[tuple[tuple[str, Read], ...]] = (
    ("agentAddress", address),
    ("agentPort", _required(port)),
    ("", one_of()),
    ("superServerAddress", _required(address)),
    ("guid", _required(guid)),
    ("directory", _required(text)),
    ("memberType", _required(one_of("0", "2"))),
    ("mirrorPrivate", _required(address)),
    ("superServerPort", _required(port)),
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
