"""A lexical index of one run: BM25 over all passages, in one directory."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.retrieval.bm25 import ENGINE, Bm25
from knowledge.retrieval.directories import damaged, published, read_about, write_about
from knowledge.retrieval.hits import Hit

_KIND = "lexical"
_IDS = "ids.json"


class LexicalIndex:
    """A `Retriever` by words; see `Bm25`."""

    def __init__(self, engine: Bm25, ids: Sequence[str]) -> None:
        self._engine = engine
        self._ids = tuple(ids)

    @classmethod
    def build(cls, passages: Iterable[Passage], directory: Path) -> Self:
        """Index the passages and keep the index in `directory`, in place of one that is there.

        Raises:
            KnowledgeError: There are no passages, or the directory holds something else.
        """
        ids: list[str] = []
        with published(directory) as draft:
            Bm25.build(_noting_ids(passages, ids), draft)
            if not ids:
                raise KnowledgeError(
                    f"There are no passages to index in {directory}: check the literature sources."
                )
            (draft / _IDS).write_text(json.dumps(ids), encoding="utf-8")
            write_about(draft, {"kind": _KIND, "passages": len(ids), "engine": ENGINE})
        return cls.open(directory)

    @classmethod
    def open(cls, directory: Path) -> Self:
        """The index that `build` left in `directory`.

        Raises:
            KnowledgeError: There is none, or it is damaged.
        """
        about = read_about(directory, _KIND)
        try:
            engine = Bm25(directory)
            ids = json.loads((directory / _IDS).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise damaged(directory, _KIND, error) from error
        if not len(engine) == len(ids) == about["passages"]:
            raise damaged(directory, _KIND, f"{len(engine)} of {about['passages']} passages")
        return cls(engine, ids)

    def __len__(self) -> int:
        return len(self._ids)

    def search(self, queries: Sequence[str], *, limit: int) -> list[list[Hit]]:
        """One ranked list a query; passages that share no word with it are not listed."""
        return [self._search(query, limit) for query in queries]

    def _search(self, query: str, limit: int) -> list[Hit]:
        found = [(self._ids[row], score) for row, score in self._engine.search(query, limit=limit)]
        found.sort(key=lambda each: (-each[1], each[0]))
        return [Hit(passage_id, score, rank) for rank, (passage_id, score) in enumerate(found, start=1)]


def _noting_ids(passages: Iterable[Passage], ids: list[str]) -> Iterator[Passage]:
    for passage in passages:
        ids.append(passage.id)
        yield passage
