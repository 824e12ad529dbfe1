import json
import os
import random
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge import passage_file
from knowledge.errors import KnowledgeError
from knowledge.passage_file import PassageFile
from knowledge.passages import Passage, read_passages, write_passages


def _passages(count: int, text: str = "A sentence of a passage.") -> list[Passage]:
    return [
        Passage(f"book/ch{number % 7}.md#{number}", "Röntgen", f"{number}. {text}", "book", "CC BY", "p")
        for number in range(count)
    ]


def _written(path: Path, passages: list[Passage]) -> Path:
    write_passages(path / "passages.jsonl", passages)
    return path / "passages.jsonl"


def test_it_is_the_mapping_that_a_dict_of_the_same_passages_is(tmp_path: Path) -> None:
    passages = [replace(each, retracted=each.id.endswith("3"), year=1999) for each in _passages(300)]
    expected = {passage.id: passage for passage in passages}
    found = PassageFile(_written(tmp_path, passages))
    assert dict(found) == expected == dict(found.items())
    assert list(found) == list(expected)
    assert list(found.values()) == passages == read_passages(found.path)
    assert (len(found), bool(found)) == (300, True)
    assert "book/ch0.md#0" in found
    assert "book/ch0.md#1" not in found
    assert found.get("absent") is None
    with pytest.raises(KeyError, match="absent"):
        found["absent"]


@settings(deadline=None, max_examples=40)  # the machine may be busy
@given(ids=st.lists(st.text(st.characters(exclude_categories=["Cs"])), unique=True, max_size=20))
def test_any_text_may_be_an_id(tmp_path_factory: pytest.TempPathFactory, ids: list[str]) -> None:
    passages = [Passage(id_, "", f"{id_}\n\u2028", "s", "", "") for id_ in ids]
    found = PassageFile(_written(tmp_path_factory.mktemp("ids"), passages))
    assert [found[each] for each in reversed(ids)] == passages[::-1]


def test_blocks_larger_and_smaller_than_a_line_stream_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passages = _passages(50)
    found = PassageFile(_written(tmp_path, passages))
    for size in (1, 150, 151, 400, 10_000):
        monkeypatch.setattr(passage_file, "_BLOCK", size)
        assert list(found.values()) == passages


def test_ids_with_the_same_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage_file, "_hash", lambda passage_id: len(passage_id) % 2)
    passages = _passages(60)
    found = PassageFile(_written(tmp_path, passages))
    assert [found[each.id] for each in passages] == passages
    assert "book/ch0.md#99" not in found
    with found.path.open("a") as file:
        file.write(found.path.read_text().splitlines()[4] + "\n")
    with pytest.raises(KnowledgeError, match=r"lines 5 and 61 have the same id book/ch4\.md#4"):
        PassageFile(found.path)


def test_lines_written_in_another_way_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "passages.jsonl"
    fields = dict.fromkeys(("title", "text", "source", "license", "locator"), "é")
    path.write_text(
        json.dumps({**fields, "id": "last"}) + "\r\n" + json.dumps({**fields, "id": "open"}), encoding="utf-8"
    )
    found = PassageFile(path)
    assert list(found) == ["last", "open"]
    assert found["open"].text == "é"


@pytest.mark.parametrize(
    "line", [b"nonsense", b"[]", b'{"id": "x"}', b"null", b'{"id": "\xff"}', b'{"id": 5}', b"", b'{"id": "x']
)
def test_a_damaged_line_is_named(tmp_path: Path, line: bytes) -> None:
    path = _written(tmp_path, _passages(2))
    with path.open("ab") as file:
        file.write(line + b"\n")
    message = r"passages\.jsonl line 3 is not a passage .*gather"
    with pytest.raises(KnowledgeError, match=message):
        list(PassageFile(path).values())
    with pytest.raises(KnowledgeError, match=message):
        read_passages(path)


def test_a_field_that_holds_no_text_is_named(tmp_path: Path) -> None:
    path = _written(tmp_path, _passages(1))
    path.write_text(path.read_text().replace('"CC BY"', "7"))
    with pytest.raises(KnowledgeError, match=r"line 1 is not a passage \(license is no text\)"):
        list(PassageFile(path).values())


def test_a_missing_and_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"no passages file .*absent\.jsonl"):
        PassageFile(tmp_path / "absent.jsonl")
    empty = PassageFile(_written(tmp_path, []))
    assert not empty
    assert list(empty.values()) == []
    assert "x" not in empty


def test_an_open_file_outlives_its_replacement_and_closes_with_its_mapping(tmp_path: Path) -> None:
    passages = _passages(20)
    found = PassageFile(_written(tmp_path, passages))
    _written(tmp_path, _passages(5, "Others."))
    assert list(found.values()) == passages
    assert found[passages[-1].id] == passages[-1]
    opened = found._descriptor
    del found
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened)


def test_threads_share_one_file(tmp_path: Path) -> None:
    passages = _passages(500)
    found = PassageFile(_written(tmp_path, passages))
    wanted = random.Random(0).choices(passages, k=4000)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(found.__getitem__, (each.id for each in wanted))) == wanted


def test_the_passages_stay_on_disk(tmp_path: Path) -> None:
    path = _written(tmp_path, _passages(20_000, "words " * 60))
    tracemalloc.start()
    try:
        found = PassageFile(path)
        held, _ = tracemalloc.get_traced_memory()
        assert sum(1 for _ in found.values()) == 20_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 30 * 20_000
    assert peak < path.stat().st_size / 2
