import gzip
import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from knowledge.errors import KnowledgeError
from knowledge.passages import Document
from knowledge.sources.pubmed_bulk import BulkReport, Selection, read_bulk
from knowledge.sources.pubmed_records import PmidSet
from knowledge.sources.pubmed_xml import read_pubmed_xml


def _article(
    pmid: int | str, abstract: str = "Text.", *, extra: str = "", kind: str = "Journal Article"
) -> str:
    own = f'<PMID Version="1">{pmid}</PMID>' if pmid else ""
    text = abstract and f"<Abstract><AbstractText>{abstract}</AbstractText></Abstract>"
    return f"""<PubmedArticle><MedlineCitation Status="MEDLINE">{own}<Article>
        <ArticleTitle>Title {pmid}</ArticleTitle>{text}
        <PublicationTypeList><PublicationType>{kind}</PublicationType></PublicationTypeList></Article>{extra}
        </MedlineCitation></PubmedArticle>"""


def _deletion(*pmids: int) -> str:
    return f"<DeleteCitation>{''.join(f'<PMID>{pmid}</PMID>' for pmid in pmids)}</DeleteCitation>"


def _notice(pmid: int, retracted: int) -> str:
    named = f'<CommentsCorrections RefType="RetractionOf"><PMID>{retracted}</PMID></CommentsCorrections>'
    return _article(pmid, extra=f"<CommentsCorrectionsList>{named}</CommentsCorrectionsList>")


def _write(path: Path, *records: str) -> Path:
    text = (
        '<?xml version="1.0" encoding="utf-8"?>\n<PubmedArticleSet>\n'
        + "\n".join(records)
        + "\n</PubmedArticleSet>\n"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()))
    return path


def _name(number: int, year: int = 26) -> str:
    return f"pubmed{year}n{number:04}.xml.gz"


def _read(
    directory: Path, *, workers: int = 1, selection: Selection | None = None
) -> tuple[list[Document], BulkReport]:
    reading = read_bulk(directory, source="pubmed", license="NLM", workers=workers, selection=selection)
    return list(reading), reading.report


def _texts(documents: Iterable[Document]) -> dict[str, str]:
    return {document.id: document.sections[0].text for document in documents}


def test_the_newest_version_counts_and_deletions_hold_until_a_later_file_brings_the_record_back(
    tmp_path: Path,
) -> None:
    _write(tmp_path / _name(1), *(_article(pmid, f"First {pmid}.") for pmid in range(1, 8)))
    _write(tmp_path / _name(2), _article(2, "Second 2."), _article(2, "Third 2."), _deletion(3, 4, 99))
    _write(tmp_path / _name(10), _article(4, "Back."), _article(5, ""))
    documents, report = _read(tmp_path)
    assert _texts(documents) == {
        "pmid:4": "Back.",
        "pmid:2": "Third 2.",
        "pmid:1": "First 1.",
        "pmid:6": "First 6.",
        "pmid:7": "First 7.",
    }
    assert report == BulkReport(
        files=3, records=11, superseded=5, documents=5, without_text=1, live=6, deleted=2, new=6
    )


def test_the_bulk_reader_agrees_with_plain_dictionaries_on_random_files(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    truth: dict[str, str] = {}
    for number in range(1, 7):
        records = []
        for _ in range(60):
            pmid = int(random.integers(1, 90))
            if random.random() < 0.15:
                truth.pop(f"pmid:{pmid}", None)
                records.append(_deletion(pmid))
            else:
                truth[f"pmid:{pmid}"] = f"Text {number} {len(records)}."
                records.append(_article(pmid, truth[f"pmid:{pmid}"]))
        deletions = [each for each in records if each.startswith("<Delete")]
        articles = [each for each in records if not each.startswith("<Delete")]
        for each in deletions:  # a file's deletions stand at its end
            truth.pop(f"pmid:{each.split('<PMID>')[1].split('<')[0]}", None)
        _write(tmp_path / _name(number), *articles, *deletions)
    documents, _ = _read(tmp_path)
    assert _texts(documents) == truth
    assert _texts(read_pubmed_xml(tmp_path, source="pubmed", license="NLM")) == truth


def test_notices_retract_what_they_name_in_any_file_and_are_no_literature(tmp_path: Path) -> None:
    _write(tmp_path / _name(1), _article(1), _article(2), _notice(50, 3))
    _write(tmp_path / _name(2), _notice(51, 1), _article(3), _article(4, kind="Retracted Publication"))
    documents, report = _read(tmp_path)
    assert {document.id: document.retracted for document in documents} == {
        "pmid:1": True,
        "pmid:2": False,
        "pmid:3": True,
        "pmid:4": True,
    }
    assert (report.notices, report.retracted) == (2, 3)
    strict = read_pubmed_xml(tmp_path, source="pubmed", license="NLM")
    assert {document.id for document in strict if document.retracted} == {"pmid:1", "pmid:3", "pmid:4"}


def test_several_workers_give_the_same_documents_in_the_same_order(tmp_path: Path) -> None:
    for number in range(1, 4):
        _write(tmp_path / _name(number), *(_article(pmid) for pmid in range(number * 5, number * 5 + 8)))
    broken = _article(900).replace("</Article>", "")
    _write(tmp_path / _name(4), broken, _article("é"), _notice(70, 6))
    calls: list[tuple[int, int]] = []
    several = read_bulk(
        tmp_path, source="p", license="l", workers=2, progress=lambda done, of: calls.append((done, of))
    )
    documents = list(several)
    alone = read_bulk(tmp_path, source="p", license="l")
    assert documents == list(alone)
    assert several.report == replace(alone.report, new=several.report.live)
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert not list(tmp_path.glob("**/.parsed-*"))


def test_a_broken_record_is_counted_and_named_and_the_rest_is_read(tmp_path: Path) -> None:
    file = _write(
        tmp_path / _name(1),
        _article(1),
        _article(2).replace("</ArticleTitle>", ""),
        _article(""),
        "<PubmedArticle><MedlineCitation><PMID>5</PMID></MedlineCitation></PubmedArticle>",
        _article(123_456_789),
        "stray",
        _article(6).removesuffix("</PubmedArticle>"),
        _article(7, "Bad \x00 character."),
        _article(8),
    )
    lines = gzip.decompress(file.read_bytes()).decode().split("\n")
    documents, report = _read(tmp_path)
    assert [document.id for document in documents] == ["pmid:1", "pmid:8"]
    assert report.bad_records == 7
    named = [str(each) for each in report.bad]
    assert "is not well-formed XML" in named[0]
    assert named[1] == f"{file.name} line {11} is an article without PMID"
    assert "is an article without the element Article" in named[2]
    assert "is an article without PMID" in named[3]
    assert named[4] == f"{file.name} line {lines.index('stray')} is text that belongs to no record"
    assert (report.live, report.damaged) == (6, ())


@pytest.mark.parametrize("cut", [20, 400, 2000])
def test_a_truncated_file_is_named_in_one_sentence_and_what_stands_before_is_kept(
    tmp_path: Path, cut: int
) -> None:
    whole = _write(tmp_path / _name(1), *(_article(pmid, f"Text {pmid**5}.") for pmid in range(1, 400)))
    whole.write_bytes(whole.read_bytes()[:-cut])
    _write(tmp_path / _name(2), _article(1000))
    documents, report = _read(tmp_path)
    assert documents[0].id == "pmid:1000"
    assert [document.id for document in documents[1:]] == [
        f"pmid:{pmid}" for pmid in range(1, len(documents))
    ]
    (sentence,) = report.damaged
    assert _name(1) in sentence
    assert sentence.endswith("fetch the file again.")


def test_a_vanished_record_is_reported_unless_it_was_deleted(tmp_path: Path) -> None:
    first = _write(tmp_path / _name(1), *(_article(pmid) for pmid in range(1, 201)))
    assert _read(tmp_path)[1].new == 200
    shutil.copy(first, tmp_path / "kept.gz")
    _write(first, *(_article(pmid) for pmid in range(1, 200)))
    _write(tmp_path / _name(2), _deletion(7), _article(300))
    report = _read(tmp_path)[1]
    assert (report.new, report.deleted, report.vanished, report.vanished_named) == (1, 1, 1, (200,))
    assert _read(tmp_path)[1].vanished == 0


def test_a_mirror_that_lost_much_is_refused(tmp_path: Path) -> None:
    _write(tmp_path / _name(1), *(_article(pmid) for pmid in range(1, 201)))
    _read(tmp_path)
    _write(tmp_path / _name(1), _article(1))
    with pytest.raises(KnowledgeError, match=r"holds 1 PubMed records, the last reading 200"):
        _read(tmp_path)
    (tmp_path / "knobo-state" / "manifest.npz").unlink()
    assert len(_read(tmp_path)[0]) == 1


def test_a_reading_that_stops_halfway_leaves_the_last_manifest(tmp_path: Path) -> None:
    _write(tmp_path / _name(1), _article(1), _article(2))
    _read(tmp_path)
    _write(tmp_path / _name(2), _article(3), _article(4))
    next(read_bulk(tmp_path, source="p", license="l"))
    assert _read(tmp_path)[1].new == 2


def test_files_of_two_years_are_never_layered(tmp_path: Path) -> None:
    _write(tmp_path / _name(1, 25), _article(1), _article(2))
    _write(tmp_path / _name(1, 26), _article(2, "New."))
    documents, report = _read(tmp_path)
    assert _texts(documents) == {"pmid:2": "New."}
    assert report.ignored == (_name(1, 25),)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), {1, 2, 3}),
        (Selection(words=("pneumothora*",)), {1}),
        (Selection(words=("Title 3", "absent")), {3}),
        (Selection(words=("pneumo",)), set()),
        (Selection(mesh=("lung neoplasms",)), {2}),
        (Selection(words=("PNEUMOTHORAX",), mesh=("Lung Neoplasms",)), {1, 2}),
    ],
)
def test_a_selection_keeps_what_meets_any_word_or_heading(
    tmp_path: Path, selection: Selection, expected: set[int]
) -> None:
    mesh = "<MeshHeadingList><MeshHeading><DescriptorName>Lung Neoplasms</DescriptorName></MeshHeading>"
    mesh += "</MeshHeadingList>"
    records = (_article(1, "A <i>pneumo</i>thorax."), _article(2, extra=mesh), _article(3))
    _write(tmp_path / _name(1), *records)
    documents, report = _read(tmp_path, selection=selection)
    assert {int(document.id[5:]) for document in documents} == expected
    assert report.unselected == 3 - len(expected)


def test_an_index_is_made_again_where_its_file_changed_or_it_is_damaged(tmp_path: Path) -> None:
    file = _write(tmp_path / _name(1), _article(1))
    _read(tmp_path)
    index = tmp_path / "knobo-state" / "index" / f"{file.name}.npz"
    index.write_bytes(index.read_bytes()[:100])
    assert len(_read(tmp_path)[0]) == 1
    _write(file, _article(1), _article(2))
    assert len(_read(tmp_path)[0]) == 2


def test_sets_of_pmids_hold_what_python_sets_hold() -> None:
    random = np.random.default_rng(1)
    one, other = (random.integers(0, 5000, 2000).astype(np.uint32) for _ in range(2))
    first, second = PmidSet(), PmidSet()
    first.add(one)
    second.add(other)
    expected = {int(each) for each in one} - {int(each) for each in other} - {0}
    assert first.less(second).members().tolist() == sorted(expected)
    assert len(first.less(second)) == len(expected)
    assert first.has(other).tolist() == [int(each) in set(one.tolist()) and each != 0 for each in other]


def test_a_folder_without_pubmed_files_and_a_foreign_state_are_named(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"holds no file named like pubmed26n0001\.xml\.gz: "):
        _read(tmp_path)
    with pytest.raises(KnowledgeError, match="number of workers is 0"):
        _read(tmp_path, workers=0)
    with pytest.raises(KnowledgeError, match="is empty"):
        Selection(words=(" *",))
    _write(tmp_path / _name(1), _article(1))
    with pytest.raises(KnowledgeError, match="cannot be written to"):
        read_bulk(tmp_path, source="p", license="l", state=tmp_path / _name(1))
    (tmp_path / "knobo-state").mkdir()
    (tmp_path / "knobo-state" / "ledger.json").write_text(json.dumps([1]))
    with pytest.raises(KnowledgeError, match=r"ledger\.json is not a ledger"):
        _read(tmp_path)
    (tmp_path / "knobo-state" / "ledger.json").unlink()
    (tmp_path / "knobo-state" / "manifest.npz").write_bytes(b"none")
    with pytest.raises(KnowledgeError, match=r"manifest\.npz is not a manifest"):
        _read(tmp_path)
