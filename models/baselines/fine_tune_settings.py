"""How networks are trained end to end: the defaults, and the two networks of the paper."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class FineTuneSettings:
    """How the encoder is trained.

    Attributes:
        epochs, batch, learning_rate, weight_decay: Of AdamW.
        size: Side of the square input in pixels.
        crop: Smallest share of the side that a random training crop keeps.
        brightness: Largest relative change of brightness and contrast.
        mean, deviation: Of each channel, as the pretrained weights expect.
        megabytes: Of decoded images to keep in memory, for training and validation each; others are read
            again in every epoch.
    """

    epochs: int = 20
    batch: int = 32
    learning_rate: float = 3e-4
    weight_decay: float = 1e-2
    size: int = 160
    crop: float = 0.85
    brightness: float = 0.1
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    deviation: tuple[float, float, float] = (0.5, 0.5, 0.5)
    megabytes: int = 300

    @property
    def side(self) -> int:
        """Side at which images are kept, so that the smallest crop still has `size` pixels of its own."""
        return round(self.size / self.crop)


@dataclass(frozen=True, slots=True)
class FineTunePreset:
    """A network of the paper and how the paper trains it.

    Attributes:
        architecture: As timm names it.
        weights: What the paper starts from, in words; a safetensors file with timm's tensor names is needed.
        settings: Of the training.
    """

    architecture: str
    weights: str
    settings: FineTuneSettings


PRESETS: Mapping[str, FineTunePreset] = MappingProxyType(
    {
        "vit-l-14": FineTunePreset(
            architecture="vit_large_patch14_clip_224",
            weights="the image tower of a CLIP ViT-L/14 (OpenCLIP, LAION-2B, and those fine-tuned from it)",
            settings=FineTuneSettings(
                epochs=20,
                batch=64,
                learning_rate=1e-6,
                size=224,
                mean=CLIP_MEAN,
                deviation=CLIP_DEVIATION,
            ),
        ),
        "densenet-121": FineTunePreset(
            architecture="densenet121",
            weights="TorchXRayVision's densenet121-res224-mimic_nb; for skin one trained on ISIC's 9 classes",
            settings=FineTuneSettings(
                epochs=20,
                batch=64,
                learning_rate=1e-5,
                size=224,
                mean=IMAGENET_MEAN,
                deviation=IMAGENET_DEVIATION,
            ),
        ),
    }
)
