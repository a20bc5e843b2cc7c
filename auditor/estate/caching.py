"""Methods whose results are kept in the instance."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def cached_method(compute: F) -> F:
    """Return a method that computes the result for each combination of arguments once.

    Unlike `functools.cache`, it neither keeps instances alive nor refers back to them, so that they are freed at once.
    """
    name = f"_results_of_{compute.__name__}"

    @wraps(compute)
    def cached(self: Any, *arguments: Hashable) -> Any:  # noqa: ANN401 - of any class and method
        try:
            return self.__dict__[name][arguments]
        except KeyError:
            found = compute(self, *arguments)
            self.__dict__.setdefault(name, {})[arguments] = found
            return found

    return cast("F", cached)
