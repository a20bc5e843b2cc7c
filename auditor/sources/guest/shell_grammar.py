"""A part of the grammar of the POSIX shell: simple commands, lists, pipes, `if` and `case`.

Whatever else a script has is refused: what is not understood must not decide how a script exits.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

_MOST: Final = 64 * 1024
"""Characters that a script may have."""
_DEEPEST: Final = 16
"""Levels of nesting."""

_SPACE: Final = re.compile(r"(?:[ \t]|\\\n)+")
_COMMENT: Final = re.compile(r"#[^\n]*")
_OPERATOR: Final = re.compile(r";;|&&|\|\||[;|()\n]")
_REDIRECTION: Final = re.compile(r"[0-9]?(?:>&[12-](?![^\s;|)&])|(?:>>|>\||>|<)(?![<>(&|]))")
_LITERAL: Final = re.compile(r"[^\s'\"\\$`;&|<>()]+")
_QUOTED: Final = re.compile(r"[^\"\\$`]+")
_VARIABLE: Final = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\}|(\?))")
_PARAMETER: Final = re.compile(r"\$(?:[0-9@*#!$-]|\{[A-Za-z0-9_]+(?::?-|[%#])[^{}`$\\'\"\n]*\})")
_HARMLESS: Final = r"(?:basename|date|dirname|hostname|id|pwd|whoami)\b[^()`&|;<>\\\n]*"
_SUBSTITUTION: Final = re.compile(rf"\$\({_HARMLESS}\)|`{_HARMLESS}`")
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_]\w*)=")
RESERVED: Final = frozenset(
    "! [[ ]] { } case coproc do done elif else esac fi for function if in select then time until while".split()  # noqa: SIM905 - a list would have a line for each
)


class NotUnderstoodError(Exception):
    """A script has something that is not of this grammar; the text is a verb phrase about a line."""

    def __init__(self, line: int, why: str) -> None:
        """Take the line, and why it is not understood."""
        super().__init__(f"line {line} {why}")


class Text(msgspec.Struct, frozen=True):
    """Characters of a word."""

    value: str
    quoted: bool


class Variable(msgspec.Struct, frozen=True):
    """The value of a variable; that of `?` is the status of the last command."""

    name: str
    quoted: bool


class Anything(msgspec.Struct, frozen=True):
    """A value that is not in the script, such as that of a parameter."""


class Word(msgspec.Struct, frozen=True):
    """One word, of parts."""

    parts: tuple[Text | Variable | Anything, ...]
    line: int

    @property
    def bare(self) -> str:
        """The text of a word without quotes and variables, "" for another one."""
        part = self.parts[0] if len(self.parts) == 1 else None
        return part.value if isinstance(part, Text) and not part.quoted else ""


class Command(msgspec.Struct, frozen=True):
    """A simple command: assignments, or words of which the first is the name of what is run."""

    assigned: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirected: bool
    targets: tuple[Word, ...]
    """The files to which it is redirected."""
    line: int


class If(msgspec.Struct, frozen=True):
    """Conditions with what is run if they succeed; the condition of `else` is empty."""

    branches: tuple[tuple[tuple[List, ...], tuple[List, ...]], ...]


class Case(msgspec.Struct, frozen=True):
    """Patterns with what is run if one of them matches a word."""

    word: Word
    arms: tuple[tuple[tuple[Word, ...], tuple[List, ...]], ...]


class Pipeline(msgspec.Struct, frozen=True):
    """Commands of which each reads what the one before writes."""

    commands: tuple[Command | If | Case, ...]
    negated: bool


class List(msgspec.Struct, frozen=True):
    """Pipelines, each with the operator before it: `&&`, `||`, or "" for the first one."""

    pipelines: tuple[tuple[str, Pipeline], ...]


def parse(text: str) -> tuple[List, ...]:
    """Return what a script runs.

    Raises:
        NotUnderstoodError: it has something that is not of this grammar.
    """
    if len(text) > _MOST:
        raise NotUnderstoodError(1, "begins a script that is too long")
    return _Parser(_tokens(text)).script()


# --- words and operators ----------------------------------------------------------------------------------------------


class _Token(msgspec.Struct, frozen=True):
    """A word, an operator, or a redirection (`<`, whose target is the word behind it, or `>&` without one)."""

    line: int
    word: Word | None = None
    operator: str = ""


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    place = 0
    while place < len(text):
        line = text.count("\n", 0, place) + 1
        if skipped := _SPACE.match(text, place) or _COMMENT.match(text, place):
            place = skipped.end()
        elif operator := _OPERATOR.match(text, place):
            found.append(_Token(line, operator=operator[0]))
            place = operator.end()
        elif redirection := _REDIRECTION.match(text, place):
            found.append(_Token(line, operator=">&" if ">&" in redirection[0] else "<"))
            place = redirection.end()
        elif text[place] in "&<>\r":
            raise NotUnderstoodError(line, "has an operator that is not understood")
        else:
            word, place = _word(text, place, line)
            found.append(_Token(line, word))
    return found


def _word(text: str, place: int, line: int) -> tuple[Word, int]:
    """Return the word at a place, and where it ends."""
    parts: list[Text | Variable | Anything] = []
    while place < len(text):
        if literal := _LITERAL.match(text, place):
            parts.append(Text(literal[0], quoted=False))
            place = literal.end()
        elif text[place] == "'":
            end = text.find("'", place + 1)
            if end < 0:
                raise NotUnderstoodError(line, "has a quotation without an end")
            parts.append(Text(text[place + 1 : end], quoted=True))
            place = end + 1
        elif text[place] == '"':
            place = _quotation(text, place + 1, line, parts)
        elif text[place] == "\\" and text[place : place + 2] != "\\\n":
            parts.append(Text(text[place + 1 : place + 2], quoted=True))
            place += 2
        elif text[place] in "$`":
            place = _expansion(text, place, line, parts, quoted=False)
        else:
            break
    rest = text[place : place + 3]
    if not parts or rest[:1] in {"<", ">"} or (rest.startswith("\\") and not rest[2:].isspace()):
        raise NotUnderstoodError(line, "has a word that is not understood")
    return Word(tuple(parts), line), place


def _quotation(text: str, place: int, line: int, parts: list[Text | Variable | Anything]) -> int:
    """Add the parts of a quotation with `"`, and return where it ends."""
    parts.append(Text("", quoted=True))
    while place < len(text):
        if text[place] == '"':
            return place + 1
        if plain := _QUOTED.match(text, place):
            parts.append(Text(plain[0], quoted=True))
            place = plain.end()
        elif text[place] == "\\":
            escaped = text[place + 1 : place + 2]
            kept = "" if escaped == "\n" else escaped if escaped in {'"', "\\", "$", "`"} else f"\\{escaped}"
            parts.append(Text(kept, quoted=True))
            place += 2
        else:
            place = _expansion(text, place, line, parts, quoted=True)
    raise NotUnderstoodError(line, "has a quotation without an end")


def _expansion(text: str, place: int, line: int, parts: list[Text | Variable | Anything], *, quoted: bool) -> int:
    """Add what `$` or a backquote stands for, and return where it ends."""
    if variable := _VARIABLE.match(text, place):
        parts.append(Variable(variable[1] or variable[2] or variable[3], quoted))
        return variable.end()
    if anything := _PARAMETER.match(text, place) or _SUBSTITUTION.match(text, place):
        parts.append(Anything())
        return anything.end()
    raise NotUnderstoodError(line, "has an expansion that is not understood")


# --- commands ---------------------------------------------------------------------------------------------------------


class _Parser:
    """Reads commands from tokens."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    def script(self) -> tuple[List, ...]:
        found = self._lists()
        if self._place < len(self._tokens):
            raise self._error("has a word that is not expected there")
        return found

    def _error(self, why: str) -> NotUnderstoodError:
        last = self._tokens[min(self._place, len(self._tokens) - 1)].line if self._tokens else 1
        return NotUnderstoodError(last, why)

    def _next(self) -> _Token:
        """Return the next token, an empty one at the end."""
        return self._tokens[self._place] if self._place < len(self._tokens) else _Token(0)

    def _takes(self, *texts: str) -> str:
        """Pass the next token if it is one of some operators or reserved words, and return it, else ""."""
        token = self._next()
        text = token.operator or (token.word.bare if token.word else "")
        if text not in texts:
            return ""
        self._place += 1
        return text

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            raise self._error(f"lacks `{text}`" if text.strip() else "lacks an end of line")

    def _skip_lines(self) -> None:
        while self._takes("\n"):
            pass

    def _lists(self) -> tuple[List, ...]:
        """Read lists up to a reserved word or operator that ends them."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error("is nested too deeply")
        found: list[List] = []
        self._skip_lines()
        while (token := self._next()).line and token.operator not in {";;", ")"} and not self._ends(token):
            found.append(self._list())
            if not self._takes(";", "\n"):
                break
            self._skip_lines()
        self._depth -= 1
        return tuple(found)

    @staticmethod
    def _ends(token: _Token) -> bool:
        return token.word is not None and token.word.bare in {"then", "elif", "else", "fi", "esac"}

    def _list(self) -> List:
        found = [("", self._pipeline())]
        while operator := self._takes("&&", "||"):
            self._skip_lines()
            found.append((operator, self._pipeline()))
        return List(tuple(found))

    def _pipeline(self) -> Pipeline:
        negated = bool(self._takes("!"))
        commands = [self._command()]
        while self._takes("|"):
            self._skip_lines()
            commands.append(self._command())
        return Pipeline(tuple(commands), negated)

    def _command(self) -> Command | If | Case:
        if self._takes("if"):
            return self._if()
        if self._takes("case"):
            return self._case()
        return self._simple()

    def _if(self) -> If:
        branches = []
        ends = ""
        while ends != "fi":
            condition: tuple[List, ...] = ()
            if ends != "else":
                condition = self._filled()
                self._expect("then")
            body = self._filled()
            branches.append((condition, body))
            ends = self._takes("fi") if ends == "else" else self._takes("elif", "else", "fi")
            if not ends:
                raise self._error("lacks `fi`")
        return If(tuple(branches))

    def _filled(self) -> tuple[List, ...]:
        """Read lists, of which there must be one."""
        found = self._lists()
        if not found:
            raise self._error("lacks a command")
        return found

    def _case(self) -> Case:
        word = self._any_word()
        self._skip_lines()
        self._expect("in")
        self._skip_lines()
        arms = []
        while not self._takes("esac"):
            self._takes("(")
            patterns = [self._any_word()]
            while self._takes("|"):
                patterns.append(self._any_word())
            self._expect(")")
            arms.append((tuple(patterns), self._lists()))
            if not self._takes(";;"):
                self._expect("esac")
                break
            self._skip_lines()
        return Case(word, tuple(arms))

    def _any_word(self) -> Word:
        found = self._next().word
        if found is None:
            raise self._error("lacks a word")
        self._place += 1
        return found

    def _simple(self) -> Command:
        line = self._next().line
        assigned: list[tuple[str, Word]] = []
        words: list[Word] = []
        targets: list[Word] = []
        redirected = False
        while (token := self._next()).word is not None or token.operator in {"<", ">&"}:
            self._place += 1
            if token.operator:
                redirected = True
                if token.operator == "<":
                    targets.append(self._any_word())
                continue
            assert token.word is not None  # noqa: S101 - a token is a word or an operator
            named = None if words else _assignment(token.word)
            if named:
                assigned.append(named)
            else:
                words.append(token.word)
        if not words and not assigned:
            raise self._error("lacks a command")
        if words and words[0].bare in RESERVED:
            raise NotUnderstoodError(line, f"has `{words[0].bare}`, which is not understood there")
        return Command(tuple(assigned), tuple(words), redirected, tuple(targets), line)


def _assignment(word: Word) -> tuple[str, Word] | None:
    """Return the name and the value of an assignment, None if a word is none."""
    first = word.parts[0] if word.parts else None
    found = _ASSIGNMENT.match(first.value) if isinstance(first, Text) and not first.quoted else None
    if found is None or not isinstance(first, Text):
        return None
    rest = (Text(first.value[found.end() :], quoted=False), *word.parts[1:])
    return found[1], Word(rest, word.line)
