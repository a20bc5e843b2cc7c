"""Scripts that complete command lines in bash, zsh and fish, generated from the parser."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from auditor.cli.arguments import Parser

_NOT_A_FILE: Final = " "
"""What zsh offers for a text that is neither a file nor one of some words."""


def script(parser: Parser, shell: str) -> str:
    """Return the script for one of `SHELLS`."""
    return SHELLS[shell](parser)


def _all(parser: Parser, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Parser]]:
    """Yield a parser and those of its commands, each with the words that lead to it."""
    yield path, parser
    for name, command in parser.commands.items():
        yield from _all(command, (*path, name))


def _options(parser: Parser) -> list[argparse.Action]:
    return [action for action in parser.shown if action.option_strings]


def _positionals(parser: Parser) -> list[argparse.Action]:
    return [action for action in parser.shown if not action.option_strings]


def _help(action: argparse.Action) -> str:
    return (action.help or "").replace("%%", "%")


# --- bash -------------------------------------------------------------------------------------------------------------

_BASH: Final = """\
# Completion of auditor for bash: . <(auditor completion bash)
_auditor() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} option=${{COMP_WORDS[COMP_CWORD-1]}} i
  local command='' words='' options='' joined=''
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command/${{COMP_WORDS[i]}}" in
      {commands}) command=$command/${{COMP_WORDS[i]}} ;;
    esac
  done
  if [[ $current == '=' ]]; then # bash takes it for a word of its own
    current='' joined=1
  elif [[ $option == '=' ]]; then
    option=${{COMP_WORDS[COMP_CWORD-2]}} joined=1
  fi
  COMPREPLY=()
  if [[ $joined && $option != -* ]]; then # FORMAT=FILE
    return
  fi
  case "$command $option" in
{values}
    *)
      case "$command" in
{words}
      esac
      [[ $current != -* ]] || words=$options
      ;;
  esac
  while IFS= read -r i; do COMPREPLY+=("$i"); done < <(compgen -W "$words" -- "$current")
}}
complete -o default -F _auditor auditor
"""
"""Where nothing is offered, bash offers files."""


def _bash(parser: Parser) -> str:
    paths, values, words = [], [], []
    for path, command in _all(parser):
        name = "".join(f"/{word}" for word in path)
        paths += [name] if path else []
        options = [text for action in _options(command) for text in action.option_strings]
        for action in _options(command):
            found = command.words(action)
            if action.nargs != 0:
                pattern = "|".join(shlex.quote(f"{name} {text}") for text in action.option_strings)
                values.append(f"    {pattern}) words={shlex.quote(' '.join(found))} ;;")
        offered = [*command.commands, *(word for action in _positionals(command) for word in command.words(action))]
        if not (command.commands or _positionals(command)):
            offered = options
        both = f"words={shlex.quote(' '.join(offered))} options={shlex.quote(' '.join(options))}"
        words.append(f"        {shlex.quote(name)}) {both} ;;")
    return _BASH.format(commands="|".join(paths), values="\n".join(values), words="\n".join(words))


# --- zsh --------------------------------------------------------------------------------------------------------------


def _zsh(parser: Parser) -> str:
    lines = ["#compdef auditor", "# Completion of auditor for zsh: . <(auditor completion zsh)"]
    for path, command in _all(parser):
        lines += [f"{_function(path)}() {{", "  _arguments -s \\"]
        lines += [
            f"    {shlex.quote(spec)} \\" for action in _options(command) for spec in _option_specs(command, action)
        ]
        lines += [f"    {shlex.quote(spec)} \\" for spec in _positional_specs(command)]
        if not command.commands:
            lines += ["    && return 0", "}"]
            continue
        lines += ["    '1: :->command' '*:: :->rest' && return 0", "  case $state in", "    command)"]
        lines += ["      local -a commands=("]
        lines += [f"        {shlex.quote(f'{name}:{text}')}" for name, text in command.abouts.items()]
        lines += ["      )", "      _describe command commands", "      ;;", "    rest)", "      case $words[1] in"]
        lines += [f"        {name}) {_function((*path, name))} ;;" for name in command.commands]
        lines += ["      esac", "      ;;", "  esac", "}"]
    return "\n".join([*lines, "compdef _auditor auditor", ""])


def _function(path: tuple[str, ...]) -> str:
    return "_".join(("_auditor", *path))


def _option_specs(parser: Parser, action: argparse.Action) -> Iterator[str]:
    """Yield what `_arguments` takes for an option, once for each of its spellings."""
    others = " ".join(action.option_strings)
    first = "*" if isinstance(action, argparse._AppendAction) else f"({others})"  # noqa: SLF001 - its only name
    about = "".join(f"\\{letter}" if letter in "[]:\\" else letter for letter in _help(action))
    for text in action.option_strings:
        joined = "=" if text.startswith("--") else "+"
        value = "" if action.nargs == 0 else f":{action.metavar or action.dest}:{_zsh_values(parser, action)}"
        yield f"{first}{text}{joined if value else ''}[{about}]{value}"


def _positional_specs(parser: Parser) -> Iterator[str]:
    for action in _positionals(parser):
        many = ":" if action.nargs == "?" else ""
        yield f":{many}{action.metavar or action.dest}:{_zsh_values(parser, action)}"


def _zsh_values(parser: Parser, action: argparse.Action) -> str:
    words = parser.words(action)
    if words:
        return f"({' '.join(words)})"
    return "_files" if action.type is Path else _NOT_A_FILE


# --- fish -------------------------------------------------------------------------------------------------------------


def _fish(parser: Parser) -> str:
    lines = ["# Completion of auditor for fish: auditor completion fish | source", "complete -c auditor -f"]
    for path, command in _all(parser):
        here = [f"__fish_seen_subcommand_from {word}" for word in path]
        if command.commands:
            here.append(f"not __fish_seen_subcommand_from {' '.join(command.commands)}")
        start = f"complete -c auditor -n {shlex.quote('; and '.join(here))}"
        lines += [f"{start} -a {name} -d {_fish_quoted(about)}" for name, about in command.abouts.items()]
        for action in _options(command):
            names = " ".join(
                f"-{'l' if text.startswith('--') else 's'} {text.lstrip('-')}" for text in action.option_strings
            )
            lines.append(f"{start} {names} -d {_fish_quoted(_help(action))}{_fish_values(command, action)}")
        for action in _positionals(command):
            words = command.words(action)
            lines += [f"{start} -a {shlex.quote(' '.join(words))}"] if words else []
            lines += [f"{start} -F"] if action.type is Path else []
    return "\n".join([*lines, ""])


def _fish_values(parser: Parser, action: argparse.Action) -> str:
    words = parser.words(action)
    if action.nargs == 0:
        return ""
    if words:
        return f" -x -a {shlex.quote(' '.join(words))}"
    return " -r -F" if action.type is Path else " -x"


def _fish_quoted(text: str) -> str:
    """Return a text in single quotes, in which fish, unlike other shells, knows escapes."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


SHELLS: Final[Mapping[str, Callable[[Parser], str]]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
"""The shells by name, each with what makes its script."""
