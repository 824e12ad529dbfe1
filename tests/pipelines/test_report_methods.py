from dataclasses import replace
from itertools import pairwise

import pytest
from lxml import html as lxml_html
from report_example import make_report, make_split, text_of, with_knobo_minus, with_methods

from models import baselines
from models.evaluation.report import AuditReport
from pipelines.report import COLUMNS, ReportInput, grouped_table, render_html, render_markdown
from pipelines.report.index import AuditIndex
from pipelines.report.method_table import FEW, metric_tables
from pipelines.report.methods import BY_NAME, KINDS, MAIN, METHODS, describe
from pipelines.report.reading import name
from pipelines.report.verdict import scope, verdict
from pipelines.stages.erase import METHODS as ARMS


@pytest.fixture(scope="module")
def report() -> ReportInput:
    return make_report()


@pytest.fixture(scope="module")
def crowded(report: ReportInput) -> ReportInput:
    return with_methods(report)


@pytest.fixture(scope="module")
def page(crowded: ReportInput) -> str:
    return render_html(crowded)


def heads_and_labels(page: str, *, section: str, table: str) -> list[list[str]]:
    """By body of the table: the heading of the kind where there is one, then the methods."""
    tree = lxml_html.fromstring(page).get_element_by_id(section)
    found = tree.find_class(table)
    return [
        [" ".join(head.text_content().split()) for head in body.iter("th")]
        for each in found
        for body in each.iter("tbody")
    ]


def test_every_method_that_a_run_can_have_is_described() -> None:
    arms = {f"{method}_{arm}" for arm, methods in ARMS.items() for method in methods}
    assert {*baselines.METHODS, *arms} <= set(BY_NAME)
    assert {method.kind for method in METHODS} == set(KINDS)
    assert set(MAIN) <= set(BY_NAME)


def test_the_terminal_s_table_groups_the_methods_by_kind(crowded: ReportInput) -> None:
    rows = grouped_table(crowded.audit)
    labels = [row[0] for row in rows]
    assert labels[:3] == ["KnoBo", "KnoBo, erased", "KnoBo, balanced"]
    headings = [f"{words}:" for words in KINDS.values() if words]
    assert [label for label in labels if label.endswith(":")] == headings
    assert labels[labels.index("Controls:") - 1] == "My own method"
    assert labels[-2:] == ["Oracles, which saw the shift:", "DFR"]
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert len(rows) == len(AuditIndex.of(crowded.audit).methods) + len(headings)
    for before, row in pairwise(labels):  # no heading without a method
        assert not (before.endswith(":") and row.endswith(":"))


def test_a_run_without_oracles_names_none(report: ReportInput) -> None:
    assert "Oracle" not in render_markdown(report.audit)
    assert "Oracle" not in text_of(render_html(report))


def test_markdown_has_the_same_groups_in_every_table_of_methods(crowded: ReportInput) -> None:
    text = render_markdown(crowded.audit)
    tables = [block for block in text.split("\n\n") if block.startswith(("| method", "| comparison"))]
    for table in tables:
        first = [line.split("|")[1].strip() for line in table.splitlines()[2:]]
        places = [first.index(f"{words}:") for words in KINDS.values() if words]
        assert places == sorted(places)
        assert first[-1].endswith("DFR")
        assert len({len(line) for line in table.splitlines()}) == 1


def test_the_first_table_keeps_to_the_main_methods_and_folds_the_rest(page: str) -> None:
    shown, *folded = heads_and_labels(page, section="methods", table="headline")
    assert shown == ["KnoBo", "KnoBo, erased"]
    assert folded[0] == ["Baselines", "Linear probe", "Fine-tuning"]
    assert folded[1] == ["KnoBo, balanced"]
    assert folded[2][:3] == ["Baselines", "PCBM", "PCBM, text"]
    assert folded[-1] == ["Oracles, which saw the shift", "DFR"]
    details = lxml_html.fromstring(page).xpath("//section[@id='methods']/details")
    assert details[0].findtext("summary") == "19 other methods, by kind"
    assert "open" not in details[0].attrib


def test_few_methods_are_shown_together(report: ReportInput) -> None:
    table = metric_tables(AuditIndex.of(report.audit), "mean")[0]
    assert len(table.rows) <= FEW
    assert (table.shown, table.folded) == (table.rows, ())


def test_every_method_stands_in_the_table_of_what_it_tells_by_kind(crowded: ReportInput, page: str) -> None:
    bodies = heads_and_labels(page, section="controls", table="controls")
    methods = [m for m in AuditIndex.of(crowded.audit).methods if m != "knobo"]
    labels = [label for body in bodies for label in body if label not in KINDS.values()]
    assert labels == [describe(method).label for method in methods]
    assert [body[0] for body in bodies[1:]] == [words for words in KINDS.values() if words]
    assert "An oracle was shown the shift" in text_of(page)


def test_a_method_inside_a_sentence_keeps_the_capitals_of_its_name() -> None:
    said = [name(m) for m in ("knobo_erased", "linear_probe", "pcbm_h", "dfr", "fine_tune", "new_one")]
    assert said == ["KnoBo, erased", "the linear probe", "PCBM-h", "DFR", "fine-tuning", "new one"]


def test_neither_an_oracle_nor_an_own_arm_is_held_against_knobo(crowded: ReportInput) -> None:
    text = verdict(crowded, AuditIndex.of(crowded.audit))
    said = [s for s in text.split(". ") if "not shown to exceed" in s or "does worse than" in s]
    assert not any("DFR" in s or "KnoBo," in s for s in said)
    assert "prior only: −0.04" in said[-1]


def test_worse_than_a_rival_is_not_the_same_as_not_shown_to_exceed_it(crowded: ReportInput) -> None:
    moved = with_knobo_minus(with_knobo_minus(crowded, "pcbm", 0.01), "jtt", -0.05)
    text = verdict(moved, AuditIndex.of(moved.audit))
    (worse,) = [s for s in text.split(". ") if "does worse than" in s]
    (unshown,) = [s for s in text.split(". ") if "not shown to exceed" in s]
    assert "PCBM: +0.01 (−0.01 to +0.03)" in unshown
    assert "JTT" not in unshown
    assert "JTT: −0.05 (−0.07 to −0.03)" in worse
    assert "PCBM:" not in worse


@pytest.mark.parametrize(
    ("differences", "claim"),
    [
        ((0.1, 0.1), "add to KnoBo's shifted score: "),
        ((-0.1, -0.1), "lower KnoBo's shifted score: "),
        ((0.1, -0.1), "do worse than a control under shift: they raise the score against no prior, +0.10"),
    ],
)
def test_signs_that_cost_are_said_to_cost(
    report: ReportInput, differences: tuple[float, float], claim: str
) -> None:
    moved = report
    for method, difference in zip(("no_prior", "random_prior"), differences, strict=True):
        moved = with_knobo_minus(moved, method, difference)
    text = verdict(moved, AuditIndex.of(moved.audit))
    assert f"The signs from the literature {claim}" in text


def test_an_arm_that_does_better_is_named_with_its_interval(
    report: ReportInput, crowded: ReportInput
) -> None:
    moved = with_knobo_minus(with_knobo_minus(crowded, "knobo_erased", -0.06), "knobo_balanced", -0.01)
    text = verdict(moved, AuditIndex.of(moved.audit))
    assert (
        "Erasing acquisition attributes adds +0.06 (+0.04 to +0.08) to KnoBo's shifted score; "
        "in domain the change is 0.00 (−0.02 to +0.02)." in text
    )
    assert "Balancing" not in text
    assert "Erasing" not in verdict(report, AuditIndex.of(report.audit))


def test_a_split_without_a_shifted_domain_is_not_counted_in_the_mean(report: ReportInput) -> None:
    plain = replace(make_split("iu-age"), name="plain", shifted=(), checks=())
    more = tuple(
        replace(row, split="plain")
        for row in report.audit.rows
        if (row.split, row.domain) == ("iu-age", "in_domain")
    )
    seven = replace(
        report,
        splits=(*report.splits, plain),
        audit=replace(report.audit, rows=(*report.audit.rows, *more)),
    )
    said = scope(seven, AuditIndex.of(seven.audit))
    assert said.startswith("Accuracy, mean over 6 splits,")
    assert said.endswith("Not in the mean: hospital, plain.")
    assert text_of(render_html(seven)).count("not in the mean") == 2


def test_unshifted_splits_alone_make_their_own_mean(report: ReportInput) -> None:
    rows = tuple(row for row in report.audit.rows if row.domain == "in_domain")
    alone = replace(report, audit=AuditReport(rows, (), (), ()))
    index = AuditIndex.of(alone.audit)
    assert index.entering(report.outside_mean) == tuple(s for s in index.splits if s != "hospital")
    assert "mean over 6 splits" in scope(alone, index)
