"""Texts in the space of the images: what an image-text network adds to an encoder."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.encoders.network import Crop, NetworkEncoder, Place, Recipe
from models.encoders.running import PixelScaling

TEXTS_AT_ONCE = 64
TextTower = Callable[[Sequence[str], torch.device], Tensor]


class ImageTextNetwork(NetworkEncoder):
    """An encoder with a text tower; vectors of both have length one, as KnoBo's have (arXiv 2405.14839).

    Args:
        model: From scaled pixels `(n, 3, h, w)` to projected image features `(n, d)`.
        text_tower: From texts to projected text features `(n, d)` on a device.
        crop, scaling, recipe, place: As of `NetworkEncoder`.
    """

    def __init__(
        self,
        model: nn.Module,
        text_tower: TextTower,
        *,
        crop: Crop,
        scaling: PixelScaling,
        recipe: Recipe,
        place: Place,
    ) -> None:
        super().__init__(UnitLength(model), crop=crop, scaling=scaling, recipe=recipe, place=place)
        self._text_tower = text_tower

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors `(n, d)` of texts, of length one, in their order; the end of a long text is cut off."""
        parts = [texts[n : n + TEXTS_AT_ONCE] for n in range(0, len(texts), TEXTS_AT_ONCE)]
        with torch.inference_mode():
            vectors = [unit(self._text_tower(part, self.device)).float().cpu().numpy() for part in parts]
        return np.concatenate([np.empty((0, self.dimension), dtype=np.float32), *vectors])


class UnitLength(nn.Module):
    """A network whose vectors are scaled to length one."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        """From `(n, 3, h, w)` to `(n, d)`."""
        return unit(self.model(pixels))


def unit(vectors: Tensor) -> Tensor:
    """Rows `(n, d)` of length one."""
    return nn.functional.normalize(vectors.float(), dim=1)
