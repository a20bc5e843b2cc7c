"""The HTML page: complete without script, free of requests, with every text shown as text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditor import bundled
from auditor.evaluation.result import Evaluation
from auditor.report import reading
from auditor.report.build import build
from auditor.report.document import Document, PropertyChange, Waiver
from auditor.report.filtering import Filter
from auditor.report.formats import FORMATS
from auditor.report.view import View
from auditor.rules.maps import Basis, Framework, Maps, Origin, PublicCheck, Recommendation, Relation
from auditor.rules.maps import Evidence as MappedTo
from auditor.scan import Request, scan
from auditor.sources.file_source import FileSource
from tests.report import reports

EVALUATIONS = [reports.full, reports.excused, reports.carried, reports.drifted, reports.report]
WAIVER = msgspec.convert({**msgspec.to_builtins(build(reports.excused(), passes=False).findings[0].waiver)}, Waiver)
VOID = {"meta", "br", "input", "link", "rect", "polyline", "path"}


class Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [own for name, own in self.tags if name == tag and attributes.items() <= own.items()]


def page(evaluation: Evaluation, view: View | None = None) -> Page:
    return Page(reports.render("html", evaluation, view))


@cache
def demo() -> Document:
    source = FileSource(bundled.DEMO / bundled.INVENTORY)
    return build(scan(Request(source, bundled.DEMO / bundled.DEPLOYMENT, maps=True)), passes=False)


@cache
def demo_page(*, ids: bool = False) -> str:
    return FORMATS["html"].render(demo(), View(ids=ids))


@pytest.mark.parametrize("evaluation", EVALUATIONS)
def test_every_element_is_closed_and_every_link_has_a_target(evaluation: Callable[[], Evaluation]) -> None:
    found = page(evaluation())
    ids = [own["id"] for _, own in found.tags if "id" in own]
    assert len(ids) == len(set(ids))
    links = [str(own["href"]) for own in found.all("a")]
    assert {link[1:] for link in links if link.startswith("#")} <= {*ids}


@pytest.mark.parametrize("evaluation", EVALUATIONS)
def test_the_page_requests_nothing_and_allows_only_its_own_script_and_style(
    evaluation: Callable[[], Evaluation],
) -> None:
    text = reports.render("html", evaluation())
    found = Page(text)
    loading = {"src", "srcset", "data", "poster", "background", "action", "style", "ping"}
    assert not any(own.keys() & loading or any(name.startswith("on") for name in own) for _, own in found.tags)
    assert {name for name, _ in found.tags} & {"link", "iframe", "object", "img", "base", "use", "image"} == set()
    (policy,) = found.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert str(policy["content"]).startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        (inline,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in str(policy["content"])
        assert "url(" not in inline
        assert "@import" not in inline


def test_hostile_names_stay_text() -> None:
    text = reports.render("html", reports.hostile(reports.HOSTILE))
    found = Page(text)
    assert len(found.all("script")) == 2
    assert not found.all("b", **{"class": "red"})
    assert not {"\x1b", "\u202e", "\u200b", "\x9b", "\u2028"} & {*text}
    assert "<script>alert(1)" in found.text
    assert "\\u202egpj" in found.text


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//example.com", reports.HOSTILE])
def test_only_an_address_of_the_web_becomes_a_link(url: str) -> None:
    rule = msgspec.structs.replace(reports.SIZE, sources=(msgspec.structs.replace(reports.SIZE.sources[0], url=url),))
    document = build(reports.report(reports.finding(rule=rule)), passes=False)
    found = Page(FORMATS["html"].render(msgspec.structs.replace(document, rules=()), View()))
    assert not [own for own in found.all("a") if not str(own["href"]).startswith("#")]
    assert "High Availability Guide" in found.text


ADVISED = "066a047a-9ace-45f4-ac50-6325840a6b00"
MAPS = Maps(
    tuple(
        Recommendation(
            reports.PROBE.id,
            PublicCheck("<APRL>", f"about {relation}", Origin("https://x.org", "1", ""), "2026-11-30", ADVISED),
            relation,
            "It requires <all> VMs to be alone.",
            ("current",),
        )
        for relation in Relation
    ),
    tuple(
        MappedTo(reports.PROBE.id, framework, control, Basis.TEXT, (), "The primary is found.", "2026-11-30")
        for framework in (Framework("n", "NIST <1>", "5", "https://example.com", {}),)
        for control in ("CP-7", "CP-9")
    ),
    {"n": Framework("n", "NIST <1>", "5", "https://example.com", {})},
)


@pytest.mark.parametrize("ids", [False, True])
def test_a_finding_has_its_controls_and_what_contradicts_its_rule(ids: bool) -> None:
    found = page(msgspec.structs.replace(reports.full(), maps=MAPS), View(ids=ids))
    named = f"<APRL> about contradicts (Azure Advisor {ADVISED})"
    assert f"Contradicted by {named}: why not to follow it" in found.text
    assert "A pass would be evidence for a part of NIST <1> 5: CP-7, CP-9." in found.text
    for relation in Relation:
        text = f"{relation} <APRL> about {relation} (Azure Advisor {ADVISED}): It requires <all> VMs to be alone."
        assert text in found.text
    assert "NIST <1> 5: CP-7. The primary is found." in found.text


def test_a_finding_without_controls_has_no_word_of_them() -> None:
    text = page(reports.full()).text
    assert "evidence for a part" not in text
    assert "Other tools" not in text


@pytest.mark.slow
def test_the_report_is_inside_with_aliases_of_subscriptions() -> None:
    text = demo_page()
    data = text.partition('<script type="application/json" id="report">')[2].partition("</script>")[0]
    inside: Any = json.loads(data)
    assert inside["summary"]["fail"] == demo().summary.fail
    assert re.fullmatch("/subscriptions/sub-[0-9a-f]{8}", inside["scopes"][0])
    assert "00000000-0000-0000-0000-000000000003" not in text
    assert "portal.azure" not in text


@pytest.mark.slow
def test_the_report_inside_is_whole_when_it_is_read_again(tmp_path: Path) -> None:
    text = FORMATS["html"].render(demo(), View(ids=True))
    data = text.partition('<script type="application/json" id="report">')[2].partition("</script>")[0]
    kept = tmp_path / "report.json"
    kept.write_text(data)
    assert reading.read(kept) == msgspec.convert(json.loads(FORMATS["json"].render(demo(), View())), Document)


@pytest.mark.parametrize(
    ("cloud", "portal"),
    [("AzureCloud", "azure.com"), ("AzureUSGovernment", "azure.us"), ("AzureChinaCloud", "azure.cn")],
)
def test_links_lead_to_the_portal_of_the_cloud(cloud: str, portal: str) -> None:
    evaluation = reports.report(reports.finding(subject=reports.vm("vm-a")))
    there = msgspec.structs.replace(evaluation, snapshot=msgspec.structs.replace(evaluation.snapshot, cloud=cloud))
    links = [str(own["href"]) for own in page(there, View(ids=True)).all("a")]
    assert [link for link in links if "portal" in link] == [f"https://portal.{portal}/#resource{reports.vm('vm-a').id}"]


def test_a_cloud_without_a_known_portal_has_no_link() -> None:
    evaluation = reports.report(reports.finding(subject=reports.vm("vm-a")))
    there = msgspec.structs.replace(evaluation, snapshot=msgspec.structs.replace(evaluation.snapshot, cloud="Stack"))
    assert "portal" not in "".join(str(own["href"]) for own in page(there, View(ids=True)).all("a"))


@pytest.mark.slow
def test_the_picture_has_both_drawings_with_findings_pinned() -> None:
    found = Page(demo_page())
    labels = [str(own["aria-label"]) for own in found.all("svg")]
    assert labels[:2] == ["As built: trakcare-prod", "Reference (profile current): trakcare-prod"]
    pins = {str(own["aria-label"]) for own in found.all("a") if "pin" in str(own.get("class"))}
    assert any(re.fullmatch("Mirror TRAKDB: [0-9]+ fails, the worst critical", pin) for pin in pins)
    assert "lb-web: 1 fail, the worst high" in pins
    assert any(own.get("class") == "undeclared" for own in found.all("g"))
    assert len(found.all("g", **{"class": "missing"})) == 2, "a print server and the arbiter"


@pytest.mark.slow
def test_nothing_is_missing_in_a_picture_where_no_rule_failed() -> None:
    waived = tuple(msgspec.structs.replace(finding, waiver=WAIVER) for finding in demo().findings)
    for findings in ((), waived):
        found = Page(FORMATS["html"].render(msgspec.structs.replace(demo(), findings=findings), View()))
        assert found.all("svg")
        assert not found.all("g", **{"class": "missing"})
        assert not [own for own in found.all("a") if "pin" in str(own.get("class"))]


@pytest.mark.slow
def test_a_box_shows_what_changed_since_the_baseline() -> None:
    (name, picture) = next((each.name, each.picture) for each in demo().deployments if each.picture)
    node = picture.nodes[0]
    drift = build(reports.drifted(), passes=False).drift
    assert drift
    size = PropertyChange("properties.hardwareProfile.vmSize", "Standard_E4ds_v5", "Standard_E16ds_v5", ())
    change = msgspec.structs.replace(drift.resources[0], id=node.id.upper(), properties=(size,))
    there = msgspec.structs.replace(demo(), drift=msgspec.structs.replace(drift, resources=(change,)))
    found = Page(FORMATS["html"].render(there, View(ids=True)))
    assert found.all("path", **{"class": "changed"}), name
    expected = f"{node.name}, {node.detail}; since the baseline {size.path}: Standard_E4ds_v5 -> Standard_E16ds_v5"
    assert expected in found.text


def test_findings_are_worst_first_and_all_is_said_without_script() -> None:
    found = page(reports.full())
    levels = [own["data-level"] for own in found.all("details") if own.get("class") == "finding"]
    assert levels == ["critical", "medium", "error", "unknown"]
    for expected in ("A probe that only opens a connection", "az network lb probe update", "KeyError: 'zones'", "S45"):
        assert expected in found.text


def test_what_a_filter_leaves_out_is_still_counted() -> None:
    found = page(reports.full(), View(chosen=Filter(rules=("CMP006",))))
    shown = [own for own in found.all("details") if own.get("class") == "finding"]
    assert [own["data-level"] for own in shown] == ["medium", "error"]
    assert "Only 1 of 2 fails and 0 of 1 unknowns are shown, by --rule CMP006" in found.text
    assert "1 critical" in found.text
    nothing = page(reports.full(), View(chosen=Filter(rules=("NONE",))))
    assert "prod is not what the reference architecture asks for" in nothing.text


def test_alternatives_are_marked() -> None:
    either = [
        msgspec.structs.replace(reports.evidence(number), alternatives=(f"assert.anyOf[{number}]",))
        for number in range(2)
    ]
    found = page(reports.report(reports.finding(seen=tuple(either))))
    assert "It is enough that all rows with one letter are as expected." in found.text
    assert "It is enough" not in page(reports.report(reports.finding(seen=(reports.evidence(),)))).text


def test_not_knowing_is_never_shown_as_a_pass() -> None:
    found = page(reports.report(reports.unknown(reports.SIZE, reports.vm("vm-a"), "no permission")))
    assert "prod: no rule failed, but not every outcome is known" in found.text
    assert not any("pass" in str(own.get("class")).split() for _, own in found.tags if own.get("class") != "chip pass")
    assert "1 unknown" in found.text


def test_an_older_report_has_no_picture() -> None:
    known = msgspec.to_builtins(build(reports.full(), passes=False))
    for key in ("deployments", "rules", "packs", "cloud", "resources", "declaration", "brief"):
        known.pop(key, None)
    found = Page(FORMATS["html"].render(msgspec.convert(known, Document), View()))
    assert "The report has no picture of this deployment" in found.text
    assert not found.all("svg")


@pytest.mark.slow
def test_a_page_of_300_findings_is_below_a_megabyte_and_a_half() -> None:
    own = [finding for finding in demo().findings if finding.deployment == "trakcare-prod"]
    many = msgspec.structs.replace(demo(), findings=tuple(own[number % len(own)] for number in range(300)))
    assert len(FORMATS["html"].render(many, View()).encode()) < 1_500_000


def test_the_script_is_short_and_only_hides() -> None:
    script = (Path(bundled.__file__).parent / "report" / "html" / "page.js").read_text()
    assert len(script.splitlines()) < 80
    assert not re.search(r"innerHTML|insertAdjacent|eval|fetch|XMLHttp|import|document\.write|localStorage", script)
