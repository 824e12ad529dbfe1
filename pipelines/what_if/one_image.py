"""One image of a finished run with some of its concepts set by hand."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bottleneck import KnoBo
from models.what_if.interventions import (
    ByContribution,
    Intervention,
    Levels,
    PossibleAnswer,
    intervene,
    possible_answers,
)
from models.what_if.split_heads import SplitHeads
from pipelines.errors import PipelineError
from pipelines.run import Run
from pipelines.status import open_finished
from pipelines.what_if.asked_split import AskedSplit, asked_split
from pipelines.what_if.heads import open_heads, open_scores, require_heads, require_image, split_names
from pipelines.what_if.level_names import LevelName
from pipelines.what_if.levels import levels_of
from pipelines.what_if.naming import ConceptNames

WORDS = ("yes", "no")


@dataclass(frozen=True)
class ImageIntervention:
    """What KnoBo (first seed) says of an image before and after.

    Attributes:
        image: Which.
        asked: Whose classifier, and the part that the image plays in its split.
        found: Probabilities and the concepts set.
        questions: Of the concepts set.
    """

    image: str
    asked: AskedSplit
    found: Intervention
    questions: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        moved = [
            {**asdict(each), "question": question}
            for each, question in zip(self.found.moved, self.questions, strict=True)
        ]
        place = {"image": self.image, "split": self.asked.name, "part": self.asked.part}
        return {**place, **asdict(self.found), "moved": moved}


@dataclass(frozen=True)
class OpenQuestions:
    """What one answer would do to an image, the concept that contributes most first."""

    image: str
    asked: AskedSplit
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    answers: tuple[PossibleAnswer, ...]
    questions: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        values = asdict(self)
        del values["asked"]
        return {"image": self.image, "split": self.asked.name, "part": self.asked.part, **values}


def intervene_on_image(
    directory: Path,
    image: str,
    settings: Sequence[str],
    *,
    split: str | None = None,
    levels: LevelName = LevelName.MATCHED,
) -> ImageIntervention:
    """Sets concepts of an image.

    Args:
        directory: Of the run.
        image: Id.
        settings: `CONCEPT=yes`, `CONCEPT=no` or `CONCEPT=<number>` each.
        split: Whose classifier; by default as `asked_split` chooses.
        levels: What a yes and a no are set to.
    """
    run = open_finished(directory)
    asked, heads, names, scores = opened(run, image, split)
    stands_for = levels_of(run, heads, levels)
    values: dict[str, float] = {}
    for setting in settings:
        concept_id, value = parsed(setting, names, heads.heads[0], stands_for)
        if concept_id in values:
            raise PipelineError(f"{concept_id} is set twice; set each concept once")
        values[concept_id] = value
    found = intervene(heads.heads[0], scores, values=values)
    questions = tuple(names.question(each.concept_id) for each in found.moved)
    return ImageIntervention(image, asked, found, questions)


def open_questions(
    directory: Path, image: str, *, split: str | None = None, levels: LevelName = LevelName.MATCHED
) -> OpenQuestions:
    """What an answer to each concept would do."""
    run = open_finished(directory)
    asked, heads, names, scores = opened(run, image, split)
    head = heads.heads[0]
    answers = possible_answers(head, scores, levels=levels_of(run, heads, levels))
    order = np.argsort(-ByContribution().priorities(head, scores[None], seed=0)[0, 0], kind="stable").tolist()
    return OpenQuestions(
        image=image,
        asked=asked,
        classes=head.classes,
        probabilities=tuple(head.predict(scores[None])[0].tolist()),
        answers=tuple(answers[row] for row in order),
        questions=tuple(names.question(answers[row].concept_id) for row in order),
    )


def opened(
    run: Run, image: str, split: str | None
) -> tuple[AskedSplit, SplitHeads, ConceptNames, NDArray[np.float32]]:
    """The split that answers, its heads, names of concepts, and the image's scores `(c,)`."""
    split_names(run, split)
    require_heads(run)
    require_image(image, open_scores(run).ids)
    asked = asked_split(run, image, split)
    heads = open_heads(run, asked.name)[0]
    return asked, heads, ConceptNames.of(run, heads.scores.columns), heads.scores.rows([image])[0]


def parsed(setting: str, names: ConceptNames, head: KnoBo, levels: Levels) -> tuple[str, float]:
    """Concept id and score of `CONCEPT=VALUE`."""
    name, equals, word = setting.rpartition("=")
    if not equals:
        raise PipelineError(f"{setting!r} sets nothing; write CONCEPT=yes, CONCEPT=no or CONCEPT=0.8")
    concept_id = names.find(name)
    column = head.concept_ids.index(concept_id)
    if word.lower() in WORDS:
        return concept_id, float((levels.yes if word.lower() == "yes" else levels.no)[column])
    try:
        return concept_id, float(word)
    except ValueError as error:
        raise PipelineError(
            f"{word!r} is no value for {concept_id}; give yes, no or a number from 0 to 1"
        ) from error
