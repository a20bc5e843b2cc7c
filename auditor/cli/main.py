"""The entry point of the command line: arguments in, exit code out."""

from __future__ import annotations

import argparse
import os
import sys

from auditor.cli import exit_codes
from auditor.cli.arguments import HELP
from auditor.cli.parser import parser
from auditor.errors import InputError

TYPE_CHECKING = False  # see `auditor.cli.arguments`
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is shown escaped and causes no traceback.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        words, file = _with_defaults(sys.argv[1:] if arguments is None else arguments)
        options = parser(words).parse_args(words)
        if file is not None:
            if options.config is None:
                sys.stderr.write(f"auditor: default options are those of {file}\n")
            options.config = file
        code = _command(options.command)(options)
        sys.stdout.flush()
    except InputError as error:
        from auditor.escape import printable  # noqa: PLC0415 - most commands have no error

        sys.stderr.write(f"auditor: error: {printable(str(error))}\n")
        return exit_codes.USAGE
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except BrokenPipeError:
        # The reader of the pipe has ended; without this, Python reports the error once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.OK
    return code


def _with_defaults(words: Sequence[str]) -> tuple[Sequence[str], Path | None]:
    """Return arguments with the defaults of a file before them, and the file, None without one; help has none."""
    if not words or {"-h", "--help"} & {*words}:
        return words, None
    from auditor.cli import config  # noqa: PLC0415 - it takes as long to import as all else of `auditor --help`

    return config.with_defaults(parser, words)


def _command(name: str) -> Callable[[argparse.Namespace], int]:
    """Return what runs a command; what only prints about the command line imports nothing else, and takes no time."""
    if name == HELP:
        return _print_help
    if name == "completion":
        return _print_completion
    from auditor.cli import commands  # noqa: PLC0415 - see above

    return commands.COMMANDS[name]


def _print_help(options: argparse.Namespace) -> int:
    options.print_help()
    return exit_codes.OK


def _print_completion(options: argparse.Namespace) -> int:
    from auditor.cli import completion  # noqa: PLC0415 - only this command needs it

    sys.stdout.write(completion.script(parser(), options.shell))
    return exit_codes.OK
