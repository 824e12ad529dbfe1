"""The report as a browser shows it: silent, self-contained, sortable, accessible, and true to audit.json."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "pipelines"))

from report_example import figures, make_report, with_audit_parts

from pipelines.report import render_html

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
WIDTHS = (1280, 390)
SERIOUS = {"serious", "critical"}


def browser_path() -> str:
    found = os.environ.get("KNOBO_TEST_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), "")
    if not found:
        pytest.skip(f"no browser on PATH: looked for {', '.join(BROWSERS)}")
    return found


@pytest.fixture(scope="module")
def report() -> Any:
    made = with_audit_parts(make_report())
    kept, methods = {"iu-view", "mean"}, {"knobo", "linear_probe", "no_prior"}  # every other one looks alike
    audit = replace(
        made.audit,
        rows=tuple(row for row in made.audit.rows if row.split in kept and row.method in methods),
        paired=tuple(test for test in made.audit.paired if test.split in kept and test.reference in methods),
    )
    return replace(made, audit=audit, splits=tuple(each for each in made.splits if each.name in kept))


@pytest.fixture(scope="module")
def file(report: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_html(report), "utf-8")
    return path


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="pip install playwright to open the report")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        yield opened
        opened.close()


class Heard:
    """What a page says and asks for."""

    def __init__(self, page: Any) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))


@pytest.fixture(params=WIDTHS, ids=lambda width: f"{width} px")
def page(request: pytest.FixtureRequest, chromium: Any, file: Path) -> Iterator[Any]:
    opened = chromium.new_page(viewport={"width": request.param, "height": 900})
    opened.set_default_timeout(10_000)
    opened.heard = Heard(opened)
    opened.goto(file.as_uri())
    yield opened
    opened.close()


def test_the_page_opens_without_a_complaint_and_asks_for_nothing_else(page: Any, file: Path) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.wait_for_timeout(50)
    assert page.heard.complaints == []
    asked = [url for url in page.heard.requests if not url.startswith("data:")]
    assert asked == [file.as_uri()]


def test_nothing_is_wider_than_the_screen(page: Any) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_every_marked_figure_equals_the_audit(report: Any, page: Any) -> None:
    if page.viewport_size["width"] != WIDTHS[0]:
        pytest.skip("the same page at another width")
    wanted = {digits: figures(report.audit, digits=digits) for digits in (2, 3)}
    shown = page.evaluate(
        """() => [...document.querySelectorAll('[data-of]')].map((cell) => [cell.dataset.of,
            Number(cell.dataset.digits || 3),
            ...['.value', '.interval'].map((part) => cell.querySelector(part)?.textContent)])"""
    )
    for mark, digits, value, between in shown:
        assert (value, between or wanted[digits][mark][1]) == wanted[digits][mark]
    assert {mark for mark, _, _, between in shown if between} == set(wanted[3])


def column(page: Any, table: str, place: int) -> list[str]:
    """Visible cells of a column, without intervals."""
    return page.evaluate(  # type: ignore[no-any-return]
        """([table, place]) =>
            [...document.querySelector(table).querySelectorAll('tbody tr:not(.kind, .evidence, [hidden])')]
            .map((row) => row.cells[place])
            .map((cell) => (cell.querySelector('.value') || cell).textContent.trim())""",
        [table, place],
    )


def as_number(text: str) -> float:
    return float(text.replace("−", "-"))


def test_a_table_is_sorted_one_way_the_other_way_and_back(page: Any) -> None:
    table = "#methods table.headline"
    before = column(page, table, 3)
    head = page.locator(f"{table} thead th").nth(3)
    if page.viewport_size["width"] == WIDTHS[0]:
        turns = []
        for _ in range(3):
            head.get_by_role("button").click()
            turns.append((column(page, table, 3), head.get_attribute("aria-sort")))
        (down, first), (up, second), (back, third) = turns
        assert (first, second, third) == ("descending", "ascending", None)
        assert all(as_number(a) <= as_number(b) for a, b in pairwise(up))
        assert back == before
    else:  # heads are hidden on a phone
        page.locator("#methods .tools select").first.select_option(label="Shifted")
        down = column(page, table, 3)
    assert sorted(down) == sorted(before)
    assert all(as_number(a) >= as_number(b) for a, b in pairwise(down))


def test_sorting_works_from_the_keyboard(page: Any) -> None:
    if page.viewport_size["width"] != WIDTHS[0]:
        pytest.skip("heads are hidden on a phone")
    button = page.locator("#concepts table thead th").nth(1).get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    values = [as_number(text) for text in column(page, "#concepts table", 1)]
    assert values == sorted(values, reverse=True)
    assert (
        page.locator("#concepts [role=status]").first.text_content() == "sorted by Detector AUROC, descending"
    )


def test_evidence_stays_below_its_concept_when_sorted(page: Any) -> None:
    pairs = """() => [...document.querySelector('#concepts table').querySelectorAll('tr.concept')]
        .map((row) => [row.cells[0].textContent.trim(),
            row.nextElementSibling.querySelector('code').textContent])"""
    before = dict(page.evaluate(pairs))
    page.locator("#concepts .tools .order select").first.select_option(index=1, force=True)
    after = page.evaluate(pairs)
    assert [question for question, _ in after] == sorted(before)
    assert dict(after) == before


def test_rows_are_filtered_by_words_and_the_count_is_said(page: Any) -> None:
    box = page.locator("#concepts .tools input").first
    box.fill("pleural LINE")
    assert len(column(page, "#concepts table", 0)) == 1
    assert page.locator("#concepts [role=status]").first.text_content().startswith("1 of ")
    box.fill("")
    assert len(column(page, "#concepts table", 0)) > 1


@pytest.mark.slow
def test_axe_finds_nothing_serious(page: Any) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python", reason="pip install axe-playwright-python to check access"
    )
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.evaluate(files(axe).joinpath("axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run(document)")
    bad = [
        f"{each['id']}: {each['nodes'][0]['html'][:120]}"
        for each in found["violations"]
        if each["impact"] in SERIOUS
    ]
    assert bad == []


def test_dark_and_without_the_script_it_reads_the_same(chromium: Any, file: Path) -> None:
    context = chromium.new_context(java_script_enabled=False, color_scheme="dark")
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator("#methods table.headline tbody tr:not(.kind)").first.is_visible()
    assert page.locator(".tools").count() == 0
    context.close()


def test_what_a_stranger_writes_is_not_run(chromium: Any, report: Any, tmp_path: Path) -> None:
    attack = "<script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\">"
    path = tmp_path / "attacked.html"
    path.write_text(render_html(replace(report, run="name", credits=(attack,))), "utf-8")
    page = chromium.new_page()
    page.goto(path.as_uri())
    assert page.title() == "name: audit across domain shifts"
    assert attack in page.locator("body").text_content()
    page.close()
