"""The one place that opens an encoder from a plain description of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from models.encoders.devices import Precision
from models.encoders.network import Place
from models.encoders.open_clip_models import open_clip_encoder
from models.encoders.protocol import Encoder
from models.encoders.raw_pixels import RawPixels
from models.encoders.sources import local_source, weights_file
from models.encoders.timm_models import grid_encoder, pooled_encoder, untrained_encoder
from models.encoders.transformers_models import transformers_encoder

Kind = Literal["timm", "transformers", "open_clip", "untrained", "pixels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSpec:
    """Which encoder; what a kind does not name below, it does not use.

    Attributes:
        kind: `timm`: a network of timm with weights from `source`. `transformers`: a CLIP, SigLIP, DINO or
            ViT in the Hugging Face layout. `open_clip`: a repository or folder in the OpenCLIP layout.
            `untrained`: a timm network as initialised. `pixels`: no network.
        source: `timm`, `transformers`, `open_clip`: a file or folder, else a hub repository (owner/name).
        revision: `source` in the hub: the commit, 40 hex digits.
        offline: `source` in the hub: only what its local cache holds.
        architecture: `timm`, `untrained`: a model name of timm.
        features: `timm`: an inner map averaged over cells, or the network's own pooled output.
        stride, cells: `timm` with `grid`.
        seed: `untrained`.
        device: `auto` (a GPU if there is one), `cpu`, `cuda`, `cuda:1`, `mps`.
        precision: Of the large products; `auto` is float32 on the CPU and float16 on a GPU.
        converted: Folder for weights that come as a pickle, converted once; without it they are refused.
    """

    kind: Kind = "timm"
    source: str = ""
    revision: str | None = None
    offline: bool = False
    architecture: str = "tf_efficientnet_lite0"
    features: Literal["grid", "pooled"] = "grid"
    stride: int = 16
    cells: int = 3
    seed: int = 0
    device: str = "auto"
    precision: Precision = "auto"
    converted: Path | None = None

    def local(self) -> Path:
        """The source on this machine."""
        return local_source(self.source, revision=self.revision, offline=self.offline)


def open_encoder(spec: EncoderSpec) -> Encoder:
    """The encoder, its weights loaded and checked, ready on its device.

    Raises:
        ModelsError: Anything about the spec that cannot be had or does not fit together.
    """
    place = Place(spec.device, spec.precision)
    if spec.kind == "pixels":
        return RawPixels()
    if spec.kind == "untrained":
        return untrained_encoder(spec.architecture, seed=spec.seed, place=place)
    if spec.kind == "transformers":
        return transformers_encoder(spec.local(), place=place)
    if spec.kind == "open_clip":
        return open_clip_encoder(spec.local(), converted=spec.converted, place=place)
    return open_timm(spec, place)


def open_timm(spec: EncoderSpec, place: Place) -> Encoder:
    """A timm network with its weights."""
    weights = weights_file(spec.local(), converted=spec.converted)
    if spec.features == "pooled":
        return pooled_encoder(spec.architecture, weights, place=place)
    return grid_encoder(spec.architecture, weights, stride=spec.stride, cells=spec.cells, place=place)
