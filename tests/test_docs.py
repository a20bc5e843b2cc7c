"""The pages agree with the program."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from auditor import bundled, yaml_documents
from auditor.azure.types import VERSIONS
from auditor.estate import deployment_file
from auditor.evaluation import exemptions
from auditor.rules.facts import FACTS

ROOT = bundled.FIXTURES.parent


def load(path: Path) -> ModuleType:
    """Import a script of the checkout."""
    spec = importlib.util.spec_from_file_location(f"loaded_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look up their module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_generated_pages_are_current() -> None:
    pages: dict[Path, str] = load(ROOT / "docs" / "generate.py").pages()
    assert pages
    for path, text in pages.items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run make docs"


def test_every_fact_says_what_it_is() -> None:
    assert FACTS
    for fact in FACTS.values():
        assert fact.about.endswith("."), fact.name


def test_the_readme_deployment_file_is_valid() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(format: auditor\.deployment/1\n.*?)```", readme, re.DOTALL)
    (declared,) = deployment_file.load(yaml_documents.parse(example.encode(), "README.md"))
    assert declared.name == "trakcare-prod"


@pytest.mark.parametrize("page", ["README.md", "docs/waivers.md"])
def test_the_examples_of_waivers_and_attestations_are_valid(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    examples = dict(re.findall(r"```yaml\n(format: auditor\.(waivers|attestations)/1\n.*?)```", text, re.DOTALL))
    known = [path.stem for path in bundled.PACK.glob("*.yaml")]
    load = {"waivers": exemptions.load, "attestations": exemptions.load_attestations}
    assert set(examples.values()) == ({"waivers"} if page == "README.md" else set(load))
    for example, kind in examples.items():
        assert load[kind](yaml_documents.parse(example.encode(), page), known)


def test_links_between_pages_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    links = [(page, to) for page in pages for to in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))]
    assert {page.name for page, _ in links} >= {"README.md", "CONTRIBUTING.md"}
    assert [(str(page), to) for page, to in links if not (page.parent / to).exists()] == []


@pytest.mark.slow
def test_fixtures_are_what_their_builder_writes() -> None:
    """The builder documents the known-good deployments and the faults of the demo."""
    written: dict[str, str] = load(bundled.FIXTURES / "build.py").build()
    assert set(written) >= {"trakcare-2018/inventory.json", "trakcare-current/inventory.json", "demo/inventory.json"}
    for name, text in written.items():
        assert (bundled.FIXTURES / name).read_text(encoding="utf-8") == text, f"{name}: run python fixtures/build.py"


PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *bundled.PACK.glob("*.yaml")]


def test_every_api_version_that_is_shown_is_one_that_the_auditor_uses() -> None:
    shown = {
        version: path.name
        for path in PAGES
        if path.name != "reads.md"
        for version in re.findall(r"api-version[= ]([^\s'\"&]+)", path.read_text(encoding="utf-8"))
        if version[0].isdigit()
    }
    assert shown
    assert {version: name for version, name in shown.items() if version not in VERSIONS.values()} == {}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)
    assert json.loads(example)["apiVersion"].items() <= VERSIONS.items()
    for type_, version in re.findall(r"/providers/(Microsoft[\w./]+)\?api-version=([\d-]+)", readme):
        assert VERSIONS[type_] == version
    assert "nextLink" in readme
