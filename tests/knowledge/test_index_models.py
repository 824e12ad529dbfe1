import json
import pickle
import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knowledge.errors import KnowledgeError
from knowledge.passages import Passage
from knowledge.retrieval.article_encoder import MedCptEncoder, load_encoder
from knowledge.retrieval.dense_files import Embedding
from knowledge.retrieval.encoder import MeanPoolingEncoder, encode_passages
from knowledge.retrieval.quoting import telling_sentence
from knowledge.retrieval.reader import StoreReader
from knowledge.retrieval.reranking import CrossEncoder
from knowledge.retrieval.store import IndexStore

WORDS = ["heart", "lung", "effusion", "the", "is", "pleural"]
PASSAGES = [
    Passage(f"p{i}", title, text, "s", "CC0", "l")
    for i, (title, text) in enumerate(
        [
            ("Heart", "The heart is large."),
            ("Lung", "Pleural effusion is there. " * 60),
            ("", "Röntgen"),
            ("a", "b"),
        ]
    )
]


def make_bert(directory: Path, *, seed: int, head: str = "none", outputs: int = 1, width: int = 32) -> Path:
    """A BERT of two small layers with random weights."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertModel

    directory.mkdir(parents=True)
    letters = [*string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, ".", *letters]
    (directory / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512}
    (directory / "tokenizer_config.json").write_text(json.dumps(settings))
    torch.manual_seed(seed)
    configure: Any = BertConfig
    config = configure(
        vocab_size=len(vocabulary),
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=512,
        num_labels=outputs,
    )
    made: Any = (BertModel if head == "none" else BertForSequenceClassification)(config)
    made.save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def medcpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("medcpt")
    make_bert(directory / "query", seed=1)
    make_bert(directory / "article", seed=2)
    return directory


@pytest.fixture(scope="module")
def reranker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bert(tmp_path_factory.mktemp("cross") / "encoder", seed=3, head="classification")


def one_by_one(folder: Path, *fields: str, most: int, logits: bool = False) -> Any:
    """One input at a time, without padding."""
    import torch
    from transformers import BertForSequenceClassification, BertModel, BertTokenizer

    tokens = BertTokenizer.from_pretrained(folder)(
        *fields, truncation="longest_first" if logits else True, max_length=most, return_tensors="pt"
    )
    kind: Any = BertForSequenceClassification if logits else BertModel
    with torch.no_grad():
        output = kind.from_pretrained(folder).eval()(**tokens)
    return (output.logits if logits else output.last_hidden_state[:, 0])[0].numpy()


def test_queries_and_articles_go_through_their_own_encoder_and_limit(medcpt: Path) -> None:
    encoder = MedCptEncoder(medcpt)
    queries = ["pleural effusion", "heart " * 200, ""]
    for text, vector in zip(queries, encoder.encode(queries), strict=True):
        assert np.allclose(vector, one_by_one(medcpt / "query", text, most=64), atol=1e-5)
    vectors = encode_passages(encoder, PASSAGES)
    for passage, vector in zip(PASSAGES, vectors, strict=True):
        expected = one_by_one(medcpt / "article", passage.title, passage.text, most=512)
        assert np.allclose(vector, expected, atol=1e-5)
    assert not np.allclose(np.linalg.norm(vectors, axis=1), 1), "inner product, not cosine"


def test_an_index_by_inner_product_ranks_as_the_product_does(medcpt: Path, tmp_path: Path) -> None:
    encoder = MedCptEncoder(medcpt)
    IndexStore(tmp_path).build(PASSAGES, embedding=Embedding(encoder))
    version = StoreReader(tmp_path, encoder=encoder)._open
    query = encoder.encode(["the heart"])
    (found,) = version.by_vectors(query, limit=4, among=version_everything())
    assert found == np.argsort(-(encode_passages(encoder, PASSAGES) @ query[0])).tolist()


def version_everything() -> Any:
    from knowledge.retrieval.filters import Filter

    return Filter()


def test_a_worker_process_gets_the_folder_and_not_the_weights(medcpt: Path) -> None:
    for encoder in (MedCptEncoder(medcpt), MeanPoolingEncoder(medcpt / "query")):
        sent = pickle.dumps(encoder)
        assert len(sent) < 1000
        assert pickle.loads(sent).digest == encoder.digest


def test_the_folder_says_which_encoder_it_is(medcpt: Path, tmp_path: Path) -> None:
    assert isinstance(load_encoder(medcpt), MedCptEncoder)
    assert isinstance(load_encoder(medcpt / "query"), MeanPoolingEncoder)
    with pytest.raises(KnowledgeError, match=r"has no config\.json"):
        load_encoder(tmp_path)
    make_bert(tmp_path / "query", seed=1)
    make_bert(tmp_path / "article", seed=1, width=16)
    with pytest.raises(KnowledgeError, match="vectors of 32 and 16 numbers"):
        load_encoder(tmp_path)


def test_a_cross_encoder_scores_each_pair_as_by_itself(reranker: Path) -> None:
    scores = CrossEncoder(reranker).scores("pleural effusion", PASSAGES * 6)
    for passage, score in zip(PASSAGES * 6, scores, strict=True):
        expected = one_by_one(reranker, "pleural effusion", passage.searchable, most=512, logits=True)
        assert score == pytest.approx(float(expected[0]), abs=1e-5)


def test_a_classifier_is_no_reranker(tmp_path: Path) -> None:
    folder = make_bert(tmp_path / "three", seed=3, head="classification", outputs=3)
    with pytest.raises(KnowledgeError, match="has 3 outputs, not one score"):
        CrossEncoder(folder)


def test_the_reranker_orders_what_both_arms_found(reranker: Path, tmp_path: Path) -> None:
    IndexStore(tmp_path).build(PASSAGES)
    model = CrossEncoder(reranker)
    (hits,) = StoreReader(tmp_path, reranker=model).search(["is the heart effusion"], limit=2)
    scores = model.scores("is the heart effusion", PASSAGES[:2])
    assert [hit.passage_id for hit in hits] == [f"p{i}" for i in np.argsort(-scores)]
    assert [hit.score for hit in hits] == pytest.approx(sorted(scores.tolist(), reverse=True))


def test_the_quote_is_the_sentence_that_shares_most_with_the_query() -> None:
    text = "The heart is large. Effusions blunt the costophrenic angle. An effusion is seen."
    passage = Passage("p", "", text, "s", "CC0", "l")
    assert telling_sentence(passage, "costophrenic effusion?") == "Effusions blunt the costophrenic angle."
    assert telling_sentence(passage, "nothing of it") == "The heart is large."
