"""The stage `concept_audit` on a small run that is made from files."""

from pathlib import Path

import numpy as np
import pytest

from knowledge.annotation.table import AnnotationTable, write_annotations
from knowledge.concepts import ConceptBank, make_concept
from models.bottleneck import KnoBo
from models.concept_audit import ConceptAudit
from models.domains import DomainSplit, save_split
from models.evaluation.predictions import Predictions, write_predictions
from models.features.table import FeatureTable
from models.grounding import GroundingSettings, fit_grounders
from models.images import ImageRecord
from models.scaling import Scaling, ScalingKind
from pipelines.images_table import ImagesTable, write_images
from pipelines.stages.concept_audit import concept_audit
from pipelines.status import open_finished

CONFIG = """
name = "small"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "sick" }]
literature = [{ name = "notes", kind = "text", path = "notes" }]
grounding = { datasets = ["learnt"] }
annotation = { lexicon = ["chest_xray"] }
encoder = { kind = "pixels" }
fine_tune = { enabled = false }
audit = { replicates = 50 }

[[datasets]]
name = "learnt"
manifest = "images.csv"
report = ["report"]

[[datasets]]
name = "asked"
manifest = "images.csv"
label = "label"
report = ["report"]
attributes = ["view", "room"]

[[splits]]
name = "by-view"
datasets = ["asked"]
classes = ["normal", "sick"]
attribute = "view"
values = ["PA", "AP"]
"""
EFFUSION = make_concept("Is there a pleural effusion?", (), "q")
HEART = make_concept("Is the heart enlarged?", (), "q")
PORTABLE = make_concept("Is the tube portable?", (), "q")
BANK = (EFFUSION, HEART, PORTABLE)
IDS = tuple(concept.id for concept in BANK)
SIZE = 40


def make_images(rng: np.random.Generator) -> tuple[DomainSplit, list[ImageRecord], np.ndarray]:
    """Effusions go with the class; what is seen of the tube goes with the view alone."""
    names = ("train", "validation", "in_domain", "shifted")
    parts = {part: tuple(f"asked/{part}{n}" for n in range(SIZE)) for part in names}
    records, features = [], []
    for part, ids in parts.items():
        for row, image in enumerate(ids):
            sick = row % 2
            portable = sick if part != "shifted" else 1 - sick
            effusion = int(rng.random() < (0.9 if sick else 0.1))
            features.append([effusion, int(rng.random() < 0.5), portable])
            said = "Large pleural effusion." if effusion else "No pleural effusion."
            view = {"view": ("PA", "AP")[portable], "room": "only"}
            name = ("normal", "sick")[sick]
            patient = f"secret{row // 2}{part}"
            records.append(ImageRecord(image, Path(f"{image}.png"), name, view, patient, said))
    label = {record.id: record.label or "" for record in records}
    patients = {record.id: record.patient or "" for record in records}
    split = DomainSplit(
        "by-view", ("normal", "sick"), "view", **parts, label=label, patient=patients, checks=()
    )
    return split, records, np.array(features) + 0.3 * rng.normal(size=(4 * SIZE, 3))


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ConceptAudit]:
    directory = tmp_path_factory.mktemp("runs") / "small"
    directory.mkdir()
    (directory / "config.toml").write_text(CONFIG, "utf-8")
    ConceptBank(BANK).save(directory / "concepts.jsonl")
    rng = np.random.default_rng(0)
    split, records, asked = make_images(rng)
    save_split(split, directory / "splits" / "by-view.json")
    ids = tuple(f"learnt/{n}" for n in range(80))
    answers = rng.integers(0, 2, (80, 3))
    answers[:, 1] = answers[:, 0]
    values = np.concatenate([answers + 0.3 * rng.normal(size=(80, 3)), asked]).astype(np.float32)
    features = FeatureTable((*ids, *split.ids), ("0", "1", "2"), values)
    features.save(directory / "features")
    told = AnnotationTable(ids, IDS, answers.astype(np.int8), answers.astype(np.float32), "rules")
    write_annotations(directory / "annotations.parquet", [told])
    learnt = FeatureTable(ids, features.columns, features.rows(ids))
    settings = GroundingSettings(replicates=20, C=1)
    grounder = fit_grounders(learnt, answers.astype(np.float32), concept_ids=IDS, settings=settings)
    grounder.save(directory / "grounder")
    scores = grounder.best(3).score(features)
    scores.save(directory / "scores")
    scaling = Scaling.fit(ScalingKind.CENTER, scores.rows(split.train))
    weight = np.array([[-2, -1, -1], [2, 1, 1]], np.float32)
    head = KnoBo(split.classes, scores.columns, weight, np.sign(weight), scaling)
    head.save(directory / "models" / "knobo" / "by-view" / "0")
    said = head.predict(scores.rows(split.ids))[None]
    methods = ("knobo", "linear_probe")
    made = [Predictions(name, "by-view", (0,), split.ids, said) for name in methods]
    write_predictions(directory / "predictions.parquet", made)
    others = [ImageRecord(image, Path(f"{image}.png"), None, {}, None, "Nothing.") for image in ids]
    table = (*others, *records)
    datasets = tuple(record.id.split("/")[0] for record in table)
    names = tuple(record.id for record in table)
    write_images(directory / "images.parquet", ImagesTable(table, datasets, names))
    concept_audit(open_finished(directory))
    path = directory / "concept_audit.json"
    return path, ConceptAudit.load(path)


def test_the_detector_of_the_view_is_named_first(audit: tuple[Path, ConceptAudit]) -> None:
    _, found = audit
    first = found.leaks[0]
    assert (first.concept_id, first.attribute, first.split) == (PORTABLE.id, "view", "by-view")
    assert first.leaking
    assert first.push is not None
    assert abs(first.push) > 0.5
    effusion = next(leak for leak in found.leaks if leak.concept_id == EFFUSION.id)
    assert not effusion.leaking
    assert effusion.signal is not None
    assert effusion.signal > 0.5


def test_every_part_that_can_be_measured_is_there(audit: tuple[Path, ConceptAudit]) -> None:
    _, found = audit
    assert {row.domain for row in found.calibration} == {"in_domain", "shifted"}
    assert {row.concept_id for row in found.calibration} <= set(IDS)
    assert len(found.faithfulness) == 10
    assert len(found.deletions) == 6
    assert {row.value for row in found.completeness} == {1}
    assert {row.n for row in found.agreement} == {3}
    assert [row.of for row in found.diversity] == ["questions", "detectors", "scores"]
    assert found.importance
    assert found.existence
    pair = found.pairs[0]
    assert {pair.first, pair.second} == {EFFUSION.id, HEART.id}
    assert (pair.n_both, pair.n_differ) == (80, 0)
    assert found.maps == ()
    assert any("room" in note for note in found.notes)


def test_no_report_and_no_patient_is_in_the_file_and_it_is_the_same_again(
    audit: tuple[Path, ConceptAudit],
) -> None:
    path, _ = audit
    before = path.read_bytes()
    assert b"secret" not in before
    assert b"effusion." not in before
    concept_audit(open_finished(path.parent))
    assert path.read_bytes() == before
