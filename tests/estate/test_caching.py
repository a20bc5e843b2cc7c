"""Results of methods are computed once for each instance and each combination of arguments."""

from __future__ import annotations

import gc
import pickle
import weakref

from auditor.estate.caching import cached_method


class Counted:
    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    @cached_method
    def total(self, one: int, other: int) -> int:
        """Return a sum."""
        self.calls.append((one, other))
        return one + other


def test_a_result_is_computed_once_for_the_same_arguments() -> None:
    counted, another = Counted(), Counted()
    assert [counted.total(1, 2), counted.total(1, 2), counted.total(2, 1), another.total(1, 2)] == [3] * 4
    assert (counted.calls, another.calls) == ([(1, 2), (2, 1)], [(1, 2)])
    assert Counted.total.__doc__ == "Return a sum."


def test_an_instance_is_freed_without_the_garbage_collector_and_can_be_pickled() -> None:
    counted = Counted()
    assert counted.total(1, 2) == 3
    again = pickle.loads(pickle.dumps(counted))  # noqa: S301 - our own
    assert again.total(1, 2) == 3
    assert again.calls == [(1, 2)]
    alive = weakref.ref(counted)
    gc.disable()
    try:
        del counted
        assert alive() is None
    finally:
        gc.enable()
