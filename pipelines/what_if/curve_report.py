"""Curves of a run by split and domain, and interventions.json."""

import json
from dataclasses import asdict, dataclass, fields
from math import isfinite, nan
from pathlib import Path
from typing import Any, Self

from models.artifacts import to_json
from models.files import replacing
from models.what_if.interventions import Band, InterventionCurve
from pipelines.errors import PipelineError

SCHEMA = 1
OTHERS = "answers of other images"
"""A control in random order: each image with the answers of another image."""
STEPS = (0, 1, 2, 3, 5, 10, 20, 30, 50, 100)
"""Counts of answers after which tables say the accuracy, before that of all answers."""


@dataclass(frozen=True, slots=True)
class DomainCurve:
    """One curve and where it was drawn."""

    split: str
    domain: str
    curve: InterventionCurve


@dataclass(frozen=True, slots=True)
class CurveReport:
    """Curves of all splits with known answers.

    Attributes:
        curves: By split, domain and policy.
        missing: A sentence for each domain without enough answers.
        levels: What a yes and a no were set to, in words.
        notes: Sentences a reader must know, e.g. why there is no curve at all.
    """

    curves: tuple[DomainCurve, ...]
    missing: tuple[str, ...]
    levels: str
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def save(self, path: Path) -> None:
        """As interventions.json; equal curves give equal bytes."""
        curves = [
            {"split": each.split, "domain": each.domain, **curve_values(each.curve)} for each in self.curves
        ]
        others = {"missing": self.missing, "levels": self.levels, "notes": self.notes}
        with replacing(path) as file:
            file.write(to_json({"schema": SCHEMA, "curves": curves, **others}))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what `save` wrote.

        Raises:
            PipelineError: No curves there, or those of another schema.
        """
        try:
            content = json.loads(path.read_bytes())
        except OSError as error:
            raise PipelineError(
                f"there are no intervention curves at {path} ({error.strerror}); run the stage interventions"
            ) from error
        except ValueError as error:
            raise PipelineError(f"{path} is damaged ({error}); run the stage interventions again") from error
        if not isinstance(content, dict) or content.get("schema") != SCHEMA:
            raise PipelineError(
                f"{path} holds no intervention curves of schema {SCHEMA}; run the stage interventions again"
            )
        try:
            curves = tuple(
                DomainCurve(each["split"], each["domain"], read_curve(each)) for each in content["curves"]
            )
            notes = tuple(content["notes"])
            return cls(curves, tuple(content["missing"]), content["levels"], notes)
        except (KeyError, TypeError) as error:
            raise PipelineError(f"{path} is damaged ({error}); run the stage interventions again") from error


def curve_values(curve: InterventionCurve) -> dict[str, Any]:
    """Plain values; what cannot be estimated is null, for JSON has no nan."""
    return asdict(curve) | {"accuracy": band_values(curve.accuracy), "gain": band_values(curve.gain)}


def band_values(band: Band) -> dict[str, list[float | None]]:
    """A list for each end."""
    return {
        name: [value if isfinite(value) else None for value in values]
        for name, values in asdict(band).items()
    }


def read_curve(values: dict[str, Any]) -> InterventionCurve:
    """From what `curve_values` made."""
    plain = {each.name: values[each.name] for each in fields(InterventionCurve)}
    return InterventionCurve(
        **plain | {"accuracy": read_band(values["accuracy"]), "gain": read_band(values["gain"])}
    )


def read_band(values: dict[str, list[float | None]]) -> Band:
    """From what `band_values` made."""
    return Band(
        **{name: tuple(nan if each is None else each for each in part) for name, part in values.items()}
    )


def listed_steps(last: int) -> tuple[int, ...]:
    """Counts of answers of which a table speaks, the last among them."""
    return (*(step for step in STEPS if step < last), last)
