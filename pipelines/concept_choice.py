"""What each concept sees where the acquisition is fixed, and what keeping fewer of them does; as JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from models.acquisition.cell_quality import CellQuality, ConceptCells
from models.acquisition.concept_choice import Choice
from models.artifacts import to_json
from models.files import replacing
from pipelines.errors import PipelineError


@dataclass(frozen=True, slots=True)
class ConceptChoice:
    """Empty where no acquisition attribute is named.

    Attributes:
        cells: Of each kept concept, how well it is seen within each value of the attributes.
        choices: Accuracy of KnoBo by rule and number of concepts, mean over the splits.
    """

    cells: tuple[ConceptCells, ...] = ()
    choices: tuple[Choice, ...] = ()

    def save(self, path: Path) -> None:
        """Equal findings give equal bytes."""
        with replacing(path) as file:
            file.write(to_json(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what `save` wrote."""
        try:
            content = json.loads(path.read_bytes())
            cells = tuple(
                ConceptCells(each["concept_id"], tuple(CellQuality(**cell) for cell in each["cells"]))
                for each in content["cells"]
            )
            return cls(cells, tuple(Choice(**each) for each in content["choices"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PipelineError(
                f"{path} cannot be read ({error}); run the configuration again to make it"
            ) from error
