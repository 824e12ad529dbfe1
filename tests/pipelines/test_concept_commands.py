"""`knobo concepts` on a small run that is made from files."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from knowledge.annotation.table import AnnotationTable, write_annotations
from knowledge.concepts import Concept, ConceptBank, Evidence, Verdict, make_concept
from knowledge.errors import KnowledgeError
from knowledge.passages import Passage, write_passages
from knowledge.priors import Prior, load_prior, save_prior
from knowledge.rejections import Rejection, write_rejections
from knowledge.retrieval.store import IndexStore
from knowledge.verdicts import write_verdicts
from pipelines.cli import app
from pipelines.config.datasets import DataSet, ExpertColumnSection
from pipelines.errors import PipelineError
from pipelines.run import Run, Stage
from pipelines.status import open_finished

CONFIG = """
name = "small"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "sick", words = ["pneumonia"] }]
literature = [{ name = "notes", kind = "text", path = "notes" }]
datasets = [{ name = "images", manifest = "images.csv" }]
splits = [{ name = "plain", kind = "plain", datasets = ["images"], classes = ["normal", "sick"] }]
grounding = { datasets = ["images"] }
annotation = { lexicon = ["chest_xray"] }
"""
PASSAGES = (
    Passage(
        "notes/a#1",
        "Signs",
        "A blunted [costophrenic] angle is seen. The heart is large.",
        "notes",
        "CC0",
        "a",
    ),
    Passage(
        "notes/b#1", "", "An enlarged heart is seen in pneumonia.", "notes", "CC BY", "b", retracted=True
    ),
)


def concept(question: str, passage: int, quote: str) -> Concept:
    place = PASSAGES[passage]
    return make_concept(question, (Evidence(place.id, quote, place.text.index(quote)),), "pneumonia")


ANGLE = concept("Is the costophrenic angle blunted?", 0, "A blunted [costophrenic] angle is seen.")
HEART = concept("Is the heart large?", 0, "The heart is large.")
CARDIAC = concept("Is the heart enlarged?", 1, "An enlarged heart is seen in pneumonia.")
REFUSED = concept("Is there pneumonia?", 1, "An enlarged heart is seen in pneumonia.")
BANK = ConceptBank((ANGLE, HEART, CARDIAC))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """What a run has after discovery, curation, annotation and prior."""
    directory = tmp_path / "runs" / "small"
    directory.mkdir(parents=True)
    (directory / "config.toml").write_text(CONFIG, "utf-8")
    write_passages(directory / "passages.jsonl", PASSAGES)
    BANK.save(directory / "discovered.jsonl")
    verdict = Verdict(REFUSED.id, "leak_free", passed=False, reason="It names the class sick.")
    write_rejections(directory / "rejected.jsonl", [Rejection(REFUSED, (verdict,))])
    seen = Verdict(HEART.id, "groundable", passed=True, reason="Reports answer yes 6 times.")
    write_verdicts(directory / "verdicts.jsonl", [seen])
    execute(directory, "curate")
    sign = np.array([[0, -1, -1], [0, 1, 1]], np.float32)
    source = tuple(tuple("corpus" if value else "none" for value in row) for row in sign)
    prior = Prior(("normal", "sick"), BANK.ids, sign, np.abs(sign), source)
    save_prior(prior, directory / "prior.csv", bank=BANK)
    answer = np.array([[1, 0] * 6, [1] * 6 + [0] * 6, [1] * 6 + [0] * 6], np.int8).T
    table = AnnotationTable(tuple("abcdefghijkl"), BANK.ids, answer, answer.astype(np.float32), "rules")
    write_annotations(directory / "annotations.parquet", [table])
    return directory


def stage(name: str) -> Stage:
    from pipelines.stages import STAGES

    return next(each for each in STAGES if each.name == name)


def opened(directory: Path) -> Run:
    return open_finished(directory)


def execute(directory: Path, *names: str) -> list[bool]:
    return [opened(directory).execute(stage(name)) for name in names]


def call(*arguments: object) -> Result:
    found = CliRunner().invoke(app, ["concepts", *map(str, arguments)], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found


def said(*arguments: object) -> Any:
    return json.loads(call(*arguments, "--json").stdout)


def test_a_group_without_a_verb_lists(run: Path) -> None:
    assert said(run) == said("list", run)
    rows = said(run)
    assert [row["id"] for row in rows] == list(BANK.ids)
    assert rows[0]["quotations"][0]["license"] == "CC0"
    assert [row["retracted"] for row in rows] == [False, False, True]
    assert rows[1]["signs"] == [
        {"class_name": "normal", "sign": -1.0, "source": "corpus"},
        {"class_name": "sick", "sign": 1.0, "source": "corpus"},
    ]
    assert said("list", run, "--rejected")[0]["reason"] == "It names the class sick."


def test_the_table_marks_what_to_notice(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.commands.shared.console.width", 220)
    call("sign", run, HEART.id, "sick", "-1")
    call("add", run, "Is [/] there?", "--expert")
    lines = call("list", run).stdout.splitlines()
    assert any(
        "Is the heart large?" in line and "sick -1*" in line and "normal -1," in line for line in lines
    )
    assert any("Is the heart enlarged?" in line and "retracted source" in line for line in lines)
    assert any("Is [/] there?" in line and "expert, no quoted source" in line for line in lines)
    assert "Changes wait" in lines[-1]


def test_a_change_makes_stale_by_content_alone_and_goes_through(run: Path) -> None:
    config = opened(run)
    execute(run, "prior")
    assert config.is_fresh(stage("curate"))
    assert config.is_fresh(stage("prior"))
    call("sign", run, ANGLE.id, "sick", "for")
    call("edit", run, HEART.id, "Is the heart wide?")
    assert not config.is_fresh(stage("curate"))
    assert execute(run, "curate", "prior") == [True, True]
    bank = ConceptBank.load(run / "concepts.jsonl")
    assert [each.question for each in bank] == [ANGLE.question, "Is the heart wide?", CARDIAC.question]
    prior = load_prior(run / "prior.csv", classes=["normal", "sick"], bank=bank)
    assert (prior.sign[1, 0], prior.source[1][0]) == (1.0, "expert")
    call("undo", run, 1)
    call("undo", run)
    assert execute(run, "curate", "prior") == [True, True]
    assert ConceptBank.load(run / "concepts.jsonl") == BANK
    call("edit", run, HEART.id, "Is the heart wide?")
    call("undo", run)
    assert execute(run, "curate") == [True]
    assert config.is_fresh(stage("prior"))


def test_an_experts_table_yields_to_the_curated_bank_and_wins_over_imported_signs(run: Path) -> None:
    table = run / "expert.csv"
    table.write_text(
        f"class,question,sign\nsick,{HEART.question},0.5\nsick,{CARDIAC.question},0.5\n", encoding="utf-8"
    )
    with (run / "config.toml").open("a", encoding="utf-8") as stream:
        stream.write('[prior]\nexpert = "expert.csv"\n')
    signs = {"sick": {HEART.question: "no", ANGLE.question: "yes"}}
    (run / "signs.json").write_text(json.dumps(signs), encoding="utf-8")
    call("import", run, "--signs", run / "signs.json")
    call("sign", run, CARDIAC.id, "sick", "against")
    call("edit", run, HEART.id, "Is the heart wide?")
    execute(run, "curate", "prior")
    bank = ConceptBank.load(run / "concepts.jsonl")
    prior = load_prior(run / "prior.csv", classes=["normal", "sick"], bank=bank)
    assert list(zip(prior.sign[1].tolist(), prior.source[1], strict=True)) == [
        (1.0, "imported"),
        (0.5, "expert"),
        (-1.0, "expert"),
    ]
    listed = {row["question"]: row["signs"][-1] for row in said("list", run)}
    assert listed["Is the heart wide?"] == {"class_name": "sick", "sign": 0.5, "source": "expert"}


def test_a_sign_taken_back_shows_at_once(run: Path) -> None:
    call("sign", run, HEART.id, "sick", "against")
    execute(run, "curate", "prior")
    assert said("show", run, HEART.id)["row"]["signs"][-1]["source"] == "expert"
    call("sign", run, HEART.id, "sick", "none")
    assert all(sign["source"] != "expert" for sign in said("show", run, HEART.id)["row"]["signs"])


def test_edits_outlive_a_discovery_that_finds_other_concepts(run: Path) -> None:
    call("edit", run, HEART.id, "Is the heart wide?")
    call("drop", run, CARDIAC.id)
    ConceptBank((ANGLE, CARDIAC)).save(run / "discovered.jsonl")
    execute(run, "curate")
    questions = [each.question for each in ConceptBank.load(run / "concepts.jsonl")]
    assert questions == [ANGLE.question, "Is the heart wide?"]
    (edit, drop) = said("history", run)
    assert "no longer finds" in edit["notes"][0]
    assert drop["notes"] == []


def test_a_story_tells_passage_tests_answers_and_history(run: Path) -> None:
    call("merge", run, HEART.id, CARDIAC.id, "--reason", "same sign", "--by", "Ada")
    story = said("show", run, CARDIAC.id)
    assert [each["passage_id"] for each in story["passages"]] == ["notes/a#1", "notes/b#1"]
    assert story["passages"][0]["before"] + story["passages"][0]["quote"] == PASSAGES[0].text
    assert [each["retracted"] for each in story["passages"]] == [False, True]
    assert [each["test"] for each in story["verdicts"]] == ["groundable"]
    assert story["answers"] == ["rules reads yes 6 times, no 6 and neither 0"]
    assert story["formerly"] == [f"{CARDIAC.id} `{CARDIAC.question}`"]
    assert [(each["who"], each["reason"]) for each in story["history"]] == [("Ada", "same sign")]
    text = call("show", run, HEART.id).stdout
    assert "RETRACTED" in text
    assert "1. 20" in text
    assert "[costophrenic]" in call("show", run, ANGLE.id).stdout
    assert said("show", run, REFUSED.id)["verdicts"][0]["passed"] is False


def test_added_concepts_rest_on_a_quote_or_are_an_experts_own(run: Path) -> None:
    made = said("add", run, "Is the heart seen?", "--quote", "enlarged  heart is seen in pneumonia.")
    assert made["entries"][0]["after"]["evidence"] == [
        {"passage_id": "notes/b#1", "quote": "enlarged heart is seen in pneumonia.", "start": 3}
    ]
    assert said("add", run, "Is the aorta wide or blunted?", "--expert")["notes"] == [
        "No passage is quoted for it; it is an expert's own."
    ]
    accepted = said("accept", run, REFUSED.id)
    assert any("names the class sick" in note for note in accepted["notes"])
    cited = said("cite", run, "is-the-aorta", "A blunted [costophrenic] angle is seen.")
    assert any("`aorta`" in note for note in cited["notes"])
    execute(run, "curate")
    bank = ConceptBank.load(run / "concepts.jsonl")
    assert [each.origin for each in bank] == ["literature"] * 3 + ["expert"] * 3


def test_check_lists_every_kind_with_a_command(run: Path) -> None:
    call("accept", run, REFUSED.id)
    call("add", run, "Is there fluid on the left?", "--expert")
    call("add", run, "Is there cardiomegaly?", "--expert")
    call("sign", run, HEART.id, "sick", "against")
    found = said("check", run)
    kinds = {each["kind"] for each in found}
    assert kinds >= {
        "class_leak",
        "unquoted",
        "retracted",
        "sole_source",
        "one_sided",
        "same_for_all",
        "same_answers",
        "signs_disagree",
        "same_finding",
    }
    alike = next(each for each in found if each["kind"] == "same_answers")
    assert alike["command"] == f"knobo concepts merge {run} {HEART.id[-8:]} {CARDIAC.id[-8:]}"
    call(*alike["command"].split()[2:])
    assert said("check", run, "--kind", "same answers") == []
    assert "class leak (1)" in call("check", run, "--kind", "class_leak").stdout


def test_check_offers_a_quote_of_another_document(run: Path) -> None:
    more = Passage(
        "book/c#1", "", "In effusion the costophrenic angle is blunted on that side.", "book", "CC0", "c"
    )
    withdrawn = Passage(
        "x/d#1", "", "The costophrenic angle is blunted early.", "x", "CC0", "d", retracted=True
    )
    write_passages(run / "passages.jsonl", [*PASSAGES, withdrawn, more])
    IndexStore(run / "index").build([*PASSAGES, withdrawn, more], embedding=None)
    found = said("check", run, "--kind", "sole_source")
    command = next(each["command"] for each in found if each["concept_ids"] == [ANGLE.id])
    assert command.endswith(f"{ANGLE.id[-8:]} '{more.text}' --passage 'book/c#1'")
    call(*shlex.split(command)[2:])
    assert [each["passage_id"] for each in said("show", run, ANGLE.id)["passages"]] == [
        "notes/a#1",
        "book/c#1",
    ]
    assert ANGLE.id not in {each["concept_ids"][0] for each in said("check", run, "--kind", "sole_source")}


@pytest.mark.parametrize("name", ["bank.csv", "bank.json"])
def test_an_export_edited_elsewhere_comes_back_as_history(run: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    call("sign", run, ANGLE.id, "sick", "0.5")
    call("export", run, file)
    assert said("import", run, file) == {"entries": [], "notes": []}
    text = file.read_bytes().decode("utf-8-sig")
    file.write_text(text.replace(ANGLE.question, "Is a costophrenic angle blunted?"), encoding="utf-8")
    dry = said("import", run, file, "--dry-run")
    assert [each["change"] for each in dry["changes"]] == ["edit"]
    assert len(said("history", run)) == 1
    call("import", run, file)
    assert said("history", run)[1]["reason"] == f"import of {file}"
    assert said("list", run)[0]["signs"][0]["sign"] == 0.5
    assert said("diff", run, file) == {
        "added": [],
        "removed": [],
        "reworded": [],
        "requoted": [],
        "signs": [],
    }


def test_knobos_lists_can_take_the_place_of_the_bank(run: Path, tmp_path: Path) -> None:
    (tmp_path / "xray.txt").write_text(f"{HEART.question}\nIs there a line?\n", encoding="utf-8")
    signs = {"Pneumonia": {"Is there a line?": "yes"}, "normal": {"Is there a line?": "no"}}
    (tmp_path / "signs.json").write_text(json.dumps(signs), encoding="utf-8")
    call("import", run, tmp_path / "xray.txt", "--signs", tmp_path / "signs.json", "--drop-missing")
    execute(run, "curate", "prior")
    heart, line = ConceptBank.load(run / "concepts.jsonl")
    assert heart == HEART
    assert (line.origin, line.evidence) == ("imported", ())
    row = said("list", run)[1]
    assert [(each["class_name"], each["sign"], each["source"]) for each in row["signs"]] == [
        ("normal", -1.0, "imported"),
        ("sick", 1.0, "imported"),
    ]


def test_runs_and_files_are_compared(run: Path, tmp_path: Path) -> None:
    BANK.save(tmp_path / "old.jsonl")
    call("edit", run, HEART.id, "Is the heart wide?")
    call("drop", run, CARDIAC.id)
    found = said("diff", run, tmp_path / "old.jsonl")
    assert [each["new"]["question"] for each in found["reworded"]] == ["Is the heart wide?"]
    assert [each["id"] for each in found["removed"]] == [CARDIAC.id]
    assert "- Is the heart enlarged?" in call("diff", run, tmp_path / "old.jsonl").stdout
    assert call("diff", run, run).stdout == "No difference.\n"


def test_a_restore_leaves_the_history_whole(run: Path) -> None:
    call("edit", run, HEART.id, "Is the heart wide?")
    call("drop", run, ANGLE.id, CARDIAC.id)
    call("restore", run, 0)
    assert [row["id"] for row in said("list", run)] == list(BANK.ids)
    assert [row["counts"] for row in said("history", run)] == [False, False, False, True]
    assert [row["number"] for row in said("history", run, ANGLE.id)] == [2, 4]
    assert "undone" in call("history", run).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "RUN", "nobody"), "No concept of the bank begins with `nobody`"),
        (("show", "RUN", "is-the-heart"), "2 concepts have ids that begin with"),
        (("edit", "RUN", HEART.id, "large"), "is no question"),
        (("edit", "RUN", HEART.id, HEART.question), "asks .* already"),
        (("edit", "RUN", HEART.id, CARDIAC.question), "asks that already"),
        (("merge", "RUN", ANGLE.id, HEART.id, HEART.id), f"{HEART.id} is named twice"),
        (("show", "RUN", ""), "The id is empty"),
        (("history", "RUN", ""), "The id is empty"),
        (("add", "RUN", "Is it seen?", "--quote", "e"), "does not stand in any of the 2 passages"),
        (("add", "RUN", "Is the heart seen?", "--quote", "heart"), "has 5 characters of at least 30"),
        (("export", "RUN", "RUN/folder.csv"), "folder.csv cannot be written"),
        (("export", "RUN", "RUN/config.toml/bank.json"), "cannot be written"),
        (("edit", "RUN", HEART.id, "Is it \udcff?"), "is not UTF-8"),
        (("drop", "RUN", HEART.id, "--by", "\udcff"), "is not UTF-8"),
        (("add", "RUN", "Is it so?"), "needs either --quote"),
        (("add", "RUN", "Is it so?", "--quote", "not there"), "does not stand in any of the 2 passages"),
        (("accept", "RUN", "nobody"), "No concept of the rejected candidates"),
        (("cite", "RUN", HEART.id, "The heart is large."), "rests on that quotation already"),
        (("sign", "RUN", HEART.id, "ill", "for"), "has no class 'ill'; it has normal, sick"),
        (("sign", "RUN", HEART.id, "sick", "2"), "`2` is no sign"),
        (("sign", "RUN", HEART.id, "sick", "none"), "none to take back"),
        (("drop", "RUN", *BANK.ids), "would leave no concept"),
        (("undo", "RUN"), "none can be undone"),
        (("restore", "RUN", "0"), "as discovered"),
        (("import", "RUN"), "name a file"),
        (("export", "RUN", "bank.xlsx"), "ends in `.xlsx`"),
        (("diff", "RUN", "absent"), "there is no run or file absent"),
        (("check", "RUN", "--kind", "odd"), "no kind of finding 'odd'"),
        (("list", "absent"), "absent is not a run"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(
    run: Path, arguments: tuple[str, ...], message: str
) -> None:
    (run / "folder.csv").mkdir()
    given = [each.replace("RUN", str(run)) for each in arguments]
    with pytest.raises((KnowledgeError, PipelineError), match=message):
        CliRunner().invoke(app, ["concepts", *given], catch_exceptions=False)
    assert not (run / "curation.jsonl").exists()


def test_a_mistake_ends_with_code_2(run: Path) -> None:
    command = [sys.executable, "-m", "pipelines.cli", "concepts", "drop", str(run), "nobody"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("knobo: No concept of the bank begins with `nobody`")
    assert done.stderr.count("\n") == 1


def test_a_run_without_concepts_says_what_to_do(run: Path) -> None:
    for name in ("discovered.jsonl", "concepts.jsonl"):
        (run / name).unlink()
    with pytest.raises(PipelineError, match="has no concepts yet"):
        call("list", run)


def test_expert_columns_answer_the_concept_that_their_question_became() -> None:
    from dataclasses import replace

    from pipelines.stages.reports import answered_by_columns

    columns = tuple(
        ExpertColumnSection(column=each.id, question=each.question, yes=("1",), no=("0",)) for each in BANK
    )
    dataset = DataSet(name="d", folder=Path(), expert_columns=columns)
    merged = replace(HEART, formerly=(CARDIAC.id,))
    reworded = replace(make_concept("Is an angle blunted?", (), ""), formerly=(ANGLE.id,))
    assert answered_by_columns(dataset, [reworded, merged]) == {
        ANGLE.question: reworded.id,
        HEART.question: HEART.id,
    }


def test_a_run_may_begin_with_a_bank_which_counts_by_content(run: Path) -> None:
    from pipelines.section_values import section_value
    from pipelines.stages.discover import starting_concepts

    call("export", run, run / "start.csv")
    with (run / "config.toml").open("a", encoding="utf-8") as stream:
        stream.write('[discovery]\nbank = "start.csv"\n')
    before = opened(run)
    assert starting_concepts(before, {each.id: each for each in PASSAGES}) == list(BANK)
    without = starting_concepts(before, {PASSAGES[0].id: PASSAGES[0]})
    assert [(each.origin, len(each.evidence)) for each in without] == [
        ("literature", 1),
        ("literature", 1),
        ("imported", 0),
    ]
    value = section_value(before.config, "discovery")
    (run / "start.csv").rename(run / "moved.csv")
    moved = before.config.discovery.model_copy(update={"bank": run / "moved.csv"})
    assert section_value(before.config.model_copy(update={"discovery": moved}), "discovery") == value
    with (run / "moved.csv").open("a", encoding="utf-8") as stream:
        stream.write(",Is there a line?\n")
    assert section_value(before.config.model_copy(update={"discovery": moved}), "discovery") != value


def test_signs_of_the_bank_begun_with_reach_the_prior(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    from pipelines.stages.discover import starting_concepts

    call("sign", run, HEART.id, "sick", "against")
    call("add", run, "Is there a deep sulcus?", "--expert")
    call("export", run, run / "start.csv")
    text = (run / "start.csv").read_text("utf-8-sig")
    lost = text.replace(ANGLE.evidence[0].quote, "No passage holds this sentence at all.")
    (run / "start.csv").write_text(lost.replace(HEART.question, "Is the heart wide?"), "utf-8")
    (run / "curation.jsonl").unlink()
    with (run / "config.toml").open("a", encoding="utf-8") as stream:
        stream.write('[discovery]\nbank = "start.csv"\n')
    found = starting_concepts(opened(run), {each.id: each for each in PASSAGES})
    wide = make_concept("Is the heart wide?", (), "")
    assert [each.id for each in found[:3]] == [ANGLE.id, wide.id, CARDIAC.id]
    assert found[1].formerly == (HEART.id,)
    assert [each.origin for each in found] == ["imported", "literature", "literature", "expert"]
    assert "1 of its 1 quotations stand in no passage" in caplog.text
    ConceptBank(tuple(found)).save(run / "discovered.jsonl")
    execute(run, "curate", "prior")
    bank = ConceptBank.load(run / "concepts.jsonl")
    prior = load_prior(run / "prior.csv", classes=["normal", "sick"], bank=bank)
    assert (prior.sign[1, 1], prior.source[1][1]) == (-1.0, "expert")
    with pytest.raises(PipelineError, match=r"stands in .*start\.csv; change it there"):
        call("sign", run, wide.id, "sick", "none")


def test_a_concept_may_be_dropped_although_the_experts_table_names_it(
    run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = f"class,question,sign\nsick,{HEART.question},0.5\nsick,{CARDIAC.question},0.5\n"
    (run / "expert.csv").write_text(table, encoding="utf-8")
    with (run / "config.toml").open("a", encoding="utf-8") as stream:
        stream.write('[prior]\nexpert = "expert.csv"\n')
    call("drop", run, HEART.id)
    execute(run, "curate", "prior")
    assert "1 rows of" in caplog.text
    bank = ConceptBank.load(run / "concepts.jsonl")
    prior = load_prior(run / "prior.csv", classes=["normal", "sick"], bank=bank)
    assert (prior.sign[1, 1], prior.source[1][1]) == (0.5, "expert")
    with pytest.raises(PipelineError, match=r"stands in .*expert\.csv; change it there"):
        call("sign", run, CARDIAC.id, "sick", "none")
    call("export", run, run / "bank.csv")
    text = (run / "bank.csv").read_text("utf-8-sig")
    assert ",0.5,expert 0.5," in text
    (run / "bank.csv").write_text(text.replace(",0.5,expert 0.5,", ",,,"), "utf-8")
    found = said("import", run, run / "bank.csv")
    assert found["entries"] == []
    assert "stands in" in found["notes"][0]


def test_an_untouched_export_reverts_nothing_done_since(run: Path) -> None:
    call("sign", run, HEART.id, "sick", "against")
    call("export", run, run / "bank.csv")
    call("export", run, run / "bank.json")
    call("sign", run, HEART.id, "sick", "abstain")
    call("edit", run, ANGLE.id, "Is an angle blunted?")
    call("drop", run, CARDIAC.id)
    before = said("list", run)
    for name in ("bank.csv", "bank.json"):
        assert said("import", run, run / name) == {"entries": [], "notes": []}
    assert said("list", run) == before


def test_a_released_sign_file_takes_back_no_experts_sign(run: Path) -> None:
    call("sign", run, HEART.id, "sick", "against")
    (run / "signs.json").write_text(json.dumps({"sick": {ANGLE.question: "yes"}}), "utf-8")
    call("import", run, "--signs", run / "signs.json")
    assert [row["signs"][-1]["source"] for row in said("list", run)[:2]] == ["imported", "expert"]
    call("export", run, run / "bank.csv")
    with pytest.raises(PipelineError, match="signs of its own"):
        call("import", run, run / "bank.csv", "--signs", run / "signs.json")


def test_a_concept_whose_quotes_do_not_say_what_it_asks_is_marked(run: Path) -> None:
    quote = "A blunted [costophrenic] angle is seen."
    call("add", run, "Is the aorta blunted?", "--quote", quote)
    assert said("list", run)[-1]["unsupported"] == ["aorta"]
    assert all(row["unsupported"] == [] for row in said("list", run)[:-1])


def test_a_question_like_a_formula_is_guarded_in_the_table_of_signs(run: Path) -> None:
    call("add", run, "=1+1+1?", "--expert")
    call("sign", run, make_concept("=1+1+1?", (), "").id, "sick", "for")
    execute(run, "curate", "prior")
    assert ",'=1+1+1?,1,expert" in (run / "curated_signs.csv").read_text("utf-8")


def test_a_run_of_an_earlier_version_says_what_to_do(run: Path) -> None:
    for name in ("config.toml", "discovered.jsonl"):
        (run / name).unlink()
    for arguments in (("list", run), ("list", run, "--rejected"), ("show", run, HEART.id)):
        with pytest.raises(PipelineError, match=r"made by an earlier version .* run its configuration again"):
            call(*arguments)


def test_changes_of_a_discovery_that_is_gone_wait_for_the_next(run: Path) -> None:
    call("drop", run, HEART.id)
    (run / "discovered.jsonl").unlink()
    with pytest.raises(PipelineError, match=r"no discovered\.jsonl, to which they belong"):
        call("list", run)
