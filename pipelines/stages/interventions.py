"""Stage `interventions`: what true answers to the concepts would have been worth on the reported images."""

from dataclasses import replace

import models.torchvision_operators  # noqa: F401  # before timm
from pipelines.run import Run
from pipelines.stages.split import read_splits
from pipelines.what_if.curve_report import CurveReport
from pipelines.what_if.heads import has_heads

MOST = 100
"""Concepts set at most."""
IMAGES = 2000
"""Of a domain, which keep an interval of accuracy within 0.025 of its middle."""
NO_KNOBO = "KnoBo was not trained, so that there are no concepts to set."
MODEL_READS = (
    "No concept is set to what the reports of the splits' images say, all of which a language model would "
    "have to read; annotate by rules to have it."
)
NO_ANSWERS = (
    "No image of a split has a report or an expert's answer, so that no concept can be set to the truth; "
    "give the data sets of the splits `report` or `expert_columns`."
)
DRAWN = f"Of a domain with more than {IMAGES:,} images that may have answers, {IMAGES:,} are drawn at random."


def interventions(run: Run) -> None:
    """Accuracy against the number of concepts set, in every order, and beside the answers of other images."""
    intervention_curves(run).save(run.path("interventions.json"))


def intervention_curves(run: Run) -> CurveReport:
    """Without a curve where nothing can be set, and a note that says why."""
    from pipelines.what_if.curve import curves_of_run  # noqa: PLC0415  # it imports stages itself

    if not has_heads(run):
        return CurveReport((), (), "", (NO_KNOBO,))
    if run.config.annotation.annotator != "rules":
        return CurveReport((), (), "", (MODEL_READS,))
    found = curves_of_run(run, most=MOST, at_most=IMAGES)
    if not found.curves and all_silent(run):
        return CurveReport((), (), found.levels, (NO_ANSWERS,))
    return replace(found, notes=(DRAWN,)) if many(run) else found


def all_silent(run: Run) -> bool:
    """Whether no image of a split may have an answer."""
    from pipelines.what_if.curve import images_that_may_answer  # noqa: PLC0415  # as above

    may_answer = images_that_may_answer(run)
    return not any(may_answer & {*split.in_domain, *split.shifted} for split in read_splits(run))


def many(run: Run) -> bool:
    """Whether some domain has more images than are looked at."""
    return any(max(len(split.in_domain), len(split.shifted)) > IMAGES for split in read_splits(run))
