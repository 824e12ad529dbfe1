import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from models.encoders import Encoder, Place, grid_encoder, pooled_encoder
from models.encoders.digest import encoder_digest
from models.encoders.folding import fold_batch_norm
from models.encoders.weights import convert_efficientnet_lite0, headless_model, match_tensors
from models.errors import ModelsError

WeightsOf = Callable[[str], Path]


def with_trained_statistics(model: nn.Module) -> nn.Module:
    """Batch normalisation that does something, as after training."""
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.running_var, module.weight, module.bias):
                assert tensor is not None
                tensor.data = torch.rand(tensor.shape, generator=generator) + 0.5
    return model.eval()


@pytest.fixture(scope="module")
def weights_of(tmp_path_factory: pytest.TempPathFactory) -> WeightsOf:
    folder = tmp_path_factory.mktemp("weights")

    def make(architecture: str) -> Path:
        path = folder / f"{architecture}.safetensors"
        if not path.exists():
            torch.manual_seed(0)
            save_file(with_trained_statistics(timm.create_model(architecture)).state_dict(), path)
        return path

    return make


@pytest.fixture(scope="module")
def photographs() -> list[Image.Image]:
    generator = np.random.default_rng(0)
    sizes = [(200, 160), (160, 160), (90, 300), (401, 257), (160, 200)]
    return [
        Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8))
        for width, height in sizes
    ]


def vectors_of(encoder: Encoder, images: list[Image.Image]) -> NDArray[np.float32]:
    return encoder.encode(np.stack([encoder.prepare(image) for image in images]))


@pytest.mark.parametrize("architecture", ["test_resnet", "test_vit", "test_efficientnet"])
def test_vectors_equal_timm_used_plainly_one_by_one(
    architecture: str, weights_of: WeightsOf, photographs: list[Image.Image]
) -> None:
    model = timm.create_model(architecture, num_classes=0, checkpoint_path="").eval()
    plain = timm.create_model(architecture, checkpoint_path=str(weights_of(architecture))).eval()
    plain.reset_classifier(0)
    transform = timm.data.create_transform(**timm.data.resolve_data_config({}, model=model))
    with torch.inference_mode():
        expected = torch.cat([plain(transform(image)[None]) for image in photographs]).numpy()
    encoder = pooled_encoder(architecture, weights_of(architecture))
    vectors = vectors_of(encoder, photographs)
    assert vectors.dtype == np.float32
    assert vectors.shape == (5, encoder.dimension)
    np.testing.assert_allclose(vectors, expected, rtol=1e-3, atol=1e-4)


def test_a_vector_does_not_depend_on_the_rest_of_its_batch(
    weights_of: WeightsOf, photographs: list[Image.Image]
) -> None:
    encoder = pooled_encoder("test_resnet", weights_of("test_resnet"))
    together = vectors_of(encoder, photographs * 4)
    np.testing.assert_array_equal(together[:5], together[15:])
    np.testing.assert_array_equal(together[:5], vectors_of(encoder, photographs))


def test_the_digest_changes_with_weights_and_architecture(weights_of: WeightsOf, tmp_path: Path) -> None:
    first = pooled_encoder("test_vit", weights_of("test_vit"))
    assert pooled_encoder("test_vit", weights_of("test_vit")).digest == first.digest
    tensors = timm.create_model("test_vit").state_dict()
    save_file(tensors, tmp_path / "other.safetensors")
    assert pooled_encoder("test_vit", tmp_path / "other.safetensors").digest != first.digest
    about = ("test_vit", "w", {"mean": 0.5})
    text = '{"architecture": "test_vit", "preprocessing": {"mean": 0.5}, "version": 1, "weights": "w"}'
    assert encoder_digest(*about) == hashlib.sha256(text.encode()).hexdigest()
    others = [("vit", "w", {"mean": 0.5}), ("test_vit", "v", {"mean": 0.5}), ("test_vit", "w", {"mean": 0.4})]
    assert len({encoder_digest(*each) for each in [about, *others]}) == 4


def test_weights_of_another_network_are_refused(weights_of: WeightsOf) -> None:
    with pytest.raises(ModelsError, match=r"test_resnet\.safetensors lacks .* tensors of test_vit"):
        pooled_encoder("test_vit", weights_of("test_resnet"))


def test_a_headless_file_will_do_and_a_strange_tensor_will_not(tmp_path: Path) -> None:
    tensors = timm.create_model("test_vit", num_classes=0).state_dict()
    save_file(tensors, tmp_path / "body.safetensors")
    assert pooled_encoder("test_vit", tmp_path / "body.safetensors").dimension == 64
    save_file({**tensors, "blocks.9.extra": torch.zeros(1)}, tmp_path / "more.safetensors")
    with pytest.raises(ModelsError, match=r"has the unknown 1 tensors .*blocks\.9\.extra"):
        pooled_encoder("test_vit", tmp_path / "more.safetensors")
    save_file({**tensors, "norm.weight": torch.zeros(3)}, tmp_path / "shape.safetensors")
    with pytest.raises(ModelsError, match=r"another shape of 1 tensors .*norm\.weight"):
        pooled_encoder("test_vit", tmp_path / "shape.safetensors")


def test_an_unknown_architecture_suggests_others(weights_of: WeightsOf) -> None:
    with pytest.raises(ModelsError, match=r"no model resnt50; try .*resnet50"):
        pooled_encoder("resnt50", weights_of("test_vit"))
    with pytest.raises(ModelsError, match="no model hf-hub:someone/model"):
        pooled_encoder("hf-hub:someone/model", weights_of("test_vit"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
@pytest.mark.parametrize("device", ["cuda", "quantum"])
def test_a_device_that_is_not_there_is_refused(weights_of: WeightsOf, device: str) -> None:
    with pytest.raises(ModelsError, match=f"device {device} is not available"):
        pooled_encoder("test_vit", weights_of("test_vit"), place=Place(device))


@pytest.mark.parametrize("content", [None, b"", b"torn file of some length"])
def test_unusable_weights_are_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "w.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelsError, match=r"w\.safetensors"):
        pooled_encoder("test_vit", path)


def test_folding_keeps_the_outputs_and_removes_every_normalisation_after_a_convolution() -> None:
    model = with_trained_statistics(timm.create_model("test_efficientnet", num_classes=0))
    example = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    folded = fold_batch_norm(model, example)
    other = torch.rand(3, 3, 96, 96, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        torch.testing.assert_close(folded(other), model(other), rtol=1e-3, atol=1e-4)
    assert any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())


class Forked(nn.Module):
    """A convolution whose output goes into a normalisation and round it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return self.norm(y) + y


def test_a_network_that_cannot_be_folded_is_left_as_it_is() -> None:
    model = with_trained_statistics(Forked())
    assert fold_batch_norm(model, torch.rand(1, 3, 5, 5)) is model


def test_foreign_names_are_matched_by_order_role_and_shape() -> None:
    target = timm.create_model("test_efficientnet").state_dict()
    foreign = {
        f"layer{n}.{name.rpartition('.')[2]}": tensor for n, (name, tensor) in enumerate(target.items())
    }
    matched = match_tensors(foreign, target)
    assert list(matched) == [name for name in target if not name.endswith("num_batches_tracked")]
    assert all(torch.equal(matched[name], target[name]) for name in matched)
    fewer = dict(list(foreign.items())[:-1])
    with pytest.raises(ModelsError, match=r"has \d+ tensors, \d+ are needed"):
        match_tensors(fewer, target)
    names = list(foreign)
    swapped = {name: foreign[{names[0]: names[-1], names[-1]: names[0]}.get(name, name)] for name in names}
    with pytest.raises(ModelsError, match="does not fit"):
        match_tensors(swapped, target)


def test_a_converted_checkpoint_has_the_tensors_of_the_original(tmp_path: Path) -> None:
    model = with_trained_statistics(timm.create_model("tf_efficientnet_lite0"))
    foreign = {f"old.{n}.{name}": tensor for n, (name, tensor) in enumerate(model.state_dict().items())}
    torch.save(foreign, tmp_path / "old.pth")
    convert_efficientnet_lite0(tmp_path / "old.pth", tmp_path / "new.safetensors")
    converted = headless_model("tf_efficientnet_lite0", tmp_path / "new.safetensors").state_dict()
    original = model.state_dict()
    names = [name for name in converted if not name.endswith("num_batches_tracked")]
    assert all(torch.equal(converted[name], original[name]) for name in names)
    config = timm.data.resolve_data_config({}, model=model)
    assert (config["mean"], config["std"], config["input_size"]) == ((0.5,) * 3, (0.5,) * 3, (3, 224, 224))


@pytest.mark.parametrize("content", [None, b"", b"junk"])
def test_an_unusable_checkpoint_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "old.pth").write_bytes(content)
    with pytest.raises(ModelsError, match=r"old\.pth"):
        convert_efficientnet_lite0(tmp_path / "old.pth", tmp_path / "new.safetensors")
    assert not (tmp_path / "new.safetensors").exists()


def test_a_checkpoint_that_runs_code_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": Path("/")}, tmp_path / "old.pth")
    with pytest.raises(ModelsError, match="not a checkpoint of plain tensors"):
        convert_efficientnet_lite0(tmp_path / "old.pth", tmp_path / "new.safetensors")


def test_grid_cells_are_the_means_of_the_inner_map_of_the_whole_image(
    weights_of: WeightsOf, photographs: list[Image.Image]
) -> None:
    encoder = grid_encoder("test_efficientnet", weights_of("test_efficientnet"), stride=8, cells=2)
    plain = timm.create_model("test_efficientnet", features_only=True, out_indices=(2,)).eval()
    plain.load_state_dict(
        timm.create_model(
            "test_efficientnet", checkpoint_path=str(weights_of("test_efficientnet"))
        ).state_dict(),
        strict=False,
    )
    size, mean, std = (
        encoder.recipe.preprocessing["input_size"][1:],
        encoder.recipe.preprocessing["mean"],
        encoder.recipe.preprocessing["std"],
    )
    interpolation = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
    for photograph, vector in zip(photographs, vectors_of(encoder, photographs), strict=True):
        small = photograph.resize(size[::-1], interpolation[encoder.recipe.preprocessing["interpolation"]])
        pixels = (np.asarray(small, dtype=np.float64) / 255 - mean) / std
        with torch.inference_mode():
            inner = plain(torch.from_numpy(pixels).float().permute(2, 0, 1)[None])[0][0].numpy()
        height, width = inner.shape[1] // 2, inner.shape[2] // 2
        cells = inner.reshape(inner.shape[0], 2, height, 2, width).mean(axis=(2, 4))
        np.testing.assert_allclose(vector, cells.ravel(), rtol=1e-3, atol=1e-3)


def test_a_grid_on_a_stride_that_is_not_there_names_those_there_are(weights_of: WeightsOf) -> None:
    with pytest.raises(ModelsError, match=r"no map of stride 5; it has 2, 4, 8, 16, 32"):
        grid_encoder("test_efficientnet", weights_of("test_efficientnet"), stride=5)
