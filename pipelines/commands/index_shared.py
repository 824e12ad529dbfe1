"""What the verbs of `knobo index` have in common: options, the encoder, the facts of a version."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands.shared import JsonOption, console, print_json

if TYPE_CHECKING:
    from knowledge.retrieval.dense_files import Embedding
    from knowledge.retrieval.encoder import PassageEncoder
    from knowledge.retrieval.kinds import Kind
    from knowledge.retrieval.manifest import Manifest
    from pipelines.progress import Reporter

__all__ = [
    "EncoderOption",
    "JsonOption",
    "KindName",
    "PassagesOption",
    "StoreArgument",
    "console",
    "describe",
    "embedding_of",
    "encoder_of",
    "kind_of",
    "print_json",
]

NO_ENCODER = "none"

StoreArgument = Annotated[Path, typer.Argument(help="Directory of the index.", metavar="STORE")]
PassagesOption = Annotated[Path, typer.Option(help="JSON Lines, as `passages.jsonl` of a run.")]
EncoderOption = Annotated[
    str, typer.Option(help="Named weights, a folder, or `none` for an index by words alone.")
]


class KindName(StrEnum):
    """Kinds of vector index as the command line names them."""

    AUTO = "auto"
    FLAT = "flat"
    IVF_SQ8 = "ivf-sq8"
    SMALL = "small"


def kind_of(name: KindName) -> "Kind | None":
    """None leaves the choice to size and budget."""
    from knowledge.retrieval.kinds import Kind

    return None if name is KindName.AUTO else Kind(name.value)


def encoder_of(name: str) -> "PassageEncoder":
    """The encoder of named weights or of a folder."""
    import models.torchvision_operators  # noqa: F401  # before transformers
    from knowledge.retrieval.article_encoder import load_encoder
    from pipelines.weights import find_weights

    return load_encoder(find_weights(name))


def embedding_of(name: str, reporter: "Reporter") -> "Embedding | None":
    """The encoder with the vectors kept on this machine, or none."""
    from knowledge.retrieval.dense_files import Embedding
    from pipelines.weights import cache_directory

    if name == NO_ENCODER:
        return None
    cache = cache_directory() / "passage_vectors.sqlite"
    return Embedding(encoder_of(name), cache=cache, progress=reporter.work("embed", "passages"))


def describe(store: Path, manifest: "Manifest") -> dict[str, Any]:
    """Facts of a version, flat."""
    from knowledge.retrieval.store import IndexStore

    known = IndexStore(store)
    facts: dict[str, Any] = {
        "version": manifest.version,
        "created": known.created(manifest.version),
        "passages": manifest.passages,
        "rows": manifest.rows,
        "sources": list(manifest.sources),
        "licenses": list(manifest.licenses),
        "bytes": sum(record.bytes for record in manifest.files.values()),
        "engines": manifest.engines,
        "versions": known.versions(),
    }
    if manifest.dense is None:
        return facts
    from knowledge.retrieval.kinds import instead_of

    dense = manifest.dense
    instead = {"in_place_of": instead_of(dense.asked)} if dense.asked else {}
    in_memory = sum(manifest.files[f"dense/{part}.faiss"].bytes for part in dense.parts)
    return facts | {
        "kind": dense.kind.value,
        **instead,
        "vector_bytes": in_memory,
        "memory_budget": dense.memory_budget,
        "lists": dense.lists,
        "probes": dense.probes,
        "target": dense.target,
        "recall_at_10": [[point.probes, round(point.recall, 4)] for point in dense.curve],
        "encoder": dense.encoder,
    }
