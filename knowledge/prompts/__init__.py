"""Prompt texts as files, with placeholders that are checked before any model is asked."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Formatter

from knowledge.errors import KnowledgeError
from knowledge.prompts.data import as_data


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text with `{placeholders}`.

    Attributes:
        name: File name without `.txt`.
        text: The text, without the line break at its end.
    """

    name: str
    text: str

    @property
    def fields(self) -> frozenset[str]:
        """Names of the placeholders."""
        try:
            return frozenset(name for _, name, _, _ in Formatter().parse(self.text) if name is not None)
        except ValueError as error:
            raise KnowledgeError(
                f"The prompt {self.name} has an unpaired brace ({error}); "
                "write {{ or }} for a brace that is meant."
            ) from error

    def fill(self, **values: str) -> str:
        """The text with each placeholder replaced by a value, made one line of data (`as_data`)."""
        self.require(*values)
        return self.text.format(**{name: as_data(value) for name, value in values.items()})

    def require(self, *fields: str) -> "Prompt":
        """This prompt, when its placeholders are exactly `fields`."""
        if self.fields != set(fields):
            raise KnowledgeError(
                f"The prompt {self.name} has the placeholders {_listed(self.fields)}; "
                f"it needs exactly {_listed(fields)}."
            )
        return self


def load_prompt(name: str, *, directory: Path | None = None) -> Prompt:
    """The prompt of this package by that name, or `<name>.txt` of a folder of one's own."""
    folder = directory or resources.files("knowledge.prompts")
    file = folder / f"{name}.txt"
    if not file.is_file():
        raise KnowledgeError(f"There is no prompt {name}.txt in {folder}; correct the name or add the file.")
    return Prompt(name, file.read_text(encoding="utf-8").rstrip("\n"))


def _listed(names: object) -> str:
    return ", ".join(f"{{{each}}}" for each in sorted(names)) or "none"  # type: ignore[call-overload]
