"""Outputs: the formats and files named by `-o`, checked before anything is read, written after everything is done."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from auditor import files
from auditor.cli import ending
from auditor.errors import InputError
from auditor.evaluation.result import Evaluation
from auditor.evaluation.reuse import kept
from auditor.foresight import formats as foresights
from auditor.history import formats as trends
from auditor.report.brief import with_passes
from auditor.report.build import build
from auditor.report.document import Document
from auditor.report.filtering import Filter
from auditor.report.formats import FORMATS, RUNBOOKS
from auditor.report.view import View
from auditor.rules.model import Severity
from auditor.snapshot.model import Snapshot
from auditor.sources import snapshot_file, snapshot_folder

if TYPE_CHECKING:
    from auditor.foresight.document import Foresight
    from auditor.history.document import Trend

SNAPSHOT: Final = "snapshot"
"""The output format that is not a report but what was read."""
DEPLOYMENT: Final = "deployment"
"""The output format of a proposed deployment file."""

_FORMAT: Final = re.compile("[a-z-]+=")
_INPUTS: Final = ("report", "snapshot", "deployment", "waivers", "attestations", "baseline")
"""Options whose files no output may replace; the report named by `--previous` may become the report of this run."""


_FILTER: Final = {"rules": "rule", "deployments": "deployment_name", "resource_groups": "resource_group"}
"""The options by what they choose."""


class Output(NamedTuple):
    """One `-o FORMAT[=FILE]`."""

    format: str
    path: Path | None
    """None for standard output."""
    is_folder: bool = False
    """Whether a snapshot is written as a folder with one file a subscription."""


class Content(NamedTuple):
    """What is written to a destination."""

    path: Path | None
    """None for standard output."""
    pieces: Iterable[bytes]
    mode: int = files.PRIVATE


def parse(options: argparse.Namespace, formats: Collection[str], default: str = next(iter(FORMATS))) -> list[Output]:
    """Return the outputs that were asked for, by default one format on standard output.

    Raises:
        InputError: a format is unknown, a file cannot be written, or two outputs have one destination.
    """
    outputs = []
    for text in options.output or [default]:
        name, path = _named(text, formats)
        is_folder = name == SNAPSHOT and (path.endswith(("/", os.sep)) or Path(path).is_dir())
        outputs.append(Output(name, destination(Path(path), options) if path else None, is_folder))
    paths = [output.path for output in outputs]
    twice = [path for path in paths if paths.count(path) > 1]
    if twice:
        message = f"two outputs go to {twice[0] or 'standard output'}"
        raise InputError(message)
    return outputs


def only(text: str | None, form: str) -> Path | None:
    """Return the file of the one output of a command, `-o FORM=FILE` or, as an old spelling, `-o FILE`.

    None is standard output, or what the command does by default.

    Raises:
        InputError: another format is named, or a snapshot has no file.
    """
    if text is None or not (text == form or _FORMAT.match(text)):
        return Path(text) if text else None
    path = _named(text, {form})[1]
    return Path(path) if path else None


def _named(text: str, formats: Collection[str]) -> tuple[str, str]:
    """Return the format and the file of `FORMAT[=FILE]`, "" where no file is named.

    Raises:
        InputError: there is no such format, or a snapshot has no file.
    """
    name, _, path = text.partition("=")
    if name not in formats:
        message = f"there is no output format '{name}'; there is {', '.join(sorted(formats))}"
        raise InputError(message)
    if name == SNAPSHOT and not path:
        message = "the format snapshot needs a file, or a folder: -o snapshot=FILE or -o snapshot=FOLDER/"
        raise InputError(message)
    return name, path


def destination(path: Path, options: argparse.Namespace) -> Path:
    """Return a path that can be written.

    Raises:
        InputError: there is no such folder, or the file is an input of this run or would be one of the next.
    """
    if not path.parent.is_dir():
        message = "cannot be written: there is no such folder"
        raise InputError(message, str(path))
    reports = getattr(options, "folder", None)
    if reports and reports.is_dir() and path.suffix == ".json" and path.parent.samefile(reports):
        message = "would be taken for a report; name another folder or ending"
        raise InputError(message, str(path))
    inputs = [file for name in _INPUTS if (file := getattr(options, name, None)) and file.is_file()]
    if path.is_file() and any(path.samefile(file) for file in inputs):
        message = "is an input of this run, which would overwrite it; name another file"
        raise InputError(message, str(path))
    return path


def need_passes(outputs: list[Output], *, asked: bool) -> bool:
    """Return whether what passes or does not apply is asked for, or listed by a format in any case."""
    return asked or any(FORMATS[output.format].needs_passes for output in outputs if output.format != SNAPSHOT)


def need_maps(outputs: list[Output]) -> bool:
    """Return whether a format shows what the maps of the packs have."""
    return any(FORMATS[output.format].needs_maps for output in outputs if output.format != SNAPSHOT)


def write_report(evaluation: Evaluation, outputs: list[Output], view: View) -> None:
    """Write the result of a scan to each output in its format."""
    document = ending.hold(build(evaluation, passes=need_passes(outputs, asked=view.passes)))

    def pieces(output: Output) -> Iterable[bytes]:
        if output.format == SNAPSHOT:
            return (encode(evaluation.snapshot, output),)
        return _rendered(document, output, view)

    for output in outputs:
        if output.is_folder and output.path:
            snapshot_folder.write(output.path, evaluation.snapshot)
    contents = [_content(output, pieces(output)) for output in outputs if not output.is_folder]
    beside = [kept.beside(path) for path in json_reports(outputs)] if evaluation.remembered else []
    write([*contents, *(Content(path, (evaluation.remembered,)) for path in beside)])


def json_reports(outputs: list[Output]) -> list[Path]:
    """Return the files of the reports that a later run can read."""
    return [output.path for output in outputs if output.format == "json" and output.path]


def write_document(document: Document, outputs: list[Output], view: View) -> None:
    """Write a report that was kept to each output in its format."""
    if need_passes(outputs, asked=view.passes):
        document = with_passes(document)
    write([_content(output, _rendered(document, output, view)) for output in outputs])


def _content(output: Output, pieces: Iterable[bytes]) -> Content:
    readable = output.format != SNAPSHOT and FORMATS[output.format].readable
    return Content(output.path, pieces, files.READABLE if readable else files.PRIVATE)


def write_trend(trend: Trend, outputs: list[Output]) -> None:
    """Write the history of a folder to each output in its format."""
    write([Content(output.path, (_of_trend(trend, output),)) for output in outputs])


def write_runbook(document: Document, outputs: list[Output]) -> None:
    """Write the remedies of a report to each output in its format."""
    written = [(output.path, RUNBOOKS[output.format].render(document, View())) for output in outputs]
    write([Content(path, (text.encode("utf-8", "backslashreplace"),)) for path, text in written])


def write_foresight(foresight: Foresight, outputs: list[Output]) -> None:
    """Write what is foreseen to each output in its format."""
    written = [(output.path, foresights.render(output.format, foresight, _plain(output))) for output in outputs]
    write([Content(path, (text.encode("utf-8", "backslashreplace"),)) for path, text in written])


def _of_trend(trend: Trend, output: Output) -> bytes:
    return trends.render(output.format, trend, _plain(output)).encode("utf-8", "backslashreplace")


def _plain(output: Output) -> View:
    """Return the view of what is not a report."""
    plain = View(width=shutil.get_terminal_size((80, 24)).columns)
    return plain if output.path else on_terminal(plain)


def _rendered(document: Document, output: Output, view: View) -> Iterator[bytes]:
    shown = on_terminal(view) if output.path is None else view
    for piece in FORMATS[output.format].pieces(document, shown):
        yield piece.encode("utf-8", "backslashreplace")


def encode(snapshot: Snapshot, output: Output) -> bytes:
    """Return a snapshot as the bytes of its file, compressed for `FILE.gz`."""
    return snapshot_file.encode(snapshot, compress=output.path is not None and output.path.suffix == ".gz")


def write(contents: list[Content]) -> None:
    """Write files first, so that standard output comes after every error about a file.

    None of them is at its path until all are complete.
    """
    with contextlib.ExitStack() as stack:
        complete = []
        shown = []
        for path, pieces, mode in contents:
            if path is None:
                shown.append(b"".join(pieces).decode())
            else:
                complete.append(stack.enter_context(files.NewFile(path, pieces, mode)))
        for file in complete:
            file.publish()
    sys.stdout.writelines(shown)


def view(options: argparse.Namespace, command: str, source: str, *, only_changes: bool = False) -> View:
    """Return what the options say of the report; `command` and `source` are words of a shell, as in `View`."""
    return View(
        passes=getattr(options, "passes", False),
        only_changes=only_changes,
        details=getattr(options, "details", True),
        ids=getattr(options, "ids", True),
        chosen=_filter(options),
        command=command,
        source=source,
        width=shutil.get_terminal_size((80, 24)).columns,
    )


def _filter(options: argparse.Namespace) -> Filter:
    given = {name: tuple(getattr(options, option, None) or ()) for name, option in _FILTER.items()}
    severity = getattr(options, "severity", None)
    return Filter(**given, severity=Severity(severity) if severity else None)


def on_terminal(view: View) -> View:
    """Return a view for standard output, with colour if it is a terminal or the environment wants colour."""
    terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    colour = (bool(os.environ.get("FORCE_COLOR")) or terminal) and not os.environ.get("NO_COLOR")
    return msgspec.structs.replace(view, colour=colour)
