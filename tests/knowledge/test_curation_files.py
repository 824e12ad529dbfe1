"""A bank as spreadsheet and as JSON: nothing is lost, and only what a person changed comes back."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from knowledge.concepts import Concept, ConceptBank, Evidence, make_concept
from knowledge.curation.cells import read_number
from knowledge.curation.comparison import compare
from knowledge.curation.concept_changes import Add, Drop, Edit
from knowledge.curation.files import read_bank
from knowledge.curation.journal import Entry
from knowledge.curation.json_bank import read_json, write_json
from knowledge.curation.reconcile import reconcile
from knowledge.curation.replay import replay
from knowledge.curation.sign_change import Sign
from knowledge.curation.signed_bank import AsOf, SignedBank
from knowledge.curation.spreadsheet import read_csv, write_csv
from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.priors.table import Override
from knowledge.spreadsheet_cells import guarded, unguarded

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(str.strip)
NASTY = st.sampled_from(
    [
        "=1+1",
        "+1",
        "-x",
        "@SUM(A1)",
        "'=a",
        "''=b",
        "a,b;c\td",
        'say "no"',
        "one\ntwo\r\nthree",
        "\u2028ü\x00",
        "'",
    ]
)
ID = st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1, max_size=12)
TOKEN = ID.filter(lambda text: not text.isspace() and text == text.strip() and text.split() == [text])
QUOTE = st.builds(Evidence, TOKEN, TEXT | NASTY, st.integers(0, 10**6))
CONCEPT = st.builds(
    Concept,
    TOKEN,
    TEXT | NASTY,
    st.lists(QUOTE, max_size=3, unique=True).map(tuple),
    st.just("") | TEXT | NASTY,
    st.sampled_from(["literature", "expert", "imported"]),
    st.lists(TOKEN, max_size=2, unique=True).map(tuple),
)
CLASSES = ("normal", "Größe, 2", "sick")
SIGNS = st.sampled_from([-1.0, 0.0, 1.0, 0.5]) | st.floats(-1, 1, allow_nan=False)


@st.composite
def signed_banks(draw: st.DrawFn) -> SignedBank:
    concepts = draw(st.lists(CONCEPT, max_size=4, unique_by=lambda each: each.id))
    classes = draw(st.lists(st.sampled_from(CLASSES), unique=True).map(tuple))
    signs = [
        Override(name, each.id, draw(SIGNS), draw(st.sampled_from(["corpus", "expert", "imported"])))
        for each in concepts
        for name in classes
        if draw(st.booleans())
    ]
    stamp = AsOf(draw(st.integers(0, 99)), draw(st.sampled_from(["-", "0a1b"])), "ff")
    as_of = draw(st.sampled_from([None, stamp])) if concepts else None  # a table without rows has no cell
    return SignedBank(ConceptBank(tuple(concepts)), classes, tuple(signs), as_of)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(signed_banks())
def test_nothing_is_lost_on_the_way_through_either_kind_of_file(tmp_path: Path, signed: SignedBank) -> None:
    write_json(tmp_path / "bank.json", signed)
    assert read_json(tmp_path / "bank.json") == signed
    remarks = {each.id: {"notice": "=1", "AUROC": "0.9"} for each in signed.bank}
    write_csv(tmp_path / "bank.csv", signed, remarks=remarks)
    assert read_csv(tmp_path / "bank.csv") == signed


@given(st.text() | NASTY)
@example("'")
def test_a_guarded_text_is_no_formula_and_comes_back(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_numbers_are_read_as_spreadsheets_write_them() -> None:
    assert [read_number(cell) for cell in ("1", " -0,5 ", "−1", "+1", "'-1", "1.0", "")] == [
        1,
        -0.5,
        -1,
        1,
        -1,
        1,
        None,
    ]


PASSAGE = Passage(
    "h/a.md#1", "A", "A blunted angle is a sign. The heart is large in most of them.", "h", "CC0", "a.md"
)
PASSAGES = {PASSAGE.id: PASSAGE}
BLUNT = Evidence("h/a.md#1", "A blunted angle is a sign.", 0)
LARGE = Evidence("h/a.md#1", "The heart is large in most of them.", 27)
ANGLE = make_concept("Is the angle blunted?", (BLUNT,), "effusion")
HEART = make_concept("Is the heart large?", (LARGE,), "effusion")
BANK = SignedBank(
    ConceptBank((ANGLE, HEART)),
    ("normal", "sick"),
    (
        Override("normal", ANGLE.id, -1.0, "corpus"),
        Override("sick", ANGLE.id, 1.0, "expert"),
        Override("sick", HEART.id, 1.0, "corpus"),
    ),
)


def edited(tmp_path: Path, *replacements: tuple[str, str]) -> SignedBank:
    path = tmp_path / "bank.csv"
    write_csv(path, BANK)
    text = path.read_text("utf-8-sig")
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, "utf-8")
    return read_csv(path)


def cells(tmp_path: Path) -> list[list[str]]:
    write_csv(tmp_path / "bank.csv", BANK)
    return list(csv.reader(io.StringIO((tmp_path / "bank.csv").read_text("utf-8-sig"))))


def test_an_export_brought_back_unchanged_changes_nothing(tmp_path: Path) -> None:
    found = reconcile(edited(tmp_path), BANK, PASSAGES, drop_missing=True)
    assert (found.changes, found.notes) == ((), ())


def test_only_what_was_edited_becomes_a_change(tmp_path: Path) -> None:
    file = edited(
        tmp_path, ("Is the angle blunted?", "Is an angle blunted?"), (",1,corpus 1,", ",-1,corpus 1,")
    )
    found = reconcile(file, BANK, PASSAGES)
    journal = [Entry(n, "", "", "", change) for n, change in enumerate(found.changes, 1)]
    after = replace(make_concept("Is an angle blunted?", (BLUNT,), "effusion"), formerly=(ANGLE.id,))
    assert found.changes == (Edit(ANGLE, after), Sign(HEART.id, HEART.question, "sick", None, -1.0))
    assert replay(BANK.bank, journal).bank.concepts == (after, HEART)


def test_an_experts_sign_taken_out_of_its_cell_is_taken_back_and_a_models_is_not(tmp_path: Path) -> None:
    file = edited(tmp_path, (",1,expert 1,", ",,expert 1,"), (",1,corpus 1,", ",,corpus 1,"))
    found = reconcile(file, BANK, PASSAGES, base=BANK).changes
    assert found == (Sign(ANGLE.id, ANGLE.question, "sick", 1.0, None),)
    assert reconcile(file, BANK, PASSAGES).changes == (), "a file from elsewhere is silent on the cell"


def test_a_model_that_changed_its_mind_since_the_export_is_not_overruled(tmp_path: Path) -> None:
    now = replace(BANK, signs=(Override("normal", ANGLE.id, 1.0, "corpus"), *BANK.signs[1:]))
    assert reconcile(edited(tmp_path), now, PASSAGES).changes == ()


def test_rows_taken_out_are_dropped_only_when_asked(tmp_path: Path) -> None:
    rows = cells(tmp_path)
    with (tmp_path / "few.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream, delimiter=";").writerows(rows[:2])
    file = read_csv(tmp_path / "few.csv")
    assert reconcile(file, BANK, PASSAGES).changes == ()
    assert reconcile(file, BANK, PASSAGES, drop_missing=True).changes == (Drop(HEART),)


def test_a_new_row_needs_a_question_and_its_quote_is_looked_up(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("question,quote 1,sign: sick\nIs it large?,heart is large in most of them,1\n", "utf-8")
    quote = Evidence(PASSAGE.id, "heart is large in most of them", 31)
    made = make_concept("Is it large?", (quote,), "", origin="expert")
    assert reconcile(read_csv(path), BANK, PASSAGES).changes == (
        Add(made),
        Sign(made.id, made.question, "sick", None, 1.0),
    )
    path.write_text("question,quote 1\nIs it large?,heart was large\n", "utf-8")
    with pytest.raises(KnowledgeError, match=r"^Line 2 of .*new\.csv: The quote beginning `heart was large`"):
        reconcile(read_csv(path), BANK, PASSAGES)


def test_a_table_without_columns_of_quotes_takes_none_away(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text(f"id,question\n{ANGLE.id},Is the angle blunt?\n", "utf-8")
    (change,) = reconcile(read_csv(path), BANK, PASSAGES).changes
    assert isinstance(change, Edit)
    assert change.after.evidence == (BLUNT,)


def test_quotes_of_another_literature_are_left_out_and_said_to_be(tmp_path: Path) -> None:
    foreign = make_concept("Is there a line?", (Evidence("x/z#3", "A line is seen.", 4),), "line")
    write_json(tmp_path / "other.json", SignedBank(ConceptBank((foreign,))))
    found = reconcile(read_json(tmp_path / "other.json"), BANK, PASSAGES)
    assert found.changes == (Add(replace(foreign, evidence=())),)
    assert "x/z#3" in found.notes[0]


def test_two_rows_may_not_ask_the_same(tmp_path: Path) -> None:
    with pytest.raises(
        KnowledgeError, match=r"^Line 2 of .* asks `Is the heart large\?`, and so does the bank"
    ):
        reconcile(edited(tmp_path, ("Is the angle blunted?", "Is the heart large?")), BANK, PASSAGES)
    both = ("Is the angle blunted?", "Is it so?"), ("Is the heart large?", "Is it so?")
    with pytest.raises(KnowledgeError, match=r"^Line 3 of .* so does line 2 of"):
        reconcile(edited(tmp_path, *both), BANK, PASSAGES)


def test_an_export_from_before_a_concept_was_reworded_does_not_bring_the_old_wording_back(
    tmp_path: Path,
) -> None:
    after = replace(make_concept("Is an angle blunted?", (BLUNT,), "effusion"), formerly=(ANGLE.id,))
    now = SignedBank(ConceptBank((after, HEART)), BANK.classes, ())
    old = replace(edited(tmp_path), classes=())
    assert reconcile(old, now, PASSAGES).changes == ()
    other = replace(edited(tmp_path, ("Is the angle blunted?", "Is the angle dull?")), classes=())
    with pytest.raises(
        KnowledgeError, match=r"^Line 2 of .* has become `Is an angle blunted\?` since the export"
    ):
        reconcile(other, now, PASSAGES)


def test_an_export_from_before_a_merge_changes_nothing(tmp_path: Path) -> None:
    merged = replace(HEART, evidence=(LARGE, BLUNT), formerly=(ANGLE.id,))
    now = SignedBank(ConceptBank((merged,)), BANK.classes, ())
    assert reconcile(replace(edited(tmp_path), classes=()), now, PASSAGES, drop_missing=True).changes == ()


def test_a_quote_taken_out_of_its_cell_is_taken_from_the_concept(tmp_path: Path) -> None:
    both = replace(ANGLE, evidence=(BLUNT, LARGE))
    now = SignedBank(ConceptBank((both, HEART)))
    write_csv(tmp_path / "bank.csv", now)
    text = (tmp_path / "bank.csv").read_text("utf-8-sig").replace(LARGE.quote, "", 1)
    (tmp_path / "bank.csv").write_text(text, "utf-8")
    (change,) = reconcile(read_csv(tmp_path / "bank.csv"), now, PASSAGES, base=now).changes
    assert change == Edit(both, ANGLE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,question\na,\n", r"Line 2 of .* has no question"),
        ("id,question\na,Is it?\na,Is it so?\n", r"Line 3 of .* repeats the concept a of line 2"),
        ('id,question\na,"Is\nit?"\nb,Is?,x,y\n', r"Line 4 of .* has 4 cells and the header 2"),
        ("question,sign: sick\nIs it?,2\n", r"Line 2 of .* has the sign 2 for sick"),
        ("question,sign: sick\nIs it?,yes\n", r"Line 2 of .* has `yes` under `sign: sick`"),
        ("question,sign: sick\nIs it?,nan\n", r"Line 2 of .* has `nan` under `sign: sick`"),
        ("question,quote 1,start 1\nIs it?,a,0.5\n", r"Line 2 of .* has 0.5 under `start 1`"),
        ("question,origin\nIs it?,me\n", r"Line 2 of .* has the origin `me`"),
        ("question,as of\nIs it?,today\n", r"Line 2 of .* has `today` under `as of`"),
        ("question,as of\nIs it?,entry 1 a b\nIs?,entry 2 a b\n", r"Line 3 of .* is of another export"),
        ("question,sign: sick,sign: sick\nIs it?,1,-1\n", r"Line 1 of .* the column `sign: sick` twice"),
        ("frage\nIst es?\n", "has no column `question`"),
        ('question\n"Is it?\n', "is not CSV"),
        ("", "has no column `question`"),
    ],
)
def test_a_wrong_table_is_told_by_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "bank.csv").write_text(content, "utf-8")
    with pytest.raises(KnowledgeError, match=message):
        read_csv(tmp_path / "bank.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "has no list `concepts`"),
        ('{"concepts": [{"question": " "}]}', "Concept 1 of .* the question is empty"),
        ('{"concepts": [{"id": "a"}]}', "Concept 1 of .*KeyError: 'question'"),
        ('{"concepts": [3]}', "Concept 1 of"),
        ('{"concepts": [{"question": "Is it?", "signs": [{"class": "a", "sign": 3}]}]}', "the sign 3"),
        ('{"concepts": [{"question": "Is it?", "origin": "me"}]}', "the origin 'me'"),
        ('{"concepts": [], "classes": 5}', "under `classes` no list"),
        ('{"concepts": [], "classes": null}', "under `classes` no list"),
        ('{"concepts": [], "as_of": 5}', "changed under `as_of`"),
        ('{"concepts": [{"question": "\\ud800?", "id": "a"}]}', "is not JSON"),
        ('{"concepts": ' + "[" * 100_000, "is not JSON"),
        (
            '{"concepts": [{"question":"?", "evidence":[{"passage_id":"", "quote":"", "start":1e999}]}]}',
            "Concept 1 of .*OverflowError",
        ),
        (
            '{"concepts": [{"question": "Is it?"}, {"question": "Is it?"}]}',
            "Concept 2 of .* repeats concept 1",
        ),
        (
            '{"concepts": [{"question":"?", "signs":[{"class":"", "sign":1}, {"class":"", "sign":1}]}]}',
            "two signs for one class",
        ),
    ],
)
def test_wrong_json_is_told_by_place(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "bank.json").write_text(content, "utf-8")
    with pytest.raises(KnowledgeError, match=message):
        read_json(tmp_path / "bank.json")


def test_files_that_hold_no_bank_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"ends in `\.xlsx`"):
        read_bank(tmp_path / "bank.xlsx")
    for name in ("bank.csv", "bank.json", "bank.txt"):
        with pytest.raises(KnowledgeError, match="cannot be read"):
            read_bank(tmp_path / name)
    (tmp_path / "bank.csv").write_bytes("question\nGrößer?\n".encode("latin-1"))
    with pytest.raises(KnowledgeError, match=r"not UTF-8 .* save it as `CSV UTF-8`"):
        read_bank(tmp_path / "bank.csv")


def test_a_comparison_follows_concepts_through_rewording_and_merging() -> None:
    new = make_concept("Is there a line?", (), "")
    merged = replace(make_concept("Is an angle blunted?", (BLUNT, LARGE), ""), formerly=(ANGLE.id, HEART.id))
    later = SignedBank(ConceptBank((merged, new)), ("sick",), (Override("sick", merged.id, -1.0, "expert"),))
    found = compare(BANK, later)
    assert found.added == (new,)
    assert found.removed == ()
    assert [(each.old.id, each.new.id) for each in found.reworded] == [
        (ANGLE.id, merged.id),
        (HEART.id, merged.id),
    ]
    assert found.requoted == ()
    assert [(each.old, each.new, each.old_by, each.new_by) for each in found.signs] == [
        (1.0, -1.0, "expert", "expert")
    ]
    back = compare(later, BANK)
    assert back.removed == (new,)
    assert (back.reworded[0].old.id, back.reworded[0].new.id) == (merged.id, ANGLE.id)
    assert compare(BANK, BANK).same
    assert not found.same
