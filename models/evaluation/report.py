"""What an audit found, and audit.json."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from models.artifacts import to_json
from models.errors import ModelsError
from models.files import replacing

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One number.

    Attributes:
        method: `knobo`, `linear_probe`, `fine_tune`, `no_prior`, `random_prior`, `prior_only` or
            `random_concepts`.
        split: Name of the split, or `mean` over the splits that enter the mean.
        domain: `in_domain`, `shifted`, `gap` (in_domain minus shifted) or `average` (their mean).
        metric: `accuracy`, `balanced_accuracy` or `auroc`.
        value: Mean over the seeds on all images of the domain.
        low, high: 95 % bootstrap interval (patients where known, else images; the same draws in all splits).
        n: Distinct images in the domain; of the mean, in that domain of all its splits.
        seeds: Seeds behind the value.
    """

    method: str
    split: str
    domain: str
    metric: str
    value: float
    low: float
    high: float
    n: int
    seeds: int


@dataclass(frozen=True, slots=True)
class PairedTest:
    """`method` minus `reference` on the same images.

    Attributes:
        method, reference, split, domain, metric: What is compared.
        difference: Of the means over seeds.
        low, high: 95 % paired bootstrap interval.
    """

    method: str
    reference: str
    split: str
    domain: str
    metric: str
    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class AuditReport:
    """All that the audit found.

    Attributes:
        rows: In the order method, split, domain, metric.
        paired: KnoBo against each other method.
        checks: `(split, name, passed, message)`.
        notes: Sentences a reader must know, e.g. that a baseline ran with one seed only.
    """

    rows: tuple[AuditRow, ...]
    paired: tuple[PairedTest, ...]
    checks: tuple[tuple[str, str, bool, str], ...]
    notes: tuple[str, ...]

    def save(self, path: Path) -> None:
        """As audit.json; equal reports give equal bytes."""
        names = ("split", "name", "passed", "message")
        content = {
            "schema": SCHEMA,
            "rows": [asdict(row) for row in self.rows],
            "paired": [asdict(test) for test in self.paired],
            "checks": [dict(zip(names, check, strict=True)) for check in self.checks],
            "notes": self.notes,
        }
        with replacing(path) as file:
            file.write(to_json(content))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what `save` wrote.

        Raises:
            ModelsError: No audit there, or one of another schema.
        """
        try:
            content = json.loads(path.read_bytes())
        except OSError as error:
            raise ModelsError(
                f"there is no audit at {path} ({error.strerror}); run the audit first"
            ) from error
        except ValueError as error:
            raise ModelsError(f"{path} is damaged ({error}); run the audit again") from error
        if not isinstance(content, dict) or content.get("schema") != SCHEMA:
            raise ModelsError(f"{path} is no audit of schema {SCHEMA}; run the audit again")
        return cls(
            rows=tuple(AuditRow(**row) for row in content["rows"]),
            paired=tuple(PairedTest(**test) for test in content["paired"]),
            checks=tuple((c["split"], c["name"], c["passed"], c["message"]) for c in content["checks"]),
            notes=tuple(content["notes"]),
        )
