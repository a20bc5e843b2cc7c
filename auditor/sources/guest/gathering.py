"""The scripts that gather guest files on a VM; what they keep is generated from the allow-lists of the parsers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from auditor.sources.guest import (
    backup_scripts,
    block_devices,
    cpf,
    csp_ini,
    instances,
    messages_log,
    metrics,
    mounts,
    shell_scripts,
)
from auditor.sources.guest.content import (
    Read,
    directory,
    flag,
    number,
    port,
    required_directory,
    required_flag,
    required_number,
    required_port,
    text,
)

_SCRIPTS: Final = Path(__file__).parent / "scripts"
_FILES: Final = {"linux": "linux.sh", "windows": "windows.ps1"}
_TEXTS: Final[tuple[Read, ...]] = (text, directory, required_directory)
_NUMBERS: Final[tuple[Read, ...]] = (
    flag,
    number,
    port,
    required_flag,
    required_number,
    required_port,
    cpf.ROUTINES,
    cpf.SIZES,
)
_FORMS: Final[Mapping[Read, str]] = {
    csp_ini.password_form: "password",
    csp_ini.own_password_form: "password",
    csp_ini.switch: "switch",
    **dict.fromkeys(_TEXTS, "text"),
    **dict.fromkeys(_NUMBERS, "number"),
}
"""The forms of values that the scripts know, by reader; that of others is a word."""
_LISTS: Final = {"Databases": "path", "Namespaces": "word", "Map.*": "hash"}
"""The forms of all lines of a section."""
_DEVICES: Final = {
    **{column.lower(): "word" for column in block_devices.COLUMNS},
    "model": "text",
    **dict.fromkeys(("mountpoint", "mountpoints"), "text"),
    **dict.fromkeys((block_devices.KEY, "children"), "list"),
}
_MOUNTS: Final = {"target": "text", "source": "device", "fstype": "word", "options": "options"} | dict.fromkeys(
    (mounts.KEY, "children"), "list"
)


def script(system: str) -> str:
    """Return the text of the script for an operating system."""
    whole = (_SCRIPTS / _FILES[system]).read_text(encoding="utf-8")
    return re.sub("@([A-Z]+)@", lambda found: _TABLES[found[1]], whole)


def _of_sections(kept: Iterable[tuple[str, Mapping[str, Read]]], others: Iterable[str] = ()) -> str:
    """Return a table of sections, with `key:form` of their keys; of `others` only the name is kept."""
    rows = []
    for section, keys in kept:
        forms = {key: _FORMS.get(read, "word") for key, read in keys.items()} or {"*": _LISTS.get(section, "list")}
        rows.append("\t".join((section, " ".join(f"{key}:{form}" for key, form in forms.items()))))
    return "\n".join((*rows, *others))


def _of_keys(keys: Mapping[str, str]) -> str:
    return " ".join(f"{key}:{form}" for key, form in keys.items())


def _extended(pattern: str) -> str:
    """Return a regular expression as awk reads it: anchored, without free text at its end.

    Raises:
        ValueError: it has what awk does not have.
    """
    fixed, free = re.subn(r"\.\{0,\d+\}$", "", pattern)
    found = re.sub(r"\(\?(?:P<\w+>|:)", "(", fixed)
    signs = {r"[\w-]": "[A-Za-z0-9_-]", r"\w": "[^ ]+", r"\d": "[0-9]", r"\s": " ", r"\ ": " "}
    for sign, instead in signs.items():
        found = found.replace(sign, instead)
    found = re.sub(r"\{1,\d+\}", "+", found)
    if re.search(r"\\\w|[{}]|\(\?", found):
        raise ValueError(pattern)
    return f"^{found}" + ("" if free else "$")


_TABLES: Final[Mapping[str, str]] = {
    "CPF": _of_sections((*cpf.kept(), ("Map.*", {})), cpf.NAMED),
    "CSP": _of_sections(csp_ini.kept()),
    "PLUGIN": _of_keys(backup_scripts.kept()),
    "DEVICES": _of_keys(_DEVICES),
    "MOUNTS": _of_keys(_MOUNTS),
    "OPTIONS": " ".join(sorted(mounts.OPTIONS)),
    "EVENTS": "\n".join(map(_extended, messages_log.EVENTS.values())),
    "FREEZES": "\n".join(messages_log.FREEZES.values()),
    "LABELS": "|".join(metrics.LABELS),
    "METRICS": " ".join(metrics.NAMES),
    "INSTANCES": ",".join(instances.KEPT),
    "WORDS": " ".join(sorted(shell_scripts.WORDS)),
    "COLUMNS": ",".join(block_devices.COLUMNS),
}
"""What replaces `@NAME@` in a script."""
