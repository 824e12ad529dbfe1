"""`knobo features`: the image vectors that are kept across runs."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.commands.shared import JsonOption, console, plain, print_json, print_rows

if TYPE_CHECKING:
    from models.features.store import FeatureStore

app = typer.Typer(no_args_is_help=True, help="List, check and prune the image vectors kept across runs.")

EncoderOption = Annotated[
    list[str] | None,
    typer.Option("--encoder", help="Digest of an encoder or its beginning; may be repeated; all by default."),
]


@app.command("list")
def list_(json_: JsonOption = False) -> None:
    """Print each encoder with the number and size of its vectors."""
    found = _store().holdings()
    if json_:
        print_json([plain(each) for each in found])
        return
    rows = [
        (
            each.encoder[:12],
            f"{each.vectors:,}",
            str(each.dimension),
            size(each.bytes),
            time.strftime("%Y-%m-%d %H:%M", time.localtime(each.changed)),
        )
        for each in found
    ]
    print_rows(("encoder", "vectors", "length", "size", "changed"), rows, marked=frozenset())
    console.print(f"{size(sum(each.bytes for each in found))} in {_store().directory}", soft_wrap=True)


@app.command()
def verify(encoder: EncoderOption = None, json_: JsonOption = False) -> None:
    """Compare every vector with its checksum; damaged ones are encoded again by the next run."""
    store = _store()
    damaged = {name: store.existing(name).verify() for name in _encoders(store, encoder)}
    if json_:
        print_json(damaged)
        return
    for name, images in damaged.items():
        told = f"{len(images):,} damaged, encoded again by the next run" if images else "intact"
        console.print(f"{name[:12]}: {told}", highlight=False)


@app.command()
def prune(
    encoder: EncoderOption = None,
    keep: Annotated[
        list[Path] | None,
        typer.Option(help="Run whose images keep their vectors, e.g. runs/my-run; may be repeated."),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Drop the vectors of the encoders named, or of all images outside the runs named; or both."""
    from pipelines.errors import PipelineError
    from pipelines.kept_features import prune_store

    if not encoder and not keep:
        raise PipelineError("nothing was named to drop or to keep; give --encoder, --keep or both")
    store = _store()
    freed = prune_store(store, _encoders(store, encoder), runs=keep or ())
    if json_:
        print_json({"freed": freed})
    else:
        console.print(f"Freed {size(freed)}.", highlight=False)


def size(number: int) -> str:
    """Bytes for people."""
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if number >= 10**power:
            return f"{number / 10**power:.1f} {unit}"
    return f"{number} bytes"


def _store() -> "FeatureStore":
    from models.features.store import FeatureStore
    from pipelines.weights import cache_directory

    return FeatureStore(cache_directory() / "features")


def _encoders(store: "FeatureStore", named: list[str] | None) -> list[str]:
    """Whole digests; all there are where none is named."""
    if named:
        return list(dict.fromkeys(store.existing(name).folder.name for name in named))
    return [each.encoder for each in store.holdings()]
