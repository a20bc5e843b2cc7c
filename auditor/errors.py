"""The exception for wrong input; in a module of its own, so that catching it imports nothing else."""


class InputError(Exception):
    """A file or an argument is wrong: the command prints this as one line and exits with 2."""

    def __init__(self, message: str, file: str = "", line: int = 0) -> None:
        """Set what is wrong or was expected, and where; `line` counts from 1, and 0 is no line."""
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line

    def __str__(self) -> str:
        """Return `file:line: message`, without the parts that are unknown."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}" if place else self.message
