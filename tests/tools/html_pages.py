"""Write HTML pages of many kinds into a folder, for `validate_html.py`."""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from auditor import bundled
from auditor.evaluation.result import Evaluation
from auditor.history import folder as history
from auditor.history import formats, trend
from auditor.report.build import build
from auditor.report.document import Document
from auditor.report.formats import FORMATS
from auditor.report.view import View
from auditor.scan import Request, scan
from auditor.sources.file_source import FileSource
from tests.history import nights
from tests.report import reports


def main() -> None:
    """Write each page to FOLDER/NAME.html."""
    folder = Path(sys.argv[1])
    for name, document in documents().items():
        text = FORMATS["html"].render(document, View(ids=name == "demo"))
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    (folder / "trend.html").write_text(year(), encoding="utf-8")


def year() -> str:
    """Return the page of the trend of a year of nights, with hostile names in the last ones."""
    hostile = (reports.HOSTILE, reports.HOSTILE, reports.HOSTILE)
    with tempfile.TemporaryDirectory() as path:
        for made in nights.generate(365, seed=1):
            nights.write(Path(path), made)
        for night, outcome in enumerate(("pass", "fail"), start=365):
            nights.write(Path(path), nights.report(nights.START + nights.DAY * night, {hostile: outcome}))
        return formats.render("html", trend.of(history.read(Path(path)), (), None), View())


def documents() -> Mapping[str, Document]:
    """Return reports with everything that a page can have."""
    demo, healthshare, article = map(fixture, ("demo", "healthshare-current", "trakcare-2018"))
    made = {
        "everything": reports.full(),
        "excused": reports.excused(),
        "carried": reports.carried(),
        "drifted": reports.drifted(),
        "hostile": reports.hostile(reports.HOSTILE),
        "nothing": reports.report(),
    }
    return {
        "demo": demo,
        "healthshare": healthshare,
        "article": article,
        "deployments": many(demo, 12, 120),
        "findings": many(demo, 1, 300),
        **{name: build(evaluation, passes=True) for name, evaluation in made.items()},
    }


def fixture(name: str) -> Document:
    """Return the report of a fixture."""
    return build(evaluated(name), passes=False)


def evaluated(name: str) -> Evaluation:
    """Return the result of the scan of a fixture."""
    folder = bundled.FIXTURES / name
    profile = "article-2018" if name.endswith("2018") else "current"
    source, deployment = FileSource(folder / bundled.INVENTORY), folder / bundled.DEPLOYMENT
    return scan(Request(source, deployment, profile=profile, maps=True))


def many(document: Document, deployments: int, findings: int) -> Document:
    """Return a report with copies of the largest deployment, and with so many findings."""
    largest = max(document.deployments, key=lambda each: len(each.picture.nodes) if each.picture else 0)
    copies = tuple(msgspec.structs.replace(largest, name=f"{largest.name}-{n}") for n in range(1, deployments + 1))
    own = [finding for finding in document.findings if finding.deployment == largest.name]
    found = tuple(
        msgspec.structs.replace(own[number % len(own)], deployment=copies[number % deployments].name)
        for number in range(findings)
    )
    return msgspec.structs.replace(document, deployments=copies, findings=found)


if __name__ == "__main__":
    main()
