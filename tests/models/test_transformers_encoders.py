import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file

import models.torchvision_operators  # noqa: F401  # before transformers' image classes
from models.encoders import Encoder, EncoderSpec, ImageTextEncoder, open_encoder
from models.encoders.text_side import ImageTextNetwork
from models.errors import ModelsError

SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
SEEN: dict[str, Any] = {"image_size": 32, "patch_size": 8}
WORDS = ["a", "rib", "heart", "line", "large", "clear"]
TEXTS = ["a large heart", "clear line a", "a rib"]
Folders = Callable[[str], Path]


def write_tokenizer(folder: Path, *, start: str | None) -> None:
    """Whole words are tokens; the CLIP kinds put one round the text."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = {word: n for n, word in enumerate(["<pad>", "<unk>", "<start>", "<end>", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if start:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<start> $A <end>", special_tokens=[("<start>", 2), ("<end>", 3)]
        )
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", eos_token="<end>"
    ).save_pretrained(folder)


def write_clip(folder: Path) -> None:
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    text = {
        **SMALL,
        "vocab_size": 10,
        "max_position_embeddings": 16,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "pad_token_id": 0,
    }
    config = CLIPConfig(text_config=text, vision_config={**SMALL, **SEEN}, projection_dim=24)
    CLIPModel(config).save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32}).save_pretrained(
        folder
    )
    write_tokenizer(folder, start="<start>")


def write_siglip(folder: Path) -> None:
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    text = {**SMALL, "vocab_size": 10, "max_position_embeddings": 16, "projection_size": 32}
    SiglipModel(SiglipConfig(text_config=text, vision_config={**SMALL, **SEEN})).save_pretrained(folder)
    SiglipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    write_tokenizer(folder, start=None)


def write_dinov2(folder: Path) -> None:
    from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

    small = {name: SMALL[name] for name in ("hidden_size", "num_hidden_layers", "num_attention_heads")}
    Dinov2Model(Dinov2Config(**small, image_size=28, patch_size=14)).save_pretrained(folder)
    BitImageProcessor(size={"shortest_edge": 40}, crop_size={"height": 28, "width": 28}).save_pretrained(
        folder
    )


def write_dinov3(folder: Path) -> None:
    from transformers import DINOv3ViTConfig, DINOv3ViTImageProcessor, DINOv3ViTModel

    DINOv3ViTModel(DINOv3ViTConfig(**SMALL, **SEEN)).save_pretrained(folder)
    DINOv3ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)


WRITERS = {"clip": write_clip, "siglip": write_siglip, "dinov2": write_dinov2, "dinov3": write_dinov3}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    home = tmp_path_factory.mktemp("networks")

    def make(kind: str) -> Path:
        if not (home / kind).exists():
            torch.manual_seed(0)
            WRITERS[kind](home / kind)
        return home / kind

    return make


@pytest.fixture
def clip(folders: Folders, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(folders("clip"), tmp_path / "clip"))


@pytest.fixture(scope="module")
def photographs() -> list[Image.Image]:
    generator = np.random.default_rng(0)
    sizes = [(50, 41), (64, 64), (33, 90)]
    return [
        Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8))
        for width, height in sizes
    ]


def opened(folder: Path) -> Encoder:
    return open_encoder(EncoderSpec(kind="transformers", source=str(folder), device="cpu"))


def opened_with_texts(folder: Path) -> ImageTextEncoder:
    encoder = opened(folder)
    assert isinstance(encoder, ImageTextNetwork)
    return encoder


def vectors_of(encoder: Encoder, images: Sequence[Image.Image]) -> NDArray[np.float32]:
    return encoder.encode(np.stack([encoder.prepare(image) for image in images]))


def unit(values: torch.Tensor) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = (values / values.norm(dim=1, keepdim=True)).numpy()
    return vectors


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_image_features_equal_those_of_the_library_with_its_own_processor(
    kind: str, folders: Folders, photographs: list[Image.Image]
) -> None:
    from transformers import AutoImageProcessor, AutoModel

    processor = AutoImageProcessor.from_pretrained(folders(kind), backend="pil")  # type: ignore[no-untyped-call]
    plain = AutoModel.from_pretrained(folders(kind)).eval()
    with torch.inference_mode():
        pixels = processor(photographs, return_tensors="pt")["pixel_values"]
        expected = unit(plain.get_image_features(pixel_values=pixels).pooler_output)
    vectors = vectors_of(opened(folders(kind)), photographs)
    np.testing.assert_allclose(vectors, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("kind", "tolerance"), [("dinov2", 1e-5), ("dinov3", 2e-2)])
def test_pooled_outputs_equal_those_of_the_library_with_its_own_processor(
    kind: str, tolerance: float, folders: Folders, photographs: list[Image.Image]
) -> None:
    from transformers import AutoImageProcessor, AutoModel

    processor = AutoImageProcessor.from_pretrained(folders(kind), backend="pil")  # type: ignore[no-untyped-call]
    plain = AutoModel.from_pretrained(folders(kind)).eval()
    with torch.inference_mode():
        pixels = torch.cat([processor(each, return_tensors="pt")["pixel_values"] for each in photographs])
        expected = plain(pixel_values=pixels).pooler_output.numpy()
    vectors = vectors_of(opened(folders(kind)), photographs)
    np.testing.assert_allclose(vectors, expected, rtol=1e-3, atol=tolerance)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_text_features_equal_those_of_the_library(kind: str, folders: Folders) -> None:
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folders(kind))
    padding = {"padding": "max_length", "max_length": 16} if kind == "siglip" else {"padding": False}
    plain = AutoModel.from_pretrained(folders(kind)).eval()
    with torch.inference_mode():
        each = [tokenizer([text], return_tensors="pt", **padding) for text in TEXTS]
        expected = unit(torch.cat([plain.get_text_features(**one).pooler_output for one in each]))
    encoder = opened_with_texts(folders(kind))
    np.testing.assert_allclose(encoder.encode_text(TEXTS), expected, rtol=1e-3, atol=1e-5)
    assert encoder.encode_text([]).shape == (0, encoder.dimension)
    assert np.isfinite(encoder.encode_text(["rib " * 100])).all()


def test_the_digest_follows_weights_and_preprocessing_and_not_the_path(folders: Folders, clip: Path) -> None:
    first = opened(folders("clip")).digest
    assert opened(clip).digest == first
    settings = json.loads((clip / "preprocessor_config.json").read_text())
    (clip / "preprocessor_config.json").write_text(json.dumps({**settings, "resample": 2}))
    second = opened(clip).digest
    tensors = load_file(clip / "model.safetensors")
    tensors["visual_projection.weight"] += 1
    save_file(tensors, clip / "model.safetensors", metadata={"format": "pt"})
    third = opened(clip).digest
    config = json.loads((clip / "config.json").read_text())
    config["vision_config"]["hidden_act"] = "gelu"
    (clip / "config.json").write_text(json.dumps(config))
    assert len({first, second, third, opened(clip).digest}) == 4


def test_weights_of_another_network_are_named(clip: Path, folders: Folders) -> None:
    shutil.copy(folders("siglip") / "model.safetensors", clip)
    with pytest.raises(ModelsError, match=r"lack \d+ tensors \(first [\w.]+\) of the network"):
        opened(clip)


def test_tensors_of_another_shape_are_named(clip: Path) -> None:
    tensors = load_file(clip / "model.safetensors")
    tensors["visual_projection.weight"] = torch.zeros(25, 32)
    save_file(tensors, clip / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelsError, match=r"another shape of 1 tensors \(first visual_projection\.weight\)"):
        opened(clip)


def test_tensors_of_a_larger_network_are_named(clip: Path) -> None:
    tensors = load_file(clip / "model.safetensors")
    extra = {name.replace("layers.1", "layers.2"): each.clone() for name, each in tensors.items()}
    save_file(tensors | extra, clip / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelsError, match=r"have the unknown \d+ tensors \(first .*layers\.2"):
        opened(clip)


def test_torn_files_are_named(clip: Path) -> None:
    weights = clip / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelsError, match="no whole safetensors file"):
        opened(clip)
    (clip / "preprocessor_config.json").unlink()
    with pytest.raises(ModelsError, match=r"preprocessor_config\.json is missing or damaged"):
        opened(clip)
    (clip / "config.json").write_text("{")
    with pytest.raises(ModelsError, match=r"config\.json is not JSON"):
        opened(clip)
    (clip / "config.json").unlink()
    with pytest.raises(ModelsError, match=r"has no config\.json"):
        opened(clip)


def test_pickled_weights_are_refused(clip: Path) -> None:
    (clip / "model.safetensors").rename(clip / "pytorch_model.bin")
    with pytest.raises(ModelsError, match=r"pytorch_model\.bin is a pickle"):
        opened(clip)
    (clip / "pytorch_model.bin").unlink()
    with pytest.raises(ModelsError, match="has no weights"):
        opened(clip)


def test_other_kinds_of_networks_are_refused_with_those_there_are(clip: Path) -> None:
    (clip / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ModelsError, match="of the kind gpt2; supported are clip, metaclip_2, siglip, dinov2"):
        opened(clip)


def test_a_damaged_tokenizer_is_named(clip: Path) -> None:
    (clip / "tokenizer.json").write_text("{")
    with pytest.raises(ModelsError, match=r"the tokenizer in .* is damaged"):
        opened_with_texts(clip).encode_text(TEXTS)


def test_texts_need_a_tokenizer_and_images_do_not(clip: Path, photographs: list[Image.Image]) -> None:
    for file in clip.glob("*token*"):
        file.unlink()
    encoder = opened_with_texts(clip)
    assert vectors_of(encoder, photographs).shape == (3, 24)
    with pytest.raises(ModelsError, match="no tokenizer to encode texts with"):
        encoder.encode_text(TEXTS)
