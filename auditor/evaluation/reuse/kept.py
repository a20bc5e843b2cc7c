"""The file beside a report with what was read for each finding, so that the next run evaluates only what moved.

Nothing in it is taken on trust: a finding is used again only if each look-up below it returns now what it returned
then. What is not as it was written, or was written by other rules or another version, is not used at all.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import sys
import zlib
from collections.abc import Callable, Hashable, Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from types import FunctionType
from typing import Any, Final

import msgspec

import auditor
from auditor import files
from auditor.errors import InputError
from auditor.estate.subjects import Subject
from auditor.estate.topology import Topology
from auditor.evaluation.model import Finding, Outcome
from auditor.evaluation.reuse.memory import Evaluated, Memory, Unmoved, used_for, with_results
from auditor.evaluation.reuse.values import Values
from auditor.rules.conditions import CompiledRule
from auditor.rules.evidence import Evidence
from auditor.rules.model import Severity
from auditor.snapshot.known import Cause
from auditor.snapshot.model import Gap
from auditor.snapshot.watching import WHOLE, Read

_SUFFIX: Final = ".reuse"

_MAGIC: Final = b"auditor.reuse/1\n"
_DIGEST: Final = 32
_MOST_MOVED: Final = 0.1
"""The part of the findings that may have moved while the file is kept as it is: to write it takes longer."""
_FACTS: Final = "auditor.rules.facts."
"""The modules with functions that look-ups can name."""


class DamagedError(Exception):
    """The file is not as it was written, or was written by other rules or another version."""


class _Finding(msgspec.Struct, frozen=True, array_like=True):
    """A finding as an evaluation returns it, without its rule."""

    outcome: Outcome
    severity: Severity
    evidence: tuple[Evidence, ...]
    cause: Cause | None
    reasons: tuple[str, ...]
    gaps: tuple[Gap, ...]
    about: tuple[str, ...]
    optional: bool
    graded: str
    severity_is_sure: bool


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    deployment: str
    rule: str
    target: int
    subject: int
    """The index of its subject."""
    number: int
    """The number of what was read for it."""
    finding: _Finding


class _LookUp(msgspec.Struct, frozen=True, array_like=True):
    key: Any
    number: int
    digest: bytes
    """The digest of what it returned, empty if that cannot be compared."""


class _Body(msgspec.Struct, frozen=True, array_like=True):
    """What was looked up in the body of a resource."""

    digest: bytes
    """The digest of the whole."""
    look_ups: list[_LookUp]


class _Table(msgspec.Struct, frozen=True, array_like=True):
    """What was looked up in a table."""

    name: Any
    look_ups: list[_LookUp]


class _Content(msgspec.Struct, frozen=True, array_like=True):
    """What the file has; what was read has the numbers that the watch gave it."""

    identity: bytes
    bodies: dict[str, _Body]
    """By the keys of the resources."""
    tables: list[_Table]
    computed: dict[int, tuple[int, ...]]
    subjects: list[Subject]
    entries: list[_Entry]


def identity(profile: str, detail: str, folders: Iterable[Path]) -> bytes:
    """Return a digest of everything but the snapshot that an evaluation depends on: program, rules, and options."""
    found = hashlib.sha256(f"{sys.version}\n{profile}\n{detail}\n".encode())
    for folder in (Path(auditor.__file__).parent, *folders):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                content = file.read_bytes()
                found.update(f"{file.relative_to(folder)}\n{len(content)}\n".encode(errors="surrogateescape") + content)
    return found.digest()


class Kept:
    """The findings of an earlier run."""

    def __init__(self, data: bytes, content: _Content, rules: Iterable[CompiledRule], topology: Topology) -> None:
        """Look up what was looked up then.

        Raises:
            DamagedError: it names what it does not have.
        """
        self.data = data
        known = {rule.rule.id: rule.rule for rule in rules}
        try:
            found = {
                (entry.deployment, entry.rule, entry.target, content.subjects[entry.subject]): Evaluated(
                    Finding(
                        rule=known[entry.rule],
                        subject=content.subjects[entry.subject],
                        deployment=entry.deployment,
                        **dict(zip(_Finding.__struct_fields__, _values(entry.finding), strict=True)),
                    ),
                    entry.number,
                )
                for entry in content.entries
            }
            changed = with_results(_changed(content, Values(topology)), content.computed)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise DamagedError from error
        self.unmoved = Unmoved(found, changed)
        moved = sum(each.number in changed for each in found.values())
        self.is_old = moved > _MOST_MOVED * len(found)
        """Whether so much has moved since then that all should be evaluated and written again."""


def _changed(content: _Content, now: Values) -> Iterator[int]:
    """Yield the numbers of the look-ups that may return something else now."""
    for key, body in content.bodies.items():
        if not _is_same(body.digest, now, (key, WHOLE)):
            for each in body.look_ups:
                if not _is_same(each.digest, now, (key, tuple(each.key))):
                    yield each.number
    for table in content.tables:
        name = _decoded(table.name)
        for each in table.look_ups:
            if not _is_same(each.digest, now, (name, _decoded(each.key))):
                yield each.number


def _is_same(digest: bytes, now: Values, read: Read) -> bool:
    return digest != b"" and digest == _digest(now, read)


def _digest(values: Values, read: Read) -> bytes:
    """Return the digest of what a look-up returns, empty if that cannot be compared."""
    value = values.of(read)
    return b"" if value is None else hashlib.blake2b(value, digest_size=16).digest()


def beside(report: Path) -> Path:
    """Return the path of the file beside a report."""
    return report.with_name(f"{report.name}{_SUFFIX}")


def read(path: Path, identity: bytes, rules: Iterable[CompiledRule], topology: Topology) -> Kept | None:
    """Return what lies beside a report, None if nothing does.

    Raises:
        DamagedError: it is not as it was written, or was written by other rules or another version.
    """
    file = beside(path)
    if not file.exists():
        return None
    try:
        data = files.read_packed(file)
        start = len(_MAGIC) + _DIGEST
        packed = data[start:]
        if data[:start] != _MAGIC + hashlib.sha256(packed).digest():
            raise DamagedError
        content = msgspec.msgpack.decode(zlib.decompress(packed), type=_Content)
    except (InputError, zlib.error, msgspec.MsgspecError) as error:
        raise DamagedError from error
    if content.identity != identity:
        raise DamagedError
    return Kept(data, content, rules, topology)


def encode(memory: Memory, identity: bytes) -> bytes:
    """Return the content of the file for what a watched evaluation has found.

    Raises:
        OverflowError: a finding shows a number that MessagePack does not have.
    """
    watch = memory.watch
    if watch is None:
        message = "what was read for the findings is not known"
        raise ValueError(message)
    values = Values(memory.topology)
    used = used_for((each.number for each in memory.found.values()), watch.computed)
    bodies: dict[str, _Body] = {}
    tables: dict[Hashable, _Table] = {}
    for read, number in tuple(watch.looked_up.items()):  # to look up again adds to them
        if number in used:
            name, key = read
            if isinstance(name, str) and name.startswith("/"):
                body = bodies.get(name) or bodies.setdefault(name, _Body(_digest(values, (name, WHOLE)), []))
                body.look_ups.append(_LookUp(key, number, _digest(values, read)))
            else:
                table = tables.get(name) or tables.setdefault(name, _Table(_encoded(name), []))
                table.look_ups.append(_LookUp(_encoded(key), number, _digest(values, read)))
    subjects = {subject: index for index, subject in enumerate(dict.fromkeys(key[-1] for key in memory.found))}
    content = _Content(
        identity,
        bodies,
        list(tables.values()),
        {number: reads for number, reads in watch.computed.items() if number in used},
        list(subjects),
        [
            _Entry(deployment, rule, target, subjects[subject], number, _Finding(*_values(finding)))
            for (deployment, rule, target, subject), (finding, number) in memory.found.items()
        ],
    )
    packed = zlib.compress(msgspec.msgpack.encode(content), level=1)
    return _MAGIC + hashlib.sha256(packed).digest() + packed


_values: Final = attrgetter(*_Finding.__struct_fields__)
"""Returns what the file has of a finding."""


# --- names of look-ups ------------------------------------------------------------------------------------------------


def _encoded(value: Hashable) -> Any:  # noqa: ANN401 - as MessagePack has it
    """Return a name or key of a look-up as it is written; what cannot be written is never the same again."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, tuple):
        return [_encoded(member) for member in value]
    if isinstance(value, dt.date):
        return {"date": value.isoformat()}
    if isinstance(value, FunctionType):
        return {"function": f"{value.__module__}:{value.__qualname__}"}
    return {"unknown": type(value).__name__}


def _decoded(value: Any) -> Any:  # noqa: ANN401 - as `_encoded` returns it
    """Return a name or key of a look-up; what is not known is one of which each look-up fails."""
    if isinstance(value, list):
        return tuple(map(_decoded, value))
    if not isinstance(value, dict):
        return value
    (kind, text), *_ = value.items()
    if kind == "date":
        return dt.date.fromisoformat(text)
    return _function(text) or _Nothing()


class _Nothing:
    """A name or key of which each look-up fails."""

    __hash__ = None  # type: ignore[assignment]  # so that it is in no table


def _function(name: str) -> Callable[..., object] | None:
    """Return a function of the facts by its name; no other one can be named."""
    module, _, function = name.partition(":")
    found = getattr(sys.modules.get(module), function, None) if module.startswith(_FACTS) else None
    return found if isinstance(found, FunctionType) and found.__module__ == module else None
