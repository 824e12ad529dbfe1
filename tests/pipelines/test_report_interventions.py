from dataclasses import replace

import pytest
from lxml import html as lxml_html
from report_example import make_report, with_audit_parts

from pipelines.report import ReportInput, render_html
from pipelines.report.intervention_view import intervention_view
from pipelines.report.tracks import MARGIN
from pipelines.report.wording import interval, number, signed, signed_interval
from pipelines.what_if.curve_report import OTHERS, CurveReport, DomainCurve

WHOLE = 100 - 2 * MARGIN


@pytest.fixture(scope="module")
def report() -> ReportInput:
    return with_audit_parts(make_report())


@pytest.fixture(scope="module")
def section(report: ReportInput) -> lxml_html.HtmlElement:
    return lxml_html.fromstring(render_html(report)).get_element_by_id("interventions")


def words(element: lxml_html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def curve_of(report: ReportInput, domain: str, policy: str) -> DomainCurve:
    assert report.interventions is not None
    named = {(each.domain, each.curve.policy): each for each in report.interventions.curves}
    return named[domain, policy]


def test_lines_lie_where_their_numbers_are(report: ReportInput) -> None:
    view = intervention_view(report)
    assert view is not None
    assert [(each.split, each.domain) for each in view.panels] == [
        ("iu-view", "shifted"),
        ("iu-view", "in domain"),
    ]
    (line,) = (each for each in view.panels[0].plot.lines if each.style == "order-contribution")
    places = [tuple(map(float, each.split())) for each in line.path.strip("M").split("L")]
    accuracy = curve_of(report, "shifted", "contribution").curve.accuracy
    lowest, highest = 0.4, 1.0  # tenths around all bands, which reach from 0.43 to 0.97
    for step, ((x, y), value) in enumerate(zip(places, accuracy.value, strict=True)):
        assert x == pytest.approx(MARGIN + WHOLE * step / 6, abs=0.01)
        share = (value - lowest) / (highest - lowest)
        assert 100 - y == pytest.approx(MARGIN + WHOLE * share, abs=0.01)
    assert [each.style for each in view.panels[0].plot.lines if each.band] == ["order-contribution"]


def test_the_folded_table_holds_the_numbers_of_every_order(
    report: ReportInput, section: lxml_html.HtmlElement
) -> None:
    (table, _) = section.iter("table")
    heads = [words(each) for each in table.iterfind("thead/tr/th")]
    assert heads == ["Set", "By contribution", "By uncertainty", "At random", "Answers of other images"]
    rows = {
        words(row.find("th")): [words(cell) for cell in row.iter("td")] for row in table.iterfind("tbody/tr")
    }
    assert list(rows) == ["0", "1", "2", "3", "5", "6", "Change by 6"]
    for column, policy in enumerate(("contribution", "uncertainty", "random", OTHERS)):
        curve = curve_of(report, "shifted", policy).curve
        for step in (0, 1, 2, 3, 5, 6):
            band = curve.accuracy
            said = f"{number(band.value[step])} {interval(band.low[step], band.high[step])}"
            assert rows[str(step)][column] == said
        gain = curve.gain
        assert rows["Change by 6"][column] == (
            f"{signed(gain.value[-1])} {signed_interval(gain.low[-1], gain.high[-1])}"
        )


def test_what_helps_and_what_is_missing_is_said_in_words(section: lxml_html.HtmlElement) -> None:
    text = words(section)
    moves = (
        "it rises on 1 and falls on 0 of 1 split on shifted images, it rises on 1 and falls on 0 of 1 split"
    )
    assert f"With 5 answers {moves} in domain; with all answers {moves} in domain." in text
    assert "139 images, 5.5 answers each. Change after 6: by contribution +0.120 (+0.090 to +0.150)" in text
    assert "A yes and a no are set to 1 and 0." in text
    assert "1 domain not drawn 0 of 62 shifted images of nih-sex have" in text
    assert "Some images are drawn at random." in text


def test_without_a_curve_the_note_stands_alone_and_without_the_file_no_section(report: ReportInput) -> None:
    bare = replace(report, interventions=CurveReport((), (), "", ("Nothing could be set.",)))
    section = lxml_html.fromstring(render_html(bare)).get_element_by_id("interventions")
    assert words(section) == "Interventions Nothing could be set."
    assert "interventions" not in render_html(make_report())
