"""A question writer for models that give structured replies: several questions a sentence, in one call."""

import json
from collections.abc import Sequence

from knowledge.language.protocol import StructuredModel
from knowledge.language.shapes import Listed, Record, Text
from knowledge.prompts import Prompt, load_prompt
from knowledge.question_writer import ranked, tidy

LONGEST_QUESTION = 300


class StructuredWriter:
    """Asks for a JSON list of questions and keeps the well formed.

    The sentence goes in as a JSON string, so that nothing in it can end it early; the reply is a list of
    questions or it is nothing, whatever the sentence asks for. Further fields, other types and more questions
    than were asked for make a reply invalid.

    Args:
        model: An endpoint with protocol `chat`, logged or not.
        questions: At most so many a sentence.
        prompt: With the placeholders `{sentence}` and `{count}`.
        max_tokens: Bound of the reply.
    """

    def __init__(
        self,
        model: StructuredModel,
        *,
        questions: int = 4,
        prompt: Prompt | None = None,
        max_tokens: int = 160,
    ) -> None:
        self.model = model
        self.questions = questions
        self.prompt = (prompt or load_prompt("write_questions")).require("sentence", "count")
        self.max_tokens = max_tokens
        self.shape = Record({"questions": Listed(Text(longest=LONGEST_QUESTION), most=questions)})

    def write(self, sentences: Sequence[str]) -> list[list[str]]:
        """For each sentence its well-formed candidates, the best supported and fullest first."""
        prompts = [
            self.prompt.fill(
                sentence=json.dumps(" ".join(sentence.split()), ensure_ascii=False), count=str(self.questions)
            )
            for sentence in sentences
        ]
        replies = self.model.structured(prompts, self.shape, max_tokens=self.max_tokens)
        return [
            ranked([tidy(each) for each in reply["questions"]], sentence) if reply else []
            for sentence, reply in zip(sentences, replies, strict=True)
        ]
