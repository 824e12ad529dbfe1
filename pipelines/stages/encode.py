"""Stage `encode`: images to feature vectors."""

import models.torchvision_operators  # noqa: F401  # before timm
from models.encoders import Encoder, EncoderSpec, open_encoder
from models.features.extraction import extract, fill_store
from models.features.store import FeatureStore
from pipelines.config import EncoderSection
from pipelines.images_table import read_images
from pipelines.run import Run
from pipelines.weights import cache_directory, find_weights


def encode(run: Run) -> None:
    """One vector an image; only contents never seen before are encoded."""
    section, table = run.config.encoder, read_images(run.path("images.parquet"))
    extract(
        table.records,
        configured_encoder(section),
        FeatureStore(cache_directory() / "features"),
        target=run.path("features"),
        digests={record.id: digest for record, digest in zip(table.records, table.digests, strict=True)},
        batch=section.batch,
        progress=run.reporter.work("encode", "images"),
    )


def encode_part(run: Run, part: int, parts: int) -> None:
    """Vectors of every `parts`-th content into the store, ahead of `encode`."""
    section, table = run.config.encoder, read_images(run.path("images.parquet"))
    first = dict(zip(reversed(table.digests), reversed(table.records), strict=True))
    chosen = {digest: first[digest] for digest in sorted(first)[part::parts]}
    fill_store(
        list(chosen.values()),
        configured_encoder(section),
        FeatureStore(cache_directory() / "features"),
        digests={record.id: digest for digest, record in chosen.items()},
        batch=section.batch,
        progress=run.reporter.work(f"encode {part} of {parts}", "images"),
    )


def configured_encoder(section: EncoderSection) -> Encoder:
    """The encoder with its weights."""
    return open_encoder(encoder_spec(section))


def encoder_spec(section: EncoderSection) -> EncoderSpec:
    """What the section asks for; named weights are fetched."""
    without = section.hub is not None or section.kind in {"untrained", "pixels"}
    return EncoderSpec(
        kind=section.kind,
        source=(section.hub or "") if without else str(find_weights(section.weights)),
        revision=section.revision,
        offline=section.offline,
        architecture=section.architecture,
        features=section.features,
        stride=section.stride,
        cells=section.cells,
        seed=section.seed,
        device=section.device,
        precision=section.precision,
        converted=cache_directory() / "converted" if section.convert else None,
    )
