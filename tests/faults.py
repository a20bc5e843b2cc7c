"""The faults of files that users write."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from auditor.errors import InputError


def fault_of_change(text: str, old: str, new: str, load: Callable[[str], object], file: str) -> tuple[int, str]:
    """Return the fault that a change to a text makes, its line counted from that of the change."""
    assert old in text
    with pytest.raises(InputError) as caught:
        load(text.replace(old, new, 1))
    assert caught.value.file == file
    return caught.value.line - text[: text.index(old)].count("\n") - 1, caught.value.message
