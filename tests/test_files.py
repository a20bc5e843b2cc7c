"""Files: read within bounds, written whole or not at all."""

from __future__ import annotations

import gzip
import os
import stat
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import files
from auditor.errors import InputError


def refused(path: Path, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        files.read(path)
    assert caught.value.file == str(path)


@pytest.mark.parametrize("data", [b"", b"x", b"\x1f", b"{}\n", b"\x1f\x8a", b"a" * 3_000_000])
def test_a_file_is_read_as_it_is_or_unpacked(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "f"
    path.write_bytes(data)
    assert files.read(path) == data
    path.write_bytes(gzip.compress(data))
    assert files.read(path) == data


def test_the_name_of_a_file_does_not_decide_whether_it_is_decompressed(tmp_path: Path) -> None:
    path = tmp_path / "plain.json.gz"
    path.write_bytes(b"[]")
    assert files.read(path) == b"[]"


def test_every_member_of_a_gzip_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"".join(gzip.compress(bytes([i]) * i) for i in range(60)))
    for chunk in (1, 7, 1000):
        monkeypatch.setattr(files, "_CHUNK", chunk)
        assert files.read(path) == b"".join(bytes([i]) * i for i in range(60))


def test_a_gzip_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f"
    whole = gzip.compress(b"some content\n" * 9)
    for end in range(2, len(whole)):
        path.write_bytes(whole[:end])
        refused(path, "is a truncated gzip file")
        path.write_bytes(whole + whole[:end])
        refused(path, "is a truncated gzip file")


@pytest.mark.parametrize(
    "data",
    [
        b"\x1f\x8bxxxxxxxxxxxxxxxxxxx",
        gzip.compress(b"a", mtime=0) + b"trailing",
        gzip.compress(b"ab", mtime=0)[:-5] + b"\0" * 5,
    ],
)
def test_a_damaged_gzip_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "f").write_bytes(data)
    refused(tmp_path / "f", "is a damaged gzip file")


@pytest.mark.slow
def test_a_file_beyond_the_bound_is_refused_unpacked_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 1000)
    path = tmp_path / "f"
    for data, fits in ((b"a" * 1000, True), (b"a" * 1001, False), (b"a" * 10_000_000, False)):
        for content in (data, gzip.compress(data), gzip.compress(data[:500]) + gzip.compress(data[500:])):
            path.write_bytes(content)
            if fits:
                assert files.read(path) == data
            else:
                refused(path, "is larger than")


@given(data=st.binary(max_size=80).map(lambda data: b"\x1f\x8b\x08\x00" + data))
def test_what_begins_like_gzip_is_read_or_refused(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("gzip") / "f"
    path.write_bytes(data)
    with pytest.raises(InputError):
        files.read(path)


@pytest.mark.slow
def test_a_bomb_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 100_000)
    path = tmp_path / "f"
    path.write_bytes(gzip.compress(bytes(50_000_000)))
    tracemalloc.start()
    try:
        refused(path, "is larger than")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_what_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, reason in (("missing", "No such file"), ("", "Is a directory"), ("file/below", "Not a directory")):
        refused(tmp_path / name, f"cannot be read: {reason}")


# --- writing ----------------------------------------------------------------------------------------------------------


def test_what_is_written_is_private_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    path.chmod(0o644)
    for data in (b"new", b""):
        files.write(path, data)
        assert path.read_bytes() == data
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(tmp_path.iterdir()) == [path]


def test_the_file_appears_only_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    seen: list[tuple[bytes, list[int]]] = []
    sync = os.fsync

    def look(handle: int) -> None:
        others = [other for other in tmp_path.iterdir() if other != path]
        seen.append((path.read_bytes(), [other.stat().st_size for other in others]))
        assert all(stat.S_IMODE(other.stat().st_mode) == 0o600 for other in others)
        sync(handle)

    monkeypatch.setattr(os, "fsync", look)
    files.write(path, b"newer")
    assert seen == [(b"old", [5])]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def fail(_: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(
        InputError if isinstance(error, OSError) else KeyboardInterrupt, match=r"cannot be written: No space|^$"
    ):
        files.write(path, b"new")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"old"


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "no" / "f", tmp_path, tmp_path / "file" / "f", tmp_path / ("n" * 300)):
        with pytest.raises(InputError, match="cannot be written: ") as caught:
            files.write(path, b"x")
        assert caught.value.file == str(path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_without_permission_is_an_input_error(tmp_path: Path) -> None:
    """In a separate process, since root may write and read everywhere."""
    (tmp_path / "f").write_bytes(b"x")
    (tmp_path / "f").chmod(0)
    tmp_path.chmod(0o555)
    script = """
import os, pathlib, tempfile  # while it may still read where modules are
from auditor import files
from auditor.errors import InputError
if os.geteuid() == 0:
    os.setegid(65534)
    os.seteuid(65534)
for act in (lambda: files.read(pathlib.Path("f")), lambda: files.write(pathlib.Path("g"), b"x")):
    try:
        act()
    except InputError as error:
        print(error)
"""
    root = Path(__file__).parent.parent
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert result.stdout.splitlines() == [
        "f: cannot be read: Permission denied",
        "g: cannot be written: Permission denied",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "target", tmp_path / "link"
    link.symlink_to(target)
    for data in (b"new", b"newer"):
        files.write(link, data)
        assert link.is_symlink()
        assert target.read_bytes() == data
    assert list((tmp_path / "folder").iterdir()) == [target]


def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    files.write(pipe, b"through")
    reader.join(timeout=120)
    assert got == [b"through"]
    assert pipe.is_fifo()


def test_a_file_that_is_not_published_or_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        files.NewFile(tmp_path / "f", pieces())
    with files.NewFile(tmp_path / "g", (b"ne", b"w")) as file:
        assert not (tmp_path / "g").exists()
        file.publish()
    with files.NewFile(tmp_path / "g", (b"newer",)):
        assert len([*tmp_path.iterdir()]) == 2
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("g", b"new")]
