"""What an answer of yes or no is worth in scores, chosen by name."""

import numpy as np

from models.grounding.grounder import Grounder
from models.what_if.interventions import Levels
from models.what_if.split_heads import SplitHeads
from pipelines.run import Run
from pipelines.what_if.level_names import LevelName

WORDS = {
    LevelName.MATCHED: "what a detector without error would say if its scores kept their distribution",
    LevelName.QUANTILES: "the 95th and the 5th percentile of the training scores",
    LevelName.HARD: "1 and 0",
}


def levels_of(run: Run, heads: SplitHeads, name: LevelName) -> Levels:
    """For the heads of one split, from its training scores."""
    match name:
        case LevelName.HARD:
            return Levels.hard(len(heads.scores.columns))
        case LevelName.QUANTILES:
            return Levels.quantiles(heads.training_scores)
        case LevelName.MATCHED:
            return Levels.matched(heads.training_scores, share=shares_of_yes(run, heads.scores.columns))


def shares_of_yes(run: Run, concept_ids: tuple[str, ...]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Of the answers that each concept's detector was fitted on, `(c,)`."""
    quality = {each.concept_id: each for each in Grounder.load(run.path("grounder")).quality}
    counts = [quality[name] for name in concept_ids]
    return np.array([each.n_yes / (each.n_yes + each.n_no) for each in counts])
