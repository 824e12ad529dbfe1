"""Where in an uploaded image the detectors see their concepts, for people to look at."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.concept_audit.maps import concept_maps, fine_maps, pooled
from models.encoders import Encoder, open_encoder
from models.grounding.grounder import Grounder
from pipelines.config import EncoderSection
from pipelines.stages.encode import encoder_spec

PICTURE = 512
"""Pixels of the longer side of the picture that is sent back."""


@dataclass(frozen=True)
class Mapper:
    """Concept maps of images, as fine as the encoder's inner map where its averages are the features.

    Attributes:
        section: Of the encoder, a grid.
        encoder: That the detectors read.
        grounder: The detectors.
    """

    section: EncoderSection
    encoder: Encoder
    grounder: Grounder

    def draw(self, pixels: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Maps `(n, c, h, w)`; the mean of each and the bias of its detector are the detector's logit."""
        stacked, ids, cells = np.stack(pixels), self.grounder.concept_ids, self.section.cells
        features = self.encoder.encode(stacked)
        inner = self.inner_map(stacked)
        if np.allclose(pooled(inner, cells), features, rtol=0.01, atol=0.01):
            return fine_maps(self.grounder, inner, concept_ids=ids, cells=cells).astype(np.float32)
        return concept_maps(self.grounder, features, concept_ids=ids, cells=cells).astype(np.float32)

    def inner_map(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the features are averages of, `(n, channels, side, side)`."""
        return self.inner.encode(pixels).reshape(len(pixels), -1, self.side, self.side)

    @cached_property
    def inner(self) -> Encoder:
        """The network up to its inner map, one cell a pixel; opened when first asked for."""
        return open_encoder(replace(encoder_spec(self.section), cells=self.side))

    @cached_property
    def side(self) -> int:
        """Of the inner map."""
        blank = self.encoder.prepare(Image.new("RGB", (64, 64)))
        return -(-len(blank) // self.section.stride)


def open_mapper(section: EncoderSection, encoder: Encoder, grounder: Grounder) -> Mapper | None:
    """None where the features do not know their place."""
    located = section.kind == "timm" and section.features == "grid"
    return Mapper(section, encoder, grounder) if located else None


def picture(image: Image.Image) -> bytes:
    """A JPEG to lay maps over: what was decoded, for a browser shows neither DICOM nor TIFF."""
    shown = image.copy()
    shown.thumbnail((PICTURE, PICTURE))
    buffer = BytesIO()
    shown.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
