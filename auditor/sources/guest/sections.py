"""Files of sections, `[NAME]`, with lines `NAME=VALUE`: the CPF and CSP.ini.

Names of sections and keys are compared case-insensitively. Absence is certain only where the file shows that nothing
was cut off: of a key if another section follows, of a section if the file has one of those that are written last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from auditor.sources.guest.content import Builder, Place, Read
from auditor.sources.guest.text import Line, lines

_HEADER: Final = re.compile(r"\s*\[([^\[\]=]{1,256})\]\s*")
_DAMAGED_HEADER: Final = re.compile(r"\s*\[[^=]*(?:\]|$)|[^=]*\]\s*$")
_COMMENT: Final = re.compile(r"\s*(?:[;#]|//(?:\s|$))")


class Entry(msgspec.Struct, frozen=True):
    """One line of a section."""

    name: str
    value: str
    line: int
    ended: bool
    """Whether the line has an end; else its value may be cut."""


class Section(msgspec.Struct):
    """One section, or several of the same name."""

    name: str
    """As the file spells it."""
    line: int
    entries: list[Entry] = []
    damage: str = ""
    """Why it may have had further keys, "" if it had none."""


class Sections:
    """The sections of a file."""

    def __init__(self, text: str, last: Iterable[str], *, is_whole: bool = False) -> None:
        """Split a text; `last` are the lower-case names of sections that are written after all that is read.

        `is_whole` tells that nothing was cut off, which the text alone may not show.
        """
        self._found: dict[str, Section] = {}
        self.damage = ""
        """Why the file may have had further sections, "" if it had none."""
        current: Section | None = None
        for line in lines(f"{text}\n" if is_whole else text):
            header = _HEADER.fullmatch(line.text)
            if header and line.ended:
                name = header[1].strip()
                current = self._found.setdefault(name.lower(), Section(name, line.number, []))
            elif _DAMAGED_HEADER.match(line.text):
                # Or a header that is joined with another line: whose lines follow is not known.
                self._damage(current, line)
                current = None
            elif line.text.strip() and not _COMMENT.match(line.text):
                self._add(current, line)
        if is_whole:
            return
        if current is not None:
            current.damage = current.damage or "the file may be cut behind it"
        if not self.damage and not any(name in self._found for name in last):
            self.damage = "the file may be cut"

    def _add(self, section: Section | None, line: Line) -> None:
        place = _separator(line.text)
        if section is None or place < 0:
            self._damage(section, line)
            return
        name, value = line.text[:place].strip(), line.text[place + 1 :].strip()
        section.entries.append(Entry(name, value, line.number, line.ended))

    def _damage(self, section: Section | None, line: Line) -> None:
        self.damage = self.damage or f"line {line.number} is malformed"
        if section is not None:
            section.damage = section.damage or f"line {line.number} is malformed"

    def get(self, name: str) -> Section | None:
        """Return a section, None if the file has none of that name."""
        return self._found.get(name.lower())

    def below(self, prefix: str) -> list[Section]:
        """Return the sections whose names begin with a prefix."""
        return [section for name, section in self._found.items() if name.startswith(prefix.lower())]

    def misspelled(self, name: str) -> str:
        """Return that a section that the file lacks is there: misspelled, or within a line; "" if it is not."""
        header = f"[{name}]".lower()
        for found, section in self._found.items():
            if is_misspelled(found, name.lower()):
                return f"line {section.line} has a section whose name is misspelled"
            if any(header in f"{entry.name}={entry.value}".lower() for entry in section.entries):
                return f"a line of [{section.name}] has the beginning of the section [{name}] in it"
        return ""

    def put(self, builder: Builder, section: str, into: str, keys: dict[str, tuple[str, Read]]) -> None:
        """Put the values of keys of a section into an object of the builder; `keys` has names and readers by key."""
        found = self.get(section)
        if found is None:
            why = self.misspelled(section)
            if why:
                builder.miss(into, why)
            return
        target = builder.properties.setdefault(into, {})
        for key, (name, read) in keys.items():
            entries = [entry for entry in found.entries if entry.name.lower() == key.lower()]
            if not entries:
                why = _misspelled_key(found, key)
                if why:
                    builder.miss(f"{into}.{name}", why)
                elif found.damage:
                    builder.miss(into, found.damage)
            elif len({entry.value for entry in entries}) > 1:
                builder.miss(f"{into}.{name}", f"lines {entries[0].line} and {entries[-1].line} contradict each other")
            elif entries[0].value.startswith("="):
                builder.miss(f"{into}.{name}", f"line {entries[0].line} has `=` twice")
            elif not entries[0].ended:
                builder.miss(f"{into}.{name}", f"line {entries[0].line} may be cut")
            else:
                Place(builder, into, target, entries[0].line).put(name, entries[0].value, read)


def _misspelled_key(section: Section, key: str) -> str:
    """Return that a key that a section lacks is there, damaged: misspelled, or behind a value; "" if it is not."""
    for entry in section.entries:
        if is_misspelled(entry.name.lower(), key.lower()):
            return f"line {entry.line} has a name that is misspelled"
        if f"{key}=".lower() in entry.value.lower():
            return f"line {entry.line} has {key} in its value"
    return ""


def is_misspelled(found: str, expected: str) -> bool:
    """Return whether a name differs from another one by a single character that is missing or was added."""
    if abs(len(found) - len(expected)) != 1:
        return False
    short, long = sorted((found, expected), key=len)
    place = next((index for index, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    return long[:place] + long[place + 1 :] == short


def _separator(text: str) -> int:
    """Return the place of the first `=` outside of double quotes, else of the first one; -1 if there is none."""
    quoted = False
    for place, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == "=" and not quoted:
            return place
    return text.find("=")
