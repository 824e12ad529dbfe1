"""Networks in the OpenCLIP layout as encoders of images and texts, the paper's medical CLIPs among them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor, nn

import models.torchvision_operators  # noqa: F401  # before open_clip, which imports torchvision
from models.encoders.digest import file_digest
from models.encoders.network import AUTOMATIC, Crop, Place, Recipe
from models.encoders.running import PixelScaling
from models.encoders.sources import weights_file
from models.encoders.text_side import ImageTextNetwork
from models.errors import ModelsError

CONFIG = "open_clip_config.json"


def open_clip_encoder(
    folder: Path, *, converted: Path | None = None, place: Place = AUTOMATIC
) -> ImageTextNetwork:
    """The network of a folder with `open_clip_config.json` and its weights.

    KnoBo's features (arXiv 2405.14839) are those of `yyupenn/whyxrayclip` and `yyupenn/whylesionclip`, whose
    weights are pickles: they need `converted`.

    Args:
        folder: A local copy of the repository.
        converted: Folder for pickled weights as safetensors; without it they are refused.
        place: Where it runs.

    Raises:
        ModelsError: The library is not installed, missing or torn files, foreign weights, a pickle.
    """
    require_library()
    config = read_config(folder)
    weights = weights_file(folder, converted=converted)
    model = build(folder, config["model_cfg"])
    load_weights(model, weights)
    settings = preprocessing(model, config)
    recipe = Recipe(
        architecture="open_clip",
        weights=file_digest(weights),
        preprocessing={"network": config["model_cfg"], "steps": settings},
    )
    scaling = PixelScaling(tuple(settings["mean"]), tuple(settings["std"]))
    tower = OpenClipTexts(model, folder, config["model_cfg"]["text_cfg"])
    return ImageTextNetwork(
        ImageTower(model), tower, crop=crop_of(settings), scaling=scaling, recipe=recipe, place=place
    )


def require_library() -> None:
    """Say how to get open_clip where it is missing."""
    try:
        import open_clip  # noqa: F401, PLC0415
    except ImportError as error:
        raise ModelsError(
            "networks in the OpenCLIP layout need open_clip: pip install 'knobo[openclip]'"
        ) from error


def read_config(folder: Path) -> dict[str, Any]:
    """The folder's description, with its two sections."""
    path = folder / CONFIG
    try:
        config: dict[str, Any] = json.loads(path.read_bytes())
    except OSError as error:
        raise ModelsError(f"{folder} has no {CONFIG}; give a folder in the OpenCLIP layout") from error
    except ValueError as error:
        raise ModelsError(f"{path} is not JSON; fetch it again") from error
    network = config.get("model_cfg")
    if not isinstance(network, dict) or not {"embed_dim", "vision_cfg", "text_cfg"} <= network.keys():
        raise ModelsError(f"{path} has no model_cfg with embed_dim, vision_cfg and text_cfg; fetch it again")
    return config


def build(folder: Path, network: Mapping[str, Any]) -> nn.Module:
    """The network with random weights; no tower is fetched."""
    from open_clip.model import CLIP, CustomTextCLIP  # noqa: PLC0415  # takes seconds

    options = {name: value for name, value in network.items() if name != "custom_text"}
    vision, text = dict(network["vision_cfg"]), dict(network["text_cfg"])
    if "timm_model_name" in vision:
        vision["timm_model_pretrained"] = False
    if "hf_model_name" in text:
        text["hf_model_pretrained"] = False
    separate = network.get("custom_text") or "hf_model_name" in text
    try:
        model: nn.Module = (CustomTextCLIP if separate else CLIP)(
            **options | {"vision_cfg": vision, "text_cfg": text}
        )
    except (TypeError, RuntimeError, OSError, ValueError) as error:
        message = f"open_clip cannot build the network of {folder / CONFIG} ({error})"
        raise ModelsError(f"{message}; give a CLIP with an image and a text tower") from error
    return model


def load_weights(model: nn.Module, weights: Path) -> None:
    """Fill the network with exactly the tensors it has."""
    from open_clip.factory import load_checkpoint  # noqa: PLC0415

    try:
        fault = load_checkpoint(model, str(weights), strict=False)
    except SafetensorError as error:
        raise ModelsError(f"{weights} is not a whole safetensors file ({error}); fetch it again") from error
    except (RuntimeError, KeyError) as error:
        said = " ".join(str(error).split())[:200]
        message = f"{weights} has tensors of another network than {CONFIG} beside it ({said})"
        raise ModelsError(f"{message}; fetch both from one commit") from error
    for what, names in (("lacks", fault.missing_keys), ("has the unknown", fault.unexpected_keys)):
        if names:
            message = f"{weights} {what} {len(names)} tensors (first {names[0]})"
            raise ModelsError(f"{message} of the network in {CONFIG}; fetch both from one commit")


def preprocessing(model: nn.Module, config: Mapping[str, Any]) -> dict[str, Any]:
    """What is done to an image, every value written out."""
    from open_clip.transform import PreprocessCfg, merge_preprocess_dict  # noqa: PLC0415

    size = model.visual.image_size  # type: ignore[union-attr]
    given = {**config.get("preprocess_cfg", {}), "size": size}
    settings: dict[str, Any] = json.loads(json.dumps(merge_preprocess_dict(asdict(PreprocessCfg()), given)))
    return settings


def crop_of(settings: Mapping[str, Any]) -> Crop:
    """Resizing and cropping as open_clip does them, without its scaling."""
    from open_clip.transform import PreprocessCfg, image_transform_v2  # noqa: PLC0415
    from torchvision.transforms import Normalize, ToTensor  # noqa: PLC0415

    transform = image_transform_v2(PreprocessCfg(**settings), is_train=False)
    steps = [each for each in transform.transforms if not isinstance(each, ToTensor | Normalize)]

    def crop(image: Image.Image) -> NDArray[np.uint8]:
        image = image.convert("RGB")
        for step in steps:
            image = step(image)
        return np.asarray(image)

    return crop


class ImageTower(nn.Module):
    """The projected image features of an OpenCLIP network."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        """From `(n, 3, h, w)` to `(n, d)`."""
        features: Tensor = self.model.encode_image(pixels)  # type: ignore[operator]
        return features


class OpenClipTexts:
    """The text tower of an OpenCLIP network.

    Args:
        model: The network.
        folder: Where the tokenizer lies, if the network does not use OpenAI's.
        settings: Of the text tower.
    """

    def __init__(self, model: nn.Module, folder: Path, settings: Mapping[str, Any]) -> None:
        self.model, self.folder, self.settings = model, folder, settings
        self._tokenizer: Any = None

    def __call__(self, texts: Sequence[str], device: torch.device) -> Tensor:
        """Projected features `(n, d)` of texts."""
        if self._tokenizer is None:
            self._tokenizer = self.load_tokenizer()
        features: Tensor = self.model.encode_text(self._tokenizer(list(texts)).to(device))  # type: ignore[operator]
        return features

    def load_tokenizer(self) -> Any:
        """The tokenizer that the settings name; its files are read from the folder."""
        from open_clip.tokenizer import DEFAULT_CONTEXT_LENGTH, HFTokenizer, SimpleTokenizer  # noqa: PLC0415

        length = self.settings.get("context_length", DEFAULT_CONTEXT_LENGTH)
        options = self.settings.get("tokenizer_kwargs", {})
        if not self.settings.get("hf_tokenizer_name"):
            return SimpleTokenizer(context_length=length, **options)
        mode = self.settings.get("tokenizer_mode")
        try:
            return HFTokenizer(str(self.folder), context_length=length, tokenizer_mode=mode, **options)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelsError(
                f"{self.folder} has no usable tokenizer; add its tokenizer.json to encode texts"
            ) from error
