"""The prior as a language model answers it: does this sign support this class?"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from knowledge.class_terms import ClassTerms
from knowledge.concepts import Concept
from knowledge.language.protocol import LanguageModel
from knowledge.priors.prior import Prior
from knowledge.prompts import Prompt, load_prompt

PROMPTS = ("supports_class_1", "supports_class_2", "supports_class_3")
CONTENT_FREE = "Is there something?"
"""A question that says nothing: the answer to it is the model's habit, taken off every other answer."""


def language_model_prior(
    concepts: Iterable[Concept],
    classes: Sequence[ClassTerms],
    model: LanguageModel,
    *,
    prompts: Sequence[Prompt] | None = None,
    agreement: float = 0.6,
    margin: float = 0.1,
) -> Prior:
    """Signs by class and concept, from one vote a prompt.

    A vote is the log-odds of yes, less those of a content-free question about the same class, less the mean
    of the other classes.

    Args:
        concepts: Those of the bank, in order.
        classes: Named to the model by their first synonym where they have one.
        model: Who is asked.
        prompts: Paraphrases of the question, each with `{question}` and `{class_name}`.
        agreement: Least share of the votes with the sign of their mean; below it the cell abstains.
        margin: Least absolute mean of the votes, in log-odds.
    """
    concepts = tuple(concepts)
    prompts = prompts or [load_prompt(name) for name in PROMPTS]
    votes = np.stack([_vote(prompt, concepts, classes, model) for prompt in prompts])  # (votes, k, c)
    mean = votes.mean(0)
    agreeing = (np.sign(votes) == np.sign(mean)).mean(0)
    sign = np.where((agreeing >= agreement) & (np.abs(mean) >= margin), np.sign(mean), 0.0)
    source = tuple(tuple("language_model" if value else "none" for value in row) for row in sign)
    return Prior(
        tuple(each.name for each in classes),
        tuple(each.id for each in concepts),
        sign.astype(np.float32),
        np.where(sign == 0, 0.0, agreeing).astype(np.float32),
        source,
        np.full(sign.shape, len(prompts), np.int32),
    )


def _vote(
    prompt: Prompt, concepts: Sequence[Concept], classes: Sequence[ClassTerms], model: LanguageModel
) -> NDArray[np.float64]:
    """Calibrated log-odds of yes, each class against the others: `(k, c) float64`."""
    prompt.require("question", "class_name")
    names = [each.synonyms[0] if each.synonyms else each.name.replace("_", " ") for each in classes]
    questions = [CONTENT_FREE, *(concept.question for concept in concepts)]
    texts = [prompt.fill(question=question, class_name=name) for question in questions for name in names]
    shares = np.clip(model.choose(texts, ("yes", "no"))[:, 0], 1e-6, 1 - 1e-6)
    odds = np.log(shares / (1 - shares)).reshape(len(questions), len(names))
    calibrated = odds[1:] - odds[:1]
    others = (calibrated.sum(1, keepdims=True) - calibrated) / max(len(names) - 1, 1)
    votes: NDArray[np.float64] = ((calibrated - others) if len(names) > 1 else calibrated).T
    return votes
