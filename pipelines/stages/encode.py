"""Stage `encode`: images to feature vectors."""

import models.torchvision_operators  # noqa: F401  # before timm
from models.encoders import EncoderSpec, open_encoder
from models.features import FeatureStore, extract
from pipelines.config import EncoderSection
from pipelines.images_table import read_images
from pipelines.run import Run
from pipelines.weights import cache_directory, find_weights


def encode(run: Run) -> None:
    """One vector an image; only contents never seen before are encoded."""
    section, table = run.config.encoder, read_images(run.path("images.parquet"))
    extract(
        table.records,
        open_encoder(encoder_spec(section)),
        FeatureStore(cache_directory() / "features"),
        target=run.path("features"),
        digests={record.id: digest for record, digest in zip(table.records, table.digests, strict=True)},
        batch=section.batch,
        progress=run.reporter.work("encode", "images"),
    )


def encoder_spec(section: EncoderSection) -> EncoderSpec:
    """The configured encoder, its weights on this machine."""
    return EncoderSpec(
        source=str(find_weights(section.weights)),
        architecture=section.architecture,
        features=section.features,
        stride=section.stride,
        cells=section.cells,
    )
