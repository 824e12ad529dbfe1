"""What the rest of the image side needs of an encoder, whatever network lies in it."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class Encoder(Protocol):
    """Turns images into feature vectors."""

    @property
    def digest(self) -> str:
        """Another one whenever an image could get another vector: architecture, weights, preprocessing."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    @property
    def group(self) -> int | None:
        """Images it works best on when given at once, as far as their pixels may fill the memory.

        None where more of them gain nothing.
        """
        ...

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Pixels `(h, w, 3)` of an image, resized and cropped; h and w are the same for every image.

        The image is RGB, or grey (mode L) and taken as one with three equal channels.

        Work of one image on the CPU; may be called from several threads while `encode` runs.
        """
        ...

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Vectors `(n, d)` of pixels `(n, h, w, 3)`, in their order."""
        ...


class ImageTextEncoder(Encoder, Protocol):
    """An encoder whose images and texts share a space: the product of two vectors is their cosine."""

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors `(n, d)` of texts, of length one, in their order; the end of a long text is cut off."""
        ...
