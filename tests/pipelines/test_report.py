import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from lxml import html as lxml_html
from PIL import Image

from knowledge.annotation.agreement import Agreement
from knowledge.concepts import Concept, ConceptBank, Evidence, Verdict
from knowledge.passages import Passage
from knowledge.priors import Prior, WrittenDisagreement
from knowledge.priors.disagreement import Cell
from models.ablation import Ablation
from models.domains import Check, DomainSplit
from models.evaluation.audit import AuditReport, AuditRow, PairedTest
from pipelines.report import (
    COLUMNS,
    ConceptWeights,
    Contribution,
    Explanation,
    GrounderQuality,
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
from pipelines.report.sign_view import sign_line, sign_view
from pipelines.report.tracks import UNIT

METHODS = {  # (in domain, shifted), near to what a first trial on real X-rays gave
    "fine_tune": (0.94, 0.21),
    "knobo": (0.79, 0.57),
    "linear_probe": (0.91, 0.23),
    "no_prior": (0.82, 0.47),
    "prior_only": (0.66, 0.61),
    "random_concepts": (0.84, 0.33),
    "random_prior": (0.78, 0.49),
}
SPLITS = {  # attribute, classes, images in domain, images shifted
    "iu-scanner": ("scanner_group", ("normal", "abnormal"), 213, 198),
    "iu-age": ("age_group", ("normal", "abnormal"), 167, 160),
    "iu-view": ("view", ("normal", "abnormal"), 144, 139),
    "nih-view-ap": ("view", ("no_finding", "pneumonia"), 62, 58),
    "nih-view-pa": ("view", ("no_finding", "pneumonia"), 58, 62),
    "nih-sex": ("sex", ("no_finding", "pneumonia"), 66, 64),
    "hospital": ("dataset", ("normal", "pneumonia"), 120, 14),
}
MEAN_SIZES = (710, 681)
METRICS = {"accuracy": 0.0, "balanced_accuracy": -0.004, "auroc": 0.031}
CLASSES = ("normal", "abnormal", "no_finding", "pneumonia")
SIGNS = (
    ("Is the costophrenic angle blunted?", "The lateral costophrenic angle is blunted once 200 ml gather."),
    ("Is there an air bronchogram?", "Air-filled bronchi stand out as dark branches in opaque alveoli."),
    ("Is the silhouette of the heart enlarged?", "A heart wider than half of the thorax is enlarged."),
    ("Is there a homogeneous opacity of a lobe?", "A lobe filled with exudate is homogeneously opaque."),
    ("Are the lung fields clear?", "In a clear lung vessels can be followed into the outer third."),
    ("Are septal lines seen at the lung bases?", "Short horizontal lines at the bases reach the pleura."),
    ("Is there a meniscus at the lung base?", "Free fluid forms a meniscus along the chest wall."),
    ("Is one hemidiaphragm elevated?", "Loss of volume draws the hemidiaphragm upwards on that side."),
    ("Is the trachea displaced?", "The trachea moves towards a collapse and away from a tension."),
    ("Are the vessels wider at the apices?", "Vessels of the upper zones widen first."),
    ("Is there a pleural line without markings beyond?", "A thin line without markings beyond it is seen."),
    ("Is there a surgical clip or wire?", "Wires of the sternum are seen as dense loops in the midline."),
)
CLEAR, RETRACTED, ABSTAINS = 4, 7, 11
BEFORE = "On an upright film the first signs are easily passed over.\nCompare with an earlier film. "
AFTER = " A film taken lying down hides it. The distance from tube to film changes how large it looks."
SOURCES = (
    ("handbook", "Apache-2.0", "chest_xray/pleura.md, Effusion"),
    ("pubmed", "PubMed abstract", "PMID 29768149, RESULTS"),
    ("openstax", "CC BY 4.0", "22.2 The Lungs"),
)


def make_values() -> dict[tuple[str, str, str, str], float]:
    rng = np.random.default_rng(0)
    values = {}
    for method, means in METHODS.items():
        for split in (*SPLITS, "mean"):
            jitter = rng.normal(0, 0.05, 2) * (split != "mean")
            for metric, raised in METRICS.items():
                before, after = (min(float(m + j) + raised, 1.0) for m, j in zip(means, jitter, strict=True))
                values[method, split, "in_domain", metric] = before
                values[method, split, "shifted", metric] = after
                values[method, split, "gap", metric] = before - after
                values[method, split, "average", metric] = (before + after) / 2
    return values


def make_row(key: tuple[str, str, str, str], value: float) -> AuditRow:
    method, split, domain, metric = key
    sizes = MEAN_SIZES if split == "mean" else SPLITS[split][2:]
    n = {"in_domain": sizes[0], "shifted": sizes[1]}.get(domain, sum(sizes))
    half = 1 / math.sqrt(n)
    low, high = max(value - half, -1.0 if domain == "gap" else 0.0), min(value + half, 1.0)
    return AuditRow(method, split, domain, metric, value, low, high, n, 1 if method == "fine_tune" else 5)


def make_test(key: tuple[str, str, str, str], difference: float) -> PairedTest:
    method, split, domain, metric = key
    half = 0.045 if split == "mean" else 0.11
    return PairedTest(
        "knobo", method, split, domain, metric, difference, difference - half, difference + half
    )


def make_audit() -> AuditReport:
    values = make_values()
    paired = [
        make_test(key, values["knobo", *key[1:]] - value)
        for key, value in values.items()
        if key[0] != "knobo" and key[2] != "gap"
    ]
    return AuditReport(
        rows=tuple(make_row(key, value) for key, value in values.items()),
        paired=tuple(paired),
        checks=(("hospital", "cell_counts", False, "fewer than 10 images of shifted/normal 7"),),
        notes=(
            "Fine-tuning ran with one seed; its intervals cover the choice of images, not of seeds.",
            "hospital is not part of the mean: its shifted part holds 14 images.",
        ),
    )


def make_cells(classes: tuple[str, ...], parts: dict[str, int]) -> dict[str, int]:
    return {
        f"{part}/{label}/{'AB'[(i + (part == 'shifted')) % 2]}": (size + 1 - i) // 2
        for part, size in parts.items()
        for i, label in enumerate(classes)
    }


def make_split(name: str) -> DomainSplit:
    attribute, classes, n, m = SPLITS[name]
    parts = {"train": 3 * n, "validation": n, "in_domain": n, "shifted": m}
    ids = {part: tuple(f"{name}/{part}-{i}" for i in range(size)) for part, size in parts.items()}
    small = m // 2 < 10
    checks = (
        Check("patient_overlap", True, False, f"none of {n} patients is in two parts", {"patients": n}),
        Check("duplicate_images", True, False, "0 images are in two parts", {"across_parts": 0}),
        Check("conflicting_labels", True, False, "0 images occur with different labels", {"images": 0}),
        Check("cell_counts", not small, False, f"smallest class {m // 2}", make_cells(classes, parts)),
    )
    return DomainSplit(
        name=name,
        classes=classes,
        attribute=attribute,
        **ids,
        label={image: classes[i % 2] for part in ids.values() for i, image in enumerate(part)},
        patient={image: f"{part}-{i // 2}" for part in ids for i, image in enumerate(ids[part])},
        checks=checks,
    )


def make_literature() -> tuple[ConceptBank, dict[str, Passage]]:
    concepts, passages = [], {}
    for i, (question, sentence) in enumerate(SIGNS):
        source, license_, locator = SOURCES[i % 3]
        passage = Passage(
            id=f"{source}/doc{i}#{i}",
            title=f"Reading the chest film, part {i}",
            text=BEFORE + sentence + AFTER,
            source=source,
            license=license_,
            locator=locator,
            retracted=i == RETRACTED,
        )
        passages[passage.id] = passage
        evidence = (Evidence(passage.id, sentence, len(BEFORE)),)
        concepts.append(Concept(f"concept-{i}", question, evidence, "chest X-ray effusion criteria"))
    return ConceptBank(tuple(concepts)), passages


def make_prior(ids: tuple[str, ...]) -> Prior:
    place = np.arange(len(ids))
    abnormal = np.select([place == CLEAR, place == ABSTAINS], [-1.0, 0.0], 0.9)
    sign = np.stack([-abnormal, abnormal, -abnormal, abnormal]).astype(np.float32)
    agreement = np.random.default_rng(1).uniform(0.7, 1, sign.shape).astype(np.float32)
    source = tuple(tuple("none" if s == 0 else "corpus" for s in row) for row in sign)
    return Prior(CLASSES, ids, sign, agreement, source)


def make_weights(prior: Prior) -> tuple[ConceptWeights, ...]:
    rng = np.random.default_rng(2)
    rows = {name: prior.sign[i] for i, name in enumerate(prior.classes)}
    return tuple(
        ConceptWeights(
            name,
            classes,
            prior.concept_ids,
            np.stack([rows[c] * 0.5 + rng.normal(0, 0.25, len(rows[c])) for c in classes]).astype(np.float32),
        )
        for name, (_, classes, _, _) in SPLITS.items()
    )


def make_quality(ids: tuple[str, ...]) -> tuple[GrounderQuality, ...]:
    auroc = np.random.default_rng(3).uniform(0.55, 0.93, len(ids)).round(3)
    return tuple(
        GrounderQuality(c, float(a), float(a) - 0.06, float(a) + 0.05, float(a) - 0.07, 40 + i, 900, a > 0.6)
        for i, (c, a) in enumerate(zip(ids, auroc, strict=True))
    )


def make_thumbnail() -> bytes:
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    lungs = np.exp(-((np.abs(x) - 0.45) ** 2 / 0.05 + y**2 / 0.5))
    buffer = BytesIO()
    Image.fromarray((200 - 150 * lungs).astype(np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


def make_explanation(ids: tuple[str, ...], seed: int, truth: str) -> Explanation:
    rng = np.random.default_rng(seed)
    parts = tuple(Contribution(c, float(rng.uniform()), float(rng.normal(0.2, 0.5))) for c in ids)
    odds = math.exp(sum(part.value for part in parts))
    image = make_thumbnail()
    probability = odds / (1 + odds)
    return Explanation(
        f"Example {seed}", "iu-scanner", "shifted", truth, "abnormal", probability, parts, image
    )


def make_report() -> ReportInput:
    bank, passages = make_literature()
    prior = make_prior(bank.ids)
    rejected = ("Is there pneumonia?", "Does the patient cough?", "Is a costophrenic angle blunt?")
    return ReportInput(
        run="real-xray",
        modality="chest X-ray",
        audit=make_audit(),
        splits=tuple(make_split(name) for name in SPLITS),
        bank=bank,
        passages=passages,
        verdicts=(
            Verdict("rejected-0", "leak_free", False, "The question names the class pneumonia."),
            Verdict("rejected-1", "visual", False, "Cough cannot be seen in an image."),
            Verdict("rejected-2", "new", False, "Its cosine to an accepted question is 0.94."),
            *(Verdict(concept_id, "visual", True, "Names a sign of the film.") for concept_id in bank.ids),
        ),
        candidates=tuple(Concept(f"rejected-{i}", text, (), "q") for i, text in enumerate(rejected)),
        quality=make_quality(bank.ids),
        prior=prior,
        weights=make_weights(prior),
        explanations=(
            make_explanation(bank.ids, 1, "abnormal"),
            make_explanation(bank.ids, 3, "normal"),
        ),
        provenance=Provenance(
            "sha256:4f1c9d0e7a",
            {"knobo": "0.1.0", "torch": "2.13.0", "language model": "SmolLM2-135M-Instruct"},
            7,
            "fa831c6",
            {"gather": 3.2, "index": 12.4, "discover": 96.0, "annotate": 41.7, "encode": 88.1, "fit": 64.0},
        ),
        outside_mean=("hospital",),
    )


@pytest.fixture(scope="module")
def report() -> ReportInput:
    return make_report()


@pytest.fixture(scope="module")
def page(report: ReportInput) -> str:
    return render_html(report)


def with_audit(report: ReportInput, keep: set[str], *, shifted: bool = True) -> ReportInput:
    """Only some methods, and where asked only the images in domain."""
    audit = report.audit
    rows = tuple(r for r in audit.rows if r.method in keep and (shifted or r.domain == "in_domain"))
    paired = tuple(t for t in audit.paired if t.reference in keep and (shifted or t.domain == "in_domain"))
    return replace(report, audit=replace(audit, rows=rows, paired=paired))


def with_knobo_minus(report: ReportInput, reference: str, difference: float) -> ReportInput:
    """The mean's paired test on shifted images moved to a difference, with a half-width of 0.02."""
    paired = tuple(
        replace(t, difference=difference, low=difference - 0.02, high=difference + 0.02)
        if (t.reference, t.split, t.domain) == (reference, "mean", "shifted")
        else t
        for t in report.audit.paired
    )
    return replace(report, audit=replace(report.audit, paired=paired))


def text_of(page: str) -> str:
    return " ".join(lxml_html.fromstring(page).find("body").text_content().split())


def table_after(page: str, split: str, caption: str) -> list[list[str]]:
    """The cells of one table in the folded part of a split."""
    tree = lxml_html.fromstring(page)
    (folded,) = (d for d in tree.find_class("split") if d.findtext("summary/b") == split)
    (found,) = (t for t in folded.iter("table") if t.findtext("caption", "").startswith(caption))
    return [[" ".join(cell.text_content().split()) for cell in row] for row in found.iter("tr")]


def dashed(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")


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
    assert not list(tree.iter("script"))
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
    assert not [e.tag for e in tree.iter("script", "link", "iframe", "object", "embed", "base", "form")]
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
        "import hashlib, runpy, sys; made = runpy.run_path(sys.argv[1]);"
        "print(hashlib.sha256(made['render_html'](made['make_report']()).encode()).hexdigest())"
    )
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": paths}
    command = [sys.executable, "-c", code, __file__]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == sha256(page.encode()).hexdigest()


def test_every_table_is_captioned_and_its_heads_say_what_they_head(page: str) -> None:
    tree = lxml_html.fromstring(page)
    assert tree.get("lang") == "en"
    for table in tree.iter("table"):
        assert table.findtext("caption") or table.find("caption").text_content()
        assert all(head.get("scope") in {"col", "row"} for head in table.iter("th"))
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
        total = sum(c.score * c.weight for c in explanation.contributions)
        assert drawn == pytest.approx(total, abs=0.005 * (SHOWN + 1))
        assert f"sum {total:+.2f}".replace("-", "−") in text_of(page)


def test_a_contribution_of_standardised_scores_is_taken_as_it_is(report: ReportInput) -> None:
    parts = tuple(replace(c, amount=2 * c.value) for c in report.explanations[0].contributions)
    doubled = replace(report, explanations=(replace(report.explanations[0], contributions=parts),))
    before, after = (explanation_views(r)[0].bars[0] for r in (report, doubled))
    assert (before.score, before.weight, before.bar) == (after.score, after.weight, after.bar)
    assert float(after.value) == pytest.approx(2 * float(before.value), abs=0.01)


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
