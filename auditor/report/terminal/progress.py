"""Progress of reading from Azure, on standard error: a status line on a terminal, elsewhere one line per step."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console
from rich.text import Text

from auditor.escape import printable
from auditor.report import wording
from auditor.snapshot.redaction import redact

if TYPE_CHECKING:
    from rich.status import Status

    from auditor.sources.live.progress import Amount


class ConsoleProgress:
    """Shows progress. Every text is treated as foreign: redacted and made printable."""

    def __init__(self, *, verbose: bool) -> None:
        """Create it; `verbose` shows each request too."""
        self._console = Console(stderr=True, highlight=False)
        self._verbose = verbose
        self._status: Status | None = None
        self._reading: dict[str, None] = {}
        self._lists = 0
        self._found = 0

    def __enter__(self) -> Self:
        """Start the status line."""
        if sys.stderr.isatty() and not self._console.is_dumb_terminal:  # `FORCE_COLOR` alone is no terminal
            self._status = self._console.status("signing in")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the status line."""
        if self._status is not None:
            self._status.stop()

    def begins(self, what: str) -> None:
        """Show that reading begins."""
        self._reading[what] = None
        self._renew()

    def read(self, what: str, count: int) -> None:
        """Show that a list was read completely, with the number of its items."""
        self._reading.pop(what, None)
        self._lists += 1
        self._found += count
        if self._status is None:
            self._line(f"read {what}: {count}")
        self._renew()

    def missed(self, what: str, why: str) -> None:
        """Show that something could not be read."""
        self._reading.pop(what, None)
        self._line(f"not read: {what}: {why}")
        self._renew()

    def waits(self, seconds: float) -> None:
        """Show a pause of some seconds because of throttling."""
        if self._status is not None:
            self._renew(f", waiting {seconds:.0f} s because Azure throttles requests")
        elif seconds >= _WORTH_SAYING:
            self._line(f"waiting {seconds:.0f} s because Azure throttles requests")

    def called(self, path: str, status: int, request_id: str, seconds: float) -> None:
        """Show an answered request."""
        if self._verbose:
            self._line(f"{status} {path.split('?', 1)[0]} {seconds:.2f} s, request {request_id or 'without id'}")

    def ends(self, read: Amount) -> None:
        """Show what was read, and the number of requests."""
        gaps = f", {wording.count(read.gaps, 'gap')}" if read.gaps else ""
        identity = read.identity or "an identity without a name"
        self._line(
            f"read {wording.count(read.resources, 'resource')}{gaps} as {identity}; "
            f"{wording.count(read.calls, 'request')}, {read.retries:,} of them repeated, {read.seconds:.1f} s"
        )

    def _line(self, text: str) -> None:
        clean = printable(redact(text))
        if self._status is None:
            sys.stderr.write(f"auditor: {clean}\n")
            sys.stderr.flush()
        else:
            self._console.print(Text(clean), soft_wrap=True)

    def _renew(self, more: str = "") -> None:
        if self._status is not None:
            now = next(reversed(self._reading), "")
            text = f"{self._found:,} resources of {self._lists} lists{more}; reading {printable(now)}"
            self._status.update(Text(text, overflow="ellipsis", no_wrap=True))


_WORTH_SAYING: Final = 5.0
