import math
import os
import re
import subprocess
import sys
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import report_example
from lxml import html as lxml_html
from report_example import (
    AFTER,
    BEFORE,
    METHODS,
    RETRACTED,
    SIGNS,
    SPLITS,
    dashed,
    make_report,
    make_split,
    table_after,
    text_of,
    with_audit,
    with_knobo_minus,
)

from knowledge.annotation.agreement import Agreement
from knowledge.concepts import Concept, ConceptBank, Evidence, Verdict
from knowledge.priors import Prior, WrittenDisagreement
from knowledge.priors.disagreement import Cell
from models.bottleneck import KnoBo
from models.evaluation.report import AuditReport
from models.scaling import Scaling, ScalingKind
from models.what_if.ablation import Ablation
from pipelines.report import (
    COLUMNS,
    Provenance,
    ReportInput,
    headline,
    render_html,
    render_markdown,
    summary_table,
    write_report,
)
from pipelines.report.ablation_view import SHOWN as ABLATED
from pipelines.report.ablation_view import ablation_view
from pipelines.report.concept_view import concept_views
from pipelines.report.explanation_view import SHOWN, explanation_views
from pipelines.report.html import script
from pipelines.report.index import AuditIndex
from pipelines.report.sign_view import sign_line, sign_view
from pipelines.report.tracks import UNIT
from pipelines.report.verdict import prior_effect
from pipelines.stages.report_explanations import contributions


@pytest.fixture(scope="module")
def report() -> ReportInput:
    return make_report()


@pytest.fixture(scope="module")
def page(report: ReportInput) -> str:
    return render_html(report)


def test_every_number_of_the_audit_stands_in_the_page(report: ReportInput, page: str) -> None:
    text = text_of(page)
    for row in report.audit.rows:
        assert f"{dashed(row.value)} {dashed(row.low)} to {dashed(row.high)}" in text


def test_a_split_s_table_holds_its_own_numbers_in_order(report: ReportInput, page: str) -> None:
    rows = table_after(page, "iu-age", "balanced accuracy,")
    assert rows[0] == ["Method", "In domain", "Shifted", "Gap", "Average"]
    (probe,) = (row for row in rows if row[0] == "Linear probe")
    wanted = [
        r
        for r in report.audit.rows
        if (r.method, r.split, r.metric) == ("linear_probe", "iu-age", "balanced_accuracy")
    ]
    assert [r.domain for r in wanted] == ["in_domain", "shifted", "gap", "average"]
    assert probe[1:] == [f"{dashed(r.value)} {dashed(r.low)} to {dashed(r.high)}" for r in wanted]


def test_the_images_are_counted_by_part_class_and_attribute(page: str) -> None:
    rows = table_after(page, "iu-scanner", "Images by part and class, and by scanner group")
    assert rows[0][2:6] == ["normal, A", "normal, B", "abnormal, A", "abnormal, B"]
    assert rows[1] == ["train", "639", "320", "0", "0", "319", "320"]
    assert rows[4] == ["shifted", "198", "0", "99", "99", "0", "99"]


def test_paired_differences_stand_beside_their_domain(report: ReportInput, page: str) -> None:
    rows = table_after(page, "nih-sex", "accuracy: differences")
    (row,) = (row for row in rows if row[0] == "KnoBo minus no prior")
    (test,) = (
        t
        for t in report.audit.paired
        if (t.reference, t.split, t.domain, t.metric) == ("no_prior", "nih-sex", "shifted", "accuracy")
    )
    assert rows[0][2] == "Shifted"
    assert row[2].startswith(f"{test.difference:+.3f} ".replace("-", "−"))


def test_other_people_s_text_is_escaped_wherever_it_may_come_from(report: ReportInput) -> None:
    attack = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
    first = report.bank.concepts[0]
    passage = report.passages[first.evidence[0].passage_id]
    start = len(BEFORE)
    evil = Concept(first.id, attack, (Evidence(passage.id, attack, start),), attack)
    poisoned = replace(
        report,
        run=attack,
        modality=attack,
        bank=ConceptBank((evil, *report.bank.concepts[1:])),
        passages={
            **report.passages,
            passage.id: replace(
                passage, text=BEFORE + attack, title=attack, source=attack, license=attack, locator=attack
            ),
        },
        verdicts=(Verdict("rejected-0", attack, False, attack),),
        audit=replace(report.audit, notes=(attack,), checks=(("hospital", attack, False, attack),)),
        explanations=tuple(replace(e, caption=attack, truth=attack) for e in report.explanations),
    )
    tree = lxml_html.fromstring(render_html(poisoned))
    assert [each.text for each in tree.iter("script")] == [script()]
    assert {image.get("src", "")[:22] for image in tree.iter("img")} == {"data:image/png;base64,"}
    assert not [name for element in tree.iter() for name in element.attrib if name.startswith("on")]
    assert attack in tree.text_content()


def test_a_concept_without_quotations_says_so(report: ReportInput, page: str) -> None:
    bare = [replace(each, evidence=(), query="") for each in report.bank.concepts[:1]]
    bank = ConceptBank((*bare, *report.bank.concepts[1:]))
    assert "No quoted source" not in page
    without = render_html(replace(report, bank=bank))
    assert without.count("<summary>No quoted source</summary>") == 1
    assert without.count("no passage of the literature is quoted for this concept") == 1


def test_the_page_loads_nothing_and_links_only_to_pubmed(page: str) -> None:
    tree = lxml_html.fromstring(page)
    assert not [e.tag for e in tree.iter("link", "iframe", "object", "embed", "base", "form")]
    (only,) = tree.iter("script")
    digest = b64encode(sha256(only.text.encode()).digest()).decode()
    assert not only.attrib
    assert f"script-src 'sha256-{digest}'" in page
    assert not re.search(r"@import|url\(", page)
    assert all(e.get("src").startswith("data:") for e in tree.iter() if e.get("src"))
    links = [e.get("href") for e in tree.iter("a")]
    ids = {e.get("id") for e in tree.iter() if e.get("id")}
    assert {link[1:] for link in links if link.startswith("#")} <= ids
    remote = {link for link in links if not link.startswith("#")}
    assert remote == {"https://pubmed.ncbi.nlm.nih.gov/29768149/"}
    assert "default-src 'none'" in page


def test_the_same_input_gives_the_same_bytes_in_another_process(page: str) -> None:
    code = (
        "import hashlib, runpy, sys; from pipelines.report import render_html;"
        "made = runpy.run_path(sys.argv[1])['make_report']();"
        "print(hashlib.sha256(render_html(made).encode()).hexdigest())"
    )
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": paths}
    command = [sys.executable, "-c", code, report_example.__file__]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == sha256(page.encode()).hexdigest()


def test_every_table_is_captioned_and_its_heads_say_what_they_head(page: str) -> None:
    tree = lxml_html.fromstring(page)
    assert tree.get("lang") == "en"
    for table in tree.iter("table"):
        assert table.findtext("caption") or table.find("caption").text_content()
        assert all(head.get("scope") in {"col", "row", "rowgroup"} for head in table.iter("th"))
    assert all(image.get("alt") for image in tree.iter("img"))
    assert all(
        svg.get("aria-label") or svg.xpath("ancestor-or-self::*[@aria-hidden]") for svg in tree.iter("svg")
    )
    levels = [int(e.tag[1]) for e in tree.iter("h1", "h2", "h3")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_has_the_contrast_that_accessibility_asks_for_in_light_and_dark(page: str) -> None:
    blocks = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in page.split(":root {")[1:3]
    ]
    assert len(blocks) == 2
    for colors in blocks:
        for name in ("ink", "soft", "accent", "in-domain", "shifted", "for", "against"):
            assert contrast(colors[name], colors["paper"]) >= 4.5, name
        for text, ground in (
            ("good", "good-wash"),
            ("warning", "warning-wash"),
            ("soft", "faint"),
            ("ink", "mark"),
        ):
            assert contrast(colors[text], colors[ground]) >= 4.5, text


def test_the_headline_says_both_ends_of_the_shift_and_the_paired_difference(report: ReportInput) -> None:
    line = headline(report.audit)
    half = 1 / math.sqrt(681)
    assert "\n" not in line
    assert f"KnoBo 0.790 → 0.570 ({0.57 - half:.3f} to {0.57 + half:.3f})" in line
    assert "linear probe 0.910 → 0.230" in line
    assert "+0.340 (+0.295 to +0.385)" in line


def test_the_summary_has_one_row_a_method_under_five_columns(report: ReportInput) -> None:
    rows = summary_table(report.audit)
    assert COLUMNS == ("method", "in domain", "shifted", "gap", "average")
    assert [row[0] for row in rows[:3]] == ["KnoBo", "Linear probe", "Fine-tuning"]
    assert len(rows) == len(METHODS)
    assert rows[1][3] == f"0.680 ({0.68 - 1 / math.sqrt(1391):.3f} to {0.68 + 1 / math.sqrt(1391):.3f})"
    assert len(summary_table(report.audit, split="iu-view", metric="auroc")) == len(METHODS)


def test_the_verdict_shows_gain_and_price(page: str) -> None:
    text = text_of(page)
    assert "When the shortcut is reversed, KnoBo scores 0.57 where the linear probe scores 0.23." in text
    assert "While it holds, KnoBo scores 0.12 less: that is its price." in text
    assert "Under shift KnoBo is not shown to exceed prior only: −0.04" in text


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (0.30, "KnoBo scores 0.57 where the linear probe scores 0.23"),
        (0.01, "no difference between KnoBo (0.57) and the linear probe (0.23) can be shown"),
        (-0.30, "KnoBo scores 0.57, less than the linear probe"),
    ],
)
def test_the_verdict_claims_no_more_than_the_interval(
    report: ReportInput, difference: float, words: str
) -> None:
    assert words in text_of(render_html(with_knobo_minus(report, "linear_probe", difference)))


@pytest.mark.parametrize(
    ("difference", "words"), [(0.1, "literature add to"), (0.0, "are not shown to add to")]
)
def test_the_signs_are_credited_only_where_both_controls_fall_behind(
    report: ReportInput, difference: float, words: str
) -> None:
    assert words in text_of(render_html(with_knobo_minus(report, "random_prior", difference)))


@pytest.mark.parametrize("lower", ["no_prior", "random_prior"])
def test_a_control_that_the_signs_fall_behind_is_said_to_be_better_by_name(
    report: ReportInput, lower: str
) -> None:
    names = {"no_prior": "no prior", "random_prior": "random signs"}
    (other,) = names.keys() - {lower}
    moved = with_knobo_minus(with_knobo_minus(report, lower, -0.04), other, 0.0)
    said = prior_effect(AuditIndex.of(moved.audit))
    assert f"they lower the score against {names[lower]}, −0.04 (−0.06 to −0.02)" in said
    assert f"no difference to {names[other]} is shown, 0.00 (−0.02 to +0.02)" in said
    assert "do worse than a control" in said
    assert "not shown to add" not in said


def test_a_shifted_score_that_may_be_chance_is_said_to_be(report: ReportInput, page: str) -> None:
    rows = tuple(replace(r, low=0.49) if r.method == "knobo" else r for r in report.audit.rows)
    doubtful = replace(report, audit=replace(report.audit, rows=rows))
    assert "coin toss" in text_of(render_html(doubtful))
    assert "coin toss" not in text_of(page)


def test_a_concept_shows_its_quote_inside_the_whole_passage(page: str) -> None:
    tree = lxml_html.fromstring(page)
    quoted = {quote.findtext("p/mark"): quote.find("p").text_content() for quote in tree.iter("blockquote")}
    for question, sentence in SIGNS:
        assert question in text_of(page)
        assert quoted[sentence] == BEFORE + sentence + AFTER
    assert "Licence: CC BY 4.0" in text_of(page)


def test_a_quote_that_is_not_in_its_passage_is_said_to_be_missing(report: ReportInput) -> None:
    passages = {name: replace(p, text=p.text.replace("lung", "LUNG")) for name, p in report.passages.items()}
    text = text_of(render_html(replace(report, passages=passages)))
    assert "The quote was not found word for word in its passage." in text
    assert "The passage is not part of this run." in text_of(render_html(replace(report, passages={})))


def test_a_retracted_source_is_flagged_at_the_concept_and_at_the_top(report: ReportInput, page: str) -> None:
    flagged = [view.id for view in concept_views(report) if view.retracted]
    assert flagged == [f"concept-{RETRACTED}"]
    assert "1 accepted concept quotes a retracted article" in text_of(page)
    assert text_of(page).count("retracted source") == 1


def test_the_weight_of_a_class_is_the_mean_over_the_splits_that_have_it(report: ReportInput) -> None:
    (view,) = (view for view in concept_views(report) if view.id == "concept-3")
    by_class = {leaning.class_name: leaning for leaning in view.leanings}
    wanted = np.mean(
        [w.values[w.classes.index("pneumonia"), 3] for w in report.weights if "pneumonia" in w.classes]
    )
    assert by_class["pneumonia"].weight == f"{wanted:+.2f}".replace("-", "−")
    assert (by_class["pneumonia"].sign, by_class["no finding"].sign) == ("+", "−")


def test_concepts_in_use_are_ordered_by_how_far_they_pull_the_classes_apart(report: ReportInput) -> None:
    apart = {
        concept_id: np.mean([abs(w.values[0, i] - w.values[1, i]) for w in report.weights])
        for i, concept_id in enumerate(report.bank.ids)
    }
    assert [view.id for view in concept_views(report)] == sorted(apart, key=lambda c: -apart[c])


def test_drawn_contributions_and_the_rest_add_up_to_the_sum(report: ReportInput, page: str) -> None:
    for view, explanation in zip(explanation_views(report), report.explanations, strict=True):
        assert len(view.bars) == SHOWN + 1
        drawn = sum(float(bar.value.replace("−", "-")) for bar in view.bars)
        p = explanation.probability
        total = math.log(p / (1 - p))
        assert drawn == pytest.approx(total, abs=0.005 * (SHOWN + 1))
        assert f"sum {total:+.2f}".replace("-", "−") in text_of(page)


def test_a_shown_contribution_is_score_less_usual_times_weight(page: str) -> None:
    tables = lxml_html.fromstring(page).xpath("//section[@id='explanations']//table")
    heads = [head.text_content() for head in tables[0].iter("th") if head.get("scope") == "col"]
    assert heads[2:] == ["Score", "Usual", "Weight", "Contribution"]
    for row in (row for table in tables for row in table.xpath("tbody/tr")):
        *parts, value = [cell.text_content().replace("−", "-") for cell in row[2:]]
        if all(parts):
            score, usual, weight = map(float, parts)
            assert float(value) == pytest.approx((score - usual) * weight, abs=0.005 * (abs(weight) + 3))


@pytest.mark.parametrize("kind", list(ScalingKind))
def test_contributions_of_two_classes_add_up_to_the_log_odds_of_the_answer(kind: ScalingKind) -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(size=(50, 4)).astype(np.float32)
    weight = rng.normal(size=(2, 4)).astype(np.float32)
    head = KnoBo(("a", "b"), ("p", "q", "r", "s"), weight, np.zeros_like(weight), Scaling.fit(kind, scores))
    for row in scores[:5]:
        probabilities = head.predict(row[None])[0]
        winner = int(probabilities.argmax())
        found = contributions(head, row, winner)
        p = probabilities[winner]
        assert sum(each.value for each in found) == pytest.approx(math.log(p / (1 - p)), abs=1e-9)
        for each in found:
            assert each.value == pytest.approx((each.score - each.usual) * each.weight, abs=1e-6)


def test_contributions_of_many_classes_add_up_to_the_logit_of_the_answer() -> None:
    weight = np.random.default_rng(1).normal(size=(3, 2)).astype(np.float32)
    scores = np.array([[0.2, 0.9], [0.4, 0.1]], np.float32)
    scaling = Scaling.fit(ScalingKind.CENTER, scores)
    head = KnoBo(("a", "b", "c"), ("p", "q"), weight, np.zeros_like(weight), scaling)
    found = contributions(head, scores[0], 1)
    assert sum(each.value for each in found) == pytest.approx(head.logits(scores[:1])[0, 1], abs=1e-9)


def test_a_contribution_of_standardised_scores_is_taken_as_it_is(report: ReportInput) -> None:
    parts = tuple(replace(c, amount=2 * c.value) for c in report.explanations[0].contributions)
    doubled = replace(report, explanations=(replace(report.explanations[0], contributions=parts),))
    before, after = (explanation_views(r)[0].bars[0] for r in (report, doubled))
    assert (before.score, before.weight, before.bar) == (after.score, after.weight, after.bar)
    assert float(after.value) == pytest.approx(2 * float(before.value), abs=0.016)


def test_an_audit_of_real_predictions_reads_the_same_in_the_page(report: ReportInput) -> None:
    from models.evaluation.audit import AuditSettings, audit
    from models.evaluation.predictions import Predictions

    rng = np.random.default_rng(5)
    splits = tuple(split for split in report.splits if split.name in {"iu-view", "nih-sex"})
    predictions = []
    for split in splits:
        truth = split.targets(split.ids)
        for method, right in (("knobo", 0.7), ("linear_probe", 0.4)):
            given = np.where(rng.uniform(size=(2, len(truth))) < right, truth, 1 - truth)
            chance = np.stack([1 - given, given], axis=2) * 0.8 + 0.1
            predictions.append(Predictions(method, split.name, (0, 1), split.ids, chance))
    found = audit(predictions, splits, settings=AuditSettings(replicates=50))
    text = text_of(render_html(replace(report, audit=found, splits=splits, outside_mean=())))
    (row,) = (
        r
        for r in found.rows
        if (r.method, r.split, r.domain, r.metric) == ("knobo", "mean", "shifted", "accuracy")
    )
    assert f"{dashed(row.value)} {dashed(row.low)} to {dashed(row.high)}" in text
    assert "Accuracy, mean over 2 splits" in text
    assert "gap" in {test.domain for test in found.paired}
    assert f"{row.value:.2f} where the linear probe scores" in text


def test_rejections_are_counted_by_test_with_question_and_reason(page: str) -> None:
    text = text_of(page)
    assert "leak free 1 rejected" in text
    assert "Is there pneumonia? The question names the class pneumonia." in text
    assert "groundable" not in text


def test_positions_are_linear_between_the_margins() -> None:
    assert [UNIT.percent(value) for value in (0, 0.5, 1, 1.2)] == ["3.00%", "50.00%", "97.00%", "97.00%"]


@pytest.mark.parametrize(
    "keep",
    [set(METHODS) - {"fine_tune"}, {"knobo", "linear_probe"}, {"knobo"}, {"linear_probe"}, set()],
    ids=lambda keep: "+".join(sorted(keep)) or "nothing",
)
@pytest.mark.parametrize("shifted", [True, False], ids=["shifted", "in domain only"])
def test_a_page_is_made_from_whatever_was_measured(
    report: ReportInput, keep: set[str], *, shifted: bool
) -> None:
    less = with_audit(report, keep, shifted=shifted)
    text = text_of(render_html(less))
    assert ("Fine-tuning" in text) == ("fine_tune" in keep or "Fine-tuning ran" in text)
    assert headline(less.audit) in render_html(less)
    assert render_markdown(less.audit).startswith("# Audit")


def test_a_plain_split_alone_is_reported_by_its_name(report: ReportInput) -> None:
    plain = replace(make_split("iu-age"), name="plain", attribute="", shifted=(), checks=())
    rows = tuple(
        replace(r, split="plain")
        for r in report.audit.rows
        if r.split == "iu-age" and r.domain == "in_domain" and r.method != "fine_tune"
    )
    alone = replace(report, splits=(plain,), audit=AuditReport(rows, (), (), ()), outside_mean=())
    text = text_of(render_html(alone))
    assert "Accuracy on the split plain" in text
    assert "No shifted domain was audited." in text
    assert "accuracy on plain" in headline(alone.audit)


def test_empty_pieces_leave_a_page_that_says_so(report: ReportInput) -> None:
    bare = replace(
        report,
        splits=(),
        bank=ConceptBank(()),
        passages={},
        verdicts=(),
        candidates=(),
        quality=(),
        weights=(),
        explanations=(),
        provenance=Provenance("", {}, 0, "", {}),
    )
    text = text_of(render_html(bare))
    assert "No concept is in use." in text
    assert "None was rejected." in text
    assert "Worked decisions" not in text


def test_a_number_that_cannot_be_estimated_is_called_so(report: ReportInput) -> None:
    nan = math.nan
    rows = tuple(
        replace(r, value=nan, low=nan, high=nan) if r.metric == "auroc" else r for r in report.audit.rows
    )
    text = text_of(render_html(replace(report, audit=replace(report.audit, rows=rows))))
    assert "n/e" in text
    assert "nan" not in text.lower().split()


def test_markdown_tables_keep_their_columns_whatever_a_check_says(report: ReportInput) -> None:
    checks = (("hospital", "cell_counts", False, "a | b\nc"),)
    text = render_markdown(replace(report.audit, checks=checks))
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) > len(SPLITS)
    for block in blocks:
        assert len({len(line) for line in block}) == 1
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block}) == 1
    assert "a \\| b c" in text


def test_both_files_are_written_whole_and_nothing_else(
    report: ReportInput, page: str, tmp_path: Path
) -> None:
    markdown, html = write_report(report, tmp_path)
    assert html.read_text(encoding="utf-8") == page
    assert markdown.read_text(encoding="utf-8") == render_markdown(
        report.audit, signs=sign_line(report.prior)
    )
    assert {path.name for path in tmp_path.iterdir()} == {"audit.md", "report.html"}


def test_the_signs_are_counted_by_what_they_rest_on(report: ReportInput) -> None:
    prior = replace(
        report.prior,
        classes=("normal", "abnormal"),
        concept_ids=report.bank.ids[:3],
        sign=np.array([[1, -1, 0], [-1, 1, 1]], np.float32),
        agreement=np.array([[1, 0.5, 0], [0.75, 1, 1]], np.float32),
        source=(("corpus", "assumed", "none"), ("corpus", "corpus", "expert")),
        votes=np.array([[1, 0, 2], [12, 3, 4]], np.int32),
    )
    line = sign_line(prior)
    assert line == (
        "Of 6 signs by class and concept: 3 counted from the literature, 1 assumed, 1 given by an expert, "
        "1 abstains. Signs counted from the literature by votes: "
        "1 vote 1, 2 to 4 votes 1, 10 votes or more 1."
    )
    assert line in render_markdown(report.audit, signs=line)
    told = lxml_html.fromstring(render_html(replace(report, prior=prior)))
    (section,) = told.xpath("//section[@id='signs']")
    cells = {row[0].text_content(): row[1].text_content() for row in section.xpath(".//tbody/tr")}
    assert cells == {
        "counted from the literature": "3",
        "assumed: no clause names a class, and literature describes signs of disease": "1",
        "given by an expert": "1",
        "abstains": "1",
        "1 vote": "1",
        "2 to 4 votes": "1",
        "10 votes or more": "1",
    }
    # neither differences nor agreement were measured
    assert not section.xpath(".//h3")
    assert "kappa" not in section.text_content()


def test_differences_of_sources_and_agreement_of_annotators_are_shown(report: ReportInput) -> None:
    rows = tuple(
        WrittenDisagreement(
            "abnormal",
            f"Is sign {n} <b>seen</b>?",
            "opposite",
            Cell(1.0, 0.8, 4, "corpus"),
            Cell(-1.0 if n else 0.0, 1.0, 3, "language_model" if n else "none"),
            ("It is a sign. [p#1]",),
            (),
        )
        for n in range(7)
    )
    agreed = Agreement("rules", "expert:images", "", 30, 2, 3, 65, 5, 0.95, 0.886, 0.8, 0.95)
    page = render_html(
        replace(report, disagreements=rows, agreements=(agreed, replace(agreed, concept_id="x")))
    )
    (section,) = lxml_html.fromstring(page).xpath("//section[@id='signs']")
    said = section.text_content()
    assert "7 signs; the first 5 are shown" in said
    assert "Is sign 1 <b>seen</b>? abnormal: corpus +1.00; language model −1.00" in said
    assert "abnormal: corpus +1.00; the other abstains" in said
    assert said.count("It is a sign. [p#1]") == 5
    (row,) = [row for row in section.xpath(".//tbody/tr") if "rules" in row.text_content()]
    assert [cell.text_content() for cell in row] == [
        "rules and expert:images",
        "100",
        "0.95",
        "0.89 (0.80 to 0.95)",
    ]


def test_a_prior_without_cells_shows_no_signs(report: ReportInput) -> None:
    empty = np.zeros((2, 0), np.float32)
    prior = Prior(("normal", "abnormal"), (), empty, empty, ((), ()))
    assert sign_line(prior) == ""
    assert sign_view(replace(report, prior=prior)) is None


def with_ablation(report: ReportInput, *, scope: str = "mean", shifted: bool = True) -> ReportInput:
    """Concept i changes accuracy by -0.031 + 0.005 i where shifted, and the other way in domain."""
    rows = []
    for domain, sign in (("in_domain", -1), ("shifted", 1))[: 1 + shifted]:
        changes = {"all": -0.2} | {name: -0.031 + 0.005 * i for i, name in enumerate(report.bank.ids)}
        for name, change in changes.items():
            d = sign * change
            rows.append(Ablation(name, scope, domain, 0.7, 0.7 + d, d, d - 0.004, d + 0.004, 0.123, 300))
    return replace(report, ablation=tuple(rows))


def test_every_ablated_concept_stands_in_the_page_and_those_of_most_use_come_first(
    report: ReportInput,
) -> None:
    ablated = with_ablation(report)
    found = ablation_view(ablated)
    assert found is not None
    assert len(found.rows) == ABLATED
    assert [row.question for row in found.rows[:3]] == [text for text, _ in SIGNS[:3]]
    assert (found.rows[0].shifted.value, found.rows[0].shifted.interval) == ("−0.031", "−0.035 to −0.027")
    assert {row.question for row in (*found.rows, *found.rest)} == {text for text, _ in SIGNS}
    page = render_html(ablated)
    text = " ".join(lxml_html.fromstring(page).get_element_by_id("ablation").text_content().split())
    assert "mean over the splits" in text
    assert "by +0.200 (+0.196 to +0.204) in domain and by −0.200 (−0.204 to −0.196) on shifted" in text
    for row in ablated.ablation:
        assert f"{row.difference:+.3f}".replace("-", "−") in text


def test_a_single_unshifted_split_is_ablated_and_a_run_without_ablation_has_no_such_part(
    report: ReportInput, page: str
) -> None:
    found = ablation_view(with_ablation(report, scope="plain", shifted=False))
    assert found is not None
    assert found.scope == "plain"
    assert {row.shifted.value for row in found.rows} == {"–"}
    assert render_html(with_ablation(report, scope="plain", shifted=False))
    assert 'id="ablation"' not in page
