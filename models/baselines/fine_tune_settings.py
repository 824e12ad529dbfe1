"""How networks are trained end to end: the defaults, and the two networks of the paper."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class FineTuneSettings:
    """How the encoder is trained.

    Attributes:
        epochs, batch, learning_rate, weight_decay: Of AdamW.
        size: Side of the square input in pixels.
        crop: Smallest share of the side that a random training crop keeps.
        brightness: Largest relative change of brightness and contrast.
        megabytes: Of decoded images to keep in memory, for training and validation each; others are read
            again in every epoch.
    """

    epochs: int = 20
    batch: int = 32
    learning_rate: float = 3e-4
    weight_decay: float = 1e-2
    size: int = 128
    crop: float = 0.85
    brightness: float = 0.1
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
        weights: What to start from and what the paper starts from, in words; a safetensors file with timm's
            tensor names is needed.
        settings: Of the training.
    """

    architecture: str
    weights: str
    settings: FineTuneSettings


PRESETS: Mapping[str, FineTunePreset] = MappingProxyType(
    {
        "vit-l-14": FineTunePreset(
            architecture="vit_large_patch14_clip_224",
            weights="the image tower of OpenCLIP's ViT-L/14, trained on LAION-2B",
            settings=FineTuneSettings(epochs=20, batch=64, learning_rate=1e-6, size=224),
        ),
        "densenet-121": FineTunePreset(
            architecture="densenet121",
            weights="timm's densenet121, trained on ImageNet. The paper starts from TorchXRayVision's "
            "densenet121-res224-mimic_nb, which reads one channel with another range of values and so does "
            "not fit this network, and for skin from one trained on the 9 classes of ISIC",
            settings=FineTuneSettings(epochs=20, batch=64, learning_rate=1e-5, size=224),
        ),
    }
)
