"""Five tests that a proposed concept must pass; every outcome is kept with a sentence that says why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.class_terms import class_terms
from knowledge.concepts import Concept, Verdict
from knowledge.language.protocol import LanguageModel
from knowledge.passages import Passage
from knowledge.prompts import Prompt, load_prompt
from knowledge.quotes import is_verbatim, missing_words, support
from knowledge.vocabulary import content_words, default_vocabulary, stems

TESTS = ("leak_free", "supported", "visual", "new", "groundable")
"""Cheap ones first; a concept is not tested further after its first failure."""


class TextEncoder(Protocol):
    """The passage encoder: texts to `(n, d) float32`, rows of length 1."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text."""
        ...


@dataclass(frozen=True, slots=True)
class AnswerCounts:
    """How many reports answer a concept with yes, with no, and not at all."""

    yes: int
    no: int
    unknown: int


class VisualTest(Protocol):
    """Decides which questions ask for something seen in an image."""

    def judge(self, questions: Sequence[str]) -> list[tuple[bool, str]]:
        """For each question whether it passes, and why."""
        ...


class VocabularyVisual:
    """Passes a question that names something visible and nothing that an image cannot show.

    The default: on 62 questions labelled by hand it agreed with 57 (.92) at first trial, the 135M model with
    28 (.45), and with 38 (.61) at the threshold that suits it best (tests/benchmarks/language_model_uses.py).
    """

    def judge(self, questions: Sequence[str]) -> list[tuple[bool, str]]:
        """For each question whether it passes, and why."""
        return [self._judge(question) for question in questions]

    def _judge(self, question: str) -> tuple[bool, str]:
        vocabulary, words = default_vocabulary(), content_words(question)
        hidden, seen = sorted(words & vocabulary.invisible), sorted(words & vocabulary.visible)
        if hidden:
            return False, f"An image does not show `{hidden[0]}`."
        if not seen:
            return False, "No word of it describes an appearance or a structure seen in the image."
        return True, f"It asks for something seen: {', '.join(seen[:3])}."


class LanguageModelVisual:
    """Asks a language model whether the sign can be seen; passes at `threshold` of the probability of yes.

    Args:
        model: Who is asked.
        image: What is looked at, e.g. `chest X-ray`.
        threshold: Least probability of yes.
        prompt: With the placeholders `{image}` and `{question}`.
    """

    def __init__(
        self, model: LanguageModel, *, image: str, threshold: float = 0.5, prompt: Prompt | None = None
    ) -> None:
        self.model = model
        self.image = image
        self.threshold = threshold
        self.prompt = (prompt or load_prompt("is_visual")).require("image", "question")

    def probabilities(self, questions: Sequence[str]) -> NDArray[np.float64]:
        """Of yes, `(n,)`."""
        prompts = [self.prompt.fill(image=self.image, question=each) for each in questions]
        return self.model.choose(prompts, ("yes", "no"))[:, 0]

    def judge(self, questions: Sequence[str]) -> list[tuple[bool, str]]:
        """For each question whether it passes, and why."""
        return [
            (
                bool(p >= self.threshold),
                f"The language model sees it in a {self.image} with probability {p:.2f}.",
            )
            for p in self.probabilities(questions)
        ]


@dataclass(frozen=True, slots=True)
class ScreenSettings:
    """Thresholds.

    Attributes:
        similarity: A question as close as this (cosine) to an accepted one is not new.
        support: Share of the question's content words that must stand in the quote.
        minority: Least reports with the rarer answer.
        minority_share: Least share of the rarer answer among yes and no.
    """

    similarity: float = 0.85
    support: float = 1.0
    minority: int = 10
    minority_share: float = 0.0


CountAnswers = Callable[[Sequence[Concept]], Sequence[AnswerCounts]]
"""Counts the answers of reports to concepts."""


@dataclass
class Screen:
    """Tests concepts in order and remembers the questions it accepted.

    Attributes:
        passages: To check quotes against.
        encoder: For the distance between questions.
        class_names: Name of each class and its synonyms, none of which may stand in a question.
        visual: The test of visibility.
        count: Counts the answers of reports; without it the test `groundable` is left out.
        settings: Thresholds.
    """

    passages: Mapping[str, Passage]
    encoder: TextEncoder
    class_names: Mapping[str, tuple[str, ...]]
    visual: VisualTest = field(default_factory=VocabularyVisual)
    count: CountAnswers | None = None
    settings: ScreenSettings = field(default_factory=ScreenSettings)
    accepted: list[Concept] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._classes = class_terms(self.class_names)
        self._vectors: list[NDArray[np.float32]] = list(
            self.encoder.encode([each.question for each in self.accepted]) if self.accepted else ()
        )

    def judge(self, concepts: Sequence[Concept], *, support: float | None = None) -> list[list[Verdict]]:
        """The verdicts of each concept up to its first failure; those without one are accepted, in order.

        Args:
            concepts: To be tested.
            support: In place of the threshold in the settings, for questions that a person wrote.
        """
        verdicts: list[list[Verdict]] = [[] for _ in concepts]
        open_ = list(range(len(concepts)))
        least = self.settings.support if support is None else support
        open_ = self._apply(open_, concepts, verdicts, "leak_free", self._leak_free)
        open_ = self._apply(open_, concepts, verdicts, "supported", lambda some: self._supported(some, least))
        open_ = self._apply(
            open_, concepts, verdicts, "visual", lambda some: self.visual.judge([c.question for c in some])
        )
        self._accept(open_, concepts, verdicts)
        return verdicts

    def _apply(
        self,
        indices: list[int],
        concepts: Sequence[Concept],
        verdicts: list[list[Verdict]],
        test: str,
        run: Callable[[Sequence[Concept]], Sequence[tuple[bool, str]]],
    ) -> list[int]:
        """Run one test on the concepts still open; returns those that pass it."""
        outcomes = run([concepts[i] for i in indices]) if indices else []
        for i, (passed, reason) in zip(indices, outcomes, strict=True):
            verdicts[i].append(Verdict(concepts[i].id, test, passed, reason))
        return [i for i, (passed, _) in zip(indices, outcomes, strict=True) if passed]

    def _accept(self, indices: list[int], concepts: Sequence[Concept], verdicts: list[list[Verdict]]) -> None:
        """The two tests whose outcome depends on what was accepted before."""
        if not indices:
            return
        vectors = self.encoder.encode([concepts[i].question for i in indices])
        vector_of = dict(zip(indices, vectors, strict=True))
        likely = [i for i in indices if self._nearest(vector_of[i])[0] < self.settings.similarity]
        counts = dict(
            zip(
                likely,
                self.count([concepts[i] for i in likely]) if self.count and likely else (),
                strict=False,
            )
        )
        for i in indices:
            passed, reason = self._new(vector_of[i])
            verdicts[i].append(Verdict(concepts[i].id, "new", passed, reason))
            if passed and self.count:
                passed, reason = self._groundable(counts[i])
                verdicts[i].append(Verdict(concepts[i].id, "groundable", passed, reason))
            if passed:
                self.accepted.append(concepts[i])
                self._vectors.append(vector_of[i])

    def _leak_free(self, concepts: Sequence[Concept]) -> list[tuple[bool, str]]:
        outcomes = []
        for concept in concepts:
            words = stems(concept.question)
            leaked = next((each.name for each in self._classes if each.find(words)), None)
            reason = f"It names the class {leaked} or a synonym." if leaked else "It names no class."
            outcomes.append((leaked is None, reason))
        return outcomes

    def _supported(self, concepts: Sequence[Concept], least: float) -> list[tuple[bool, str]]:
        return [self._support_of(concept, least) for concept in concepts]

    def _support_of(self, concept: Concept, least: float) -> tuple[bool, str]:
        for evidence in concept.evidence:
            passage = self.passages.get(evidence.passage_id)
            if passage is None or not is_verbatim(evidence, passage):
                return False, f"The quote does not stand in the passage {evidence.passage_id}."
        quoted = " ".join(evidence.quote for evidence in concept.evidence)
        share = support(concept.question, quoted)
        if share < least or not share:
            missing = sorted(missing_words(concept.question, [quoted]))
            return False, f"The quote does not speak of {', '.join(map(repr, missing)) or 'any sign'}."
        return True, f"The quote is verbatim and holds {share:.0%} of the question's content words."

    def _nearest(self, vector: NDArray[np.float32]) -> tuple[float, int]:
        if not self._vectors:
            return -1.0, -1
        similarity = np.stack(self._vectors) @ vector
        return float(similarity.max()), int(similarity.argmax())

    def _new(self, vector: NDArray[np.float32]) -> tuple[bool, str]:
        similarity, nearest = self._nearest(vector)
        if nearest < 0:
            return True, "It is the first."
        question = self.accepted[nearest].question
        passed = similarity < self.settings.similarity
        return passed, f"The nearest accepted question, `{question}`, has cosine similarity {similarity:.2f}."

    def _groundable(self, counts: AnswerCounts) -> tuple[bool, str]:
        minority, decided = min(counts.yes, counts.no), counts.yes + counts.no
        share = minority / decided if decided else 0.0
        passed = minority >= self.settings.minority and share >= self.settings.minority_share
        return passed, f"Reports answer yes {counts.yes} times, no {counts.no} and neither {counts.unknown}."
