"""The parser of the command line: its commands, and the arguments of those that it is asked for."""

from __future__ import annotations

from auditor import __version__
from auditor.cli.arguments import Parser, epilog, print_help_without_command

TYPE_CHECKING = False  # see `auditor.cli.arguments`
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Final

_ABOUTS: Final[Mapping[str, str]] = {
    "scan": "evaluate live subscriptions, a snapshot, an ARM JSON file or the bundled demo",
    "collect": "read live subscriptions into a snapshot, without evaluation",
    "discover": "propose a deployment file",
    "approve": "approve a snapshot as the baseline for drift",
    "drift": "compare a snapshot with an approved one",
    "report": "render a report that was kept in other formats",
    "trend": "show on which days each rule was met, broken or unknown, by a folder of reports",
    "foresee": "foresee what a deployment does when a virtual machine, a zone or a region is lost, and for how long",
    "explain": "explain the findings of a rule: why, evidence, severity, fix, sources",
    "remedy": "print the commands that correct the fails, as one runbook; nothing is run",
    "rules": "list, explain, test and scaffold rules",
    "permissions": "print the custom role for reading a live subscription, as input of az role definition create",
    "guest": "gather files from inside virtual machines",
    "completion": "print the script by which a shell completes auditor's commands and options",
}
"""What each command does."""


def parser(words: Collection[str] = tuple(_ABOUTS)) -> Parser:
    """Return the parser, in which only commands that are among some words have arguments: these take time.

    The options that it returns name their `command`.
    """
    root = Parser(
        prog="auditor",
        description="Check an Azure subscription that runs InterSystems databases against the reference architecture.",
        epilog=epilog(
            "auditor scan --demo",
            "auditor discover --subscription ID -o deployment=deployment.yaml",
            "auditor scan --subscription ID --deployment deployment.yaml",
        ),
    )
    root.add_argument("--version", action="version", version=f"auditor {__version__}")
    print_help_without_command(root)
    commands = root.add_subparsers(metavar="COMMAND")
    for name, about in _ABOUTS.items():
        command = commands.add_parser(name, help=about, add_help=name in words)
        if name in words:
            # What arguments need takes longer to import than all else of `auditor --help`.
            from auditor.cli import command_arguments  # noqa: PLC0415 - see above

            command_arguments.ADD[name](command)
    return root
