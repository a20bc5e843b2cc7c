"""The parser of arguments: errors begin with the line that matters, and options are never abbreviated."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from auditor.cli import exit_codes
from auditor.escape import printable

HELP: Final = "help"
"""The `command` of arguments that name none; the options then have `print_help`."""


class Parser(argparse.ArgumentParser):
    """A parser without abbreviations: an option that a later version adds never changes what a script means."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - those of `argparse`
        """Take the settings of `argparse.ArgumentParser`."""
        settings.setdefault("allow_abbrev", False)
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**settings)

    def parse_known_args(  # type: ignore[override] # the overloads of `argparse` are about other namespaces
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse arguments, and refuse unknown ones here, where it is known which command they were meant for."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            name = unknown[0].partition("=")[0]
            options = [text for action in self._actions for text in action.option_strings]
            near = difflib.get_close_matches(name, options, n=1)
            self.error(f"unknown argument '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""))
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Print an error on one line, and where the options are listed on the next one; exit with 2."""
        lines = f"auditor: error: {printable(message)}\nauditor: see {self.prog} --help\n"
        self.exit(exit_codes.USAGE, lines)


def print_help_without_command(parser: argparse.ArgumentParser) -> None:
    """Let arguments that name none of a parser's commands print its help."""
    parser.set_defaults(command=HELP, print_help=parser.print_help)
