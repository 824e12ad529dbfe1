"""BM25 over the English stems of title and text, by row number: the engine under every lexical index."""

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Self

from knowledge.passages import Passage
from knowledge.retrieval.filters import LAST_YEAR, Filter
from knowledge.retrieval.rows import NO_YEAR
from knowledge.retrieval.segment_names import name_by_rows, segment_ids

if TYPE_CHECKING:  # the engine loads only where an index is used
    import tantivy

ENGINE = f"tantivy {version('tantivy')}"
_TOKENIZER = "lexical"  # the name the schema keeps
_HEAP = 1_000_000_000  # bytes of postings held before they become a segment: few segments, fast queries
_SMALL_HEAP = 64_000_000
_FREQUENT, _ENOUGH = 0.1, 4  # share of passages that makes a word frequent; rarer words that make do
_LONGEST_WORD = 60  # longer runs of letters are sequences or addresses


class Bm25:
    """Rows of passages ranked by BM25 (k1 = 1.2, b = 0.75).

    Queries are plain words: nothing in them is syntax, so that `"`, `:` or `(` in a query cannot fail.

    Raises:
        OSError, ValueError: The directory holds no index, or a damaged one.
    """

    def __init__(self, directory: Path) -> None:
        import tantivy  # noqa: PLC0415

        self._analyzer, self._query_analyzer = _analyzer(), _analyzer(stop_words=False)
        index = tantivy.Index.open(str(directory))
        index.register_tokenizer(_TOKENIZER, self._analyzer)
        self._schema = index.schema
        self._searcher = index.searcher()

    @classmethod
    def build(cls, passages: Iterable[Passage], directory: Path) -> Self:
        """Index the passages as rows 0, 1, ... in an empty directory."""
        import tantivy  # noqa: PLC0415

        directory.mkdir(parents=True, exist_ok=True)
        _write(tantivy.Index(_schema(), path=str(directory)), enumerate(passages), (), heap=_HEAP)
        name_by_rows(directory)
        return cls(directory)

    @classmethod
    def change(cls, directory: Path, *, add: Iterable[tuple[int, Passage]], delete: Sequence[int]) -> Self:
        """Take rows out and put new ones in; files that are there stay as they are, new ones come."""
        import tantivy  # noqa: PLC0415

        before = segment_ids(directory)
        _write(tantivy.Index.open(str(directory)), add, delete, heap=_SMALL_HEAP)
        name_by_rows(directory, but=before)
        return cls(directory)

    def __len__(self) -> int:
        return self._searcher.num_docs

    def search(self, query: str, *, limit: int, among: Filter | None = None) -> list[tuple[int, float]]:
        """Rows and scores, best first, equal scores by row; rows that share no word are not listed."""
        asked = self._query(query)
        if asked is None:
            return []
        if among is not None and not among.everything:
            asked = self._restricted(asked, among)
        found = self._searcher.search(asked, limit=limit, count=False).hits
        rows = self._searcher.fast_field_values("row", [address for _, address in found])
        scored = [(int(row or 0), float(score)) for row, (score, _) in zip(rows, found, strict=True)]
        return sorted(scored, key=lambda each: (-each[1], each[0]))

    def _query(self, query: str) -> "tantivy.Query | None":
        import tantivy  # noqa: PLC0415

        words = self._telling(query)
        if not words:
            return None
        return tantivy.Query.boolean_query([(tantivy.Occur.Should, self._term("body", w)) for w in words])

    def _telling(self, query: str) -> list[str]:
        """Stems that decide the ranking.

        Stop words go where others remain, and so do words in more than a tenth of the passages where at
        least four rarer ones remain: they hardly move a score, but most of the time would be theirs.
        """
        words = self._query_analyzer.analyze(query) or self._analyzer.analyze(query)
        frequent = _FREQUENT * len(self)
        shares = {word: self._searcher.doc_freq("body", word) for word in words}
        rare = [word for word in words if shares[word] <= frequent]
        return rare if len(rare) >= _ENOUGH else words

    def _restricted(self, asked: "tantivy.Query", among: Filter) -> "tantivy.Query":
        """The same scores, fewer rows: conditions count nothing."""
        import tantivy  # noqa: PLC0415

        conditions = [
            self._any_of(field, values)
            for field, values in (("source", among.sources), ("license", among.licenses))
            if values
        ]
        if among.year_from is not None or among.year_to is not None:
            first = 0 if among.year_from is None else among.year_from
            last = LAST_YEAR if among.year_to is None else among.year_to
            conditions.append(
                tantivy.Query.range_query(self._schema, "year", tantivy.FieldType.Integer, first, last)
            )
        silent = [(tantivy.Occur.Must, tantivy.Query.const_score_query(each, 0.0)) for each in conditions]
        clauses = [(tantivy.Occur.Must, asked), *silent]
        if not among.retracted:
            clauses.append((tantivy.Occur.MustNot, self._term("retracted", 1)))
        return tantivy.Query.boolean_query(clauses)

    def _any_of(self, field: str, values: Sequence[str]) -> "tantivy.Query":
        import tantivy  # noqa: PLC0415

        return tantivy.Query.boolean_query(
            [(tantivy.Occur.Should, self._term(field, value)) for value in values]
        )

    def _term(self, field: str, value: str | int) -> "tantivy.Query":
        import tantivy  # noqa: PLC0415

        option = "freq" if field == "body" else "basic"
        return tantivy.Query.term_query(self._schema, field, value, index_option=option)


def _write(
    index: "tantivy.Index",
    add: Iterable[tuple[int, Passage]],
    delete: Sequence[int],
    *,
    heap: int,
) -> None:
    import tantivy  # noqa: PLC0415

    index.register_tokenizer(_TOKENIZER, _analyzer())
    # one thread: two were no faster, and one keeps the order of ties
    writer = index.writer(heap_size=heap, num_threads=1)
    for row in delete:
        writer.delete_documents_by_term("row", row)
    for row, passage in add:
        writer.add_document(
            tantivy.Document(
                row=row,
                body=passage.searchable,
                source=passage.source,
                license=passage.license,
                year=NO_YEAR if passage.year is None else passage.year,
                retracted=int(passage.retracted),
            )
        )
    writer.commit()
    writer.wait_merging_threads()


def _schema() -> "tantivy.Schema":
    import tantivy  # noqa: PLC0415

    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("row", indexed=True, fast=True)
    builder.add_text_field("body", tokenizer_name=_TOKENIZER, index_option="freq")
    builder.add_text_field("source", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("license", tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("year", indexed=True, fast=True)
    builder.add_integer_field("retracted", indexed=True)
    return builder.build()


def _analyzer(*, stop_words: bool = True) -> "tantivy.TextAnalyzer":
    """Words, lower case, without accents, stemmed: the same for passages and queries."""
    from tantivy import Filter as TokenFilter  # noqa: PLC0415
    from tantivy import TextAnalyzerBuilder, Tokenizer  # noqa: PLC0415

    builder = TextAnalyzerBuilder(Tokenizer.simple()).filter(TokenFilter.remove_long(_LONGEST_WORD))
    builder = builder.filter(TokenFilter.lowercase()).filter(TokenFilter.ascii_fold())
    if not stop_words:
        builder = builder.filter(TokenFilter.stopword("english"))
    return builder.filter(TokenFilter.stemmer("english")).build()
