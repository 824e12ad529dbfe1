"""What people change in a bank: applied to whatever discovery finds, undone, and never lost."""

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.concepts import Concept, ConceptBank, Evidence, make_concept
from knowledge.curation.changes import Change, Undo
from knowledge.curation.concept_changes import Add, Drop, Edit, Merge
from knowledge.curation.journal import Entry, active, append, read_journal
from knowledge.curation.lookup import by_prefix, find_quote, find_source, short_ids
from knowledge.curation.replay import anchored, replay, restore, undo
from knowledge.curation.sign_change import Sign
from knowledge.errors import KnowledgeError
from knowledge.passages import Passage

PASSAGE = Passage("h/a.md#1", "A", "A blunted angle is a sign.\nThe heart is large.", "h", "CC0", "a.md")
OTHER = Passage("h/b.md#1", "B", "An enlarged heart is seen.", "h", "CC0", "b.md")
PASSAGES = {each.id: each for each in (PASSAGE, OTHER)}
BLUNT = Evidence("h/a.md#1", "A blunted angle is a sign.", 0)
LARGE = Evidence("h/a.md#1", "The heart is large.", 27)
ENLARGED = Evidence("h/b.md#1", "An enlarged heart is seen.", 0)


def concept(question: str, *evidence: Evidence) -> Concept:
    return make_concept(question, evidence, "effusion")


ANGLE = concept("Is the angle blunted?", BLUNT)
HEART = concept("Is the heart large?", LARGE)
CARDIAC = concept("Is the heart enlarged?", ENLARGED)
BANK = ConceptBank((ANGLE, HEART, CARDIAC))


def reworded(before: Concept, question: str) -> Edit:
    after = make_concept(question, before.evidence, before.query)
    return Edit(before, replace(after, formerly=(*before.formerly, before.id)))


def merged(*members: Concept) -> Merge:
    evidence = tuple(each for member in members for each in member.evidence)
    return Merge(members, replace(members[0], evidence=evidence))


def sign(of: Concept, value: float | None, *, source: str = "expert", name: str = "sick") -> Sign:
    return Sign(of.id, of.question, name, None, value, source)


def entries(*changes: Change) -> tuple[Entry, ...]:
    return tuple(Entry(n, "2026-01-01T00:00:00+00:00", "Ada", "", each) for n, each in enumerate(changes, 1))


def write(path: Path, *changes: Change, seen: int = 0) -> tuple[Entry, ...]:
    return append(path, changes, who="Ada", reason="", seen=seen)


EDIT = reworded(ANGLE, "Is the costophrenic angle blunted?")


def test_without_a_journal_the_bank_is_as_discovered(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "curation.jsonl") == ()
    assert replay(BANK, ()).bank == BANK


def test_a_reworded_concept_keeps_its_place_and_names_the_old_id() -> None:
    bank = replay(BANK, entries(EDIT)).bank
    assert bank.ids == (EDIT.after.id, HEART.id, CARDIAC.id)
    assert bank.concepts[0].formerly == (ANGLE.id,)
    assert bank.concepts[0].evidence == (BLUNT,)


def test_a_merged_concept_keeps_the_quotations_the_ids_and_the_signs_of_all() -> None:
    found = replay(BANK, entries(sign(CARDIAC, 1.0), merged(HEART, CARDIAC)))
    assert found.bank.ids == (ANGLE.id, HEART.id)
    assert found.bank[HEART.id].evidence == (LARGE, ENLARGED)
    assert found.bank[HEART.id].formerly == (CARDIAC.id,)
    assert [(each.concept_id, each.sign) for each in found.signs] == [(HEART.id, 1.0)]


def test_of_two_signs_merged_that_of_the_first_concept_stays_and_the_other_is_noted() -> None:
    found = replay(BANK, entries(sign(HEART, 1.0), sign(CARDIAC, -1.0), merged(HEART, CARDIAC)))
    assert [each.sign for each in found.signs] == [1.0]
    assert [note.text for note in found.notes] == [f"{CARDIAC.id} had -1 for sick; +1 is kept."]


def test_in_a_merge_an_experts_sign_wins_over_an_imported_one() -> None:
    for first, second in ((HEART, CARDIAC), (CARDIAC, HEART)):
        signs = sign(first, 1.0, source="imported"), sign(second, -1.0)
        found = replay(BANK, entries(*signs, merged(first, second)))
        assert [(each.concept_id, each.sign, each.source) for each in found.signs] == [
            (first.id, -1.0, "expert")
        ]
        assert [note.text for note in found.notes] == [f"{first.id} had +1 for sick; -1 is kept."]


def test_a_dropped_concept_that_returns_has_its_experts_sign() -> None:
    assert replay(BANK, entries(sign(HEART, 1.0), Drop(HEART))).signs == ()
    found = replay(BANK, entries(sign(HEART, 1.0), Drop(HEART), Add(HEART)))
    assert [(each.concept_id, each.sign) for each in found.signs] == [(HEART.id, 1.0)]
    taken = reworded(ANGLE, HEART.question)
    both = replay(BANK, entries(sign(HEART, 1.0), sign(ANGLE, -1.0), Drop(HEART), taken))
    assert [(each.concept_id, each.sign) for each in both.signs] == [(HEART.id, -1.0)]


def test_an_experts_sign_is_not_replaced_by_an_imported_one() -> None:
    first = entries(sign(HEART, 1.0), sign(HEART, -1.0, source="imported"))
    assert [(each.sign, each.source) for each in replay(BANK, first).signs] == [(1.0, "expert")]
    back = entries(sign(HEART, -1.0, source="imported"), sign(HEART, 1.0))
    assert [(each.sign, each.source) for each in replay(BANK, back).signs] == [(1.0, "expert")]
    assert replay(BANK, entries(sign(HEART, 1.0), sign(HEART, None))).signs == ()


def test_changes_of_concepts_that_discovery_no_longer_finds_are_kept_and_noted() -> None:
    without = ConceptBank((HEART,))
    journal = entries(EDIT, sign(EDIT.after, -1.0), merged(HEART, CARDIAC), Drop(concept("Is it gone?")))
    found = replay(without, journal)
    assert set(found.bank.ids) == {HEART.id, EDIT.after.id}
    assert found.bank[EDIT.after.id].evidence == (BLUNT,)
    assert found.bank[HEART.id].evidence == (LARGE, ENLARGED)
    assert [each.concept_id for each in found.signs] == [EDIT.after.id]
    assert [(note.number, note.missing) for note in found.notes] == [(1, True), (3, True), (4, True)]


def test_a_sign_waits_for_its_concept() -> None:
    journal = entries(sign(HEART, 1.0))
    gone = replay(ConceptBank((ANGLE,)), journal)
    assert gone.signs == ()
    assert gone.notes[0].missing
    assert len(replay(BANK, journal).signs) == 1


def test_quotations_found_by_a_later_discovery_join_those_of_the_journal() -> None:
    again = ConceptBank((replace(ANGLE, evidence=(BLUNT, LARGE)), HEART, CARDIAC))
    assert replay(again, entries(EDIT)).bank.concepts[0].evidence == (BLUNT, LARGE)
    one_less = Edit(ANGLE, replace(ANGLE, evidence=()))
    assert replay(again, entries(one_less)).bank.concepts[0].evidence == (LARGE,)


def test_a_wording_that_discovery_later_finds_itself_is_one_concept() -> None:
    again = ConceptBank((*BANK, concept(EDIT.after.question, ENLARGED)))
    found = replay(again, entries(EDIT)).bank
    assert found.ids == (EDIT.after.id, HEART.id, CARDIAC.id)
    assert found.concepts[0].evidence == (BLUNT, ENLARGED)
    added = Add(concept("Is the heart large?", ENLARGED))
    assert replay(BANK, entries(added)).bank[HEART.id].evidence == (LARGE, ENLARGED)


def test_a_dropped_concept_stays_out_when_discovery_finds_it_again() -> None:
    assert replay(BANK, entries(Drop(HEART))).bank.ids == (ANGLE.id, CARDIAC.id)


def test_an_undo_can_itself_be_undone() -> None:
    journal = entries(Drop(HEART), Undo((1,)), Undo((2,)))
    assert active(journal[:2]) == {2}
    assert active(journal) == {1, 3}
    assert HEART.id not in replay(BANK, journal).bank.ids


def test_an_entry_that_a_later_one_builds_on_is_not_undone_alone() -> None:
    journal = entries(EDIT, sign(EDIT.after, 1.0))
    with pytest.raises(KnowledgeError, match="Entry 2 builds on entry 1"):
        undo(BANK, journal, 1)
    assert undo(BANK, journal, 2) == Undo((2,))
    with pytest.raises(KnowledgeError, match="Entry 3 is not in the journal"):
        undo(BANK, journal, 3)
    with pytest.raises(KnowledgeError, match="undone already"):
        undo(BANK, entries(Drop(HEART), Undo((1,))), 1)
    with pytest.raises(KnowledgeError, match="from 0 to 1"):
        restore(journal, 2)
    with pytest.raises(KnowledgeError, match="as discovered"):
        restore((), 0)


def changes_of(steps: Sequence[tuple[int, int]]) -> list[Change]:
    """Changes made one after the other, each on the bank as it then is."""
    made: list[Change] = []
    for kind, place in steps:
        bank = replay(BANK, entries(*made)).bank
        there = bank.concepts[place % len(bank)]
        other = bank.concepts[(place + 1) % len(bank)]
        choices: list[Change] = [
            reworded(there, f"Is it number {len(made)}?"),
            Add(concept(f"Is number {len(made)} added?")),
            sign(there, 1.0),
            merged(there, other) if len(bank) > 2 else sign(there, -1.0),
            Drop(there) if len(bank) > 2 else sign(there, 0.0),
            Undo((1 + place % len(made),)) if made else sign(there, 0.5),
        ]
        made.append(choices[kind % len(choices)])
    return made


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), min_size=1, max_size=9), st.data())
def test_restoring_gives_the_very_bank_of_that_day(steps: list[tuple[int, int]], data: st.DataObject) -> None:
    journal = entries(*changes_of(steps))
    number = data.draw(st.integers(0, len(journal) - 1))
    then = replay(BANK, journal[:number])
    now = replay(BANK, entries(*(each.change for each in journal), restore(journal, number)))
    assert (now.bank, now.signs) == (then.bank, then.signs)


def test_a_journal_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "curation.jsonl"
    changes: list[Change] = [EDIT, merged(HEART, CARDIAC), Drop(CARDIAC), Add(ANGLE), sign(HEART, -0.5)]
    odd = Add(concept("Is “größer”\u2028 \\ seen?", Evidence("p", 'a "b"\n', 3)))
    append(path, [*changes, odd, sign(HEART, None)], who="Ada Ü.", reason="why\nnot", seen=0)
    write(path, Undo((1, 2)), seen=7)
    found = read_journal(path)
    assert [entry.change for entry in found] == [*changes, odd, sign(HEART, None), Undo((1, 2))]
    assert [entry.number for entry in found] == list(range(1, 9))
    assert (found[0].who, found[0].reason) == ("Ada Ü.", "why\nnot")
    assert found[0].when.endswith("+00:00")


def test_a_journal_changed_by_hand_is_refused_by_line(tmp_path: Path) -> None:
    path = tmp_path / "curation.jsonl"
    write(path, EDIT, Drop(HEART), sign(CARDIAC, 1.0))
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([lines[0], lines[2]]) + "\n", "utf-8")
    with pytest.raises(KnowledgeError, match=r"Line 2 .* does not follow"):
        read_journal(path)
    path.write_text("\n".join([lines[0].replace("Ada", "Eve"), *lines[1:]]) + "\n", "utf-8")
    with pytest.raises(KnowledgeError, match=r"Line 1 .* is not as it was written"):
        read_journal(path)
    for wrong in ("{", "[]", "{}", json.dumps(json.loads(lines[1]) | {"change": "sell"})):
        path.write_text(lines[0] + "\n" + wrong + "\n", "utf-8")
        with pytest.raises(KnowledgeError, match=r"Line 2 of .* is no entry"):
            read_journal(path)


def test_the_last_line_cannot_be_altered_unnoticed(tmp_path: Path) -> None:
    path = tmp_path / "curation.jsonl"
    write(path, EDIT, sign(CARDIAC, 1.0))
    first, last = path.read_text("utf-8").splitlines()
    bare = {key: value for key, value in json.loads(last).items() if key != "digest"}
    for altered in (last.replace("Ada", "Eve"), last.replace("1.0", "-1.0"), json.dumps(bare)):
        assert altered != last
        path.write_text(f"{first}\n{altered}\n", "utf-8")
        with pytest.raises(KnowledgeError, match=r"Line 2 of .* is not as it was written"):
            read_journal(path)


def test_a_journal_from_before_entries_had_digests_is_read_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "curation.jsonl"
    write(path, EDIT)
    row = json.loads(path.read_text("utf-8"))
    del row["digest"]
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", "utf-8")
    write(path, Drop(HEART), seen=1)
    assert [entry.change for entry in read_journal(path)] == [EDIT, Drop(HEART)]


@pytest.mark.parametrize(
    ("field", "value"),
    [("after", float("nan")), ("after", 5), ("before", -2), ("source", "me"), ("after", float("inf"))],
)
def test_a_sign_out_of_range_is_no_entry(tmp_path: Path, field: str, value: object) -> None:
    path = tmp_path / "curation.jsonl"
    write(path, sign(HEART, 1.0))
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {field: value}) + "\n", "utf-8")
    with pytest.raises(KnowledgeError, match=r"Line 1 of .* is no entry"):
        read_journal(path)


def test_damaged_journals_are_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "curation.jsonl"
    for content in (b"\xff\n", b"[" * 100_000, b'{"change": "undo", "numbers": [1e999]}', b'"\\ud800"', b"5"):
        path.write_bytes(content)
        with pytest.raises(KnowledgeError, match="curation"):
            read_journal(path)
    path.unlink()
    with pytest.raises(KnowledgeError, match=r"holds '\\udcff', which is no character"):
        append(path, [sign(HEART, 1.0)], who="Ada\udcff", reason="", seen=0)
    assert not path.exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(KnowledgeError, match="cannot be written"):
        write(tmp_path / "file" / "curation.jsonl", EDIT)


def test_of_two_people_at_once_the_second_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "curation.jsonl"
    refused: list[str] = []

    def change(name: str) -> None:
        done = False
        while not done:
            try:
                append(path, [sign(HEART, 1.0)], who=name, reason="", seen=len(read_journal(path)))
                done = True
            except KnowledgeError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=change, args=(f"p{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entry.who for entry in read_journal(path)) == [f"p{n}" for n in range(8)]
    with pytest.raises(KnowledgeError, match="has grown from 0 to 8 entries meanwhile"):
        write(path, EDIT)


def test_quotes_are_moved_to_where_they_stand_and_left_out_where_they_stand_nowhere() -> None:
    moved, lost = Evidence("h/b.md#9", "The heart is large.", 3), Evidence("h/a.md#1", "Not there.", 0)
    curated = replay(ConceptBank((concept("Is it large?", moved, lost), ANGLE)), ())
    found = anchored(curated, PASSAGES)
    assert found.bank.concepts[0].evidence == (LARGE,)
    assert found.bank.concepts[1] is curated.bank.concepts[1]
    assert [note.text for note in found.notes] == ["1 of its 2 quotations stand in no passage any more."]


def test_a_quote_is_found_whatever_white_space_parts_its_words() -> None:
    found = find_quote(" is a   sign. The\theart ", PASSAGES)
    assert found == Evidence("h/a.md#1", "is a sign.\nThe heart", 16)
    assert PASSAGE.text[found.start :].startswith(found.quote)
    assert find_quote("heart is", PASSAGES, passage_id="h/b.md#1").passage_id == "h/b.md#1"
    for quote, message in (("heart was", "does not stand in any"), (" ", "is empty")):
        with pytest.raises(KnowledgeError, match=message):
            find_quote(quote, PASSAGES)
    with pytest.raises(KnowledgeError, match="no passage x"):
        find_quote("heart", PASSAGES, passage_id="x")
    with pytest.raises(KnowledgeError, match=r"does not stand in h/b\.md#1"):
        find_quote("blunted", PASSAGES, passage_id="h/b.md#1")


def test_a_quote_begins_and_ends_with_whole_words_and_passages_are_read_until_it_is_found() -> None:
    with pytest.raises(KnowledgeError, match="does not stand in any of the 2 passages"):
        find_quote("art is lar", PASSAGES)
    assert find_quote("(large)", {"p": Passage("p", "", "so(large)so", "h", "CC0", "p")}).start == 2

    class Counted(dict[str, Passage]):
        read = 0

        def values(self) -> Any:
            for each in super().values():
                self.read += 1
                yield each

    passages = Counted(PASSAGES)
    find_quote("The heart is large", passages)
    assert passages.read == 1


@pytest.mark.parametrize(
    ("quote", "message"),
    [
        ("heart is large", r"has 14 characters of at least 30"),
        ("A blunted angle is a sign. The", "has no content word of `Is the heart enlarged"),
    ],
)
def test_words_that_could_be_no_source_are_refused(quote: str, message: str) -> None:
    with pytest.raises(KnowledgeError, match=message):
        find_source(quote, CARDIAC.question, PASSAGES)


def test_a_concept_is_found_by_id_prefix_hash_question_and_former_id() -> None:
    bank = replay(BANK, entries(EDIT)).bank
    short = short_ids(bank)
    assert by_prefix(bank, short[HEART.id]) == HEART
    assert by_prefix(bank, HEART.question) == HEART
    assert by_prefix(bank, "is-the-costo") == bank.concepts[0]
    assert by_prefix(bank, ANGLE.id) == bank.concepts[0]
    assert by_prefix(bank, ANGLE.id[-8:]) == bank.concepts[0]
    with pytest.raises(KnowledgeError, match="2 concepts have ids that begin with `is-the-heart`"):
        by_prefix(bank, "is-the-heart")
    with pytest.raises(KnowledgeError, match="No concept of the bank begins with `x`"):
        by_prefix(bank, "x")
    with pytest.raises(KnowledgeError, match="The id is empty"):
        by_prefix(ConceptBank((HEART,)), "")
