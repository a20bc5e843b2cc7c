"""The snapshot folder: `manifest.json`, and one snapshot file a subscription, whose digest the manifest has.

A collection writes part after part, and the manifest again after each, so that one that was stopped goes on where it
was. A folder is a snapshot when each of its subscriptions has a part, or a gap that says why it has none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Final

import msgspec

from auditor import files
from auditor.azure import arm
from auditor.errors import InputError
from auditor.snapshot.model import Approval, Gap, Resource, Snapshot
from auditor.snapshot.skus import each_once, is_offered
from auditor.sources import snapshot_file

FORMAT: Final = "auditor.snapshots/1"
MANIFEST: Final = "manifest.json"

_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")
"""What a part may be called: a file of the folder itself, on every system."""
_ENCODE: Final = msgspec.json.Encoder(order="deterministic").encode


class PartFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the manifest says of a part; it may have resources of subscriptions that are in no part."""

    file: str
    """The name of its file in the folder."""
    sha256: str
    """The digest of the file's bytes, compressed as they are."""
    scopes: tuple[str, ...]
    """The keys of its subscriptions."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="camel"):
    """The content of `manifest.json`."""

    format: str
    taken_at: str
    """RFC 3339 time at which reading began."""
    cloud: str
    identity: str
    scopes: tuple[str, ...]
    """The keys of all subscriptions that were asked for."""
    deployment: str
    """The text of the deployment file in force when it was taken."""
    parts: tuple[PartFile, ...]
    gaps: tuple[Gap, ...]
    """Gaps of whole subscriptions; one that failed has no part."""
    approved: Approval | None = None
    sha256: str = ""
    """The digest of all other fields."""

    @property
    def header(self) -> Snapshot:
        """Return the snapshot without what the parts have."""
        return Snapshot(
            taken_at=self.taken_at,
            scopes=self.scopes,
            resources=(),
            listed=frozenset(),
            gaps=self.gaps,
            cloud=self.cloud,
            identity=self.identity,
            deployment=self.deployment,
            approved=self.approved,
        )

    @property
    def pending(self) -> tuple[str, ...]:
        """Return the subscriptions that have neither a part nor a gap that says why they have none."""
        read = {scope for part in self.parts for scope in part.scopes}
        failed = {arm.key(gap.scope) for gap in self.gaps if arm.canonical_type(gap.what) == arm.SUBSCRIPTION}
        return tuple(scope for scope in self.scopes if scope not in read | failed)


# --- reading ----------------------------------------------------------------------------------------------------------


class SnapshotFolder:
    """A whole snapshot folder, of which one part at a time can be read."""

    def __init__(self, path: Path) -> None:
        """Read the manifest.

        Raises:
            InputError: it is missing or wrong, or the collection was stopped before its end.
        """
        self._path = path
        self.manifest = _manifest(path)
        if pending := self.manifest.pending:
            count = f"{len(pending)} of {len(self.manifest.scopes)} subscriptions"
            message = f"is not finished: it lacks the parts of {count}, the first {pending[0]}; collect into it again"
            raise InputError(message, str(path / MANIFEST))

    def __getstate__(self) -> dict[str, object]:
        """Return it for another process, whose working folder may be another one."""
        return {"_path": self._path.absolute(), "manifest": self.manifest}

    @property
    def header(self) -> Snapshot:
        """Return the snapshot without what its parts have."""
        return self.manifest.header

    @property
    def scopes(self) -> tuple[tuple[str, ...], ...]:
        """Return the subscriptions of each part."""
        return tuple(part.scopes for part in self.manifest.parts)

    def read_part(self, number: int) -> Snapshot:
        """Read a part by its number.

        Raises:
            InputError: it is missing, damaged, or not the one that the manifest names.
        """
        return self.part(self.manifest.parts[number])

    def part(self, part: PartFile) -> Snapshot:
        """Read a part.

        Raises:
            InputError: it is missing, damaged, or not the one that the manifest names.
        """
        path = self._path / part.file
        if not path.is_file():
            message = f"is missing; {MANIFEST} names it as the part of {', '.join(part.scopes)}"
            raise InputError(message, str(path))
        data = files.read_packed(path)
        found = hashlib.sha256(data).hexdigest()
        if found != part.sha256:
            message = f"is not the part that {MANIFEST} names: its SHA-256 is {found}, not {part.sha256}"
            raise InputError(message, str(path))
        snapshot = snapshot_file.decode(files.unpack(data, str(path)), str(path))
        if snapshot.scopes != part.scopes or snapshot.cloud != self.manifest.cloud:
            expected = f"{', '.join(part.scopes)} in {self.manifest.cloud}"
            message = f"is of {', '.join(snapshot.scopes)} in {snapshot.cloud}; {MANIFEST} says {expected}"
            raise InputError(message, str(path))
        others = {*self.manifest.scopes}.difference(part.scopes)
        for arm_id in _ids(snapshot):
            if arm.subscription_of(arm_id) in others:
                message = f"has {arm_id}, which is not of {', '.join(part.scopes)}"
                raise InputError(message, str(path))
        return snapshot

    def read(self) -> Snapshot:
        """Read all parts as one snapshot.

        Raises:
            InputError: a part is wrong.
        """
        return joined(self.manifest.header, map(self.part, self.manifest.parts))


def joined(header: Snapshot, parts: Iterable[Snapshot]) -> Snapshot:
    """Return parts as one snapshot; SKU records of no subscription, which each part has, are there once."""
    resources: list[Resource] = []
    offered: list[Resource] = []
    listed: set[tuple[str, str]] = set()
    gaps = [*header.gaps]
    for part in parts:
        for found in part.resources:
            (offered if is_offered(found) else resources).append(found)
        listed |= part.listed
        gaps += part.gaps
    return msgspec.structs.replace(
        header,
        resources=tuple(sorted((*resources, *each_once(offered)), key=attrgetter("key"))),
        listed=frozenset(listed),
        gaps=ordered(gaps),
    )


def ordered(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Return gaps in the order in which a snapshot file has them."""
    return tuple(sorted(gaps, key=lambda gap: (arm.key(gap.scope), _ENCODE(gap))))


def _ids(snapshot: Snapshot) -> Iterator[str]:
    """Yield the keys of all that a snapshot has."""
    yield from (found.key for found in snapshot.resources)
    yield from (scope for scope, _ in snapshot.listed)
    yield from (gap.scope for gap in snapshot.gaps)


def _manifest(folder: Path) -> Manifest:
    """Read a manifest.

    Raises:
        InputError: it is missing, changed, of another version, or names a file outside of the folder.
    """
    path = folder / MANIFEST
    if not path.is_file():
        message = f"is missing; a snapshot folder has it, as auditor collect -o snapshot={folder} writes it"
        raise InputError(message, str(path))
    try:
        manifest = msgspec.json.decode(files.read(path), type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"is not a manifest of {FORMAT}: {error}"
        raise InputError(message, str(path)) from None
    if manifest.format != FORMAT:
        message = f"has the format {manifest.format}; this version reads {FORMAT}"
        raise InputError(message, str(path))
    if manifest.sha256 != _digest(manifest):
        message = "has been changed: its content does not have the SHA-256 that it states"
        raise InputError(message, str(path))
    names: set[str] = set()
    scopes: set[str] = set()
    for part in manifest.parts:
        if not _NAME.fullmatch(part.file) or part.file.lower() in {MANIFEST, *names}:
            message = f"names the part '{part.file}'; expected the name of a file of this folder, each once"
            raise InputError(message, str(path))
        if not part.scopes or not scopes.isdisjoint(part.scopes) or not {*part.scopes} <= {*manifest.scopes}:
            message = f"names {part.file} as the part of {part.scopes}; expected some of its scopes, each in one part"
            raise InputError(message, str(path))
        names.add(part.file.lower())
        scopes |= {*part.scopes}
    for gap in manifest.gaps:
        if arm.key(gap.scope) not in manifest.scopes:
            message = f"has a gap of {gap.scope}; expected one of its scopes"
            raise InputError(message, str(path))
    return manifest


def _digest(manifest: Manifest) -> str:
    return hashlib.sha256(_ENCODE(msgspec.structs.replace(manifest, sha256=""))).hexdigest()


# --- writing ----------------------------------------------------------------------------------------------------------


class Collection:
    """A snapshot folder into which parts are collected."""

    def __init__(self, path: Path, header: Snapshot) -> None:
        """Begin, or go on with what was stopped: what is there, with its digest, is not collected again.

        `header` has the scopes of all parts, and no resources. The time of what was stopped stays.

        Raises:
            InputError: the folder is a finished snapshot, is of other subscriptions, another cloud or another
                deployment file, or cannot be written.
        """
        self._path = path
        wanted = Manifest(
            format=FORMAT,
            taken_at=header.taken_at,
            cloud=header.cloud,
            identity=header.identity,
            scopes=header.scopes,
            deployment=header.deployment,
            parts=(),
            gaps=header.gaps,
        )
        if (path / MANIFEST).exists():
            self._manifest = self._continued(wanted)
        elif path.exists() and (not path.is_dir() or any(path.iterdir())):
            message = f"exists already, and is not a folder with a {MANIFEST}; name a new folder"
            raise InputError(message, str(path))
        else:
            files.make_folder(path)
            self._keep(wanted)

    def _continued(self, wanted: Manifest) -> Manifest:
        """Return the manifest of what was stopped, without parts that are not as they were written."""
        found = _manifest(self._path)
        if not found.pending:
            message = f"is a finished snapshot, taken {found.taken_at}; name a new folder"
            raise InputError(message, str(self._path))
        for what, one, other in (
            ("subscriptions", found.scopes, wanted.scopes),
            ("a cloud", found.cloud, wanted.cloud),
            ("a deployment file", found.deployment, wanted.deployment),
        ):
            if one != other:
                message = f"is the begun snapshot of {what} other than this; name a new folder, or remove it"
                raise InputError(message, str(self._path))
        return msgspec.structs.replace(found, parts=tuple(part for part in found.parts if self._is_there(part)))

    def _is_there(self, part: PartFile) -> bool:
        path = self._path / part.file
        return path.is_file() and hashlib.sha256(files.read_packed(path)).hexdigest() == part.sha256

    @property
    def taken_at(self) -> str:
        """Return the time at which reading began, that of what was stopped."""
        return self._manifest.taken_at

    @property
    def parts(self) -> tuple[PartFile, ...]:
        """Return the parts that are there."""
        return self._manifest.parts

    @property
    def pending(self) -> tuple[str, ...]:
        """Return the subscriptions that are still to be collected."""
        return self._manifest.pending

    def add(self, part: Snapshot) -> None:
        """Write the part of one or several subscriptions; one that is there is replaced.

        Raises:
            InputError: it cannot be written.
        """
        name = f"{arm.name_of(part.scopes[0])}.jsonl.gz"
        if not _NAME.fullmatch(name):
            message = f"cannot be the name of a part; expected a subscription, not '{part.scopes[0]}'"
            raise InputError(message, name)
        data = snapshot_file.encode(msgspec.structs.replace(part, deployment=""), compress=True)
        others = tuple(other for other in self._manifest.parts if other.file != name)
        if others != self._manifest.parts:  # never a moment at which the manifest names a file of another digest
            self._keep(msgspec.structs.replace(self._manifest, parts=others))
        files.write(self._path / name, data)
        new = PartFile(name, hashlib.sha256(data).hexdigest(), part.scopes)
        self._keep(msgspec.structs.replace(self._manifest, parts=(*others, new)))

    def fail(self, gap: Gap) -> None:
        """Record that a pending subscription could not be read.

        Raises:
            InputError: the manifest cannot be written.
        """
        self._keep(msgspec.structs.replace(self._manifest, gaps=(*self._manifest.gaps, gap)))

    def _keep(self, manifest: Manifest) -> None:
        self._manifest = manifest
        _write(self._path, manifest)


def write(path: Path, snapshot: Snapshot) -> None:
    """Write a whole snapshot as a new folder, with a part for each of its subscriptions that did not fail.

    Raises:
        InputError: the folder is not empty, or cannot be written.
    """
    split = SplitSnapshot(snapshot)
    collection = Collection(path, split.header)
    for number in range(len(split.scopes)):
        collection.add(split.read_part(number))


class SplitSnapshot:
    """A whole snapshot in parts, one for each of its subscriptions that did not fail.

    What is of none of them, as SKU records are, is in the first part.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        """Split a snapshot."""
        failures = tuple(gap for gap in snapshot.gaps if arm.canonical_type(gap.what) == arm.SUBSCRIPTION)
        failed = {arm.key(gap.scope) for gap in failures}
        self.header = msgspec.structs.replace(snapshot, resources=(), listed=frozenset(), gaps=failures)
        self.scopes = tuple((scope,) for scope in snapshot.scopes if scope not in failed)
        number_of = {scopes[0]: number for number, scopes in enumerate(self.scopes)}
        self._resources: list[list[Resource]] = [[] for _ in self.scopes]
        self._listed: list[list[tuple[str, str]]] = [[] for _ in self.scopes]
        self._gaps: list[list[Gap]] = [[] for _ in self.scopes]
        for found in snapshot.resources:
            self._resources[number_of.get(arm.subscription_of(found.key), 0)].append(found)
        for pair in snapshot.listed:
            self._listed[number_of.get(pair[0], 0)].append(pair)
        for gap in snapshot.gaps:
            if gap not in failures:
                self._gaps[number_of.get(arm.subscription_of(gap.scope), 0)].append(gap)

    def read_part(self, number: int) -> Snapshot:
        """Return a part."""
        return msgspec.structs.replace(
            self.header,
            scopes=self.scopes[number],
            resources=tuple(self._resources[number]),
            listed=frozenset(self._listed[number]),
            gaps=tuple(self._gaps[number]),
            approved=None,
        )


def approve(path: Path, target: Path, approval: Approval) -> Snapshot:
    """Write a snapshot folder with its approval, and return all of it; the parts are copied if the target is new.

    Raises:
        InputError: the folder is no finished snapshot, a part is wrong, or the target cannot be written.
    """
    folder = SnapshotFolder(path)
    snapshot = folder.read()
    if not target.exists():
        files.make_folder(target)
        for part in folder.manifest.parts:
            files.write(target / part.file, files.read_packed(path / part.file))
    _write(target, msgspec.structs.replace(folder.manifest, approved=approval))
    return msgspec.structs.replace(snapshot, approved=approval)


def _write(folder: Path, manifest: Manifest) -> None:
    """Write a manifest; a folder without one is no snapshot."""
    sealed = msgspec.structs.replace(manifest, sha256=_digest(manifest))
    files.write(folder / MANIFEST, msgspec.json.format(_ENCODE(sealed), indent=2) + b"\n")
