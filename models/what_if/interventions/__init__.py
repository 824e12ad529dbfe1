"""What KnoBo says once somebody corrects its concepts: on one image, and over many with known answers."""

from models.what_if.interventions.curve import (
    AnsweredImages,
    Band,
    CurveSettings,
    InterventionCurve,
    answers_of_others,
    intervention_curve,
)
from models.what_if.interventions.levels import Levels
from models.what_if.interventions.one_image import (
    Intervention,
    MovedConcept,
    PossibleAnswer,
    intervene,
    possible_answers,
)
from models.what_if.interventions.policies import POLICIES, ByContribution, Policy, Random, Uncertainty

__all__ = [
    "POLICIES",
    "AnsweredImages",
    "Band",
    "ByContribution",
    "CurveSettings",
    "Intervention",
    "InterventionCurve",
    "Levels",
    "MovedConcept",
    "Policy",
    "PossibleAnswer",
    "Random",
    "Uncertainty",
    "answers_of_others",
    "intervene",
    "intervention_curve",
    "possible_answers",
]
