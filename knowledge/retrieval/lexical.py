"""Ranking passages by their words: BM25 over the English stems of title and text."""

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Self

from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.retrieval.hits import Hit
from knowledge.retrieval.store import damaged, published, read_about, write_about

if TYPE_CHECKING:  # the engine loads only where an index is used
    import tantivy

_KIND = "lexical"
_HEAP = 128_000_000  # bytes of passages held before they become a segment
_LONGEST_WORD = 60  # longer runs of letters are sequences or addresses


class LexicalIndex:
    """A `Retriever` by BM25 (k1 = 1.2, b = 0.75).

    Queries are plain words: nothing in them is syntax, so that `"`, `:` or `(` in a query cannot fail.
    """

    def __init__(self, index: "tantivy.Index") -> None:
        self._analyzer = _analyzer()
        index.register_tokenizer(_KIND, self._analyzer)
        self._schema = index.schema
        self._searcher = index.searcher()

    @classmethod
    def build(cls, passages: Iterable[Passage], directory: Path) -> Self:
        """Index the passages and keep the index in `directory`, in place of one that is there.

        Raises:
            KnowledgeError: There are no passages, or the directory holds something else.
        """
        import tantivy  # noqa: PLC0415

        with published(directory) as draft:
            index = tantivy.Index(_schema(), path=str(draft))
            index.register_tokenizer(_KIND, _analyzer())
            writer = index.writer(heap_size=_HEAP, num_threads=1)  # one thread keeps the order of ties
            count = 0
            for count, passage in enumerate(passages, start=1):  # noqa: B007 - counted for the message
                writer.add_document(tantivy.Document(id=passage.id, body=passage.searchable))
            if not count:
                raise KnowledgeError(
                    f"There are no passages to index in {directory}: check the literature sources."
                )
            writer.commit()
            writer.wait_merging_threads()
            write_about(draft, {"kind": _KIND, "passages": count, "engine": f"tantivy {version('tantivy')}"})
        return cls.open(directory)

    @classmethod
    def open(cls, directory: Path) -> Self:
        """The index that `build` left in `directory`.

        Raises:
            KnowledgeError: There is none, or it is damaged.
        """
        import tantivy  # noqa: PLC0415

        about = read_about(directory, _KIND)
        try:
            index = cls(tantivy.Index.open(str(directory)))
        except (OSError, ValueError) as error:
            raise damaged(directory, _KIND, error) from error
        if len(index) != about["passages"]:
            raise damaged(directory, _KIND, f"{len(index)} of {about['passages']} passages")
        return index

    def __len__(self) -> int:
        return self._searcher.num_docs

    def search(self, queries: Sequence[str], *, limit: int) -> list[list[Hit]]:
        """One ranked list a query; passages that share no word with it are not listed."""
        return [self._search(query, limit) for query in queries]

    def _search(self, query: str, limit: int) -> list[Hit]:
        import tantivy  # noqa: PLC0415

        words = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "body", word, index_option="freq"))
            for word in self._analyzer.analyze(query)
        ]
        if not words:
            return []
        found = self._searcher.search(tantivy.Query.boolean_query(words), limit=limit, count=False).hits
        scored = [(float(score), str(self._searcher.doc(address)["id"][0])) for score, address in found]
        scored.sort(key=lambda each: (-each[0], each[1]))
        return [Hit(passage_id, score, rank) for rank, (score, passage_id) in enumerate(scored, start=1)]


def _schema() -> "tantivy.Schema":
    import tantivy  # noqa: PLC0415

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("body", tokenizer_name=_KIND, index_option="freq")
    return builder.build()


def _analyzer() -> "tantivy.TextAnalyzer":
    """Words, lower case, without accents, stemmed: the same for passages and queries."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer  # noqa: PLC0415

    return (
        TextAnalyzerBuilder(Tokenizer.simple())
        .filter(Filter.remove_long(_LONGEST_WORD))
        .filter(Filter.lowercase())
        .filter(Filter.ascii_fold())
        .filter(Filter.stemmer("english"))
        .build()
    )
