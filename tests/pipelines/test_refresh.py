"""A refresh: only what is new is read, and nothing of the run changes before a person says so."""

import hashlib
import random
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from loopback_server import Server, serving
from refreshed_run import (
    AIR,
    ANGLE,
    BUILT,
    HEART,
    QUESTIONS,
    RIB,
    TWO,
    Asked,
    Project,
    article,
    finished,
    make_images,
)
from typer.testing import CliRunner

from knowledge.concepts import ConceptBank
from knowledge.curation.concept_changes import Drop, Edit
from knowledge.errors import KnowledgeError
from knowledge.passage_file import PassageFile
from knowledge.passages import Passage, write_passages
from pipelines.cli import app
from pipelines.config import load_config
from pipelines.curation import open_bank
from pipelines.errors import PipelineError
from pipelines.launch import prepare
from pipelines.refreshing import Flag, RefreshOutcome, refresh
from pipelines.refreshing.entering import ENTERING, complete_entering
from pipelines.refreshing.kept import write_flags
from pipelines.refreshing.literature import compare_passages
from pipelines.refreshing.reviewing import accept, open_review, reject
from pipelines.refreshing.staging import FOLDER
from pipelines.weights import cache_directory


@dataclass(frozen=True)
class Material:
    """The run that every test copies, the model that it asked, and a refresh of it with two new articles."""

    first: Project
    refreshed: Project
    outcome: RefreshOutcome
    asked: tuple[str, ...]
    embedded: int
    mind: Asked
    url: str
    data: Path


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Material]:
    folder, mind = tmp_path_factory.mktemp("refresh"), Asked()
    make_images(folder / "data")
    with serving(Server(mind)) as url:
        first = finished(folder / "first", url, folder / "data")
        refreshed, before = first.copy(folder / "refreshed"), vectors()
        refreshed.write(*TWO, article(3, ANGLE), article(4, RIB))
        mind.sentences.clear()
        outcome = refresh(refreshed.config, refreshed.runs)
        asked, embedded = tuple(mind.sentences), vectors() - before
        yield Material(first, refreshed, outcome, asked, embedded, mind, url, folder / "data")


@pytest.fixture
def project(material: Material, tmp_path: Path) -> Project:
    material.mind.sentences.clear()
    return material.first.copy(tmp_path / "copy")


@pytest.fixture
def refreshed(material: Material, tmp_path: Path) -> Project:
    material.mind.sentences.clear()
    return material.refreshed.copy(tmp_path / "copy")


def contents(project: Project) -> dict[str, str]:
    """Digest by file of the run, without what a refresh keeps beside it."""
    root = project.run.directory
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
        and not (name := path.relative_to(root).as_posix()).startswith(f"{FOLDER}/")
        and not name.endswith(".lock")
    }


def vectors() -> int:
    with sqlite3.connect(cache_directory() / "passage_vectors.sqlite") as kept:
        (table,) = kept.execute("SELECT name FROM sqlite_master WHERE type = 'table' LIMIT 1").fetchone()
        return int(kept.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])


def questions(project: Project) -> set[str]:
    return {concept.question for concept in ConceptBank.load(project.run.path("concepts.jsonl"))}


def test_only_new_passages_are_embedded_and_asked_and_the_run_stays_as_it_is(material: Material) -> None:
    outcome = material.outcome
    assert (outcome.passages.added, outcome.passages.unchanged) == (2, 2)
    assert material.embedded == 2
    assert sorted(material.asked) == [RIB, ANGLE]
    proposed = {each.concept.question: each for each in outcome.proposed}
    assert set(proposed) == {QUESTIONS[ANGLE], QUESTIONS[RIB]}
    assert {(each.yes, each.no) for each in outcome.proposed} == {(8, 8)}
    assert proposed[QUESTIONS[RIB]].auroc == 1.0  # one feature is what the reports were made from
    assert contents(material.refreshed) == contents(material.first)
    assert not outcome.entered


def test_a_second_refresh_of_the_same_literature_asks_nothing_and_keeps_what_waits(
    refreshed: Project, material: Material
) -> None:
    second = refresh(refreshed.config, refreshed.runs)
    assert not second.passages.any
    assert not second.proposed
    assert second.waiting == material.outcome.waiting
    assert material.mind.sentences == []


def test_what_is_accepted_enters_without_asking_the_model_and_what_is_refused_never_returns(
    refreshed: Project, material: Material
) -> None:
    directory = refreshed.run.directory
    by_question = {each.concept.question: each.concept.id for each in material.outcome.proposed}
    reject(directory, [by_question[QUESTIONS[RIB]]], who="reader")
    accept(directory, [by_question[QUESTIONS[ANGLE]]], who="reader")
    assert refreshed.execute(BUILT) == ["curate", "annotate"]
    assert material.mind.sentences == []
    assert QUESTIONS[ANGLE] in questions(refreshed)
    assert QUESTIONS[RIB] not in questions(refreshed)
    review = open_review(directory)
    assert (review.proposals, review.literature) == ((), False)
    refreshed.write(*TWO, article(3, ANGLE), article(4, RIB), article(5, RIB))
    assert refresh(refreshed.config, refreshed.runs).waiting == ()


def test_a_retraction_and_a_deletion_flag_what_rests_on_them(project: Project) -> None:
    project.write(article(1, HEART, kind="Retracted Publication"))
    outcome = refresh(project.config, project.runs)
    assert {(flag.question, flag.why, flag.alone) for flag in outcome.flagged} == {
        (QUESTIONS[HEART], "retracted", True),
        (QUESTIONS[AIR], "gone", True),
    }
    assert "2 concepts in force rest on withdrawn articles" in outcome.sentence
    accept(project.run.directory)
    assert project.execute(BUILT) == ["curate", "annotate"]
    bank = ConceptBank.load(project.run.path("concepts.jsonl"))
    assert {concept.question: len(concept.evidence) for concept in bank} == {
        QUESTIONS[HEART]: 1,
        QUESTIONS[AIR]: 0,
    }
    again = refresh(project.config, project.runs)  # in literature without them
    assert {(flag.question, flag.why, flag.alone) for flag in again.flagged} == {
        (QUESTIONS[HEART], "retracted", True),
        (QUESTIONS[AIR], "gone", True),
    }
    bare = next(concept for concept in bank if not concept.evidence)
    open_bank(project.run.directory).record([Drop(bare)], who="reader", reason="its source is gone")
    assert [flag.question for flag in refresh(project.config, project.runs).flagged] == [QUESTIONS[HEART]]


def test_a_concept_that_rests_on_something_else_is_flagged_until_the_literature_is_in_force(
    project: Project,
) -> None:
    directory = project.run.directory
    before = set(open_bank(directory).passages)
    project.write(*TWO, article(3, HEART))
    refresh(project.config, project.runs)
    accept(directory, [])
    opened = open_bank(directory)
    heart = next(each for each in opened.bank if each.question == QUESTIONS[HEART])
    (quote,) = heart.evidence
    (third,) = set(opened.passages) - before
    both = replace(heart, evidence=(quote, replace(quote, passage_id=third)))
    opened.record([Edit(heart, both)], who="reader", reason="")
    project.write(article(1, HEART, kind="Retracted Publication"), *TWO[1:], article(3, HEART))
    flagged = refresh(project.config, project.runs).flagged
    assert [(flag.why, flag.passage_id, flag.alone) for flag in flagged] == [
        ("retracted", quote.passage_id, False)
    ]
    project.write(*TWO[1:], article(3, HEART))
    refresh(project.config, project.runs)
    accept(directory)
    assert refresh(project.config, project.runs).flagged == ()


def test_a_killed_exchange_of_the_literature_is_completed_by_whoever_comes_next(
    refreshed: Project, tmp_path: Path
) -> None:
    other = refreshed.copy(tmp_path / "other")
    accept(refreshed.run.directory, [])
    other.run.path("passages.jsonl").unlink()  # killed between two artifacts
    other.run.path(ENTERING).write_text("")
    with other.run.locked():
        complete_entering(other.run)
    assert contents(other) == contents(refreshed)


def test_turning_a_proposal_down_completes_a_killed_exchange_first(
    refreshed: Project, material: Material, tmp_path: Path
) -> None:
    other = refreshed.copy(tmp_path / "other")
    refused = [material.outcome.waiting[0].concept.id]
    accept(refreshed.run.directory, [])
    other.run.path("passages.jsonl").unlink()  # killed between two artifacts
    other.run.path(ENTERING).write_text("")
    reject(other.run.directory, refused, who="reader")
    assert not other.run.path(ENTERING).exists()
    passages = [each.run.path("passages.jsonl").read_bytes() for each in (other, refreshed)]
    assert passages[0] == passages[1]
    assert refused[0] not in {each.concept.id for each in open_review(other.run.directory).proposals}


def test_what_is_accepted_leaves_the_settings_of_production_as_they_are(project: Project) -> None:
    kept = project.run.path("config.toml")
    text = project.config.read_text("utf-8")
    more = text.replace("literature = [", 'literature = [{ name = "more", kind = "text", path = "more" }, ')
    project.config.write_text(more + "[fit]\nseeds = 4\n", "utf-8")
    (project.folder / "more").mkdir()
    (project.folder / "more" / "a.txt").write_text(ANGLE, "utf-8")
    before = load_config(kept)
    refresh(project.config, project.runs)
    accept(project.run.directory)
    after = load_config(kept)
    assert [source.name for source in after.literature] == ["more", "notes"]
    assert before.fit.seeds != project.run.config.fit.seeds
    assert after.model_dump(exclude={"literature"}) == before.model_dump(exclude={"literature"})


def test_an_exchange_whose_source_is_gone_is_told_and_literature_is_asked_for_after_one_is_complete(
    refreshed: Project,
) -> None:
    run = refreshed.run
    run.path(ENTERING).write_text("")
    prepare(run, refresh=True)
    assert not run.path(ENTERING).is_file()
    assert "gather" in run.records()
    assert "fetch" not in run.records()
    shutil.rmtree(run.path(FOLDER))
    run.path(ENTERING).write_text("")
    with pytest.raises(PipelineError, match=r"folder is gone since; delete .*refresh\.entering"):
        prepare(run, refresh=False)


def test_a_review_with_a_wrong_id_beside_a_right_one_changes_nothing(
    refreshed: Project, material: Material
) -> None:
    directory, right = str(refreshed.run.directory), material.outcome.waiting[0].concept.id
    before = contents(refreshed)
    for wrong in ("no-such-id", right):
        asked = ["concepts", "review", directory, "--reject", right, "--accept", wrong]
        done = CliRunner().invoke(app, asked)
        assert isinstance(done.exception, KnowledgeError | PipelineError), done.output
    assert contents(refreshed) == before
    done = CliRunner().invoke(app, ["concepts", "review", directory, "--accept", right])
    assert "The new literature is in force" in done.output
    flag = Flag("c1", "Is it?", "It is.", "p1", "PMID 1", "retracted", alone=True, used=True)
    write_flags(refreshed.run.path(FOLDER), [flag])
    reject(refreshed.run.directory, [each.concept.id for each in material.outcome.waiting[1:]])
    shown = CliRunner().invoke(app, ["concepts", "review", directory]).output
    assert "PMID 1 was retracted" in shown
    assert "Nothing waits" not in shown


def test_held_literature_enters_by_refreshes_alone_which_ask_nobody_where_configured(
    project: Project, material: Material
) -> None:
    settings = 'accept = "all", literature = "hold", maximum_sentences = 1'
    project.configure(material.url, material.data, refresh=settings)
    project.execute(BUILT)  # the setting itself is new
    project.write(*TWO, article(3, ANGLE), article(4, RIB))
    assert project.execute(BUILT) == []
    first = refresh(project.config, project.runs)
    assert first.entered
    assert first.passages.added == 2
    assert project.execute(BUILT) == ["curate", "annotate"]
    second = refresh(project.config, project.runs)  # goes on with the sentence beyond the bound
    assert [len(each.proposed) for each in (first, second)] == [1, 1]
    assert project.execute(BUILT) == ["curate", "annotate"]
    assert questions(project) == set(QUESTIONS.values())


def test_a_run_that_is_not_built_is_refused_in_one_sentence(project: Project, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="has no images yet; build it with `knobo run`"):
        refresh(project.config, tmp_path / "nowhere")


def test_differences_of_two_passage_files_are_those_of_a_plain_comparison(tmp_path: Path) -> None:
    draw = random.Random(4)
    for trial in range(20):
        sides = []
        for _ in range(2):
            names = draw.sample(range(30), draw.randint(1, 30))
            sides.append(
                [Passage(f"s/{n}#1", "", f"text {draw.randint(0, 1)}", "s", "CC0", "") for n in names]
            )
        paths = tmp_path / f"{trial}a", tmp_path / f"{trial}b"
        for path, passages in zip(paths, sides, strict=True):
            write_passages(path, passages)
        old, new = ({each.id: each.text for each in side} for side in sides)
        found = compare_passages(*paths)
        counts = found.counts
        assert counts.added == len(new.keys() - old.keys())
        assert set(found.gone) == old.keys() - new.keys()
        assert counts.changed == sum(old[name] != new[name] for name in old.keys() & new.keys())
        assert counts.unchanged == sum(old[name] == new[name] for name in old.keys() & new.keys())
        assert found.new_texts == {name for name in new if old.get(name) != new[name]}
        assert len(PassageFile(paths[1])) == counts.added + counts.changed + counts.unchanged
