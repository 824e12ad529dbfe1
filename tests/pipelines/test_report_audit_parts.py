import json
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from lxml import html as lxml_html
from PIL import Image
from report_example import MAPPED, METHODS, figures, make_report, text_of, with_audit_parts

from models.concept_audit import ConceptAudit
from models.evaluation.report import AuditReport
from pipelines.report import ReportInput, render_html, write_report
from pipelines.report.check_view import IDS
from pipelines.report.checklist import checklist
from pipelines.report.checklist_items import ITEMS
from pipelines.report.concept_audit_view import leading_sentence, leak_mark
from pipelines.report.curve_view import LOWEST, curve_view
from pipelines.report.group_view import group_view
from pipelines.report.index import AuditIndex, row_mark
from pipelines.report.map_view import MARKED, STRONGEST, map_views
from pipelines.report.tracks import MARGIN
from pipelines.report.wording import interval, number, p_value, signed
from pipelines.stages.report_explanations import EXPLAINED, THUMBNAIL


@pytest.fixture(scope="module")
def report() -> ReportInput:
    return with_audit_parts(make_report())


@pytest.fixture(scope="module")
def page(report: ReportInput) -> str:
    return render_html(report)


@pytest.fixture(scope="module")
def tree(page: str) -> lxml_html.HtmlElement:
    return lxml_html.fromstring(page)


def words(element: lxml_html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def test_every_marked_figure_is_that_of_the_file_and_every_number_is_shown(
    report: ReportInput, tree: lxml_html.HtmlElement, tmp_path: Path
) -> None:
    report.audit.save(tmp_path / "audit.json")
    written = AuditReport.load(tmp_path / "audit.json")
    wanted = {digits: figures(written, digits=digits) for digits in (2, 3)}
    marked = tree.xpath("//*[@data-of]")
    for cell in marked:
        value, between = wanted[int(cell.get("data-digits", 3))][cell.get("data-of")]
        assert words(cell.find_class("value")[0]) == value
        assert [words(each) for each in cell.find_class("interval")] in ([], [between])
    whole = {cell.get("data-of") for cell in marked if cell.find_class("interval")}
    assert whole == set(wanted[3])


def test_no_number_of_the_verdict_and_of_the_controls_is_without_its_mark(
    tree: lxml_html.HtmlElement,
) -> None:
    tiles = tree.get_element_by_id("verdict").xpath(".//*[@class='tile']//*[self::dd or self::p]")
    cells = tree.get_element_by_id("controls").xpath(".//td[contains(@class, 'number')]")
    assert len(tiles) == 9
    assert len(cells) == 3 * (len(METHODS) - 1)
    assert all(each.get("data-of") for each in (*tiles, *cells))


def test_the_rows_of_curves_are_those_of_the_file(
    report: ReportInput, tree: lxml_html.HtmlElement, tmp_path: Path
) -> None:
    report.audit.save(tmp_path / "audit.json")
    written = json.loads((tmp_path / "audit.json").read_bytes())
    kinds = {
        "reliability": ("confidence", "observed", "n"),
        "decisions": ("threshold", "net_benefit", "treat_all"),
    }
    shown = tree.get_element_by_id("calibration").xpath(".//tr[@data-row]")
    tables = tree.get_element_by_id("calibration").xpath(".//table[@class='curve-points']")
    assert len(shown) == sum(len(table.xpath("tbody/tr")) for table in tables) == 38
    for row in shown:
        kind, method, split, domain, at = row.get("data-row").split("|")
        (curve,) = (
            c for c in written[kind] if (c["method"], c["split"], c["domain"]) == (method, split, domain)
        )
        x, y, beside = (curve[name][int(at)] for name in kinds[kind])
        digits = 2 if kind == "reliability" else 3
        between = interval(curve["low"][int(at)], curve["high"][int(at)], digits=digits)
        assert [words(cell) for cell in row] == [
            domain.replace("_", " "),
            number(x, digits=2),
            f"{number(y, digits=digits)} {between}",
            f"{beside:,}" if kind == "reliability" else number(beside),
        ]


def test_the_rows_of_leaks_and_their_dots_are_those_of_the_file(
    report: ReportInput, tree: lxml_html.HtmlElement, tmp_path: Path
) -> None:
    assert report.concept_audit is not None
    report.concept_audit.save(tmp_path / "concept_audit.json")
    written = {leak_mark(each): each for each in ConceptAudit.load(tmp_path / "concept_audit.json").leaks}
    shown = tree.get_element_by_id("concept-audit").xpath(".//tr[@data-row]")
    assert [row.get("data-row") for row in shown] == list(written)
    for row in shown:
        leak = written[row.get("data-row")]
        texts = [words(cell) for cell in row.find_class("number")]
        others = (leak.answer_auroc, leak.given_answer, leak.signal)
        assert texts == [
            f"{number(leak.auroc)} {interval(leak.low, leak.high)}",
            *("–" if each is None else number(each, digits=2) for each in others),
            f"{signed(leak.push, digits=2)} to {leak.push_class}",
        ]
        assert bool(row.find_class("tag")) == leak.leaking
        (circle,), (whisker,) = row.find_class("dot"), row.find_class("whisker")
        ends = [placed(circle.get("cx")), placed(whisker.get("x1")), placed(whisker.get("x2"))]
        assert ends == pytest.approx([leak.auroc, leak.low, min(leak.high, 1)], abs=1e-4)


def placed(percent: str) -> float:
    """The value that stands at a place of a drawing from 0 to 1."""
    return (float(percent.rstrip("%")) - MARGIN) / (100 - 2 * MARGIN)


def test_the_dots_of_the_headline_stand_at_the_values_of_the_file(
    report: ReportInput, tree: lxml_html.HtmlElement
) -> None:
    values = {row_mark(row): row.value for row in report.audit.rows}
    (table, *_) = tree.get_element_by_id("methods").find_class("headline")
    rows = [row for row in table.xpath("tbody/tr") if row.find_class("disc")]
    assert len(rows) == len(METHODS)
    for row in rows:
        marks = [cell.get("data-of") for cell in row.xpath("td[@data-of]")]
        for kind, mark in zip(("ring", "disc"), marks, strict=False):
            assert placed(row.find_class(kind)[0].get("cx")) == pytest.approx(values[mark], abs=1e-4)


def test_groups_do_not_stand_in_for_the_whole_domain(report: ReportInput) -> None:
    index, plain = AuditIndex.of(report.audit), AuditIndex.of(make_report().audit)
    for key, row in plain.rows.items():
        assert index.rows[key] == row
    assert index.row("knobo", "iu-view", "shifted", "worst_group_accuracy") is not None


def test_a_group_of_few_images_is_marked(report: ReportInput, tree: lxml_html.HtmlElement) -> None:
    found = group_view(AuditIndex.of(report.audit))
    assert found is not None
    assert {line.value for line in found.lines if line.few} == {"F"}
    assert {line.method for line in found.lines} == {"knobo", "linear_probe"}
    assert {line.label for line in found.worst} == {"KnoBo", "Linear probe", "No prior"}
    assert "sex: F" in words(tree.get_element_by_id("groups"))


def test_curves_are_drawn_where_their_numbers_are(report: ReportInput) -> None:
    found = curve_view(AuditIndex.of(report.audit))
    assert found is not None
    (panel,) = found.reliability
    curve = report.audit.reliability[1]
    (line,) = (each for each in panel.plot.lines if each.style == "shifted")
    for spot, x, y in zip(line.spots, curve.confidence, curve.observed, strict=True):
        assert float(spot.x) == pytest.approx(MARGIN + (100 - 2 * MARGIN) * x, abs=0.01)
        assert 100 - float(spot.y) == pytest.approx(MARGIN + (100 - 2 * MARGIN) * y, abs=0.01)
    assert [point.y for point in panel.points[10:]] == [number(y, digits=2) for y in curve.observed]


def test_net_benefit_is_cut_off_where_it_tells_no_more(report: ReportInput) -> None:
    found = curve_view(AuditIndex.of(report.audit))
    assert found is not None
    (panel,) = found.decisions
    kept = sum(value >= LOWEST for value in report.audit.decisions[0].net_benefit)
    (line,) = (each for each in panel.plot.lines if each.style == "in-domain")
    assert line.path.count("M") + line.path.count("L") == kept
    assert line.band.endswith("Z")
    listed = [point for point in panel.points if point.domain == "in domain"]
    assert [point.x for point in listed][:2] == ["0.10", "0.20"]
    assert listed[0].y == number(report.audit.decisions[0].net_benefit[9])


def test_thresholds_say_where_they_come_from(tree: lxml_html.HtmlElement) -> None:
    text = words(tree.get_element_by_id("calibration"))
    assert "KnoBoiu-view0.437validation images" in text
    assert "DFRiu-view0.500none: 0.5 by default" in text


def test_the_concept_that_leaks_most_is_named_first(report: ReportInput, tree: lxml_html.HtmlElement) -> None:
    section = tree.get_element_by_id("concept-audit")
    first = section.find_class("leaks")[0].xpath(".//tbody/tr[1]/th")[0]
    assert words(first) == f"{report.bank.concepts[0].question} leaks"
    assert "moves most: it tells view: AP among images of the same class on iu-view" in words(section)
    questions = {each.id: each.question for each in report.bank.concepts}
    assert report.concept_audit is not None
    still = tuple(replace(each, low=0.4, high=0.6) for each in report.concept_audit.leaks)
    assert leading_sentence(still, questions).startswith("No concept's score is shown to move")
    assert leading_sentence((), questions) == ""


def test_rows_that_leak_are_counted_beside_what_chance_would_mark(report: ReportInput) -> None:
    assert report.concept_audit is not None
    first = report.concept_audit.leaks[0]
    rows = tuple(
        replace(
            first,
            concept_id=f"c{n % 5}",
            split=f"s{n % 6}",
            low=0.51 if n % 5 < 2 and n < 10 else 0.49,
            high=0.6,
            auroc=0.55,
        )
        for n in range(30)
    )
    said = leading_sentence(rows, {})
    assert "Of 30 rows, one for each concept, value of an attribute and split, 4 are marked" in said
    assert "with 2 of 5 concepts among them; by chance alone about 1.5 would be." in said


def test_every_part_of_the_concept_audit_is_shown_and_none_is_invented(report: ReportInput) -> None:
    bare = replace(report, concept_audit=ConceptAudit(notes=("Nothing could be looked at.",)))
    section = lxml_html.fromstring(render_html(bare)).get_element_by_id("concept-audit")
    assert words(section) == "Concepts audited Nothing could be looked at."
    titles = [
        words(each)
        for each in lxml_html.fromstring(render_html(report)).xpath("//*[@id='concept-audit']//summary")
    ]
    assert len(titles) == 9
    assert "concept-audit" not in render_html(make_report())


def test_a_map_says_with_numbers_where_the_concept_is_seen(report: ReportInput) -> None:
    explanation = report.explanations[0]
    assert explanation.image_id == MAPPED
    views = map_views(report, explanation)
    assert report.concept_audit is not None
    maps = report.concept_audit.maps
    largest = max(abs(value) for each in maps for value in each.values)
    for view, each in zip(views, maps, strict=True):
        grid = np.array(each.values).reshape(3, 3)
        row, column = np.unravel_index(grid.argmax(), grid.shape)
        assert f"row {row + 1}, column {column + 1}" in view.words.partition("against")[0]
        for cell in view.cells:
            value = grid[cell.y, cell.x]
            assert cell.kind == ("for" if value > 0 else "against")
            assert float(cell.opacity) == pytest.approx(STRONGEST * abs(value) / largest, abs=0.005)
            assert cell.text == signed(value, digits=1)
            assert cell.strong == (abs(value) >= MARKED * largest)
        assert view.words == f"{view.question} {view.places}"
    drawn = lxml_html.fromstring(render_html(report)).xpath("//figure[svg[contains(@class, 'map')]]")
    for figure, view in zip(drawn, views, strict=True):
        assert view.places in words(figure.find("figcaption"))
        assert len(figure.find_class("strong")) == sum(cell.strong for cell in view.cells) > 0
    assert map_views(report, replace(explanation, image_id="another")) == ()


def test_a_report_as_large_as_that_of_the_demo_is_below_five_megabytes(report: ReportInput) -> None:
    """Four worked decisions, each a thumbnail that cannot be packed and five maps of the inner grid."""
    rng = np.random.default_rng(0)
    buffer = BytesIO()
    Image.fromarray(rng.integers(0, 256, (THUMBNAIL, THUMBNAIL), dtype=np.uint8)).save(buffer, "PNG")
    assert report.concept_audit is not None
    blank = report.concept_audit.maps[0]
    values = [tuple(row.tolist()) for row in rng.normal(size=(20, 196)).round(4)]
    maps = tuple(
        replace(blank, image=str(n // 5), concept_id=f"c{n}", rows=14, columns=14, values=row)
        for n, row in enumerate(values)
    )
    shown = tuple(
        replace(report.explanations[0], image=buffer.getvalue(), image_id=str(n)) for n in range(EXPLAINED)
    )
    large = replace(report, explanations=shown, concept_audit=replace(report.concept_audit, maps=maps))
    page = render_html(large)
    assert page.count('class="map fine"') == 20
    assert len(page.encode()) < 5_000_000


def test_warnings_come_before_what_passed_and_only_some_ids_are_shown(tree: lxml_html.HtmlElement) -> None:
    rows = tree.get_element_by_id("checks").xpath(".//tbody/tr")
    assert [words(row.find("td[2]/span")) for row in rows] == ["warning", "passed"]
    assert f"and {60 - IDS} more in checks.json" in words(rows[0])
    assert "0 errors, 1 warning, 1 passed" in words(tree.get_element_by_id("checks"))


def test_the_cards_hold_counts(tree: lxml_html.HtmlElement) -> None:
    text = words(tree.get_element_by_id("cards"))
    assert "Labelsno label 10, abnormal 450, normal 440" in text
    assert "ViewAP 300, PA 580, not known 20" in text
    assert "Patients700; not known for 3 images" in text
    assert "Not a medical device" in text


def test_the_checklist_answers_every_topic_and_links_to_sections_that_exist(
    report: ReportInput, tree: lxml_html.HtmlElement
) -> None:
    ids = {element.get("id") for element in tree.iter() if element.get("id")}
    for made in (report, make_report()):
        answers = checklist(made)
        assert len(answers) == len(ITEMS)
        assert all((answer.state == "present") == bool(answer.section) for answer in answers)
        assert all(answer.words for answer in answers if answer.state != "present")
    assert {answer.section for answer in checklist(report) if answer.section} <= ids
    states = {answer.topic: answer.state for answer in checklist(report)}
    assert states["Calibration"] == "present"
    assert {answer.topic: answer.state for answer in checklist(make_report())}["Calibration"] == "absent"


def test_no_item_of_a_guideline_is_named_by_number(tree: lxml_html.HtmlElement) -> None:
    assert not re.search(r"[Ii]tem \d", words(tree.get_element_by_id("checklist")))


def test_p_values_stand_below_the_differences_they_belong_to(report: ReportInput) -> None:
    paired = tuple(replace(t, p=0.004, p_holm=0.0123, family="f") for t in report.audit.paired)
    text = text_of(render_html(replace(report, audit=replace(report.audit, paired=paired))))
    assert "p 0.012, Holm" in text
    assert "The interval is of this difference alone and is not corrected" in text
    assert [p_value(p) for p in (0.0004, 0.0123, 1.0, float("nan"))] == [
        "p < 0.001",
        "p 0.012",
        "p 1.000",
        "p n/e",
    ]


def test_notes_name_methods_as_the_tables_do_and_stand_behind_what_was_found(
    report: ReportInput, tmp_path: Path
) -> None:
    said = "Completeness on iu-view, shifted, is not said: linear_probe is no better than chance there."
    assert report.concept_audit is not None
    noted = replace(
        report,
        audit=replace(report.audit, notes=("fine_tune ran with 1 seed, others with 5.",)),
        concept_audit=replace(report.concept_audit, notes=(said,)),
    )
    page = lxml_html.fromstring(render_html(noted))
    assert "Fine-tuning ran with 1 seed" in words(page.get_element_by_id("verdict"))
    section = page.get_element_by_id("concept-audit")
    assert words(section[1]) == "Which concepts leak"
    assert words(section[-1]).endswith(": linear probe is no better than chance there.")
    markdown, _ = write_report(noted, tmp_path)
    assert "- Fine-tuning ran with 1 seed" in markdown.read_text("utf-8")


def test_mcnemars_test_does_not_take_the_place_of_the_bootstrap(report: ReportInput) -> None:
    index = AuditIndex.of(report.audit)
    test = index.test("knobo", "linear_probe", "iu-view", "shifted", "accuracy")
    assert test is not None
    assert test.test == "bootstrap"
    assert "McNemar’s exact test" in text_of(render_html(report))


def test_markdown_names_worst_groups_leaks_and_checks(report: ReportInput, tmp_path: Path) -> None:
    markdown, _ = write_report(report, tmp_path)
    text = markdown.read_text("utf-8")
    assert re.search(r"\| KnoBo +\| iu-view +\| view: AP +\| 0\.310", text)
    assert "## Concepts that move with an attribute" in text
    assert "**caution**" in text


def test_an_audit_without_any_of_it_has_no_such_sections() -> None:
    bare = replace(make_report(), audit=AuditReport((), (), (), ()))
    ids = {element.get("id") for element in lxml_html.fromstring(render_html(bare)).iter("section")}
    assert not ids & {"groups", "calibration", "concept-audit", "checks", "cards"}
    assert "checklist" in ids
