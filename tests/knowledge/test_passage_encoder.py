import json
import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.retrieval.encoder import MeanPoolingEncoder

TEXTS = ["pleural effusion", "the heart is large " * 40, "", "Röntgen!", "a b c", "lung"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two small layers with random weights, in the format of sentence-transformers."""
    import torch
    from transformers import BertConfig, BertModel

    directory = tmp_path_factory.mktemp("encoder")
    vocabulary = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "heart",
        "lung",
        "effusion",
        "the",
        "is",
        "pleural",
    ]
    vocabulary += [*string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase)]
    (directory / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512}
    (directory / "tokenizer_config.json").write_text(json.dumps(settings))
    (directory / "sentence_bert_config.json").write_text('{"max_seq_length": 64}')
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    BertModel(config).save_pretrained(directory)
    return directory


def _expected(folder: Path, text: str) -> NDArray[np.float64]:
    """One text at a time, without padding: the mean of its token states, scaled by hand."""
    import torch
    from transformers import BertModel, BertTokenizer

    tokens = BertTokenizer.from_pretrained(folder)(text, truncation=True, max_length=64, return_tensors="pt")
    model: Any = BertModel.from_pretrained(folder)
    with torch.no_grad():
        states = np.asarray(model.eval()(**tokens).last_hidden_state[0], dtype=np.float64)
    mean = states.mean(axis=0)
    return np.asarray(mean / np.sqrt((mean**2).sum()))


def test_vectors_are_the_mean_of_token_states_scaled_to_length_one(folder: Path) -> None:
    encoder = MeanPoolingEncoder(folder)
    vectors = encoder.encode(TEXTS)
    assert encoder.dimension == 32
    assert vectors.shape == (6, 32)
    assert vectors.dtype == np.dtype("float32")
    for text, vector in zip(TEXTS, vectors, strict=True):
        assert np.allclose(vector, _expected(folder, text), atol=1e-5)


def test_order_and_batches_do_not_change_a_vector(folder: Path) -> None:
    encoder = MeanPoolingEncoder(folder)
    many = TEXTS * 15
    assert np.allclose(encoder.encode(many), np.tile(encoder.encode(TEXTS), (15, 1)), atol=1e-5)
    assert encoder.encode([]).shape == (0, 32)


def test_the_digest_follows_the_weights_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "README.md").write_text("notes")
    assert MeanPoolingEncoder(copy).digest == MeanPoolingEncoder(folder).digest
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    assert MeanPoolingEncoder(copy).digest != MeanPoolingEncoder(folder).digest


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", None, r"has no config\.json"),
        ("model.safetensors", None, r"has no model\.safetensors"),
        ("model.safetensors", b"cut", "cannot be loaded"),
        ("sentence_bert_config.json", b"{", "is not JSON"),
        ("sentence_bert_config.json", b"[]", "is not a JSON object"),
    ],
)
def test_a_missing_or_broken_file_is_named(
    folder: Path, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(KnowledgeError, match=message):
        MeanPoolingEncoder(tmp_path)


def test_a_folder_without_tokenizer_or_with_another_pooling_is_named(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    with pytest.raises(KnowledgeError, match="does not pool by the mean"):
        MeanPoolingEncoder(tmp_path)
    for name in ("vocab.txt", "tokenizer.json"):
        (tmp_path / name).unlink(missing_ok=True)
    with pytest.raises(KnowledgeError, match=r"has no tokenizer\.json or vocab\.txt"):
        MeanPoolingEncoder(tmp_path)
