"""The local model against plain transformers, on a tiny random llama made here."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knowledge.errors import KnowledgeError
from knowledge.language import LocalModel, Sampling
from knowledge.language.decoding import random_stream
from knowledge.language.reading import common_prefix

TEXT = "the heart is large lung dark white line sign no yes maybe question answer of and edge sharp round"
WORDS = TEXT.split()
SHOTS = "question the heart is large answer yes question the lung is dark answer no question "
PROMPTS = [
    SHOTS + "the line is white answer",
    SHOTS + "the edge of the lung is sharp and round answer",
    SHOTS + "the line is white sign",
    SHOTS + "heart answer",
]


def write_tiny_llama(directory: Path, *, chat_template: str | None = None) -> Path:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    vocabulary = {word: i for i, word in enumerate(["<s>", "</s>", "<unk>", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    wrapped.chat_template = chat_template
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        initializer_range=0.4,  # far from uniform, so that a wrong position or mask shows
        bos_token_id=0,
        eos_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(directory)
    wrapped.save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("tiny") / "llama")


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    from knowledge.language.loading import quietly

    with quietly():
        return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def test_greedy_replies_equal_those_of_transformers_one_prompt_at_a_time(
    folder: Path, reference: Any
) -> None:
    import torch

    model = LocalModel(folder)
    replies = model.complete(PROMPTS, Sampling(max_tokens=7, stop=()))
    for prompt, reply in zip(PROMPTS, replies, strict=True):
        ids = torch.tensor([model.tokens(prompt)])
        out = reference.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=7, do_sample=False, pad_token_id=1
        )
        expected = model.tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
        assert reply == [expected.strip()]


def test_option_probabilities_equal_the_softmax_of_the_next_token(folder: Path, reference: Any) -> None:
    import torch

    model = LocalModel(folder)
    options = ("yes", "no", "maybe")
    found = model.choose(PROMPTS, options)
    assert found.shape == (4, 3)
    for prompt, row in zip(PROMPTS, found, strict=True):
        logits = reference(torch.tensor([model.tokens(prompt)])).logits[0, -1].double()
        ids = [model.tokenizer.convert_tokens_to_ids(option) for option in options]
        expected = logits[ids].softmax(-1).detach().numpy()
        np.testing.assert_allclose(row, expected, atol=1e-5)


@pytest.mark.parametrize("nodes", [8, 40, 640])
def test_prompts_read_as_a_tree_give_the_probabilities_of_each_alone(
    folder: Path, reference: Any, nodes: int
) -> None:
    import torch

    from knowledge.language.branching import Branching

    model = LocalModel(folder)
    texts = ["the heart is large and the lung is dark", "the lung is white", "sharp edge of the line"]
    tails = ["the line is white answer", "the line is round answer", "large heart answer", "sign answer"]
    rows = [model.tokens(f"{SHOTS} {text} question {tail}") for text in texts for tail in tails]
    groups = [model.first_tokens(option) for option in ("yes", "no", "maybe")]
    found = Branching(model.network, groups, nodes=nodes, worth=4).probabilities(rows + rows[:2])
    ids = [next(iter(group - {model.tokenizer.unk_token_id})) for group in groups]
    with torch.inference_mode():
        logits = [reference(torch.tensor([row])).logits[0, -1, ids].double() for row in rows]
    expected = torch.stack(logits).softmax(-1).numpy()
    np.testing.assert_allclose(found, np.concatenate([expected, expected[:2]]), atol=1e-5)
    assert np.ptp(found[:, 0]) > 0.01


def test_prompts_give_the_same_alone_and_in_a_batch(folder: Path) -> None:
    model = LocalModel(folder)
    sampling = Sampling(max_tokens=6, samples=3, temperature=0.8, seed=5, stop=())
    together = model.complete(PROMPTS, sampling)
    assert together == [model.complete([prompt], sampling)[0] for prompt in PROMPTS]
    assert together == LocalModel(folder, batch=3).complete(PROMPTS, sampling)
    assert len({tuple(replies) for replies in together}) > 1
    np.testing.assert_allclose(
        model.choose(PROMPTS, ("yes", "no")),
        np.concatenate([model.choose([prompt], ("yes", "no")) for prompt in PROMPTS]),
        atol=1e-6,
    )


def test_another_seed_gives_other_replies(folder: Path) -> None:
    model = LocalModel(folder)
    first, second = (
        model.complete(PROMPTS, Sampling(max_tokens=8, temperature=1.0, seed=seed, stop=()))
        for seed in (1, 2)
    )
    assert first != second


def test_sampled_shares_follow_the_probabilities(folder: Path, reference: Any) -> None:
    import torch

    model = LocalModel(folder)
    (replies,) = model.complete(PROMPTS[:1], Sampling(max_tokens=1, samples=600, temperature=1.0, stop=()))
    logits = reference(torch.tensor([model.tokens(PROMPTS[0])])).logits[0, -1]
    shares = logits.double().softmax(-1).detach().numpy()
    for word in WORDS[:8]:
        expected = shares[model.tokenizer.convert_tokens_to_ids(word)]
        spread = 4 * np.sqrt(expected * (1 - expected) / len(replies)) + 1e-3
        assert abs(np.mean([reply == word for reply in replies]) - expected) < spread


def test_a_reply_ends_before_the_stop_string(folder: Path) -> None:
    model = LocalModel(folder)
    long = model.complete(PROMPTS, Sampling(max_tokens=8, stop=()))
    for prompt, (reply,) in zip(PROMPTS, long, strict=True):
        words = reply.split()
        if len(words) > 2:
            (cut,) = model.complete([prompt], Sampling(max_tokens=8, stop=(words[2],)))[0]
            assert cut == reply[: reply.find(words[2])].strip()


def test_the_chat_template_is_used_when_asked_for(tmp_path: Path) -> None:
    folder = write_tiny_llama(
        tmp_path / "chat", chat_template="{{ 'question ' + messages[0]['content'] + ' answer' }}"
    )
    with_template, without = LocalModel(folder, chat=True), LocalModel(folder)
    assert with_template.tokens("the heart") == without.tokens("question the heart answer")
    assert with_template.digest != without.digest


def test_options_with_the_same_first_token_are_refused(folder: Path) -> None:
    with pytest.raises(KnowledgeError, match="begin with the same token"):
        LocalModel(folder).choose(["the heart"], ("yes", "yes sharp"))


def test_samples_at_temperature_zero_are_refused(folder: Path) -> None:
    with pytest.raises(KnowledgeError, match="temperature"):
        LocalModel(folder).complete(["the heart"], Sampling(samples=2))


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"config\.json is missing"):
        LocalModel(tmp_path)


def test_no_prompts_give_no_replies(folder: Path) -> None:
    model = LocalModel(folder)
    assert model.complete([], Sampling()) == []
    assert model.choose([], ("yes", "no")).shape == (0, 2)


def test_the_digest_follows_the_weights(folder: Path, tmp_path: Path) -> None:
    other = write_tiny_llama(tmp_path / "same")
    assert LocalModel(folder).digest == LocalModel(other).digest
    weights = other / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert LocalModel(folder).digest != LocalModel(other).digest


def test_the_common_prefix_leaves_a_tail() -> None:
    assert common_prefix([[1, 2, 3, 9, 9, 9, 9, 9], [1, 2, 4, 9, 9, 9, 9, 9]]) == 2
    assert common_prefix([[1, 2, 3, 4, 5, 6, 7, 8]] * 2) == 3
    assert common_prefix([[1, 2], [1, 2, 3]]) == 0


def test_random_streams_differ_by_seed_prompt_and_sample() -> None:
    draws = {
        random_stream(seed, key, sample).random()
        for seed in (0, 1)
        for key in ("a", "b")
        for sample in (0, 1)
    }
    assert len(draws) == 8
