"""The parser of arguments: errors begin with the line that matters, and options are never abbreviated."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from auditor.cli import exit_codes

TYPE_CHECKING = False  # that of `typing`, without its import, which takes a tenth of `auditor --help`
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any, Final, NoReturn

HELP: Final = "help"
"""The `command` of arguments that name none; the options then have `print_help`."""

_EXIT_CODES: Final = """\
exit codes:
  0  no finding at or above --fail-on
  1  a finding at or above --fail-on
  2  wrong arguments, or an error in one of your files
  3  no such finding, but the result is incomplete: something could not be read or is not declared
"""


def epilog(*examples: str, exit_codes: str = _EXIT_CODES) -> str:
    """Return what stands at the end of a command's help."""
    return "\n".join(["examples:", *(f"  {example}" for example in examples), "", exit_codes])


class Parser(argparse.ArgumentParser):
    """A parser without abbreviations: an option that a later version adds never changes what a script means."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - those of `argparse`
        """Take the settings of `argparse.ArgumentParser`."""
        settings.setdefault("allow_abbrev", False)
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**settings)
        self.suggested: dict[str, tuple[str, ...]] = {}
        """Words that values may begin with, by the name of the option in the result."""

    def parse_known_args(  # type: ignore[override] # the overloads of `argparse` are about other namespaces
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse arguments, and refuse unknown ones here, where it is known which command they were meant for.

        An unknown option comes before any other error, such as that the option it was meant to be is missing.
        """
        names = [word.partition("=")[0] for word in args or () if word.startswith("--")]
        names = names[: names.index("--")] if "--" in names else names
        self._refuse([name for name in names if name not in self._option_string_actions and not self.commands])
        found, unknown = super().parse_known_args(args, namespace)
        self._refuse(unknown)
        return found, unknown

    def _refuse(self, unknown: Sequence[str]) -> None:
        if unknown:
            import difflib  # noqa: PLC0415 - most command lines are right

            name = unknown[0].partition("=")[0]
            near = difflib.get_close_matches(name, self._option_string_actions, n=1)
            self.error(f"unknown argument '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""))

    @property
    def commands(self) -> Mapping[str, Parser]:
        """Return the parsers of its commands by name."""
        return next((action.choices for action in self._actions if isinstance(action.choices, Mapping)), {})

    @property
    def abouts(self) -> Mapping[str, str]:
        """Return what each of its commands does."""
        group = next((action for action in self._actions if isinstance(action.choices, Mapping)), None)
        return {str(command.dest): command.help or "" for command in group._get_subactions()} if group else {}  # type: ignore[attr-defined] # noqa: SLF001 - argparse has no other name for it

    @property
    def shown(self) -> list[argparse.Action]:
        """Return its arguments, except for its commands and for what help hides."""
        return [
            action
            for action in self._actions
            if action.help is not argparse.SUPPRESS and not isinstance(action.choices, Mapping)
        ]

    def words(self, action: argparse.Action) -> tuple[str, ...]:
        """Return the words that a value of an argument is, or begins with; none if it may be any text."""
        return tuple(map(str, action.choices or self.suggested.get(action.dest, ())))

    @property
    def options(self) -> Mapping[str, argparse.Action]:
        """Return its options by their long names, without the dashes and without `--help`."""
        return {
            text.removeprefix("--"): action
            for action in self._actions
            for text in action.option_strings
            if text.startswith("--") and action.dest != "help"
        }

    def named(self, words: Sequence[str]) -> tuple[Parser, int]:
        """Return the parser of the command that the first words name, and how many words these are."""
        if words and words[0] in self.commands:
            parser, count = self.commands[words[0]].named(words[1:])
            return parser, count + 1
        return self, 0

    def given(self, words: Sequence[str]) -> Mapping[str, object]:
        """Return what arguments give, by its name in the options, without what they leave to defaults.

        The parser is of no other use afterwards.
        """
        self._defaults.clear()
        for group in self._mutually_exclusive_groups:
            group.required = False
        for action in self._actions:
            action.default, action.required = argparse.SUPPRESS, False
            action.nargs = "?" if not action.option_strings and action.nargs is None else action.nargs
        return vars(self.parse_args(words))

    def excluded_by(self, given: Collection[str]) -> set[str]:
        """Return the names of all options that exclude one that is given, and of those that are given."""
        groups = [
            {action.dest for action in group._group_actions}  # noqa: SLF001 - argparse has no other name for it
            for group in self._mutually_exclusive_groups
        ]
        return {*given}.union(*(group for group in groups if not group.isdisjoint(given)))

    def error(self, message: str) -> NoReturn:
        """Print an error on one line, and where the options are listed on the next one; exit with 2."""
        from auditor.escape import printable  # noqa: PLC0415 - as above

        lines = f"auditor: error: {printable(message)}\nauditor: see {self.prog} --help\n"
        self.exit(exit_codes.USAGE, lines)


def print_help_without_command(parser: argparse.ArgumentParser) -> None:
    """Let arguments that name none of a parser's commands print its help."""
    parser.set_defaults(command=HELP, print_help=parser.print_help)
