"""Turns a quoted sentence into candidate yes/no questions about the visible sign it describes."""

from collections.abc import Sequence
from typing import Protocol

from knowledge.language.protocol import LanguageModel, Sampling
from knowledge.prompts import Prompt, load_prompt
from knowledge.quotes import support
from knowledge.vocabulary import WORD, content_words
from knowledge.wellformed import is_well_formed

OPENINGS = ("Is the", "Are the", "Is there", "Are there")


class Writer(Protocol):
    """Proposes questions for quoted sentences."""

    def write(self, sentences: Sequence[str]) -> list[list[str]]:
        """For each sentence its candidate questions, best first; an empty list where it describes no sign."""
        ...


class QuestionWriter:
    """Asks a language model for one question an opening ("Is the", "Are there") and keeps the well formed.

    A small model that writes freely starts most questions alike and adds what the sentence does not say.
    Continuing fixed openings greedily gives candidates that differ, and a reply that depends on nothing but
    the sentence; code then puts those first that the sentence supports best.

    Args:
        model: Any language model.
        openings: The first words of the candidates.
        prompt: With the placeholders `{sentence}` and `{opening}`.
        max_tokens: Bound of the continuation.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        openings: Sequence[str] = OPENINGS,
        prompt: Prompt | None = None,
        max_tokens: int = 20,
    ) -> None:
        self.model = model
        self.openings = tuple(openings)
        self.prompt = (prompt or load_prompt("write_question")).require("sentence", "opening")
        self.sampling = Sampling(max_tokens=max_tokens, stop=("?", "\n"))

    def write(self, sentences: Sequence[str]) -> list[list[str]]:
        """For each sentence its well-formed candidates, the best supported and fullest first."""
        prompts = [
            self.prompt.fill(sentence=" ".join(sentence.split()), opening=opening)
            for sentence in sentences
            for opening in self.openings
        ]
        replies = [reply[0] for reply in self.model.complete(prompts, self.sampling)]
        size = len(self.openings)
        return [
            ranked(self._questions(replies[i * size : (i + 1) * size]), sentence)
            for i, sentence in enumerate(sentences)
        ]

    def _questions(self, replies: Sequence[str]) -> list[str]:
        return [tidy(f"{opening} {reply}?") for opening, reply in zip(self.openings, replies, strict=True)]


def ranked(questions: Sequence[str], sentence: str) -> list[str]:
    """The well-formed questions, each once, those first that the sentence supports best."""
    formed = dict.fromkeys(each for each in questions if is_well_formed(each))
    return sorted(formed, key=lambda each: _rank(each, sentence))


def _rank(question: str, sentence: str) -> tuple[float, int, float]:
    """Smaller is better: supported, full, in the forms of the sentence (`white dots`, not `a white dot`)."""
    words = {word.lower() for word in WORD.findall(question)}
    same = len(words & {word.lower() for word in WORD.findall(sentence)}) / len(words)
    return -support(question, sentence), -len(content_words(question)), -same


def tidy(question: str) -> str:
    """One blank between words, one question mark, capital first."""
    question = " ".join(question.replace("?", " ").split()).strip(" .,")
    return question[:1].upper() + question[1:] + "?"
