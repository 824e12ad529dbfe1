"""CLIP, SigLIP, DINO and other networks of transformers as encoders, with their own preprocessing."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from models.encoders.digest import files_digest
from models.encoders.network import AUTOMATIC, Crop, NetworkEncoder, Place, Recipe
from models.encoders.running import PixelScaling
from models.encoders.sources import SAFE
from models.encoders.text_side import ImageTextNetwork
from models.encoders.transformers_folder import (
    load_model,
    load_processor,
    load_tokenizer,
    read_config,
    require_safetensors,
)
from models.errors import ModelsError

IMAGE_TEXT = ("clip", "metaclip_2", "siglip")
IMAGE_ONLY = ("dinov2", "dinov2_with_registers", "dinov3_convnext", "dinov3_vit", "vit")
NOISE = ("transformers_version", "torch_dtype", "dtype", "architectures", "_name_or_path")  # decide no vector


def transformers_encoder(folder: Path, *, place: Place = AUTOMATIC) -> NetworkEncoder:
    """The network of a folder in the Hugging Face layout; CLIP and SigLIP kinds also encode texts.

    A vector is the projected image feature of an image-text network, of length one, and the pooled output
    of any other. Resizing and cropping are those of `preprocessor_config.json`, done by the library's own
    class, through Pillow where it can. DINOv3's class resizes floating-point numbers; here it is given bytes,
    which moves a pixel by half a grey level at most.

    Raises:
        ModelsError: Missing or torn files, another kind of network, foreign weights, a pickle.
    """
    config = read_config(folder)
    kind = config.get("model_type")
    if kind not in {*IMAGE_TEXT, *IMAGE_ONLY}:
        kinds = ", ".join((*IMAGE_TEXT, *IMAGE_ONLY))
        raise ModelsError(f"{folder} holds a network of the kind {kind}; supported are {kinds}")
    require_safetensors(folder)
    processor, model = load_processor(folder), load_model(folder)
    steps = processor.to_dict()
    recipe = Recipe(
        architecture=f"transformers:{kind}",
        weights=files_digest(list(folder.glob(SAFE))),
        preprocessing={"steps": plain(steps), "class": type(processor).__name__, "network": plain(config)},
    )
    crop, scaling = crop_of(processor), scaling_of(steps)
    if kind in IMAGE_ONLY:
        return NetworkEncoder(PooledOutput(model), crop=crop, scaling=scaling, recipe=recipe, place=place)
    tower = TransformersTexts(model, folder, kind=kind)
    return ImageTextNetwork(
        ImageFeatures(model), tower, crop=crop, scaling=scaling, recipe=recipe, place=place
    )


class PooledOutput(nn.Module):
    """The pooled output of a transformers network."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        """From `(n, 3, h, w)` to `(n, d)`."""
        pooled: Tensor = self.model(pixel_values=pixels).pooler_output
        return pooled


class ImageFeatures(nn.Module):
    """The projected image features of an image-text network."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        """From `(n, 3, h, w)` to `(n, d)`."""
        return pooled(self.model.get_image_features(pixel_values=pixels))  # type: ignore[operator]


class TransformersTexts:
    """The text tower of an image-text network; its tokenizer is loaded at the first text.

    Args:
        model: The network.
        folder: Where its tokenizer lies.
        kind: SigLIP was trained on texts padded to their full length, the others were not.
    """

    def __init__(self, model: nn.Module, folder: Path, *, kind: str) -> None:
        self.model, self.folder, self.kind = model, folder, kind
        self._tokenizer: Any = None

    def __call__(self, texts: Sequence[str], device: torch.device) -> Tensor:
        """Projected features `(n, d)` of texts."""
        if self._tokenizer is None:
            self._tokenizer = load_tokenizer(self.folder)
        tokens = self._tokenizer(
            list(texts),
            padding="max_length" if self.kind == "siglip" else True,
            truncation=True,
            max_length=self.model.config.text_config.max_position_embeddings,  # type: ignore[union-attr]
            return_tensors="pt",
        ).to(device)
        return pooled(self.model.get_text_features(**tokens))  # type: ignore[operator]


def pooled(output: Any) -> Tensor:
    """Projected features `(n, d)`, which the library returns bare or in a field."""
    values: Tensor = getattr(output, "pooler_output", output)
    return values


def crop_of(processor: Any) -> Crop:
    """Resizing and cropping as the library does them, without scaling."""

    def crop(image: Image.Image) -> NDArray[np.uint8]:
        output = processor(image.convert("RGB"), do_rescale=False, do_normalize=False, return_tensors="np")
        pixels: NDArray[np.uint8] = output["pixel_values"][0].transpose(1, 2, 0)
        return pixels

    return crop


def scaling_of(steps: Mapping[str, Any]) -> PixelScaling:
    """Scaling as the settings say it."""
    divisor = 1 / steps["rescale_factor"] if steps.get("do_rescale") else 1.0
    if not steps.get("do_normalize"):
        return PixelScaling((0.0,) * 3, (1.0,) * 3, divisor)
    return PixelScaling(tuple(steps["image_mean"]), tuple(steps["image_std"]), divisor)


def plain(settings: object) -> Any:
    """Settings that decide a vector, as JSON values."""
    if isinstance(settings, dict):
        return {name: plain(value) for name, value in settings.items() if name not in NOISE}
    if isinstance(settings, list | tuple):
        return [plain(each) for each in settings]
    return int(settings) if isinstance(settings, IntEnum) else settings
