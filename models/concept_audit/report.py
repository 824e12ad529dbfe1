"""What the concept-level audit found, and concept_audit.json."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from models.artifacts import to_json
from models.concept_audit.answer_records import (
    ClassImportance,
    Completeness,
    ConceptExistence,
    ConceptLocation,
)
from models.concept_audit.bank_records import BankDiversity, ConceptMap, ConceptPair, PriorAgreement
from models.concept_audit.records import ConceptCalibration, Deletion, Faithfulness, Leak
from models.errors import ModelsError
from models.files import replacing
from models.record_file import read_records

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class ConceptAudit:
    """All that the concept-level audit found; a part is empty where it could not be measured.

    Attributes:
        leaks: The concept that moves most with an attribute first.
        calibration: By split, domain and concept.
        faithfulness, deletions: By split and domain.
        importance, existence, locations: Of heads whose images have known answers.
        completeness: By split, domain and method.
        pairs: Hard to tell apart, the closest first.
        agreement: By split and class.
        diversity: Of the bank.
        maps: For the examples of the report.
        notes: Sentences a reader must know, e.g. why a part is empty.
    """

    leaks: tuple[Leak, ...] = ()
    calibration: tuple[ConceptCalibration, ...] = ()
    faithfulness: tuple[Faithfulness, ...] = ()
    deletions: tuple[Deletion, ...] = ()
    importance: tuple[ClassImportance, ...] = ()
    existence: tuple[ConceptExistence, ...] = ()
    locations: tuple[ConceptLocation, ...] = ()
    completeness: tuple[Completeness, ...] = ()
    pairs: tuple[ConceptPair, ...] = ()
    agreement: tuple[PriorAgreement, ...] = ()
    diversity: tuple[BankDiversity, ...] = ()
    maps: tuple[ConceptMap, ...] = ()
    notes: tuple[str, ...] = ()

    def save(self, path: Path) -> None:
        """As concept_audit.json; equal audits give equal bytes."""
        with replacing(path) as file:
            file.write(to_json({"schema": SCHEMA, **asdict(self)}))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what `save` wrote.

        Raises:
            ModelsError: No concept audit there, or one of another schema.
        """
        content = read_records(path, what="concept audit", schema=SCHEMA)
        try:
            parts = {name: tuple(read(each, kind) for each in content[name]) for name, kind in KINDS.items()}
            return cls(**parts, notes=tuple(content["notes"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ModelsError(f"{path} is damaged ({error}); run the concept audit again") from error


def join(audits: Sequence[ConceptAudit]) -> ConceptAudit:
    """What several audits found, one after the other; leaks by their rank among all."""
    parts = {
        each.name: tuple(found for audit in audits for found in getattr(audit, each.name))
        for each in fields(ConceptAudit)
    }
    parts["leaks"] = tuple(sorted(parts["leaks"], key=lambda leak: leak.rank))
    return ConceptAudit(**parts)


KINDS = MappingProxyType(
    {
        "leaks": Leak,
        "calibration": ConceptCalibration,
        "faithfulness": Faithfulness,
        "deletions": Deletion,
        "importance": ClassImportance,
        "existence": ConceptExistence,
        "locations": ConceptLocation,
        "completeness": Completeness,
        "pairs": ConceptPair,
        "agreement": PriorAgreement,
        "diversity": BankDiversity,
        "maps": ConceptMap,
    }
)


def read(values: dict[str, Any], kind: type[Any]) -> Any:
    """A record, with tuples in place of the lists that JSON has."""
    return kind(**{key: tuple(each) if isinstance(each, list) else each for key, each in values.items()})
