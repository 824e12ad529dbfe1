"""Turns images into feature vectors with a frozen network, and says exactly which one made them."""

from models.encoders.network import NetworkEncoder, Place, Recipe
from models.encoders.open_clip_models import open_clip_encoder
from models.encoders.opening import EncoderSpec, open_encoder
from models.encoders.protocol import Encoder, ImageTextEncoder
from models.encoders.raw_pixels import RawPixels
from models.encoders.timm_models import grid_encoder, pooled_encoder, untrained_encoder
from models.encoders.transformers_models import transformers_encoder

__all__ = [
    "Encoder",
    "EncoderSpec",
    "ImageTextEncoder",
    "NetworkEncoder",
    "Place",
    "RawPixels",
    "Recipe",
    "grid_encoder",
    "open_clip_encoder",
    "open_encoder",
    "pooled_encoder",
    "transformers_encoder",
    "untrained_encoder",
]
