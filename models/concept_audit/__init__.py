"""What the concepts themselves do across domains: leaks, calibration, faithfulness, redundancy, maps."""

from models.concept_audit.answer_records import (
    ClassImportance,
    Completeness,
    ConceptExistence,
    ConceptLocation,
)
from models.concept_audit.bank_records import BankDiversity, ConceptMap, ConceptPair, PriorAgreement
from models.concept_audit.records import ConceptCalibration, Deletion, Faithfulness, Leak
from models.concept_audit.report import ConceptAudit

__all__ = [
    "BankDiversity",
    "ClassImportance",
    "Completeness",
    "ConceptAudit",
    "ConceptCalibration",
    "ConceptExistence",
    "ConceptLocation",
    "ConceptMap",
    "ConceptPair",
    "Deletion",
    "Faithfulness",
    "Leak",
    "PriorAgreement",
]
