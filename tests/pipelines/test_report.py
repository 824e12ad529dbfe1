import re
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from knowledge.concepts import Concept, ConceptBank, Evidence, Verdict
from knowledge.passages import Passage
from knowledge.priors import Prior
from models.domains import Check, DomainSplit
from models.evaluation.audit import AuditReport, AuditRow, PairedTest
from PIL import Image
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

METHODS = {  # (in domain, shifted), near to what a first trial on real X-rays gave
    "fine_tune": (0.94, 0.21),
    "knobo": (0.79, 0.57),
    "linear_probe": (0.91, 0.23),
    "no_prior": (0.82, 0.47),
    "prior_only": (0.66, 0.61),
    "random_concepts": (0.84, 0.33),
    "random_prior": (0.78, 0.49),
}
SPLITS = {
    "iu-scanner": ("scanner group", ("normal", "abnormal"), 213, 198),
    "iu-age": ("age group", ("normal", "abnormal"), 167, 160),
    "iu-view": ("view", ("normal", "abnormal"), 144, 139),
    "nih-view-ap": ("view", ("no_finding", "pneumonia"), 62, 58),
    "nih-view-pa": ("view", ("no_finding", "pneumonia"), 58, 62),
    "nih-sex": ("sex", ("no_finding", "pneumonia"), 66, 64),
    "hospital": ("hospital", ("normal", "pneumonia"), 120, 23),
}
CLASSES = ("normal", "abnormal", "no_finding", "pneumonia")
SIGNS = (
    ("Is the costophrenic angle blunted?", "The lateral costophrenic angle is blunted once 200 ml have gathered."),
    ("Is there an air bronchogram?", "Air-filled bronchi stand out as dark branches against opaque alveoli."),
    ("Is the silhouette of the heart enlarged?", "A heart wider than half of the thorax is called enlarged."),
    ("Is there a homogeneous opacity of a lobe?", "A lobe filled with exudate is homogeneously opaque."),
    ("Are the lung fields clear?", "In a clear lung vessels can be followed into the outer third."),
    ("Are septal lines seen at the lung bases?", "Short horizontal lines at the bases reach the pleura."),
    ("Is there a meniscus at the lung base?", "Free fluid forms a meniscus that climbs along the chest wall."),
    ("Is one hemidiaphragm elevated?", "Loss of volume draws the hemidiaphragm upwards on that side."),
    ("Is the trachea displaced?", "The trachea moves towards a collapse and away from a tension."),
    ("Are the pulmonary vessels wider at the apices?", "Vessels of the upper zones widen first."),
    ("Is there a thin pleural line without lung markings beyond?", "A thin line without markings is seen."),
    ("Is there a surgical clip or wire?", "Wires of the sternum are seen as dense loops in the midline."),
)


def interval_row(method: str, split: str, domain: str, metric: str, value: float, n: int) -> AuditRow:
    half = 1.0 / np.sqrt(n)
    seeds = 1 if method == "fine_tune" else 5
    return AuditRow(method, split, domain, metric, value, value - half, value + half, n, seeds)


def domain_rows(method: str, split: str, metric: str, before: float, after: float, n: int, m: int) -> list[AuditRow]:
    values = (
        ("in_domain", before, n),
        ("shifted", after, m),
        ("gap", before - after, n + m),
        ("average", (before + after) / 2, n + m),
    )
    return [interval_row(method, split, domain, metric, value, size) for domain, value, size in values]


def make_audit() -> AuditReport:
    rng = np.random.default_rng(0)
    rows, paired = [], []
    value: dict[tuple[str, str, str, str], float] = {}
    for method, (before, after) in METHODS.items():
        for split, (_, _, n, m) in {**SPLITS, "mean": ("", (), 710, 681)}.items():
            for metric, raised in (("accuracy", 0.0), ("balanced_accuracy", -0.004), ("auroc", 0.031)):
                jitter = (0.0, 0.0) if split == "mean" else rng.normal(0, 0.05, 2)
                b, a = (float(np.clip(x + raised, 0, 1)) for x in (before + jitter[0], after + jitter[1]))
                rows += domain_rows(method, split, metric, b, a, n, m)
                value |= {(method, split, "in_domain", metric): b, (method, split, "shifted", metric): a}
                value[method, split, "average", metric] = (a + b) / 2
    for (method, split, domain, metric), reference in value.items():
        if method != "knobo":
            d = value["knobo", split, domain, metric] - reference
            half = 0.04 if split == "mean" else 0.11
            paired.append(PairedTest("knobo", method, split, domain, metric, d, d - half, d + half))
    checks = (("hospital", "cell_counts", False, "The shifted part holds 23 images, fewer than 30 of a class."),)
    notes = (
        "Fine-tuning ran with one seed; its intervals cover the choice of images, not of seeds.",
        "hospital is not part of the mean: its shifted part holds 23 images.",
    )
    return AuditReport(tuple(rows), tuple(paired), checks, notes)


def make_split(name: str) -> DomainSplit:
    attribute, classes, n, m = SPLITS[name]
    parts = {"train": 3 * n, "validation": n, "in_domain": n, "shifted": m}
    ids = {part: tuple(f"{name}/{part}-{i}" for i in range(size)) for part, size in parts.items()}
    every = [image for part in ids.values() for image in part]
    small = m < 30
    return DomainSplit(
        name=name,
        classes=classes,
        attribute=attribute,
        **ids,
        label={image: classes[i % 2] for i, image in enumerate(every)},
        patient={image: f"p{i // 2}" for i, image in enumerate(every)} if name.startswith("iu") else {},
        checks=(
            Check("patient_overlap", True, True, "No patient stands in two parts.", {"shared_patients": 0}),
            Check("duplicate_images", True, False, "No image stands in the split twice.", {"duplicates": 0}),
            Check("conflicting_labels", True, True, "No image has two labels.", {"conflicts": 0}),
            Check("cell_counts", not small, False, f"Smallest cell: {m // 2} images.", {"smallest_cell": m // 2}),
        ),
    )


def make_literature() -> tuple[ConceptBank, dict[str, Passage]]:
    sources = (
        ("handbook", "Apache-2.0", "chest_xray/pleura.md, Effusion"),
        ("pubmed", "PubMed abstract", "PMID 29768149, RESULTS"),
        ("openstax", "CC BY 4.0", "22.2 The Lungs"),
    )
    concepts, passages = [], {}
    for i, (question, sentence) in enumerate(SIGNS):
        source, license_, locator = sources[i % 3]
        before = (
            "On an upright film the first signs are easily passed over, and the two sides are best read together.\n"
            "Compare with an earlier film where there is one. "
        )
        after = " A film taken lying down hides it. The distance from tube to film changes how large it looks."
        passage_id = f"{source}/doc{i}#{i}"
        passages[passage_id] = Passage(
            passage_id, f"Reading the chest film, part {i}", before + sentence + after, source, license_, locator, i == 7
        )
        evidence = (Evidence(passage_id, sentence, len(before)),)
        concepts.append(Concept(f"concept-{i}", question, evidence, "chest X-ray effusion diagnosis criteria"))
    return ConceptBank(tuple(concepts)), passages


def make_prior(ids: tuple[str, ...]) -> Prior:
    rng = np.random.default_rng(1)
    abnormal = np.where(np.arange(len(ids)) == 4, -1.0, np.where(np.arange(len(ids)) == 11, 0.0, 0.9))
    sign = np.stack([-abnormal, abnormal, -abnormal, abnormal]).astype(np.float32)
    source = tuple(tuple("none" if s == 0 else "expert" if j == 2 else "corpus" for j, s in enumerate(row)) for row in sign)
    return Prior(CLASSES, ids, sign, rng.uniform(0.7, 1, sign.shape).astype(np.float32), source)


def thumbnail() -> bytes:
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    lungs = np.exp(-((np.abs(x) - 0.45) ** 2 / 0.05 + y**2 / 0.5))
    buffer = BytesIO()
    Image.fromarray((200 - 150 * lungs).astype(np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


def make_explanation(ids: tuple[str, ...], seed: int, *, truth: str, predicted: str) -> Explanation:
    rng = np.random.default_rng(seed)
    parts = tuple(Contribution(i, float(rng.uniform()), float(rng.normal(0.2, 0.5))) for i in ids)
    caption = f"Example {seed}"
    return Explanation(caption, "iu-scanner", "shifted", truth, predicted, 0.64 + seed / 20, parts, thumbnail())


def make_report() -> ReportInput:
    bank, passages = make_literature()
    rng = np.random.default_rng(2)
    auroc = rng.uniform(0.55, 0.93, len(bank.ids))
    quality = tuple(
        GrounderQuality(c, float(a), float(a - 0.06), float(min(a + 0.05, 1)), float(a - 0.07), 40 + 11 * i, 900, a > 0.6)
        for i, (c, a) in enumerate(zip(bank.ids, auroc, strict=True))
    )
    candidates = tuple(
        Concept(f"rejected-{i}", question, (), "q")
        for i, question in enumerate(("Is there pneumonia?", "Does the patient cough?", "Is a costophrenic angle blunt?"))
    )
    verdicts = (
        Verdict("rejected-0", "leak_free", False, "The question names the class pneumonia."),
        Verdict("rejected-1", "visual", False, "Cough cannot be seen in an image."),
        Verdict("rejected-2", "new", False, "Its cosine to an accepted question is 0.94."),
        *(Verdict(concept_id, "visual", True, "Names a sign of the film.") for concept_id in bank.ids),
    )
    weights = tuple(
        ConceptWeights(name, classes, bank.ids, rng.normal(0, 0.5, (2, len(bank.ids))).astype(np.float32))
        for name, (_, classes, _, _) in SPLITS.items()
    )
    return ReportInput(
        run="real-xray",
        modality="chest X-ray",
        audit=make_audit(),
        splits=tuple(make_split(name) for name in SPLITS),
        bank=bank,
        passages=passages,
        verdicts=verdicts,
        candidates=candidates,
        quality=quality,
        prior=make_prior(bank.ids),
        weights=weights,
        explanations=(
            make_explanation(bank.ids, 1, truth="abnormal", predicted="abnormal"),
            make_explanation(bank.ids, 2, truth="normal", predicted="abnormal"),
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
