"""`knobo index`: a collection of passages that is built, searched, and kept up to date by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from pipelines.commands.index_shared import (
    NO_ENCODER,
    EncoderOption,
    JsonOption,
    KindName,
    PassagesOption,
    StoreArgument,
    console,
    describe,
    embedding_of,
    encoder_of,
    kind_of,
    print_json,
)
from pipelines.commands.shared import printable

if TYPE_CHECKING:
    from knowledge.retrieval.store import Change
    from pipelines.progress import Reporter

app = typer.Typer(no_args_is_help=True, help="Build, search and update an index of passages.")


@app.command()
def build(  # noqa: PLR0917 - typer calls by name
    store: StoreArgument,
    passages: PassagesOption,
    kind: Annotated[
        KindName, typer.Option(help="How vectors are kept; auto chooses by size.")
    ] = KindName.AUTO,
    memory_budget: Annotated[
        str | None, typer.Option(help="Most memory that the vectors may take, e.g. 2GB.")
    ] = None,
    encoder: EncoderOption = "all-minilm-l6-v2",
    target: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Least recall at ten, against an exact search; 0.98, or 0.90 for `small`."
        ),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Index all passages of a file anew, and put that version in force."""
    from knowledge.passages import stream_passages
    from knowledge.retrieval.kinds import choose, parse_size
    from knowledge.retrieval.store import IndexStore

    budget = None if memory_budget is None else parse_size(memory_budget)
    chosen = kind_of(kind)
    with _reporting(quiet=json_) as reporter:
        embedding = embedding_of(encoder, reporter)
        if embedding is not None:
            count = sum(1 for _ in stream_passages(passages))
            dimension = embedding.encoder.dimension
            estimate = choose(vectors=max(count, 1), dimension=dimension, budget=budget, kind=chosen)
            if not json_:
                console.print(
                    f"To build: {estimate}; embedding comes before.", highlight=False, soft_wrap=True
                )
        found = stream_passages(passages)
        manifest = IndexStore(store).build(
            found, embedding=embedding, kind=chosen, memory_budget=budget, target=target
        )
    if json_:
        print_json(describe(store, manifest))
    else:
        console.print(f"Version {manifest.version} is in force: {manifest.passages:,} passages.")


@app.command()
def add(
    store: StoreArgument,
    passages: PassagesOption,
    sync: Annotated[bool, typer.Option("--sync", help="Delete what the file no longer holds, too.")] = False,
    encoder: EncoderOption = "all-minilm-l6-v2",
    json_: JsonOption = False,
) -> None:
    """Put passages in; known ones are replaced where anything in them changed."""
    from knowledge.passages import stream_passages
    from knowledge.retrieval.store import IndexStore

    opened = IndexStore(store)
    with _reporting(quiet=json_) as reporter:
        embedding = embedding_of(encoder, reporter) if opened.manifest().dense is not None else None
        update = opened.sync if sync else opened.add
        _say(store, update(stream_passages(passages), embedding=embedding), json_=json_)


@app.command()
def delete(
    store: StoreArgument,
    ids: Annotated[
        list[str], typer.Argument(help="Ids of passages, as `search` prints them.", metavar="ID...")
    ],
    json_: JsonOption = False,
) -> None:
    """Take passages out of every search."""
    from knowledge.retrieval.store import IndexStore

    _say(store, IndexStore(store).delete(ids), json_=json_)


@app.command()
def search(  # noqa: PLR0917 - typer calls by name
    store: StoreArgument,
    query: Annotated[str, typer.Argument(help="Plain words; nothing in them is syntax.", metavar="QUERY")],
    limit: Annotated[int, typer.Option(min=1, help="Passages to print.")] = 10,
    source: Annotated[list[str] | None, typer.Option(help="Only this source; may be repeated.")] = None,
    year_from: Annotated[int | None, typer.Option(min=0, max=9999, help="First year of publication.")] = None,
    year_to: Annotated[int | None, typer.Option(min=0, max=9999, help="Last year of publication.")] = None,
    license_: Annotated[
        list[str] | None, typer.Option("--license", help="Only this licence; may be repeated.")
    ] = None,
    no_retracted: Annotated[
        bool, typer.Option("--no-retracted", help="Leave retracted articles out.")
    ] = False,
    rerank: Annotated[
        Path | None, typer.Option(help="Folder of a cross-encoder that orders the best 50 anew.")
    ] = None,
    encoder: EncoderOption = "all-minilm-l6-v2",
    json_: JsonOption = False,
) -> None:
    """Print the passages that answer a query best, by words and meaning."""
    from knowledge.retrieval.filters import Filter
    from knowledge.retrieval.quoting import telling_sentence
    from knowledge.retrieval.reader import StoreReader
    from knowledge.retrieval.store import IndexStore

    among = Filter(
        sources=tuple(source or ()),
        licenses=tuple(license_ or ()),
        year_from=year_from,
        year_to=year_to,
        retracted=not no_retracted,
    )
    dense = IndexStore(store).manifest().dense is not None and encoder != NO_ENCODER
    reader = StoreReader(store, encoder=encoder_of(encoder) if dense else None, reranker=_reranker(rerank))
    (hits,) = reader.search([query], limit=limit, among=among)
    passages = reader.passages([hit.passage_id for hit in hits])
    rows = [
        {
            "rank": hit.rank,
            "score": hit.score,
            "id": passage.id,
            "title": passage.title,
            "quote": telling_sentence(passage, query),
            "locator": passage.locator,
            "source": passage.source,
            "license": passage.license,
            "year": passage.year,
            "retracted": passage.retracted,
        }
        for hit, passage in zip(hits, passages, strict=True)
    ]
    if json_:
        print_json(rows)
        return
    for row in rows:
        _print_hit(row)
    if not rows:
        console.print("No passage fits.")


@app.command()
def info(store: StoreArgument, json_: JsonOption = False) -> None:
    """Say what the version in force holds, and what other versions there are."""
    from knowledge.retrieval.store import IndexStore

    facts = describe(store, IndexStore(store).manifest())
    if json_:
        print_json(facts)
        return
    for name, value in facts.items():
        console.print(
            f"{name.replace('_', ' '):<18} {escape(printable(str(value)))}", highlight=False, soft_wrap=True
        )


@app.command()
def verify(store: StoreArgument, json_: JsonOption = False) -> None:
    """Compare every file of the version in force with its checksum."""
    from knowledge.retrieval.store import IndexStore

    with _reporting(quiet=json_) as reporter:
        manifest = IndexStore(store).verify(progress=reporter.work("verify", "files"))
    if json_:
        print_json({"version": manifest.version, "files": len(manifest.files), "intact": True})
    else:
        console.print(f"Version {manifest.version} is intact: {len(manifest.files)} files.")


@app.command()
def rollback(
    store: StoreArgument,
    version: Annotated[int | None, typer.Option(help="Version to go to; the one before by default.")] = None,
    json_: JsonOption = False,
) -> None:
    """Put an older version in force."""
    from knowledge.retrieval.store import IndexStore

    manifest = IndexStore(store).roll_back(version)
    if json_:
        print_json(describe(store, manifest))
    else:
        console.print(f"Version {manifest.version} is in force: {manifest.passages:,} passages.")


@contextmanager
def _reporting(*, quiet: bool) -> "Iterator[Reporter]":
    from pipelines.launch import reporter_for

    with reporter_for(quiet=quiet) as reporter:
        yield reporter


def _reranker(folder: Path | None) -> Any:
    from knowledge.retrieval.reranking import CrossEncoder

    return None if folder is None else CrossEncoder(folder)


def _print_hit(row: dict[str, Any]) -> None:
    withdrawn = " [red]RETRACTED[/]" if row["retracted"] else ""
    place = (row["locator"], row["source"], row["license"], row["year"], row["id"])
    facts = " · ".join(str(each) for each in place if each)
    title, quote = (escape(printable(row[name])) for name in ("title", "quote"))
    text = f'{row["rank"]}. [bold]{title}[/]{withdrawn}\n   "{quote}"'
    console.print(f"{text}\n   [dim]{escape(printable(facts))}[/]", highlight=False, soft_wrap=True)


def _say(store: Path, change: "Change", *, json_: bool) -> None:
    counts = {
        "added": change.added,
        "changed": change.changed,
        "deleted": change.deleted,
        "unchanged": change.unchanged,
    }
    if json_:
        print_json({**counts, **describe(store, change.manifest)})
        return
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    console.print(f"{told}; version {change.manifest.version} is in force.", highlight=False)
