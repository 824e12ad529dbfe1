"""Every concept of the real runs walks back to a sentence, asks what it may, and says something new.

Examines the finished runs of `make real` where they exist, else a short discovery on the same literature.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from knowledge.concepts import ConceptBank
from knowledge.passages import Passage, read_passages
from pipelines.config import Config, load_config
from pipelines.run import Run
from pipelines.stages import STAGES
from pipelines.stages.index import question_encoder

pytestmark = pytest.mark.real
HERE = Path(__file__).parent
RUNS = HERE.parents[1] / "runs"
NEEDED = ("fetch", "gather", "index", "images", "discover", "curate")


@pytest.fixture(scope="module", params=["xray", "skin"])
def run(request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    assert shared_data.is_dir()
    config = load_config(HERE / f"{request.param}.toml")
    finished = RUNS / config.name
    if (finished / "report.html").is_file():
        return Run(finished, config)
    return short_run(config, tmp_path_factory.mktemp(config.name))


def short_run(config: Config, directory: Path) -> Run:
    """Lexical search only, and two batches of sentences: minutes become seconds."""
    lexical = config.retrieval.model_copy(update={"dense": False})
    few = config.discovery.model_copy(update={"maximum_sentences": 48})
    run = Run(directory, config.model_copy(update={"retrieval": lexical, "discovery": few}))
    for stage in STAGES:
        if stage.name in NEEDED:
            run.execute(stage)
    return run


@pytest.fixture(scope="module")
def bank(run: Run) -> ConceptBank:
    return ConceptBank.load(run.path("concepts.jsonl"))


@pytest.fixture(scope="module")
def passages(run: Run) -> dict[str, Passage]:
    return {passage.id: passage for passage in read_passages(run.path("passages.jsonl"))}


def test_there_are_concepts(bank: ConceptBank) -> None:
    assert len(bank) >= 3


def test_every_quote_is_verbatim_in_its_passage(bank: ConceptBank, passages: dict[str, Passage]) -> None:
    for concept in bank:
        assert concept.evidence, concept.question
        for evidence in concept.evidence:
            text = passages[evidence.passage_id].text
            assert text[evidence.start :].startswith(evidence.quote), concept.question


def class_words(config: Config) -> Iterator[str]:
    for item in config.classes:
        yield from (item.name.lower(), item.name.lower().replace("_", " "), *map(str.lower, item.words))


def test_no_question_names_a_class(bank: ConceptBank, run: Run) -> None:
    for word in class_words(run.config):
        named = [c.question for c in bank if re.search(rf"\b{re.escape(word)}s?\b", c.question.lower())]
        assert named == [], word


def test_no_two_questions_are_nearly_alike(bank: ConceptBank, run: Run) -> None:
    vectors = question_encoder(run).encode([concept.question for concept in bank])
    cosines = vectors @ vectors.T - np.eye(len(bank))
    assert cosines.max() < 0.9
