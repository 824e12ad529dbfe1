"""The stages `annotate` and `prior` on a small run that is made from files."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge.annotation.table import Answer, read_annotations
from knowledge.concepts import ConceptBank, Evidence, make_concept
from knowledge.language import Sampling
from knowledge.passages import Passage, write_passages
from knowledge.priors import load_prior, load_support
from models.images import ImageRecord
from pipelines.images_table import ImagesTable, write_images
from pipelines.run import Run
from pipelines.stages import annotate, prior, reports
from pipelines.status import open_finished

CONFIG = """
name = "small"
modality = "chest X-ray"
classes = [{{ name = "normal", normal = true }}, {{ name = "pneumonia" }}]
literature = [{{ name = "notes", kind = "text", path = "notes" }}]
splits = [{{ name = "plain", kind = "plain", datasets = ["images"], classes = ["normal", "pneumonia"] }}]
grounding = {{ datasets = ["images"] }}
annotation = {{ lexicon = ["chest_xray"]{annotation} }}
prior = {{ {prior} }}

[[datasets]]
name = "images"
manifest = "images.csv"
[[datasets.expert_columns]]
column = "large_heart"
question = "Is the heart enlarged?"
yes = ["1"]
no = ["0"]
"""
TEXT = "An enlarged heart is normal in athletes. Consolidation is a sign of pneumonia."
BANK = ConceptBank(
    tuple(
        make_concept(question, (Evidence("notes/a#1", quote, TEXT.index(quote)),), "pneumonia")
        for question, quote in (
            ("Is the heart enlarged?", "An enlarged heart is normal in athletes."),
            ("Is there consolidation?", "Consolidation is a sign of pneumonia."),
        )
    )
)


class Believer:
    """Says yes wherever it is asked about pneumonia or consolidation, and no elsewhere."""

    digest = "believer"

    def __init__(self) -> None:
        self.asked = 0

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[str]]:
        raise NotImplementedError

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> NDArray[np.float64]:
        assert len(options) == 2
        self.asked += len(prompts)
        yes = [_belief(prompt) for prompt in prompts]
        return np.array([[each, 1 - each] for each in yes])


def _belief(prompt: str) -> float:
    text = prompt.rsplit("Text: ", maxsplit=1)[-1]
    if "N/A" in text or "something" in text:
        return 0.5
    return 0.95 if "neumonia" in text or text.startswith("Consolidation") else 0.05


def small_run(tmp_path: Path, *, annotation: str = "", prior: str = "") -> Run:
    directory = tmp_path / "runs" / "small"
    directory.mkdir(parents=True)
    (directory / "config.toml").write_text(CONFIG.format(annotation=annotation, prior=prior), "utf-8")
    write_passages(directory / "passages.jsonl", [Passage("notes/a#1", "", TEXT, "notes", "CC0", "a")])
    BANK.save(directory / "concepts.jsonl")
    (directory / "curated_signs.csv").write_text("class,concept_id,sign,source\n", "utf-8")
    texts = ["The heart is enlarged.", "Consolidation is seen.", "Normal heart. No consolidation."] * 4
    records = tuple(
        ImageRecord(f"i{n}", tmp_path / f"{n}.png", None, {"large_heart": str(int(n % 3 == 0))}, None, text)
        for n, text in enumerate(texts)
    )
    write_images(
        directory / "images.parquet", ImagesTable(records, ("images",) * 12, tuple(map(str, range(12))))
    )
    return open_finished(directory)


def test_annotators_are_compared_on_the_cells_they_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KNOBO_CACHE", str(tmp_path / "cache"))
    model = Believer()
    monkeypatch.setattr(reports, "open_language_model", lambda _: model)
    run = small_run(tmp_path, annotation=', compare_with = ["language_model"], compare_reports = 6')
    annotate.annotate(run)
    found = json.loads(run.path("agreement.json").read_text("utf-8"))
    assert found["reports"] == 6
    pairs = {(row["first"], row["second"]): row for row in found["agreements"] if not row["concept_id"]}
    assert set(pairs) == {
        ("rules", "expert:images"),
        ("rules", "language_model"),
        ("expert:images", "language_model"),
    }
    assert pairs["rules", "expert:images"]["raw"] == 1.0
    ours = pairs["rules", "language_model"]
    assert ours["both_yes"] + ours["first_only"] + ours["second_only"] + ours["both_no"] == 12
    assert [table.annotator for table in read_annotations(run.path("annotations.parquet"))] == [
        "rules",
        "expert:images",
    ]
    asked = model.asked
    annotate.annotate(run)
    assert model.asked == asked > 0


def test_only_sampled_cells_are_annotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KNOBO_CACHE", str(tmp_path / "cache"))
    near = np.zeros((12, 2), np.float32)
    near[[0, 3], 0] = near[[1, 4], 1] = 1
    monkeypatch.setattr(annotate, "similarities", lambda *_, **__: near)
    monkeypatch.setattr(annotate, "question_encoder", lambda _: None)
    run = small_run(tmp_path, annotation=", nearest = 2, random = 1")
    annotate.annotate(run)
    rules, expert = read_annotations(run.path("annotations.parquet"))
    assert rules.asked.sum(0).tolist() == [3, 3]
    assert rules.asked[[0, 3], 0].all()
    assert rules.asked[[1, 4], 1].all()
    assert (rules.answer[~rules.asked] == Answer.UNKNOWN).all()
    assert expert.asked.all()
    assert json.loads(run.path("agreement.json").read_text("utf-8"))["reports"] == 0


def test_a_second_source_is_asked_and_differences_come_with_quotes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prior, "open_language_model", lambda _: Believer())
    run = small_run(tmp_path, prior="compare = true")
    prior.prior(run)
    names = ["normal", "pneumonia"]
    signs = load_prior(run.path("prior.csv"), classes=names, bank=BANK)
    assert signs.sign.tolist() == [[1.0, -1.0], [-1.0, 1.0]]
    assert signs.votes is not None
    assert signs.votes.min() >= 1
    assert {row.quote for row in load_support(run.path("prior_support.jsonl"))} == {
        "An enlarged heart is normal in athletes.",
        "Consolidation is a sign of pneumonia.",
    }
    with run.path("prior_disagreements.csv").open(encoding="utf-8", newline="") as stream:
        (first, *_) = rows = list(csv.DictReader(stream))
    # the believer says pneumonia to everything
    assert {(row["class"], row["question"]) for row in rows} == {
        (name, "Is the heart enlarged?") for name in names
    }
    assert first["kind"] == "opposite"
    assert first["for"] == "An enlarged heart is normal in athletes. [notes/a#1]"
    assert (first["source"], first["other_source"]) == ("corpus", "language_model")


def test_a_higher_bar_for_agreement_abstains_more(tmp_path: Path) -> None:
    run = small_run(tmp_path, prior="minimum_agreement = 1.0")
    more = TEXT + " An enlarged heart is a sign of pneumonia. A large and enlarged heart is normal."
    write_passages(run.path("passages.jsonl"), [Passage("notes/a#1", "", more, "notes", "CC0", "a")])
    prior.prior(run)
    signs = load_prior(run.path("prior.csv"), classes=["normal", "pneumonia"], bank=BANK)
    # one of three sentences about the heart speaks for pneumonia; that consolidation is no normal finding
    # rests on its quote alone, which is half a vote
    assert signs.sign.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert run.path("prior_disagreements.csv").read_text("utf-8").count("\n") == 1
