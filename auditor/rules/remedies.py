"""The grammar of remedies: commands of a rule file, and the placeholders in them."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from auditor.azure import paths
from auditor.azure.arm import canonical_type
from auditor.azure.types.names import DISK, VM
from auditor.rules.conditions import ConditionError
from auditor.rules.model import Disturbance, Step

PLACEHOLDER: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
"""A placeholder, whose name is group 1; or `{{` or `}}`, which stand for a brace and have no such group."""
OF_RESOURCE: Final = frozenset({"subscription", "group", "name", "id", "region"})
NAME_OF: Final = "name"
"""Behind the path of an ARM id and a slash: its last segment. Another word: the segment behind that word."""

_OF_PARTS: Final = {"part": 1, "place": 1, "parent": 2}
"""How many `[*]` the path of a step needs for a placeholder of parts."""
_QUOTING: Final = frozenset("'\"\\")
_CHOICE: Final = re.compile(r"[A-Z][A-Z0-9_]*")


def in_lower_case(observed: Any) -> Any:  # noqa: ANN401 - parsed YAML and JSON
    """Return a text in lower case, since Azure writes the same in several ways; any other value as it is."""
    return observed.lower() if isinstance(observed, str) else observed


def steps(value: Mapping[str, Any]) -> tuple[Step, ...]:
    """Return the steps of a rule file's content.

    Raises:
        ConditionError: a command cannot be split into words, or has a placeholder that nothing fills in.
    """
    return tuple(_step(value, step, ("remedy", index)) for index, step in enumerate(value.get("remedy", ())))


@lru_cache(maxsize=1024)
def _words(command: str) -> tuple[str, ...]:
    """Return a command as words; most are those of several profiles."""
    plain = command.isascii() and command.isprintable() and _QUOTING.isdisjoint(command)
    return tuple(command.split() if plain else shlex.split(command))  # the same, and a hundred times as fast


def _step(rule: Mapping[str, Any], value: Mapping[str, Any], place: tuple[str | int, ...]) -> Step:
    concern = value.get("for", {})
    path = concern.get("path", "")
    for key in ("path", "with", "without"):
        _check_path(concern.get(key, ""), (*place, "for", key))
    other = concern.get("other", {"type": "", "path": ""})
    _check_path(other["path"], (*place, "for", "other", "path"))
    try:
        words = _words(value.get("run", ""))
    except ValueError as error:
        message = f"`run` is not a command: {error}"
        raise ConditionError(message, (*place, "run")) from None
    step = Step(
        words=words,
        disturbs=Disturbance(value["disturbs"]),
        type=canonical_type(concern.get("type", "")),
        path=path,
        present=concern.get("present"),
        observed=tuple(in_lower_case(each) for each in concern.get("observed", ())),
        having=concern.get("with", ""),
        lacking=concern.get("without", ""),
        other=(canonical_type(other["type"]), other["path"]),
        repeated=concern.get("repeated", False),
        ungraded=concern.get("graded", True) is False,
        recreate=value.get("recreate"),
        stopped=value.get("stopped", False),
        check=" ".join(value.get("check", "").split()),
        vm=value.get("vm", ""),
        choices=value.get("choose", {}),
    )
    if not concern and any("type" not in target for target in rule["for"]):
        message = "`for` must name the resources: the subject of the rule is none"
        raise ConditionError(message, place)
    types = {step.type} if step.type else {canonical_type(target["type"]) for target in rule["for"]}
    if step.disturbs in {Disturbance.RESTARTS, Disturbance.RECREATES} and not step.vm and types != {VM}:
        message = f"`vm` must name the VM that it {step.disturbs.split()[0]}"
        raise ConditionError(message, place)
    if step.stopped and step.disturbs is not Disturbance.RESTARTS:
        message = f"a command for which a VM is stopped `disturbs: {Disturbance.RESTARTS}`"
        raise ConditionError(message, (*place, "stopped"))
    if (step.recreate is not None) is not (step.disturbs is Disturbance.RECREATES):
        message = f"`recreate` and only it `disturbs: {Disturbance.RECREATES}`"
        raise ConditionError(message, (*place, "disturbs"))
    _check(rule, step, place)
    return step


def _check(rule: Mapping[str, Any], step: Step, place: tuple[str | int, ...]) -> None:
    """Refuse a placeholder that nothing fills in, and a choice that no command has."""
    words = [word for word in (*step.words, *(step.recreate or {}).values()) if "{" in word or "}" in word]
    used = [name for word in words for name in _names(word)]
    for key, names in (("run", used), ("vm", _names(step.vm))):
        for name in names:
            _check_placeholder(rule, step, name, (*place, key))
    if any("{" in PLACEHOLDER.sub("", word) or "}" in PLACEHOLDER.sub("", word) for word in (*words, step.vm)):
        message = "a brace must belong to a {placeholder}; a brace itself is {{ or }}"
        raise ConditionError(message, (*place, "run"))
    for name in step.choices.keys() - set(used):
        message = f"the command has no {{{name}}}"
        raise ConditionError(message, (*place, "choose", name))


def _names(text: str) -> list[str]:
    return [found[1] for found in PLACEHOLDER.finditer(text) if found[1] is not None]


def _check_placeholder(rule: Mapping[str, Any], step: Step, name: str, place: tuple[str | int, ...]) -> None:
    head, _, rest = name.partition(".")
    if name in OF_RESOURCE:
        return
    if step.path.count("[*]") >= _OF_PARTS.get(head, math.inf) and not (head == "place" and rest):
        _check_path(path_in(rest)[0], place)
        return
    if head == "other" and "[*]" in step.other[1]:
        _check_path(path_in(rest)[0], place)
        return
    if rest and (head == "resource" or (head == "attachment" and step.type == DISK)):
        _check_path(path_in(rest)[0], place)
        return
    if (head == "param" and rest in rule["params"]) or (head == "setting" and rest in rule.get("settings", ())):
        return
    if _CHOICE.fullmatch(name) and name in step.choices and place[-1] == "run":
        return
    message = f"nothing fills in {{{name}}}"
    hints = {
        "part": "; `for` has no path with [*]",
        "place": "; `for` has no path with [*]",
        "parent": "; `for` has no path with two [*]",
        "attachment": "; `for` names no managed disks",
        "other": "; `for` has no `other` with a path with [*]",
        "param": "; `params` has no such name",
        "setting": "; `settings` has no such name",
    }
    hint = "; `choose` does not say what it is" if _CHOICE.fullmatch(name) else hints.get(head, "")
    raise ConditionError(message + hint, place)


def path_in(rest: str) -> tuple[str, str]:
    """Return the path of a placeholder, and behind which word of an ARM id its value is; "" if it is no part of one."""
    path, _, word = rest.partition("/")
    return path, word


def _check_path(path: str, place: tuple[str | int, ...]) -> None:
    try:
        paths.parse(path)
    except paths.PathError as error:
        raise ConditionError(str(error), place) from None
