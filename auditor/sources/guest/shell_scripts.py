"""A shell script that freezes or thaws a database: what it calls and how it exits, never its text.

A script is followed once for each status that its first call may have. Where it depends on something that is not in its
text, every way is followed, and only what all ways have in common is known. `Backup.General.ExternalFreeze()` and
`ExternalThaw()` end a session with status 5, or 3 if they failed; `iris freeze` and `iris thaw` succeed with 0
(https://docs.intersystems.com/irislatest/csp/docbook/DocBook.UI.Page.cls?KEY=GCDI_backup, read 2026-11-30). For
Azure Backup, which runs `sh SCRIPT`, 0 is a success, and 2 a warning after which the backup goes on
(https://github.com/Azure/azure-linux-extensions, VMBackup/main/ScriptRunner.py and common.py, read 2026-11-30).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from auditor.sources.guest.content import Builder
from auditor.sources.guest.shell_grammar import (
    RESERVED,
    Anything,
    Case,
    Command,
    If,
    List,
    NotUnderstoodError,
    Pipeline,
    Text,
    Variable,
    Word,
    parse,
)

_SHELLS: Final = re.compile(r"#![ \t]*(?:/usr/bin/env[ \t]+)?(?:/[\w./-]*/)?(?:sh|bash|dash|ksh)[ \t]*")
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}")
_GLOB: Final = re.compile(r"[*?\[~{]")
_UNKNOWN_TEXT: Final = "\0"
"""Stands for what a word has from elsewhere."""
_METHOD: Final = re.compile(r"##class\(Backup\.General\)\.External(Freeze|Thaw|SetHistory)\([^()]*\)", re.IGNORECASE)
_MOST_STEPS: Final = 2000

_FREEZE: Final = "freeze"
_THAW: Final = "thaw"
_SET_HISTORY: Final = "sethistory"
_OTHER: Final = "other"
"""A program of which nothing is known but its name: it may do anything of this."""
_SESSION_SUCCEEDED: Final = 5
_SESSION_FAILED: Final = 3
_IN_VAIN: Final = frozenset({0, 2})
"""Statuses of a script after which a backup goes on."""
_LAST_STATUS: Final = 255

_INTERSYSTEMS: Final = frozenset({"iris", "csession", "irissession"})
_SILENT: Final = frozenset({":", "[", "echo", "false", "printf", "test", "true"})
_HARMLESS: Final = frozenset(
    "basename cat cd chmod chown cp date df dirname hostname id logger ls mkdir mount mv ps pwd rm sleep sync tail tee "  # noqa: SIM905 - a list would have a line for each
    "touch umask uname whoami".split()
)
"""Programs that neither freeze nor thaw, whatever their status is."""
_REFUSED: Final = frozenset(
    ". alias bg break builtin command continue declare disown enable eval exec fc fg getopts hash jobs kill let local "  # noqa: SIM905 - likewise
    "mapfile popd pushd read readarray readonly return set shift shopt source su sudo suspend trap typeset unalias "
    "unset wait".split()
)
"""Commands that change how the rest of a script runs, or run something as another user, for which there may have to be
a terminal."""
_COMPARISONS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "-eq": lambda a, b: a == b,
    "-ne": lambda a, b: a != b,
    "-lt": lambda a, b: a < b,
    "-le": lambda a, b: a <= b,
    "-gt": lambda a, b: a > b,
    "-ge": lambda a, b: a >= b,
}


WORDS: Final = frozenset(
    {*RESERVED, *_INTERSYSTEMS, *_SILENT, *_HARMLESS, *_REFUSED, *_COMPARISONS, _FREEZE, _THAW, "=", "*", "]", "-v"}
    | {"-U", "-U%SYS", "%SYS", "exit", "export", "session", "terminal"}
)
"""Words by which a script is understood; any other word can have any other name."""


PARTS: Final = ("callsFreeze", "callsThaw", "callsSetHistory", "exit")
"""What is derived from a script."""


def put_derived(builder: Builder, path: str, whole: str) -> dict[str, Any]:
    """Return what a script does if its calls succeed, and how its exit status follows from its first call.

    `callsFreeze`, `callsThaw` and `callsSetHistory`, by which the instance counts the backup, are whether it calls
    them. `exit` is `by-status` if it exits with 0 after a success, and after no other status so that the backup goes
    on; `hides-failure` if the backup goes on after a failure; `hides-success` if it exits with another status than 0
    after a success. What the text does not show is unread.
    """
    try:
        found = _Script(whole)
    except NotUnderstoodError as error:
        for part in PARTS:
            builder.miss(f"{path}.{part}", str(error))
        return {}
    derived: dict[str, Any] = {}
    calls = (found.calls(what) for what in (_FREEZE, _THAW, _SET_HISTORY))
    for part, value in zip(PARTS, (*calls, found.exit), strict=True):
        if value is None:
            builder.miss(f"{path}.{part}", "the text of the script does not show it")
        else:
            derived[part] = value
    return derived


class _State(msgspec.Struct, frozen=True):
    """Where one way through a script is."""

    variables: Mapping[str, str | None]
    """None is a value that is not known."""
    status: int | None = 0
    """Of the last command; None if it is not known."""
    calls: tuple[str, ...] = ()
    exited: bool = False

    def ended(self, status: int | None) -> _State:
        """Return the state after a command."""
        return msgspec.structs.replace(self, status=status)

    def called(self, what: str, status: int | None) -> _State:
        """Return the state after a call."""
        return msgspec.structs.replace(self, calls=(*self.calls, what), status=status)


class _Script:
    """A script that is understood."""

    def __init__(self, whole: str) -> None:
        first = whole.partition("\n")[0]
        if first.startswith("#!") and not _SHELLS.fullmatch(first):
            raise NotUnderstoodError(1, "names an interpreter that is no shell, or gives it an option")
        if not whole.endswith("\n"):
            raise NotUnderstoodError(whole.count("\n") + 1, "has no end, so that the script may be cut")
        self._lists = parse(whole)
        self._succeeded = self._ways(None)
        literals = {int(number) for number in _NUMBER.findall(whole)}
        codes = {*_IN_VAIN, 1, _SESSION_FAILED, 127, *(n + d for n in literals for d in (-1, 0, 1))}
        possible = {code for code in codes if 0 <= code <= _LAST_STATUS} - {_SESSION_SUCCEEDED}
        self._failed = {code: self._ways(code) for code in possible}

    def _ways(self, code: int | None) -> list[_State]:
        """Return how the script may end if its first call fails with a status, or succeeds."""
        return _Run(code).lists(self._lists, [_State({})])

    def calls(self, what: str) -> bool | None:
        """Return whether the script calls something if what it calls succeeds, None if that is not known."""
        found = [what in way.calls for way in self._succeeded]
        if all(found):
            return True
        return None if any(found) or any(_OTHER in way.calls for way in self._succeeded) else False

    @property
    def exit(self) -> str | None:
        """How the exit status follows from that of the first call, None if that is not known."""
        if not all({_FREEZE, _THAW} & {*way.calls} for way in self._succeeded):
            return None
        if all(way.status in _IN_VAIN for way in self._failed[_SESSION_FAILED]):
            return "hides-failure"
        if all(way.status not in {0, None} for way in self._succeeded):
            return "hides-success"
        failed = [way.status for ways in self._failed.values() for way in ways]
        certain = all(way.status == 0 for way in self._succeeded) and None not in failed
        return "by-status" if certain and _IN_VAIN.isdisjoint(failed) else None


class _Run:
    """Follows a script, with one status of its first call."""

    def __init__(self, code: int | None) -> None:
        self._code = code
        self._steps = 0

    def lists(self, lists: tuple[List, ...], states: list[_State]) -> list[_State]:
        """Return the states after some lists."""
        for each in lists:
            for operator, pipeline in each.pipelines:
                states = [after for state in states for after in self._behind(operator, pipeline, state)]
        return states

    def _behind(self, operator: str, pipeline: Pipeline, state: _State) -> Iterator[_State]:
        """Yield the states after a pipeline that an operator may skip."""
        if state.exited:
            yield state
            return
        runs, skips = {
            "": (True, False),
            "&&": (state.status in {0, None}, state.status != 0),
            "||": (state.status != 0, state.status in {0, None}),
        }[operator]
        if skips:
            yield state
        if runs:
            yield from self._pipeline(pipeline, state)

    def _pipeline(self, pipeline: Pipeline, state: _State) -> list[_State]:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise NotUnderstoodError(1, "begins a script with too many ways through it")
        if len(pipeline.commands) == 1:
            states = self._command(pipeline.commands[0], state)
        else:
            # Each command runs in a shell of its own, and the status is that of the last one.
            for command in pipeline.commands:
                if not isinstance(command, Command):
                    raise NotUnderstoodError(1, "begins a script with a compound command in a pipe")
                (after,) = self._simple(command, state)
                state = msgspec.structs.replace(state, calls=after.calls)
            states = [state.ended(None)]
        if not pipeline.negated:
            return states
        return [
            after if after.exited or after.status is None else after.ended(int(after.status == 0)) for after in states
        ]

    def _command(self, command: Command | If | Case, state: _State) -> list[_State]:
        if isinstance(command, If):
            return self._if(command, state)
        return self._case(command, state) if isinstance(command, Case) else self._simple(command, state)

    def _if(self, command: If, state: _State) -> list[_State]:
        found: list[_State] = []
        states = [state]
        for condition, body in command.branches:
            if not condition:
                return found + self.lists(body, states)
            tested = self.lists(condition, states)
            found += [each for each in tested if each.exited]
            tested = [each for each in tested if not each.exited]
            found += self.lists(body, [each.ended(0) for each in tested if each.status in {0, None}])
            states = [each for each in tested if each.status != 0]
        return found + [each.ended(0) for each in states]

    def _case(self, command: Case, state: _State) -> list[_State]:
        word = _value(command.word, state)
        found: list[_State] = []
        for patterns, body in command.arms:
            matches = [_matches(pattern, word, state) for pattern in patterns]
            if any(match is not False for match in matches):
                found += self.lists(body, [state if body else state.ended(0)])
            if any(match is True for match in matches):
                return found
        return [*found, state.ended(0)]

    def _simple(self, command: Command, state: _State) -> list[_State]:
        for part in (part for target in command.targets for part in target.parts):
            if isinstance(part, Variable) and part.name not in state.variables:
                raise NotUnderstoodError(command.line, "writes to a file that only another variable names")
        if not command.words:
            return [_assigned(command.assigned, state)]
        words = [_value(word, state) for word in command.words]
        if words[0] is None:
            raise NotUnderstoodError(command.line, "runs something that is not named there")
        name, arguments = words[0].rpartition("/")[2], words[1:]
        if name in _INTERSYSTEMS:
            return [self._call(command, name, state)]
        if name in _REFUSED or (name == "printf" and "-v" in arguments):
            raise NotUnderstoodError(command.line, f"has `{name}`, whose effect is not known")
        if name == "exit":
            status = _exit_status(arguments, state, command.line)
            return [msgspec.structs.replace(state, status=status, exited=True)]
        if name == "export":
            return [_exported(command, state)]
        known = name in _HARMLESS or name in _SILENT
        return [_after_program(name, arguments, command, state) if known else state.called(_OTHER, None)]

    def _call(self, command: Command, name: str, state: _State) -> _State:
        """Return the state after a command of InterSystems.

        Raises:
            NotUnderstoodError: it is not one of those that freeze or thaw in the namespace %SYS.
        """
        words = [_shown(word, state) for word in command.words[1:]]
        action = words.pop(0).lower() if name == "iris" and words else "session"
        if action in {_FREEZE, _THAW} and words:
            return self._ended(state, action, 0, 1)
        methods = [found for word in words if (found := _METHOD.fullmatch(word))]
        in_system = "-u%sys" in re.sub("-u +", "-u", " ".join(words).lower()).split()
        if action not in {"session", "terminal"} or len(methods) != 1 or not in_system:
            raise NotUnderstoodError(command.line, f"has `{name}`, whose effect is not known")
        method = methods[0][1].lower()
        if method == _SET_HISTORY:
            return state.called(method, None)
        return self._ended(state, method, _SESSION_SUCCEEDED, self._code)

    def _ended(self, state: _State, action: str, succeeded: int, failed: int | None) -> _State:
        """Return the state after a call, whose status is only known of the first one."""
        if {_FREEZE, _THAW, _OTHER} & {*state.calls}:
            return state.called(action, None)
        return state.called(action, succeeded if self._code is None else failed)


# --- values -----------------------------------------------------------------------------------------------------------


def _assigned(assigned: tuple[tuple[str, Word], ...], state: _State) -> _State:
    """Return the state after assignments, whose status is that of a command in them."""
    for name, word in assigned:
        variables = {**state.variables, name: _value(word, state, splits=False)}
        state = msgspec.structs.replace(state, variables=variables)
    any_command = any(isinstance(part, Anything) for _, word in assigned for part in word.parts)
    return state.ended(None if any_command else 0)


def _exported(command: Command, state: _State) -> _State:
    """Return the state after `export NAME=VALUE ...`; the status of a command in a value is lost."""
    for word in command.words[1:]:
        name, separator, text = _shown(word, state).partition("=")
        if _UNKNOWN_TEXT in name:
            raise NotUnderstoodError(command.line, "exports a variable that is not named there")
        if separator:
            variables = {**state.variables, name: None if _UNKNOWN_TEXT in text else text}
            state = msgspec.structs.replace(state, variables=variables)
    return state.ended(0)


def _shown(word: Word, state: _State) -> str:
    """Return the text of a word, in which `_UNKNOWN_TEXT` stands for what is not known."""
    return "".join(_text(part, state) for part in word.parts)


def _text(part: Text | Variable | Anything, state: _State) -> str:
    if isinstance(part, Text):
        return part.value
    if isinstance(part, Anything):
        return _UNKNOWN_TEXT
    value = state.variables.get(part.name)
    if part.name == "?":
        value = None if state.status is None else str(state.status)
    return _UNKNOWN_TEXT if value is None else value


def _value(word: Word, state: _State, *, splits: bool = True) -> str | None:
    """Return the value of a word, None if it is not known or may be none or several words."""
    for part in word.parts:
        if isinstance(part, Text) and not part.quoted and part.value not in {"[", "]"} and _GLOB.search(part.value):
            return None
        text = _text(part, state)
        if splits and isinstance(part, Variable) and not part.quoted and (text.split() != [text] or _GLOB.search(text)):
            return None
        if _UNKNOWN_TEXT in text:
            return None
    return _shown(word, state)


def _matches(pattern: Word, word: str | None, state: _State) -> bool | None:
    """Return whether a pattern of `case` matches a word, None if that is not known."""
    if pattern.bare == "*":
        return True
    value = _value(pattern, state)
    return None if value is None or word is None else value == word


def _exit_status(arguments: list[str | None], state: _State, line: int) -> int | None:
    if not arguments:
        return state.status
    (status, *more) = arguments
    if more or (status is not None and not (status.isdecimal() and int(status) <= _LAST_STATUS)):
        raise NotUnderstoodError(line, "has `exit` with something that is no status")
    return None if status is None else int(status)


def _after_program(name: str, arguments: list[str | None], command: Command, state: _State) -> _State:
    """Return the state after a program that neither freezes nor thaws."""
    if name in {"[", "test"}:
        return state.ended(_tested(arguments, name))
    if name not in _SILENT or command.redirected:
        return state.ended(None)
    return state.ended(int(name == "false"))


def _tested(arguments: list[str | None], name: str) -> int | None:
    """Return the status of `[ ... ]` or `test ...`, None if it is not known."""
    if name == "[":
        return _tested(arguments[:-1], "test") if arguments and arguments[-1] == "]" else None
    if arguments[:1] == ["!"]:
        found = _tested(arguments[1:], name)
        return None if found is None else int(found == 0)
    if len(arguments) != len(("a", "=", "b")) or None in arguments:
        return None
    left, operator, right = map(str, arguments)
    if operator == "=":
        return int(left != right)
    compare = _COMPARISONS.get(operator)
    if compare is None or not (_NUMBER.fullmatch(left) and _NUMBER.fullmatch(right)):
        return None
    return int(not compare(int(left), int(right)))
