import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file

import models.torchvision_operators  # noqa: F401  # before open_clip, which imports torchvision
from models.encoders import Encoder, EncoderSpec, ImageTextEncoder, open_encoder
from models.encoders.text_side import ImageTextNetwork
from models.errors import ModelsError

open_clip = pytest.importorskip("open_clip")

NETWORK: dict[str, Any] = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
STEPS: dict[str, Any] = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25]}
TEXTS = ["Are the costophrenic angles blunted?", "a large heart"]


def write_folder(folder: Path, **steps: object) -> Path:
    """A repository in the OpenCLIP layout, as the library itself would make it."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_cfg": NETWORK, "preprocess_cfg": {**STEPS, **steps}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(0)
    tensors = open_clip.model.CLIP(**json.loads(json.dumps(NETWORK))).state_dict()
    save_file(
        {name: each.contiguous() for name, each in tensors.items()}, folder / "open_clip_model.safetensors"
    )
    return folder


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("open_clip") / "original")


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(original, tmp_path / "copy"))


@pytest.fixture(scope="module")
def photographs() -> list[Image.Image]:
    generator = np.random.default_rng(0)
    sizes = [(50, 41), (32, 32), (33, 90)]
    return [
        Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8))
        for width, height in sizes
    ]


def opened(folder: Path, converted: Path | None = None) -> ImageTextEncoder:
    encoder = open_encoder(
        EncoderSpec(kind="open_clip", source=str(folder), device="cpu", converted=converted)
    )
    assert isinstance(encoder, ImageTextNetwork)
    return encoder


def vectors_of(encoder: Encoder, images: Sequence[Image.Image]) -> NDArray[np.float32]:
    return encoder.encode(np.stack([encoder.prepare(image) for image in images]))


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
def test_images_and_texts_get_the_vectors_of_the_library(
    mode: str, photographs: list[Image.Image], tmp_path: Path
) -> None:
    folder = write_folder(tmp_path / "network", resize_mode=mode)
    plain, transform = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    with torch.inference_mode():
        pixels = torch.stack([transform(image) for image in photographs])
        images = plain.eval().encode_image(pixels, normalize=True).numpy()
        texts = plain.encode_text(tokenizer(TEXTS), normalize=True).numpy()
    encoder = opened(folder)
    np.testing.assert_allclose(vectors_of(encoder, photographs), images, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_text(TEXTS), texts, rtol=1e-3, atol=1e-5)


def test_the_digest_follows_weights_and_preprocessing_and_not_the_path(original: Path, folder: Path) -> None:
    first = opened(original).digest
    assert opened(folder).digest == first
    other = write_folder(folder, interpolation="bilinear")
    second = opened(other).digest
    tensors = load_file(folder / "open_clip_model.safetensors")
    tensors["visual.proj"] += 1
    save_file(tensors, folder / "open_clip_model.safetensors")
    assert len({first, second, opened(folder).digest}) == 3


def test_a_pickle_is_refused_or_converted_once(
    original: Path, folder: Path, photographs: list[Image.Image], tmp_path: Path
) -> None:
    safe, pickle = folder / "open_clip_model.safetensors", folder / "open_clip_pytorch_model.bin"
    tensors = load_file(safe)
    torch.save({"epoch": 3, "state_dict": {f"module.{name}": each for name, each in tensors.items()}}, pickle)
    safe.unlink()
    with pytest.raises(ModelsError, match=r"open_clip_pytorch_model\.bin is a pickle"):
        opened(folder)
    encoder = opened(folder, tmp_path / "converted")
    np.testing.assert_array_equal(vectors_of(encoder, photographs), vectors_of(opened(original), photographs))
    (kept,) = (tmp_path / "converted").iterdir()
    made = kept.stat().st_mtime_ns
    assert opened(folder, tmp_path / "converted").digest == encoder.digest
    assert kept.stat().st_mtime_ns == made


def test_a_pickle_that_runs_code_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "open_clip_model.safetensors").unlink()
    torch.save({"state_dict": Path("/")}, folder / "open_clip_pytorch_model.bin")
    with pytest.raises(ModelsError, match="not a checkpoint of plain tensors"):
        opened(folder, tmp_path)
    torch.save({"state_dict": [torch.zeros(1)]}, folder / "open_clip_pytorch_model.bin")
    with pytest.raises(ModelsError, match="not a checkpoint of named tensors"):
        opened(folder, tmp_path)


def test_weights_of_another_network_are_named(folder: Path) -> None:
    weights = folder / "open_clip_model.safetensors"
    tensors = load_file(weights)
    save_file({name: each for name, each in tensors.items() if name != "visual.proj"}, weights)
    with pytest.raises(ModelsError, match=r"lacks 1 tensors \(first visual\.proj\)"):
        opened(folder)
    save_file({**tensors, "visual.extra": torch.zeros(1)}, weights)
    with pytest.raises(ModelsError, match=r"has the unknown 1 tensors \(first visual\.extra\)"):
        opened(folder)
    save_file({**tensors, "visual.proj": torch.zeros(3, 3)}, weights)
    with pytest.raises(ModelsError, match=r"tensors of another network .*visual\.proj"):
        opened(folder)


def test_torn_and_missing_files_are_named(folder: Path) -> None:
    weights, config = folder / "open_clip_model.safetensors", folder / "open_clip_config.json"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(ModelsError, match=r"open_clip_model\.safetensors is not a whole safetensors file"):
        opened(folder)
    weights.unlink()
    with pytest.raises(ModelsError, match="holds 0 files of weights"):
        opened(folder)
    config.write_text('{"model_cfg": {"embed_dim": 3}}')
    with pytest.raises(ModelsError, match="has no model_cfg with embed_dim, vision_cfg and text_cfg"):
        opened(folder)
    config.unlink()
    with pytest.raises(ModelsError, match=r"has no open_clip_config\.json"):
        opened(folder)


def test_a_network_that_the_library_does_not_know_is_refused(folder: Path) -> None:
    config = {"model_cfg": {**NETWORK, "multimodal_cfg": {}}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelsError, match="cannot build the network"):
        opened(folder)


def test_without_the_library_the_command_that_installs_it_is_told(
    original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(ModelsError, match=r"pip install 'knobo\[openclip\]'"):
        opened(original)
