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
from itertools import chain
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
from auditor.evaluation.reuse.memory import Evaluated, Key, Memory, Unmoved
from auditor.evaluation.reuse.values import Values
from auditor.rules.conditions import CompiledRule
from auditor.rules.evidence import Evidence
from auditor.rules.model import Severity
from auditor.snapshot.known import Cause
from auditor.snapshot.model import Gap
from auditor.snapshot.watching import WHOLE, Computed, Read

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
    subject: Subject
    finding: _Finding
    reads: tuple[int, ...]


class _Content(msgspec.Struct, frozen=True, array_like=True):
    """What the file has; what was read is named by its index among `looked_up`, then among `computed`."""

    identity: bytes
    looked_up: list[Any]
    digests: list[bytes]
    """The digest of what each look-up returned, empty if that cannot be compared."""
    computed: list[tuple[int, ...]]
    entries: list[_Entry]
    bodies: dict[str, bytes]
    """The digest of the body of each resource of which something was looked up, by its key."""


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
        reads: list[Read | Computed] = [_decoded(read, index) for index, read in enumerate(content.looked_up)]
        computed = [Computed(()) for _ in content.computed]
        reads += computed
        try:
            for result, own in zip(computed, content.computed, strict=True):
                result.reads = tuple(reads[index] for index in own)
            found: dict[Key, Evaluated] = {
                (entry.deployment, entry.rule, entry.target, entry.subject): Evaluated(
                    Finding(
                        rule=known[entry.rule],
                        subject=entry.subject,
                        deployment=entry.deployment,
                        **{name: getattr(entry.finding, name) for name in _Finding.__struct_fields__},
                    ),
                    tuple(reads[index] for index in entry.reads),
                )
                for entry in content.entries
            }
            digests: dict[Read | Computed, bytes] = dict(
                zip(reads[: len(content.looked_up)], content.digests, strict=True)
            )
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise DamagedError from error
        now = Digests(topology)

        def is_same(read: Read) -> bool:
            body = content.bodies.get(str(read[0]))
            return (body is not None and body == now.of((read[0], WHOLE))) or digests[read] == now.of(read) != b""

        self.unmoved = Unmoved(found, computed, is_same)
        moved = sum(self.unmoved.evaluated(key) is None for key in found)
        self.is_old = moved > _MOST_MOVED * len(found)
        """Whether so much has moved since then that all should be evaluated and written again."""


class Digests:
    """The digests of what look-ups in a topology return; each is made once."""

    def __init__(self, topology: Topology) -> None:
        """Take the topology."""
        self._values = Values(topology)
        self._known: dict[Read, bytes] = {}

    def of(self, read: Read) -> bytes:
        """Return the digest, empty for what cannot be compared."""
        found = self._known.get(read)
        if found is None:
            value = self._values.of(read)
            found = self._known[read] = b"" if value is None else hashlib.blake2b(value, digest_size=16).digest()
        return found


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
    computed = list(_results(memory))
    looked_up = list(
        dict.fromkeys(
            read
            for reads in (*(each.reads for each in computed), *(each.reads for each in memory.found.values()))
            for read in reads
            if not isinstance(read, Computed)
        )
    )
    index: dict[Read | Computed, int] = {
        read: number for number, read in enumerate(chain[Read | Computed](looked_up, computed))
    }
    entries = [
        _Entry(
            deployment,
            rule,
            target,
            subject,
            _Finding(*(getattr(finding, name) for name in _Finding.__struct_fields__)),
            tuple(index[read] for read in reads),
        )
        for (deployment, rule, target, subject), (finding, reads) in memory.found.items()
    ]
    digests = Digests(memory.topology)
    resources = {name for name, _ in looked_up if isinstance(name, str) and name.startswith("/")}
    content = _Content(
        identity,
        [_encoded(read) for read in looked_up],
        [digests.of(read) for read in looked_up],
        [tuple(index[read] for read in result.reads) for result in computed],
        entries,
        {key: digests.of((key, WHOLE)) for key in sorted(resources)},
    )
    packed = zlib.compress(msgspec.msgpack.encode(content), level=1)
    return _MAGIC + hashlib.sha256(packed).digest() + packed


def _results(memory: Memory) -> Iterator[Computed]:
    """Yield all results on which findings rest, but for circles each after those on which it rests."""
    seen: set[Computed] = set()
    for evaluated in memory.found.values():
        stack = [iter(evaluated.reads)]
        on_the_way: list[Computed] = []
        while stack:
            inner = next((one for one in stack[-1] if isinstance(one, Computed) and one not in seen), None)
            if inner is not None:
                seen.add(inner)
                on_the_way.append(inner)
                stack.append(iter(inner.reads))
            else:
                stack.pop()
                if on_the_way:
                    yield on_the_way.pop()


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


def _decoded(value: Any, index: int) -> Any:  # noqa: ANN401 - as `_encoded` returns it
    """Return a look-up; what is not known is one that fails, and so is never the same."""
    if isinstance(value, list):
        return tuple(_decoded(member, index) for member in value)
    if not isinstance(value, dict):
        return value
    (kind, text), *_ = value.items()
    if kind == "date":
        return dt.date.fromisoformat(text)
    return _function(text) or ("unknown", index)


def _function(name: str) -> Callable[..., object] | None:
    """Return a function of the facts by its name; no other one can be named."""
    module, _, function = name.partition(":")
    found = getattr(sys.modules.get(module), function, None) if module.startswith(_FACTS) else None
    return found if isinstance(found, FunctionType) and found.__module__ == module else None
