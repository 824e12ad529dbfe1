"""`knobo intervene`, `edit`, `ablate` and `path` on a small run that is made from files."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from knowledge.concepts import ConceptBank, make_concept
from knowledge.errors import KnowledgeError
from models.bottleneck import KnoBo
from models.domains import DomainSplit, save_split
from models.errors import ModelsError
from models.features.table import FeatureTable
from models.grounding.grounder import ConceptQuality, Grounder, GroundingSettings
from models.heads.shared import Sample
from models.images import ImageRecord
from models.scaling import Scaling, ScalingKind
from models.what_if.editing import Prune, edited
from models.what_if.interventions import Band, InterventionCurve, Levels, intervene
from models.what_if.lambda_path import lambda_path
from pipelines.commands.ablate import ablate
from pipelines.commands.edit import edit
from pipelines.commands.intervene import app as intervene_app
from pipelines.commands.path import path
from pipelines.errors import PipelineError
from pipelines.explanation import ImageExplanation, explain_image
from pipelines.images_table import ImagesTable, read_images, write_images
from pipelines.report.path_view import drawing, write_drawing
from pipelines.run import Run
from pipelines.stages.interventions import (
    MODEL_READS,
    NO_ANSWERS,
    NO_KNOBO,
    intervention_curves,
    interventions,
)
from pipelines.status import open_finished
from pipelines.what_if.ablation import ablate_run, of_scope
from pipelines.what_if.curve import curves_of_run, draw_curves, drawn
from pipelines.what_if.curve_report import OTHERS, CurveReport, DomainCurve
from pipelines.what_if.edits import Wanted, edit_run
from pipelines.what_if.heads import load_heads, open_heads
from pipelines.what_if.lambda_path import path_of_run, shown
from pipelines.what_if.level_names import LevelName
from pipelines.what_if.one_image import intervene_on_image, open_questions
from pipelines.what_if.truth import known_answers

CONFIG = """
name = "small"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "sick" }, { name = "other" }]
literature = [{ name = "notes", kind = "text", path = "notes" }]
datasets = [
  { name = "told", manifest = "images.csv", report = ["report"] },
  { name = "silent", manifest = "images.csv" },
]
splits = [
  { name = "one", kind = "plain", datasets = ["told"], classes = ["normal", "sick"] },
  { name = "two", kind = "plain", datasets = ["silent"], classes = ["normal", "other"] },
]
grounding = { datasets = ["told"] }
annotation = { lexicon = ["chest_xray"] }
audit = { replicates = 20 }
"""
EFFUSION = make_concept("Is there a pleural effusion?", (), "q")
HEART = make_concept("Is the heart enlarged?", (), "q")
ANGLE = make_concept("Is the heart small?", (), "q")
UNUSED = make_concept("Is there a nodule?", (), "q")
USED = (EFFUSION, HEART, ANGLE)
IDS = tuple(concept.id for concept in USED)
SIZE = 12


def make_split(name: str, dataset: str, classes: tuple[str, str]) -> DomainSplit:
    parts = {
        part: tuple(f"{dataset}/{part}{n}" for n in range(SIZE))
        for part in ("train", "validation", "in_domain", "shifted")
    }
    label = {image: classes[row % 2] for ids in parts.values() for row, image in enumerate(ids)}
    return DomainSplit(
        name=name, classes=classes, attribute="view", label=label, patient={}, checks=(), **parts
    )


def make_head(classes: tuple[str, ...], scores: np.ndarray, seed: int) -> KnoBo:
    weight = np.array([[-2, -0.5, 0.3], [1.5, 1, -0.2]], np.float32) * (1 + seed / 10)
    return KnoBo(
        classes, IDS, weight, np.sign(weight), Scaling.fit(ScalingKind.CENTER, scores), {"seed": seed}
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two splits of which the images of the first have reports."""
    directory = tmp_path_factory.mktemp("runs") / "small"
    directory.mkdir()
    (directory / "config.toml").write_text(CONFIG, "utf-8")
    ConceptBank((*USED, UNUSED)).save(directory / "concepts.jsonl")
    splits = [make_split("one", "told", ("normal", "sick")), make_split("two", "silent", ("normal", "other"))]
    ids = tuple(image for split in splits for image in split.ids)
    rng = np.random.default_rng(0)
    scores = FeatureTable(ids, IDS, rng.random((len(ids), 3), dtype=np.float32))
    scores.save(directory / "scores")
    records = []
    for split in splits:
        save_split(split, directory / "splits" / f"{split.name}.json")
        for seed in (0, 10):
            head = make_head(split.classes, scores.rows(split.train), seed)
            head.save(directory / "models" / "knobo" / split.name / str(seed))
        for image, label in split.label.items():
            text = "Large pleural effusion." if label == "sick" else "No pleural effusion."
            report = f"{text} The heart is enlarged." if split.name == "one" else None
            records.append(ImageRecord(image, Path("x.png"), label, {}, None, report))
    table = ImagesTable(
        tuple(records), tuple(record.id.split("/")[0] for record in records), ("",) * len(records)
    )
    write_images(directory / "images.parquet", table)
    write_grounder(directory / "grounder")
    return directory


def write_grounder(directory: Path) -> None:
    quality = [ConceptQuality(name, 10, 30, 0.8, 0.7, 0.9, 0.7, 0.6, 0.8) for name in (*IDS, UNUSED.id)]
    Grounder(
        concept_ids=(*IDS, UNUSED.id),
        columns=("0", "1"),
        weight=np.zeros((4, 2)),
        bias=np.zeros(4),
        scaling=Scaling.fit(ScalingKind.STANDARD, np.eye(2)),
        quality=tuple(quality),
        out_of_fold=FeatureTable((), (*IDS, UNUSED.id), np.zeros((0, 4), np.float32)),
        ungrounded=(),
        settings=GroundingSettings(),
    ).save(directory)


def explain_image_of(directory: Path, image: str, split: str | None) -> ImageExplanation:
    """The bank of the small run quotes nothing."""
    (directory / "passages.jsonl").touch()
    return explain_image(directory, image, split=split)


def opened(directory: Path) -> Run:
    return open_finished(directory)


def told(*arguments: object) -> Any:
    """JSON that one of the verbs prints."""
    app = typer.Typer()
    app.add_typer(intervene_app, name="intervene")
    app.command()(edit)
    app.command()(ablate)
    app.command()(path)
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    return json.loads(result.stdout)


def test_an_image_is_asked_with_concepts_set_by_id_beginning_or_ending(run: Path) -> None:
    image = "told/in_domain3"
    end = HEART.id.rpartition("-")[2]
    found = told("intervene", run, image, "--set", f"is-there-a-pleural={1.0}", "--set", f"{end}=no")
    heads = open_heads(opened(run), "one")[0]
    scores = heads.scores.rows([image])[0]
    levels = Levels.matched(heads.training_scores, share=np.full(3, 0.25))
    expected = intervene(heads.heads[0], scores, values={EFFUSION.id: 1.0, HEART.id: float(levels.no[1])})
    assert found["after"] == pytest.approx(expected.after)
    assert [each["question"] for each in found["moved"]] == [EFFUSION.question, HEART.question]
    assert (found["image"], found["split"]) == (image, "one")


@pytest.mark.parametrize("name", list(LevelName))
def test_a_yes_is_what_the_chosen_levels_say(run: Path, name: LevelName) -> None:
    found = intervene_on_image(run, "told/shifted0", [f"{HEART.id}=yes"], levels=name)
    training = open_heads(opened(run), "one")[0].training_scores[:, 1].astype(np.float64)
    expected = {"matched": np.quantile(training, 0.875), "quantiles": np.quantile(training, 0.95), "hard": 1}
    assert found.found.moved[0].after == pytest.approx(expected[name])


def test_without_a_setting_every_answer_is_weighed_and_agrees_with_setting_it(run: Path) -> None:
    asked = open_questions(run, "silent/shifted0", split="two")
    assert {each.concept_id for each in asked.answers} == set(IDS)
    for each, question in zip(asked.answers, asked.questions, strict=True):
        assert question == next(concept.question for concept in USED if concept.id == each.concept_id)
        found = intervene_on_image(run, "silent/shifted0", [f"{each.concept_id}=yes"], split="two")
        assert found.found.after == pytest.approx(each.if_yes)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("effusion=yes", f"there is no concept 'effusion'; did you mean {EFFUSION.id}"),
        (f"{UNUSED.id}=yes", "its detector was not kept"),
        (f"{HEART.id}=maybe", "'maybe' is no value"),
        (HEART.id, "sets nothing; write CONCEPT=yes"),
        (f"{HEART.id}=1.2", "from 0 to 1"),
        ("is-the-heart=yes", "2 concepts have ids that begin with"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_sentence(run: Path, setting: str, message: str) -> None:
    with pytest.raises((PipelineError, KnowledgeError, ModelsError), match=message) as refused:
        intervene_on_image(run, "told/shifted0", [setting])
    assert "\n" not in str(refused.value)


def test_a_wrong_image_or_split_and_a_run_without_knobo_are_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"no image 'told/shifted99'; did you mean told/shifted9"):
        intervene_on_image(run, "told/shifted99", [])
    with pytest.raises(PipelineError, match="no split 'three'; it has one, two"):
        intervene_on_image(run, "told/shifted0", [], split="three")
    with pytest.raises(PipelineError, match="set twice"):
        intervene_on_image(run, "told/shifted0", [f"{HEART.id}=yes", f"{HEART.id}=no"])
    (tmp_path / "config.toml").write_text(CONFIG, "utf-8")
    told_to_run = r"no KnoBo in .*models/knobo, for the run has not trained it; `knobo run CONFIG` does"
    for ask in (
        lambda: ablate_run(opened(tmp_path)),
        lambda: intervene_on_image(tmp_path, "told/shifted0", []),
        lambda: explain_image(tmp_path, "told/shifted0"),
    ):
        with pytest.raises(PipelineError, match=told_to_run):
            ask()


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    """Of the run, to take away from."""
    return shutil.copytree(run, tmp_path / "copy")


def test_a_mean_is_not_taken_over_the_splits_that_happen_to_be_there(copy: Path) -> None:
    shutil.rmtree(copy / "models" / "knobo" / "two")
    missing = r"models lacks KnoBo of two; `knobo run CONFIG` runs the stage fit again"
    for ask in (
        lambda: ablate_run(opened(copy)),
        lambda: edit_run(copy, Wanted(prune=(HEART.id,))),
        lambda: intervene_on_image(copy, "told/shifted0", [], split="two"),
        lambda: explain_image(copy, "silent/shifted0"),
    ):
        with pytest.raises(PipelineError, match=missing):
            ask()
    assert {row.split for row in ablate_run(opened(copy), split="one")} == {"one"}


def test_a_run_without_scores_names_the_stage_that_makes_them(copy: Path) -> None:
    shutil.rmtree(copy / "scores")
    for ask in (
        lambda: ablate_run(opened(copy)),
        lambda: intervene_on_image(copy, "told/shifted0", []),
        lambda: explain_image(copy, "told/shifted0"),
    ):
        with pytest.raises(PipelineError, match=r"has no scores of concepts, which its stage score writes"):
            ask()


def test_seeds_are_opened_by_number_and_none_where_none_was_trained(copy: Path) -> None:
    heads = copy / "models" / "knobo" / "one"
    (heads / "0").rename(heads / "2")
    assert [head.about["seed"] for head in load_heads(opened(copy), "one")] == [0, 10]
    shutil.rmtree(heads)
    assert load_heads(opened(copy), "one") == ()


@pytest.mark.parametrize(
    ("image", "split", "answers", "sentence"),
    [
        ("silent/shifted0", None, ("two", "shifted"), "A shifted image of two, which it was not trained on."),
        ("silent/in_domain1", None, ("two", "in_domain"), "An in-domain image of two"),
        ("silent/train0", None, ("two", "train"), "two was trained on this image"),
        ("told/validation0", None, ("one", "validation"), "one chose its settings on this image"),
        ("silent/shifted0", "one", ("one", None), "The image is not in one, which tells normal or sick."),
        ("nowhere/0", None, ("one", None), "No split has this image; one, the first, is asked"),
    ],
)
def test_the_split_that_reports_an_image_answers_for_it(
    copy: Path, image: str, split: str | None, answers: tuple[str, str | None], sentence: str
) -> None:
    scores = FeatureTable.load(copy / "scores")
    values = np.vstack([scores.values, scores.values[:1]])
    FeatureTable((*scores.ids, "nowhere/0"), scores.columns, values).save(copy / "scores")
    asked = open_questions(copy, image, split=split)
    assert (asked.asked.name, asked.asked.part) == answers
    assert asked.asked.sentence.startswith(sentence)
    assert asked.as_json()["split"] == intervene_on_image(copy, image, [], split=split).asked.name
    explained = explain_image_of(copy, image, split)
    assert (explained.split, explained.part, explained.sentence) == (*answers, asked.asked.sentence)


def test_a_split_that_reports_an_image_goes_before_one_that_was_trained_on_it(copy: Path) -> None:
    trained = make_split("one", "silent", ("normal", "sick"))
    save_split(replace(trained, train=trained.shifted, shifted=trained.train), copy / "splits" / "one.json")
    asked = open_questions(copy, "silent/shifted0").asked
    assert (asked.name, asked.part) == ("two", "shifted")


def test_answers_are_what_the_reports_say_and_unknown_without_one(run: Path) -> None:
    ids = ["told/shifted0", "told/shifted1", "silent/shifted0"]
    answers = known_answers(opened(run), ids, [*USED[:2]])
    np.testing.assert_array_equal(answers[:2] >= 0.5, [[False, True], [True, True]])
    assert np.isnan(answers[2]).all()


def test_curves_are_drawn_where_reports_are_and_the_rest_is_said_to_be_missing(run: Path) -> None:
    found = draw_curves(run, most=2)
    assert {each.split for each in found.curves} == {"one"}
    assert {each.curve.policy for each in found.curves} == {"random", "uncertainty", "contribution", OTHERS}
    assert all(len(each.curve.accuracy.value) == 3 for each in found.curves)
    assert [sentence.split(";")[0] for sentence in found.missing] == [
        f"0 of 12 {domain} images of two have a report or an expert's answer"
        for domain in ("in_domain", "shifted")
    ]
    with pytest.raises(PipelineError, match="give their data sets `report` or `expert_columns`"):
        draw_curves(run, split="two")
    with pytest.raises(PipelineError, match="no policy 'best'; choose from random"):
        draw_curves(run, policies=["best"])


def test_the_stage_keeps_the_curves_that_the_verb_draws(copy: Path) -> None:
    interventions(opened(copy))
    written = copy / "interventions.json"
    found = CurveReport.load(written)
    assert found == draw_curves(copy)
    assert {(each.split, each.domain) for each in found.curves} == {("one", "in_domain"), ("one", "shifted")}
    assert len(found.missing) == 2
    before = written.read_bytes()
    interventions(opened(copy))
    assert written.read_bytes() == before


def test_the_stage_says_in_words_why_nothing_is_drawn(copy: Path) -> None:
    config = copy / "config.toml"
    asked = CONFIG.replace("annotation = {", 'annotation = { annotator = "language_model",')
    config.write_text(asked, "utf-8")
    assert intervention_curves(opened(copy)).notes == (MODEL_READS,)
    config.write_text(CONFIG, "utf-8")
    table = read_images(copy / "images.parquet")
    silent = tuple(replace(record, report=None) for record in table.records)
    write_images(copy / "images.parquet", replace(table, records=silent))
    found = intervention_curves(opened(copy))
    assert (found.curves, found.missing, found.notes) == ((), (), (NO_ANSWERS,))
    shutil.rmtree(copy / "models")
    assert intervention_curves(opened(copy)).notes == (NO_KNOBO,)


def test_of_many_images_some_that_may_answer_are_drawn(run: Path) -> None:
    found = curves_of_run(opened(run), most=1, at_most=11)
    assert {each.curve.n for each in found.curves} == {11}
    assert found == curves_of_run(opened(run), most=1, at_most=11)
    assert found.missing == curves_of_run(opened(run), most=1).missing
    domain = next(open_heads(opened(run), "one")[0].domains())
    some = frozenset(domain.ids[::2])
    chosen = drawn(domain, some, most=4, seed=3)
    assert len(set(chosen.ids) & some) == 4
    rows = [domain.ids.index(image) for image in chosen.ids]
    np.testing.assert_array_equal(chosen.scores, domain.scores[rows])
    np.testing.assert_array_equal(chosen.labels, domain.labels[rows])
    assert chosen.units == tuple(domain.units[row] for row in rows)
    assert drawn(domain, some, most=6, seed=3) is domain


def test_curves_are_read_as_written_and_a_damaged_file_is_refused(tmp_path: Path) -> None:
    band = Band((0.5, 1.0), (float("nan"), 0.2), (0.75, float("nan")))
    curve = DomainCurve("one", "shifted", InterventionCurve("random", band, band, 12, 2.5))
    file = tmp_path / "interventions.json"
    CurveReport((curve,), ("why",), "1 and 0", ("note",)).save(file)
    again = CurveReport.load(file)
    assert repr(again) == repr(CurveReport((curve,), ("why",), "1 and 0", ("note",)))
    for text, message in (
        ("{", "is damaged"),
        ('{"schema": 2}', "no intervention curves of schema 1"),
        ('{"schema": 1, "curves": [{}]}', "is damaged"),
    ):
        file.write_text(text, "utf-8")
        with pytest.raises(PipelineError, match=message):
            CurveReport.load(file)
    with pytest.raises(PipelineError, match="there are no intervention curves"):
        CurveReport.load(tmp_path / "nowhere")


def test_answers_that_tell_the_label_make_every_image_right(run: Path) -> None:
    found = told("intervene", "curve", run, "--split", "one", "--policy", "contribution", "--levels", "hard")
    ends = {each["curve"]["policy"]: each["curve"]["accuracy"]["value"][-1] for each in found["curves"]}
    assert ends["contribution"] == 1
    assert ends[OTHERS] < 1
    assert found["levels"] == "1 and 0"


def test_an_edit_is_reported_before_and_after_and_saved_elsewhere(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "edited"
    kept = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    found = told("edit", run, "--prune", EFFUSION.id, "--class", "sick", "--save", folder)
    assert found["edits"] == [f"prune {EFFUSION.id} for sick"]
    assert found["untouched"] == ["two"]
    assert {each["split"] for each in found["changes"]} >= {"one"}
    heads = open_heads(opened(run), "one")[0]
    for seed, head in zip((0, 10), heads.heads, strict=True):
        again = KnoBo.load(folder / "knobo" / "one" / str(seed))
        np.testing.assert_array_equal(again.weight, edited(head, [Prune(EFFUSION.id, "sick")]).weight)
    assert json.loads((folder / "edits.json").read_text("utf-8"))["edits"] == found["edits"]
    assert kept == {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    with pytest.raises(PipelineError, match="exists already"):
        edit_run(run, Wanted(prune=(EFFUSION.id,)), save=folder)
    with pytest.raises(PipelineError, match="lies inside the run"):
        edit_run(run, Wanted(prune=(EFFUSION.id,)), save=run / "models" / "mine")


@pytest.mark.parametrize("name", ["file/edited", "n" * 300])
def test_a_folder_that_cannot_be_made_is_told_before_anything_is_measured(
    run: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    refused_later = Wanted(prune=(EFFUSION.id,), class_name="foo")
    with pytest.raises(PipelineError, match=r"cannot be made \(.*\); name a folder that you may write"):
        edit_run(run, refused_later, save=tmp_path / name)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_an_edit_that_is_refused_leaves_no_folder(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelsError, match="no split has a class"):
        edit_run(run, Wanted(prune=(HEART.id,), class_name="foo"), save=tmp_path / "edited")
    assert list(tmp_path.iterdir()) == []


def test_a_weight_is_set_for_one_class_and_signs_are_flipped(run: Path) -> None:
    report = edit_run(run, Wanted(flip=(HEART.id,), weight=(f"normal:{EFFUSION.id}=0.4",)))
    cells = {(each.split, each.class_name, each.concept_id): each.after for each in report.weights}
    assert cells["one", "normal", EFFUSION.id] == pytest.approx(0.4)
    assert cells["two", "normal", HEART.id] == pytest.approx(0.5 * 1.5)
    assert report.untouched == ()


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted(), "nothing to edit"),
        (Wanted(prune=(HEART.id,), class_name="foo"), "no split has a class 'foo'"),
        (Wanted(weight=(f"{HEART.id}=1",)), "names no class and concept"),
        (Wanted(weight=(f"sick:{HEART.id}=much",)), "'much' in .* is no number"),
        (Wanted(weight=(f"sick:{HEART.id}=1",), class_name="sick"), "--class is for --prune and --flip"),
        (Wanted(flip=(HEART.id,), normalise=True), "--normalise is for --prune"),
        (Wanted(flip=("spleen",)), "there is no concept 'spleen'"),
    ],
)
def test_a_wrong_edit_is_refused_in_one_sentence(run: Path, wanted: Wanted, message: str) -> None:
    with pytest.raises((PipelineError, ModelsError), match=message) as refused:
        edit_run(run, wanted)
    assert "\n" not in str(refused.value)


def test_ablation_names_all_first_and_then_what_loses_most(run: Path) -> None:
    rows = told("ablate", run, "--split", "one")
    assert {row["split"] for row in rows} == {"one"}
    assert {row["concept_id"] for row in rows} == {"all", *IDS}
    scope, concepts = of_scope(ablate_run(opened(run)))
    changes = [each.change for each in concepts[1:]]
    assert (scope, concepts[0].concept_id) == ("mean", "all")
    assert changes == sorted(changes)


def test_the_path_of_lambda_is_that_of_each_split_and_its_accuracies_are_counted_by_hand(run: Path) -> None:
    rows = told("path", run)
    lambdas = [0, 0.1, 1, 3, 10, 30, 100, 300, 1000]  # 30 is the run's own
    assert [row["strength"] for row in rows] == 3 * lambdas
    one, two, mean = (rows[start : start + len(lambdas)] for start in range(0, len(rows), len(lambdas)))
    assert [part[0]["split"] for part in (one, two, mean)] == ["one", "two", "mean"]
    heads = open_heads(opened(run), "one")[0]
    head, split = heads.heads[0], heads.split
    train, validation = (
        Sample(head.scaling.apply(heads.scores.rows(ids)), split.targets(ids))
        for ids in (split.train, split.validation)
    )
    found = lambda_path(train, validation, prior=head.prior, strengths=lambdas)
    for domain, ids in (("in_domain", split.in_domain), ("shifted", split.shifted)):
        for row, weight in zip(one, found.weight, strict=True):
            decided = (head.scaling.apply(heads.scores.rows(ids)) @ weight.T).argmax(axis=1)
            right = [
                split.classes[each] == split.label[name] for each, name in zip(decided, ids, strict=True)
            ]
            assert row[domain] == pytest.approx(sum(right) / len(right))
    for name in ("prior_loss", "cross_entropy", "sign_agreement", "validation", "in_domain", "shifted"):
        for row, *parts in zip(mean, one, two, strict=True):
            assert row[name] == pytest.approx(sum(part[name] for part in parts) / 2)
    assert told("path", run, "--split", "two") == two


def test_the_path_of_lambda_is_drawn_with_every_value_in_words(run: Path, tmp_path: Path) -> None:
    points = shown(path_of_run(opened(run)))
    told("path", run, "--svg", tmp_path / "path.svg")
    text = (tmp_path / "path.svg").read_text("utf-8")
    assert text == drawing(points, own=30)
    root = ET.fromstring(text)
    svg = "{http://www.w3.org/2000/svg}"
    words = root.findtext(f"{svg}desc")
    assert words is not None
    assert f"shifted: lambda 0 {points[0].shifted:.3f}, lambda 0.1" in words
    panels = root.findall(f"{svg}svg/{svg}svg")
    assert [len(panel.findall(f"{svg}circle")) for panel in panels] == [3 * len(points)] * 2
    assert "not the audited heads" in text
    without = [replace(each, shifted=None, sign_agreement=None) for each in points]
    assert "nan" not in drawing(without, own=7)


def test_a_path_without_heads_split_or_place_is_refused(run: Path, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CONFIG, "utf-8")
    with pytest.raises(PipelineError, match=r"no.* KnoBo"):
        path_of_run(opened(tmp_path))
    with pytest.raises(PipelineError, match="the run has no split 'three'; it has one, two"):
        path_of_run(opened(run), split="three")
    points = shown(path_of_run(opened(run), split="one"))
    with pytest.raises(PipelineError, match=r"path.png does not end in .svg"):
        write_drawing(tmp_path / "path.png", points, own=30)
    (tmp_path / "taken").touch()
    with pytest.raises(PipelineError, match=r"path.svg cannot be written \(.*\); give another place"):
        write_drawing(tmp_path / "taken" / "path.svg", points, own=30)


@pytest.mark.parametrize(
    "arguments",
    [
        ["intervene", "{run}", "told/shifted0"],
        ["intervene", "{run}", "told/shifted0", "--set", f"{HEART.id}=yes"],
        ["intervene", "curve", "{run}"],
        ["edit", "{run}", "--prune", HEART.id, "--normalise", "--metric", "auroc"],
        ["ablate", "{run}"],
        ["path", "{run}"],
    ],
)
def test_every_verb_prints_a_table_with_a_true_minus_sign(run: Path, arguments: list[str]) -> None:
    app = typer.Typer()
    app.add_typer(intervene_app, name="intervene")
    app.command()(edit)
    app.command()(ablate)
    app.command()(path)
    words = [word.format(run=run) for word in arguments]
    result = CliRunner().invoke(app, words, catch_exceptions=False, env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "-0." not in result.stdout
    assert "nan" not in result.stdout
