"""The output formats of a report: each one renders a document, be it of a scan or of a file that was kept."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from auditor.report.document import Document
    from auditor.report.view import View


class Format(NamedTuple):
    """A way to render a report as text, at once or piece by piece."""

    function: str
    """`module:function` of the renderer, which is imported only when it is used."""
    needs_passes: bool = False
    """Whether it lists passes in any case, not only with `--passes`."""
    needs_maps: bool = False
    """Whether it shows what the maps of the packs have."""
    readable: bool = False
    """Whether other users may read its file: it names no resource."""

    def pieces(self, document: Document, view: View) -> Iterator[str]:
        """Yield a report as pieces of text, the last of which ends with a line break."""
        module, name = self.function.split(":")
        renderer: Callable[[Document, View], str | Iterator[str]] = getattr(importlib.import_module(module), name)
        found = renderer(document, view)
        yield from (found,) if isinstance(found, str) else found

    def render(self, document: Document, view: View) -> str:
        """Return a report as text; it ends with a line break."""
        return "".join(self.pieces(document, view))


FORMATS: Final[Mapping[str, Format]] = {
    "terminal": Format("auditor.report.terminal.report:render"),
    "json": Format("auditor.report.json:render", needs_maps=True),
    "sarif": Format("auditor.report.sarif.log:render", needs_passes=True, needs_maps=True),
    "sarif-github": Format("auditor.report.sarif.log:render_github", needs_maps=True),
    "sarif-azuredevops": Format("auditor.report.sarif.log:render_azure_devops", needs_maps=True),
    "markdown": Format("auditor.report.markdown:render"),
    "html": Format("auditor.report.html.page:render", needs_maps=True),
    "csv": Format("auditor.report.csv:render"),
    "oscal": Format("auditor.report.oscal.results:render", needs_passes=True, needs_maps=True),
    "junit": Format("auditor.report.junit:render"),
    "prometheus": Format("auditor.report.prometheus:render", readable=True),
}
"""By name; the first one is the default."""
RUNBOOKS: Final[Mapping[str, Format]] = {
    "markdown": Format("auditor.report.remedies:as_markdown"),
    "sh": Format("auditor.report.remedies:as_shell"),
}
"""The formats of a runbook of all fails, by name; the first one is the default."""
