"""An export that comes back after the bank went on: what was edited in it counts, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from knowledge.concepts import Concept, ConceptBank, Evidence, make_concept
from knowledge.curation.changes import Change
from knowledge.curation.concept_changes import Add, Drop, Edit, Merge
from knowledge.curation.files import read_bank
from knowledge.curation.journal import Entry
from knowledge.curation.reconcile import reconcile
from knowledge.curation.replay import replay
from knowledge.curation.sign_change import Sign
from knowledge.curation.signed_bank import SignedBank
from knowledge.curation.spreadsheet import write_csv
from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.priors.table import Override

PASSAGE = Passage(
    "h/a#1",
    "A",
    "A blunted angle is a sign of fluid. The large heart reaches the chest wall.",
    "h",
    "CC0",
    "a",
)
PASSAGES = {PASSAGE.id: PASSAGE}
BLUNT = Evidence(PASSAGE.id, "A blunted angle is a sign of fluid.", 0)
LARGE = Evidence(PASSAGE.id, "The large heart reaches the chest wall.", 36)
ANGLE = make_concept("Is the angle blunted?", (BLUNT,), "fluid")
HEART = make_concept("Is the heart large?", (LARGE,), "fluid")
WALL = make_concept("Is the chest wall seen?", (LARGE,), "fluid")
BANK = ConceptBank((ANGLE, HEART, WALL))
CLASSES = ("normal", "sick")
Replacements = Sequence[tuple[str, str]]


def reworded(before: Concept, question: str) -> Edit:
    after = make_concept(question, before.evidence, before.query)
    return Edit(before, replace(after, formerly=(*before.formerly, before.id)))


def sign(of: Concept, value: float | None, source: str = "expert") -> Sign:
    return Sign(of.id, of.question, "sick", None, value, source)


def state(*changes: Change) -> SignedBank:
    journal = [Entry(n, "", "", "", change) for n, change in enumerate(changes, 1)]
    found = replay(BANK, journal)
    return SignedBank(found.bank, CLASSES, found.signs)


def export(path: Path, bank: SignedBank, replacements: Replacements = ()) -> SignedBank:
    write_csv(path / "bank.csv", bank)
    text = (path / "bank.csv").read_text("utf-8-sig")
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    (path / "bank.csv").write_text(text, "utf-8")
    return read_bank(path / "bank.csv")


THEN = (sign(HEART, 1.0),)
SINCE: tuple[Change, ...] = (
    sign(HEART, -1.0),
    sign(WALL, 0.5),
    sign(HEART, None),
    reworded(ANGLE, "Is an angle blunted?"),
    Edit(ANGLE, replace(ANGLE, evidence=(BLUNT, LARGE))),
    Drop(WALL),
    Add(make_concept("Is there a line?", (), "")),
    Merge((HEART, WALL), replace(HEART, evidence=(LARGE,))),
)


@pytest.mark.parametrize("since", SINCE)
def test_an_untouched_export_reverts_nothing_that_was_done_since(tmp_path: Path, since: Change) -> None:
    then, now = state(*THEN), state(*THEN, since)
    assert now != then
    file = export(tmp_path, then)
    assert reconcile(file, now, PASSAGES, base=then).changes == ()


def test_what_was_edited_in_the_file_is_all_that_changes(tmp_path: Path) -> None:
    then = state(*THEN)
    now = state(*THEN, reworded(HEART, "Is the heart wide?"), sign(WALL, 0.5))
    file = export(tmp_path, then, [(ANGLE.question, "Is an angle blunted?"), (",1,expert 1,", ",,,")])
    found = reconcile(file, now, PASSAGES, base=then).changes
    wide = now.bank.concepts[1]
    assert found == (
        reworded(ANGLE, "Is an angle blunted?"),
        Sign(wide.id, wide.question, "sick", 1.0, None),
    )


@pytest.mark.parametrize(
    ("since", "edit", "message"),
    [
        (sign(HEART, -1.0), (",1,expert 1,", ",0.5,expert 1,"), r"^Line 3 of .* has \+0\.5 .* became -1"),
        (sign(HEART, -1.0), (",1,expert 1,", ",,,"), r"^Line 3 of .* has no sign .* became -1"),
        (
            reworded(HEART, "Is the heart wide?"),
            ("Is the heart large?", "Is the heart big?"),
            r"^Line 3 of .* has become `Is the heart wide\?` since the export",
        ),
        (
            Drop(HEART),
            ("Is the heart large?", "Is the heart big?"),
            r"^Line 3 of .* was dropped from the bank since the export",
        ),
        (Drop(HEART), (",1,expert 1,", ",-1,,"), r"^Line 3 of .* was dropped"),
    ],
)
def test_a_change_on_both_sides_is_an_error_that_names_the_line(
    tmp_path: Path, since: Change, edit: tuple[str, str], message: str
) -> None:
    then, now = state(*THEN), state(*THEN, since)
    file = export(tmp_path, then, [edit])
    with pytest.raises(KnowledgeError, match=message):
        reconcile(file, now, PASSAGES, base=then)


def test_the_same_change_on_both_sides_is_made_once(tmp_path: Path) -> None:
    then, now = state(*THEN), state(*THEN, sign(HEART, -1.0), reworded(ANGLE, "Is an angle blunted?"))
    file = export(tmp_path, then, [(ANGLE.question, "Is an angle blunted?"), (",1,expert 1,", ",-1,,")])
    assert reconcile(file, now, PASSAGES, base=then).changes == ()


def test_dropping_what_the_file_lacks_leaves_what_came_since_and_refuses_what_changed(
    tmp_path: Path,
) -> None:
    then = state()
    write_csv(tmp_path / "bank.csv", then)
    lines = (tmp_path / "bank.csv").read_text("utf-8-sig").splitlines(keepends=True)
    (tmp_path / "bank.csv").write_text("".join(lines[:-1]), "utf-8")
    file = read_bank(tmp_path / "bank.csv")
    now = state(Add(make_concept("Is there a line?", (), "")))
    assert reconcile(file, now, PASSAGES, base=then, drop_missing=True).changes == (Drop(WALL),)
    now = state(reworded(WALL, "Is a wall seen?"))
    with pytest.raises(KnowledgeError, match="lacks `Is the chest wall seen"):
        reconcile(file, now, PASSAGES, base=then, drop_missing=True)


def test_a_bank_of_another_run_with_a_shared_question_adds_and_takes_nothing(tmp_path: Path) -> None:
    foreign = Evidence("x/z#3", "In them the heart is large and wide.", 4)
    theirs = SignedBank(
        ConceptBank((replace(HEART, evidence=(foreign,)),)),
        CLASSES,
        (Override("sick", HEART.id, 1.0, "corpus"),),
    )
    now = state(*THEN)
    found = reconcile(export(tmp_path, theirs), now, PASSAGES)
    assert found.changes == ()
    (note,) = found.notes
    assert note.startswith(f"Line 2 of {tmp_path}/bank.csv quotes x/z#3, which this literature does not")


def test_a_file_that_is_silent_on_a_cell_takes_back_no_sign() -> None:
    imported = Override("sick", ANGLE.id, 1.0, "imported")
    released = SignedBank(BANK, ("sick",), (imported,), complete=False, quoted=False)
    found = reconcile(released, state(*THEN), PASSAGES, base=state(*THEN)).changes
    assert found == (Sign(ANGLE.id, ANGLE.question, "sick", None, 1.0, "imported"),)


def test_a_sign_for_a_class_that_the_run_lacks_is_refused_by_line(tmp_path: Path) -> None:
    (tmp_path / "bank.csv").write_text(f"question,sign: flu\n{HEART.question},1\n", "utf-8")
    with pytest.raises(KnowledgeError, match=r"^Line 2 of .* class `flu`.* its classes are normal, sick"):
        reconcile(read_bank(tmp_path / "bank.csv"), state(), PASSAGES)
    (tmp_path / "bank.json").write_text(
        '{"concepts": [{"question": "Is it?", "signs": [{"class": "flu", "sign": 1}]}]}', "utf-8"
    )
    with pytest.raises(KnowledgeError, match=r"^Concept 1 of .* class `flu`"):
        reconcile(read_bank(tmp_path / "bank.json"), state(), PASSAGES)


def test_signs_of_a_file_without_a_list_of_classes_count(tmp_path: Path) -> None:
    (tmp_path / "bank.json").write_text(
        f'{{"concepts": [{{"question": "{HEART.question}", "signs": [{{"class": "sick", "sign": -1}}]}}]}}',
        "utf-8",
    )
    assert reconcile(read_bank(tmp_path / "bank.json"), state(), PASSAGES).changes == (sign(HEART, -1.0),)


@pytest.mark.parametrize("quote", ["art", "large heart", "angle is a sign of fluid. The large"])
def test_a_new_quote_of_a_file_must_be_able_to_be_a_source(tmp_path: Path, quote: str) -> None:
    (tmp_path / "bank.csv").write_text(f"question,quote 1\nIs the chest wall thick?,{quote}\n", "utf-8")
    with pytest.raises(KnowledgeError, match=r"^Line 2 of .*bank\.csv: The quote"):
        reconcile(read_bank(tmp_path / "bank.csv"), state(), PASSAGES)
