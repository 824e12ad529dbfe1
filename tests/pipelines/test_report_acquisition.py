import re
from dataclasses import replace

import pytest
from lxml import html as lxml_html
from report_example import SIGNS, make_report, text_of, with_audit, with_knobo_minus, with_methods

from models.acquisition.cell_quality import CellQuality, ConceptCells
from models.acquisition.concept_choice import Choice
from models.acquisition.erasure import Erased
from models.grounding.concept_records import Inseparable, Ungrounded
from pipelines.concept_choice import ConceptChoice
from pipelines.report import ReportInput, render_html
from pipelines.report.acquisition_view import FALLEN, AcquisitionView, acquisition_view
from pipelines.report.choice_view import choice_panels
from pipelines.report.index import AuditIndex
from pipelines.report.input import Acquisition
from pipelines.report.unlearnt_view import together, unlearnt

ORDERS = {"auroc": 0.02, "worst_cell": 0.03, "random": 0.0}
CHOICES = tuple(
    Choice(rule, count, 5 if rule == "random" else 1, 0.7 + count / 200, 0.5 + extra + count / 300)
    for rule, extra in ORDERS.items()
    for count in (2, 6, 12)
)


def make_cells(report: ReportInput) -> tuple[ConceptCells, ...]:
    """Concept i falls by i hundredths among AP images and by none among PA images."""
    return tuple(
        ConceptCells(
            each.concept_id,
            tuple(
                CellQuality("view", level, 20 + i, 300, each.auroc - fall, each.low - fall, each.high - fall)
                for level, fall in (("PA", 0.0), ("AP", i / 100))
            ),
        )
        for i, each in enumerate(report.quality)
    )


def with_acquisition(report: ReportInput) -> ReportInput:
    erased = (Erased("view", ("AP", "PA"), 850, ("LL",)), Erased("scanner_group", ("A", "B"), 1223, ()))
    choice = ConceptChoice(make_cells(report), CHOICES)
    return replace(with_methods(report), acquisition=Acquisition(erased, 1224, choice))


@pytest.fixture(scope="module")
def report() -> ReportInput:
    return make_report()


@pytest.fixture(scope="module")
def acquired(report: ReportInput) -> ReportInput:
    return with_acquisition(report)


@pytest.fixture(scope="module")
def section(acquired: ReportInput) -> lxml_html.HtmlElement:
    return lxml_html.fromstring(render_html(acquired)).get_element_by_id("acquisition")


def view_of(report: ReportInput) -> AcquisitionView:
    found = acquisition_view(report, AuditIndex.of(report.audit))
    assert found is not None
    return found


def words(element: lxml_html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def test_a_run_without_erasure_has_no_such_part(report: ReportInput) -> None:
    assert acquisition_view(report, AuditIndex.of(report.audit)) is None
    page = render_html(report)
    assert 'id="acquisition"' not in page
    assert "#acquisition" not in page


def test_the_erased_attributes_are_told_with_levels_images_and_rare_values(
    section: lxml_html.HtmlElement,
) -> None:
    rows = [[words(cell) for cell in row] for row in section.xpath(".//table[1]")[0].iter("tr")]
    assert rows[1:] == [
        ["view", "AP, PA", "850", "LL"],
        ["scanner group", "A, B", "1,223", "none"],
    ]
    assert "1,224 grounding images state of view and scanner group" in words(section)


def test_the_arms_stand_side_by_side_with_their_intervals(
    acquired: ReportInput, section: lxml_html.HtmlElement
) -> None:
    (table,) = section.find_class("arms")
    labels = [words(head) for head in table.xpath("./tbody/tr/th")]
    assert labels == [
        "KnoBo",
        "KnoBo, erased",
        "KnoBo, balanced",
        "KnoBo, random erasure",
        "Prior only, erased",
        "Linear probe, erased",
    ]
    text = words(table)
    for row in acquired.audit.rows:
        wanted = (row.method, row.split, row.metric) == ("knobo_erased", "mean", "accuracy")
        if wanted and row.domain in {"in_domain", "shifted"}:
            assert f"{row.value:.3f} {row.low:.3f} to {row.high:.3f}" in text


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (-0.05, "Does better than KnoBo under shift: +0.05 (+0.03 to +0.07)."),
        (0.01, "No difference from KnoBo can be shown under shift: −0.01 (−0.03 to +0.01)."),
        (0.05, "Does worse than KnoBo under shift: −0.05 (−0.07 to −0.03)."),
    ],
)
def test_what_an_arm_shows_is_no_stronger_than_its_interval(
    acquired: ReportInput, difference: float, said: str
) -> None:
    view = view_of(with_knobo_minus(acquired, "knobo_erased", difference))
    (arm,) = [arm for arm in view.arms if arm.row.method == "knobo_erased"]
    assert arm.shows == said


@pytest.mark.parametrize("keep", [{"knobo", "knobo_erased"}, {"linear_probe_erased"}, {"linear_probe"}])
@pytest.mark.parametrize("shifted", [True, False], ids=["shifted", "in domain only"])
def test_the_part_is_made_from_whatever_was_measured(
    acquired: ReportInput, keep: set[str], *, shifted: bool
) -> None:
    less = with_audit(acquired, keep, shifted=shifted)
    measured = [arm.row.method for arm in view_of(less).arms]
    assert measured == [
        method for method in ("knobo", "knobo_erased", "linear_probe_erased") if method in keep
    ]
    text = words(lxml_html.fromstring(render_html(less)).get_element_by_id("acquisition"))
    assert ("What erasing does" in text) == bool(measured)


def test_the_verdict_names_what_was_erased(acquired: ReportInput) -> None:
    moved = with_knobo_minus(acquired, "knobo_erased", -0.06)
    assert "Erasing view and scanner group adds +0.06 (+0.04 to +0.08) to" in text_of(render_html(moved))


def test_suppression_is_not_called_deletion(section: lxml_html.HtmlElement) -> None:
    assert "It suppresses them and does not delete them" in words(section)


def test_the_concepts_that_fall_most_come_first_with_cell_and_counts(acquired: ReportInput) -> None:
    view = view_of(acquired)
    # concept 0 falls nowhere; of two equal cells the first is its worst
    assert [row.question for row in view.fallen] == [question for question, _ in reversed(SIGNS)]
    first, quality = view.fallen[0], acquired.quality[-1]
    assert (first.cell, first.counts, first.fall) == ("view AP", "31 yes, 300 no", "−0.11")
    assert first.overall == f"{quality.auroc:.2f}"
    seen = [q for q in acquired.quality if q.low > 0.5]
    lost = sum(q.low > 0.5 and round(q.low - i / 100, 9) <= 0.5 for i, q in enumerate(acquired.quality))
    assert view.lost.startswith(f"Of {len(seen)} concepts")
    assert f", {lost} " in view.lost


def test_no_more_concepts_are_shown_than_a_reader_can_check(acquired: ReportInput) -> None:
    found = acquired.acquisition
    assert found is not None
    many = tuple(
        replace(quality, concept_id=f"{quality.concept_id}-{copy}")
        for copy in range(2)
        for quality in acquired.quality
    )
    crowd = replace(acquired, quality=many)
    crowd = replace(crowd, acquisition=replace(found, choice=ConceptChoice(make_cells(crowd), CHOICES)))
    assert len(many) > FALLEN == len(view_of(crowd).fallen)


def test_a_concept_without_a_full_cell_is_left_out(acquired: ReportInput) -> None:
    found = acquired.acquisition
    assert found is not None
    empty = ConceptChoice(tuple(ConceptCells(q.concept_id, ()) for q in acquired.quality), ())
    bare = replace(acquired, acquisition=replace(found, choice=empty))
    view = view_of(bare)
    assert (view.fallen, view.lost, view.panels) == ((), "", ())
    text = words(lxml_html.fromstring(render_html(bare)).get_element_by_id("acquisition"))
    assert "Fewer concepts" not in text
    assert "lean on" not in text


def test_the_drawing_holds_every_choice_at_its_place() -> None:
    panels = choice_panels(CHOICES)
    assert [panel.title for panel in panels] == ["In domain", "Shifted"]
    assert [tick.label for tick in panels[1].across] == ["2", "6", "12"]
    # from 0.5 to 0.8, drawn from 97 % of the height to 3 %
    assert [tick.label for tick in panels[0].up] == ["0.5", "0.6", "0.7", "0.8"]
    assert (panels[0].up[0].x, panels[0].up[-1].x) == ("97.00%", "3.00%")
    for panel, domain in zip(panels, ("in_domain", "shifted"), strict=True):
        assert [line.rule for line in panel.lines] == list(ORDERS)
        for line in panel.lines:
            mine = [each for each in CHOICES if each.rule == line.rule]
            for point, each in zip(line.points, mine, strict=True):
                assert float(point.x[:-1]) == pytest.approx(3 + 94 * each.concepts / 12, abs=0.01)
                share = (getattr(each, domain) - 0.5) / 0.3
                assert float(point.y[:-1]) == pytest.approx(97 - 94 * share, abs=0.01)
            assert len(line.segments) == len(line.points) - 1


def test_equal_accuracies_can_be_drawn() -> None:
    flat = [Choice("auroc", 4, 1, 0.5, 0.5)]
    assert {point.y for panel in choice_panels(flat) for line in panel.lines for point in line.points} == {
        "97.00%"
    }


def test_the_choice_says_that_it_read_shifted_labels_and_chose_nothing(
    section: lxml_html.HtmlElement,
) -> None:
    assert "measured with the labels of shifted images, so it chooses nothing for this run" in words(section)
    for drawing in section.find_class("curve"):
        assert re.search(
            r"AUROC in the worst cell: 2 concepts 0\.\d\d, 6 concepts", drawing.get("aria-label")
        )
        assert len(list(drawing.iter("circle"))) == len(CHOICES)


def test_concepts_that_training_never_separates_are_named_together(report: ReportInput) -> None:
    ids = report.bank.ids
    groups = (Inseparable((ids[0], ids[4]), 700, 0), Inseparable((ids[1], ids[2], "unknown <id>"), 1200, 3))
    told = replace(report, inseparable=groups)
    first, second = together(told)
    assert first.questions == (SIGNS[1][0], SIGNS[2][0], "unknown <id>")
    assert first.separation == "pairs differ in at most 3 of at least 1,200 images"
    assert second.separation == "the same answers in all of at least 700 images"
    text = words(lxml_html.fromstring(render_html(told)).get_element_by_id("concepts"))
    assert "Never separated in training" in text
    assert f"{' '.join(first.questions)} {first.separation}" in text
    assert "Never separated" not in render_html(report)


def test_concepts_without_a_detector_are_named_with_their_answers(report: ReportInput) -> None:
    ids = report.bank.ids
    few = (
        Ungrounded(ids[0], 0, 700),
        Ungrounded(ids[1], 3, 650),
        Ungrounded(ids[2], 0, 0),
        Ungrounded(ids[3], 12, 0),
    )
    found = unlearnt(replace(report, ungrounded=few))
    assert [(line.question, line.counts) for line in found.one_answer] == [
        (SIGNS[0][0], "0 yes, 700 no"),
        (SIGNS[3][0], "12 yes, 0 no"),
        (SIGNS[2][0], "never answered"),
    ]
    assert [line.counts for line in found.too_few] == ["3 yes, 650 no"]
    text = text_of(render_html(replace(report, ungrounded=few)))
    assert "3 concepts with one answer only" in text
    assert "1 concept with too few answers of one kind" in text
    assert "one answer only" not in text_of(render_html(report))
