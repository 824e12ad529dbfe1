"""Fits grounders: what the reports say about each concept, learnt from image features and cross-validated."""

from models.grounding.concept_records import ConceptQuality, Inseparable, Ungrounded
from models.grounding.fit import fit_grounders
from models.grounding.grounder import Grounder
from models.grounding.layer import assign_folds
from models.grounding.settings import Calibration, GroundingSettings

__all__ = [
    "Calibration",
    "ConceptQuality",
    "Grounder",
    "GroundingSettings",
    "Inseparable",
    "Ungrounded",
    "assign_folds",
    "fit_grounders",
]
