"""Loading transformers weights, and converting GGUF files to a folder that loads in a moment."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from knowledge.errors import KnowledgeError


@contextmanager
def quietly() -> Iterator[None]:
    """Without the progress bars of transformers, whatever they were set to before."""
    from transformers.utils import logging  # noqa: PLC0415 # heavy

    was_on = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if was_on:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def convert_gguf(gguf_file: Path, directory: Path) -> Path:
    """Write the weights of a GGUF file as a transformers folder; nothing is done where it already stands.

    Reading GGUF takes half a minute or more and the folder afterwards a second. The folder appears under its
    name only when it is complete.
    """
    if (directory / "config.json").is_file():
        return directory
    if not gguf_file.is_file():
        raise KnowledgeError(f"No GGUF file at {gguf_file}; check the path of the language model.")
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", suffix=".partial", dir=directory.parent))
    try:
        _write_folder(_read_gguf(gguf_file), draft)
        draft.chmod(0o755)
        draft.rename(directory)
    except OSError:
        if not (directory / "config.json").is_file():  # another process was faster
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return directory


def _read_gguf(gguf_file: Path) -> tuple[Any, Any]:
    import torch  # noqa: PLC0415 # heavy
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

    where = {"gguf_file": gguf_file.name, "local_files_only": True}
    with quietly():
        tokenizer = AutoTokenizer.from_pretrained(gguf_file.parent, **where)
        model = AutoModelForCausalLM.from_pretrained(gguf_file.parent, dtype=torch.float32, **where)
    return model, tokenizer


def _write_folder(parts: tuple[Any, Any], directory: Path) -> None:
    from safetensors.torch import save_model  # noqa: PLC0415 # imports torch

    model, tokenizer = parts
    # transformers refuses to save a model it remembers as quantised, although its weights are plain by now
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    tokenizer.save_pretrained(directory)
    model.generation_config.save_pretrained(directory)
    model.config.save_pretrained(directory)
    weights = directory / "model.safetensors"
    save_model(model, str(weights), metadata={"format": "pt"})
    weights.chmod(0o644)
    with weights.open("rb") as stream:
        os.fsync(stream.fileno())
