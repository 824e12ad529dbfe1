"""A finished run made up for the tests of the report, near to what a first trial on real X-rays gave."""

import math
from dataclasses import replace
from io import BytesIO

import numpy as np
from lxml import html as lxml_html
from PIL import Image

from knowledge.concepts import Concept, ConceptBank, Evidence, Verdict
from knowledge.passages import Passage
from knowledge.priors import Prior
from models.concept_audit import (
    BankDiversity,
    ClassImportance,
    Completeness,
    ConceptAudit,
    ConceptCalibration,
    ConceptExistence,
    ConceptLocation,
    ConceptMap,
    ConceptPair,
    Deletion,
    Faithfulness,
    Leak,
    PriorAgreement,
)
from models.domains import Check, DomainSplit
from models.evaluation.report import (
    AuditReport,
    AuditRow,
    DecisionCurve,
    PairedTest,
    ReliabilityCurve,
    Threshold,
)
from models.splits.checks.finding import CheckFinding
from models.what_if.interventions import Band, InterventionCurve
from pipelines.report import (
    ConceptWeights,
    Contribution,
    Explanation,
    GrounderQuality,
    Provenance,
    ReportInput,
)
from pipelines.report.facts import AttributeCounts, Cards, DataFacts, Fact
from pipelines.report.index import difference_mark, row_mark
from pipelines.report.wording import interval, number, signed, signed_interval
from pipelines.what_if.curve_report import OTHERS, CurveReport, DomainCurve

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
    parts = tuple(Contribution(c, float(rng.uniform()), float(rng.normal(0.2, 0.5)), usual=0.1) for c in ids)
    odds = math.exp(sum(part.value for part in parts))
    image = make_thumbnail()
    probability = odds / (1 + odds)
    return Explanation(
        f"Example {seed}",
        "iu-scanner",
        "shifted",
        truth,
        "abnormal",
        probability,
        parts,
        image,
        other="normal",
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


ALIKE = {  # a further method: one whose numbers it takes, and what it adds under shift
    "knobo_erased": ("knobo", 0.06),
    "knobo_balanced": ("knobo", 0.01),
    "knobo_erased_random": ("knobo", 0.0),
    "linear_probe_erased": ("linear_probe", 0.2),
    "prior_only_erased": ("prior_only", 0.02),
    "pcbm": ("no_prior", 0.0),
    "pcbm_text": ("no_prior", 0.01),
    "pcbm_h": ("linear_probe", 0.01),
    "pcbm_h_joint": ("linear_probe", 0.02),
    "pcbm_h_joint_residual_zeroed": ("no_prior", 0.02),
    "language_shaped": ("linear_probe", 0.03),
    "dot_product": ("random_prior", 0.0),
    "group_dro": ("linear_probe", 0.1),
    "jtt": ("linear_probe", 0.05),
    "dfr": ("prior_only", 0.05),
    "my_own_method": ("random_prior", 0.01),
}


def added(domain: str, amount: float) -> float:
    return {"shifted": amount, "gap": -amount, "average": amount / 2}.get(domain, 0.0)


def with_methods(report: ReportInput) -> ReportInput:
    """More methods, in the order of their names, so that no order of display is there by chance."""
    audit = report.audit
    rows, paired = list(audit.rows), list(audit.paired)
    for method, (like, amount) in sorted(ALIKE.items()):
        rows += [
            replace(
                row,
                method=method,
                value=row.value + added(row.domain, amount),
                low=row.low + added(row.domain, amount),
                high=row.high + added(row.domain, amount),
            )
            for row in audit.rows
            if row.method == like
        ]
        tests = [test for test in audit.paired if test.reference == like] or [
            replace(test, difference=0.0, low=-0.02, high=0.02)
            for test in audit.paired
            if test.reference == "no_prior"
        ]
        paired += [
            replace(
                test,
                reference=method,
                difference=test.difference - added(test.domain, amount),
                low=test.low - added(test.domain, amount),
                high=test.high - added(test.domain, amount),
            )
            for test in tests
        ]
    return replace(report, audit=replace(audit, rows=tuple(rows), paired=tuple(paired)))


def figures(audit: AuditReport, *, digits: int = 3) -> dict[str, tuple[str, str]]:
    """What the page must show at each mark: a value and its interval."""
    rows = {
        row_mark(r): (number(r.value, digits=digits), interval(r.low, r.high, digits=digits))
        for r in audit.rows
    }
    return rows | {
        difference_mark(t): (
            signed(t.difference, digits=digits),
            signed_interval(t.low, t.high, digits=digits),
        )
        for t in audit.paired
        if t.test == "bootstrap"
    }


MAPPED = "iu-scanner/shifted-0"


def with_audit_parts(report: ReportInput) -> ReportInput:
    """With groups, curves, thresholds, p values, checks, cards and a concept-level audit of one split."""
    audit = report.audit
    return replace(
        report,
        audit=replace(
            audit,
            rows=(*audit.rows, *make_group_rows()),
            paired=(*audit.paired, *make_mcnemar()),
            reliability=tuple(make_reliability(domain) for domain in ("in_domain", "shifted")),
            decisions=tuple(make_decision(domain) for domain in ("in_domain", "shifted")),
            thresholds=(Threshold("knobo", "iu-view", 0.437), Threshold("dfr", "iu-view", 0.5, "default")),
        ),
        cards=make_cards(),
        findings=make_findings(),
        concept_audit=make_concept_audit(report.bank.ids),
        interventions=make_interventions(),
        explanations=(replace(report.explanations[0], image_id=MAPPED), *report.explanations[1:]),
    )


def make_group_rows() -> list[AuditRow]:
    rng = np.random.default_rng(7)
    rows = []
    for method in ("knobo", "linear_probe", "no_prior"):
        for group, n in (("view=AP", 40), ("view=PA", 99), ("sex=F", 20), ("sex=M", 119)):
            for domain in ("in_domain", "shifted"):
                for metric in ("accuracy", "sensitivity"):
                    value = round(float(rng.uniform(0.3, 0.9)), 4)
                    low, high = value - 0.1, min(value + 0.1, 1.0)
                    rows.append(AuditRow(method, "iu-view", domain, metric, value, low, high, n, 5, group))
        worst = AuditRow(
            method, "iu-view", "shifted", "worst_group_accuracy", 0.31, 0.22, 0.4, 40, 5, "view=AP"
        )
        odds = replace(worst, metric="equalised_odds_difference", value=0.27, group="sex")
        rows += [
            worst,
            odds,
            replace(odds, value=0.29, group="view"),
            replace(odds, domain="pooled", value=0.3),
        ]
        rows += [replace(worst, domain="pooled", value=0.2, group="view=AP, normal")]
        rows += [replace(odds, metric="brier", value=0.191, group="")]
    return rows


def make_mcnemar() -> list[PairedTest]:
    test = make_test(("linear_probe", "iu-view", "shifted", "accuracy"), 0.31)
    return [replace(test, test="mcnemar", p=0.0004, p_holm=0.0024, family="iu-view shifted")]


def make_reliability(domain: str) -> ReliabilityCurve:
    said = tuple((np.arange(10) + 0.5) / 10)
    seen = tuple(float(p) for p in np.clip(np.array(said) * (1 if domain == "in_domain" else 0.6), 0, 1))
    low, high = tuple(max(p - 0.1, 0) for p in seen), tuple(min(p + 0.1, 1) for p in seen)
    return ReliabilityCurve("knobo", "iu-view", domain, said, seen, low, high, (14,) * 10)


def make_decision(domain: str) -> DecisionCurve:
    at = tuple(float(t) for t in np.arange(1, 100) / 100)
    everyone = tuple(0.5 - 0.5 * t / (1 - t) for t in at)
    worth = tuple((0.45 if domain == "in_domain" else 0.3) - 0.2 * t / (1.05 - t) for t in at)
    return DecisionCurve(
        "knobo",
        "iu-view",
        domain,
        at,
        worth,
        tuple(w - 0.05 for w in worth),
        tuple(w + 0.05 for w in worth),
        everyone,
    )


def make_cards() -> Cards:
    return Cards(
        data=(
            DataFacts(
                "iu",
                900,
                700,
                3,
                {"": 10, "abnormal": 450, "normal": 440},
                (AttributeCounts("view", {"AP": 300, "PA": 580}),),
                900,
                grounds=True,
                splits=("iu-view",),
                selection="projection is Frontal",
            ),
        ),
        model=(Fact("Image encoder", "tf_efficientnet_lite0, frozen."), Fact("Prior", "Counted.")),
    )


def make_findings() -> tuple[CheckFinding, ...]:
    images = tuple(f"iu/{i}" for i in range(60))
    return (
        CheckFinding(
            "iu-view", "patient_overlap", "passed", "none of 144 patients is in two parts", {"patients": 144}
        ),
        CheckFinding(
            "iu-view", "near_duplicates", "warning", "60 images look alike (iu/0)", {"images": 60}, images
        ),
    )


def make_interventions() -> CurveReport:
    curves = [
        DomainCurve("iu-view", domain, make_curve(policy, start, slope))
        for domain, start in (("in_domain", 0.8), ("shifted", 0.6))
        for policy, slope in (
            ("random", 0.01),
            ("uncertainty", 0.012),
            ("contribution", 0.02),
            (OTHERS, -0.02),
        )
    ]
    missing = ("0 of 62 shifted images of nih-sex have a report or an expert's answer; give them one",)
    return CurveReport(tuple(curves), missing, "1 and 0", ("Some images are drawn at random.",))


def make_curve(policy: str, start: float, slope: float) -> InterventionCurve:
    gain = tuple(round(slope * step, 4) for step in range(7))
    value = tuple(round(start + each, 4) for each in gain)
    near, far = (tuple(round(each + side, 4) for each in value) for side in (-0.05, 0.05))
    below, above = (tuple(round(each + side, 4) for each in gain) for side in (-0.03, 0.03))
    return InterventionCurve(policy, Band(value, near, far), Band(gain, below, above), 139, 5.5)


def make_concept_audit(ids: tuple[str, ...]) -> ConceptAudit:
    rng = np.random.default_rng(11)
    leaks = tuple(
        Leak(
            "iu-view",
            c,
            "view",
            "AP",
            a,
            a - 0.05,
            a + 0.05,
            0.4,
            None if i else 0.61,
            0.9 if i else None,
            0.2,
            139,
            "abnormal",
        )
        for i, (c, a) in enumerate(zip(ids, np.linspace(0.97, 0.5, len(ids)).round(3).tolist(), strict=True))
    )
    return ConceptAudit(
        leaks=leaks,
        calibration=(
            ConceptCalibration("iu-view", "shifted", ids[0], 30, 60, None, None, None, 0.4, 0.33, 0.2, 0.1),
        ),
        faithfulness=(
            Faithfulness("iu-view", "shifted", "as_they_are", 0.71, 0.63, 0.79, 0.61, 139),
            Faithfulness("iu-view", "shifted", "permuted", 0.52, 0.44, 0.6, 0.9, 139),
        ),
        deletions=tuple(
            Deletion(
                "iu-view",
                "shifted",
                order,
                (0, 1, 2, 4),
                (0.71, 0.7 - d, 0.6 - d, 0.5),
                (1, 0.9, 0.8, 0.5),
                139,
            )
            for order, d in (("largest", 0.1), ("smallest", 0.0), ("random", 0.05))
        ),
        importance=(ClassImportance("iu-view", "abnormal", 0.2, None, 0.4, 0.7, 90),),
        existence=(ConceptExistence("iu-view", "shifted", 5, 0.4, 0.3, 0.5, 0.21, 0.7, 90),),
        locations=(ConceptLocation("iu-view", "shifted", 5, 0.25, 0.4, 0.22, 30),),
        completeness=(
            Completeness("iu-view", "shifted", "knobo", "linear_probe", 0.8, None, None, 0.5, 139),
        ),
        pairs=(ConceptPair(ids[0], ids[1], 700, 0, 0.98, None),),
        agreement=(PriorAgreement("iu-view", "abnormal", 11, 9, 0.93, None, 0.5),),
        diversity=(BankDiversity("questions", 12, 0.61, 0.64, 9.3, 0.55),),
        maps=tuple(
            ConceptMap(
                "iu-scanner",
                "shifted",
                MAPPED,
                c,
                3,
                3,
                tuple(rng.normal(0, 1, 9).round(3).tolist()),
                -0.2,
                0.7,
                0.4,
            )
            for c in ids[:2]
        ),
        notes=("No concept has an annotated place but the planted ones.",),
    )
