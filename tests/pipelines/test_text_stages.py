"""The stages `annotate` and `prior` on a small run that is made from files."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge.annotation.sampling import ReportSentences
from knowledge.annotation.table import Answer, read_annotations
from knowledge.concepts import ConceptBank, Evidence, make_concept
from knowledge.language import Sampling
from knowledge.passages import Passage, write_passages
from knowledge.priors import load_prior, load_support
from models.images import ImageRecord
from pipelines.curation import open_bank
from pipelines.images_table import ImagesTable, write_images
from pipelines.run import Run
from pipelines.sign_story import basis_lines, sign_bases
from pipelines.stages import annotate, cells, discover, prior, reports
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
    monkeypatch.setattr(ReportSentences, "similarities", lambda *_: near)
    monkeypatch.setattr(cells, "question_encoder", lambda _: None)
    run = small_run(tmp_path, annotation=", nearest = 2, random = 1")
    annotate.annotate(run)
    rules, expert = read_annotations(run.path("annotations.parquet"))
    assert rules.asked.sum(0).tolist() == [3, 3]
    assert rules.asked[[0, 3], 0].all()
    assert rules.asked[[1, 4], 1].all()
    assert (rules.answer[~rules.asked] == Answer.UNKNOWN).all()
    assert expert.asked.all()
    assert json.loads(run.path("agreement.json").read_text("utf-8"))["reports"] == 0


class WordEncoder:
    """Unit vectors of three words, and how often it was asked."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += texts
        words = ("heart", "consolidation", "normal")
        rows = np.array([[1.0 + 9 * (word in text.lower()) for word in words] for text in texts])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def test_screening_asks_the_sampled_cells_and_annotation_does_not_ask_them_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KNOBO_CACHE", str(tmp_path / "cache"))
    model, encoder = Believer(), WordEncoder()
    monkeypatch.setattr(reports, "open_language_model", lambda _: model)
    monkeypatch.setattr(cells, "question_encoder", lambda _: encoder)
    run = small_run(tmp_path, annotation=', annotator = "language_model", nearest = 2, random = 1')
    count = discover.answer_counter(run)
    asked = []
    for concept in BANK:
        (counts,) = count([concept])
        asked.append(counts.yes + counts.no + counts.unknown)
        # 3 reports of one or two sentences each, and the content-free text
        assert model.asked <= (1 + 3 * 2) * len(asked)
    assert asked == [3 + 12, 3]  # the expert column answers of all 12 images
    paid, sentences = model.asked, len(encoder.texts)
    assert sentences == 4 + len(BANK)  # distinct sentences once, and each question
    annotate.annotate(run)
    assert model.asked == paid
    (read, _) = read_annotations(run.path("annotations.parquet"))
    assert read.asked.sum(0).tolist() == [3, 3]


def test_the_rules_screen_on_every_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KNOBO_CACHE", str(tmp_path / "cache"))
    count = discover.answer_counter(small_run(tmp_path, annotation=", nearest = 2, random = 1"))
    (counts,) = count(BANK.concepts[1:])
    # consolidation is seen in 4 of 12 reports; the others deny it or say nothing
    assert (counts.yes, counts.no, counts.unknown) == (4, 8, 0)


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
    # the text ties consolidation to pneumonia, and to the normal class only by what is assumed of findings
    assert signs.votes.tolist() == [[1, 0], [1, 1]]
    assert signs.source == (("corpus", "assumed"), ("corpus", "corpus"))
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


def test_a_sign_of_an_expert_does_not_hide_where_the_sources_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prior, "open_language_model", lambda _: Believer())
    run = small_run(tmp_path, prior="compare = true")
    # the expert says what the model says, against the literature
    given = f"class,concept_id,sign,source\npneumonia,{BANK.ids[0]},1,expert\n"
    run.path("curated_signs.csv").write_text(given, "utf-8")
    prior.prior(run)
    signs = load_prior(run.path("prior.csv"), classes=["normal", "pneumonia"], bank=BANK)
    assert (signs.sign[1, 0], signs.source[1][0]) == (1.0, "expert")
    with run.path("prior_disagreements.csv").open(encoding="utf-8", newline="") as stream:
        rows = {(row["class"], row["concept_id"]): row for row in csv.DictReader(stream)}
    row = rows["pneumonia", BANK.ids[0]]
    assert (row["sign"], row["source"], row["other_sign"]) == ("-1", "corpus", "1")


def test_the_story_of_a_concept_says_what_its_signs_rest_on(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    more = "Consolidation is a sign of pneumonia. An enlarged heart is rarely normal."
    write_passages(
        run.path("passages.jsonl"),
        [
            Passage("notes/a#1", "", TEXT, "notes", "CC0", "a"),
            Passage("notes/b#1", "", more, "notes", "CC BY", "b, Signs"),
        ],
    )
    BANK.save(run.path("discovered.jsonl"))
    heart, consolidation = ({name} for name in BANK.ids)
    assert sign_bases(open_bank(run.directory), heart) == ()
    prior.prior(run)
    opened = open_bank(run.directory)
    told = "\n".join(basis_lines(sign_bases(opened, heart)))
    # one clause for the normal class and one against it: both classes abstain
    assert told == (
        "normal abstains (none, 2 votes, agreement 0.00)\n"
        "  for: An enlarged heart is normal in athletes. [a · CC0 · notes/a#1]\n"
        "  against: An enlarged heart is rarely normal. [b, Signs · CC BY · notes/b#1]\n"
        "pneumonia abstains (none, 2 votes, agreement 0.00)\n"
        "  for: An enlarged heart is rarely normal. [b, Signs · CC BY · notes/b#1]\n"
        "  against: An enlarged heart is normal in athletes. [a · CC0 · notes/a#1]"
    )
    normal, sick = sign_bases(opened, consolidation)
    assert (normal.source, normal.votes, normal.agreement) == ("assumed", 0, 0.5)
    assert "(names no class)" in "\n".join(basis_lines([normal]))
    assert (sick.sign, sick.source, sick.votes, len(sick.speaking_for)) == (1.0, "corpus", 2, 3)


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
