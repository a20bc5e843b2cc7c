"""The one exception that is the user's to mend; alone here, so that catching it loads nothing else."""


class InputError(Exception):
    """A file or argument of the user's is wrong; the command ends with exit code 2 and this one line."""

    def __init__(self, message: str, file: str = "", line: int = 0) -> None:
        """Name what was expected, and where it was not found; `line` counts from 1, 0 where there is none."""
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line

    def __str__(self) -> str:
        """Return `file:line: message`, leaving out what is not known."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}" if place else self.message
