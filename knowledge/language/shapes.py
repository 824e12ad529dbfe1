"""The shapes a structured reply may have: each writes its JSON schema and checks a value by itself.

The check never reads a schema, least of all one that stands in a reply: what a server promises to enforce and
what we accept come from the same object and can differ only by a fault of ours.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

LONGEST_REPLY = 100_000
FENCE = re.compile(r"```(?:json)?\s*\n(.*)\n```", re.DOTALL)


class Shape(Protocol):
    """What a value must look like."""

    def schema(self) -> dict[str, Any]:
        """As JSON schema, of the few keywords that all servers know."""
        ...

    def fault(self, value: object) -> str | None:
        """Why the value is not of this shape, in words that quote nothing of it; none if it is."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """A string.

    Attributes:
        longest: Characters at most; checked, but not in the schema, for servers support bounds unevenly.
    """

    longest: int = 1000

    def schema(self) -> dict[str, Any]:
        """`string`."""
        return {"type": "string"}

    def fault(self, value: object) -> str | None:
        """Not a string, or too long."""
        if not isinstance(value, str):
            return "must be a string"
        return f"must have at most {self.longest} characters" if len(value) > self.longest else None


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """An integer."""

    def schema(self) -> dict[str, Any]:
        """`integer`."""
        return {"type": "integer"}

    def fault(self, value: object) -> str | None:
        """Not an integer; true and false are none."""
        return None if isinstance(value, int) and not isinstance(value, bool) else "must be an integer"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few strings."""

    options: tuple[str, ...]

    def schema(self) -> dict[str, Any]:
        """`enum`."""
        return {"type": "string", "enum": list(self.options)}

    def fault(self, value: object) -> str | None:
        """Another value."""
        known = isinstance(value, str) and value in self.options
        return None if known else f"must be one of {', '.join(self.options)}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A list.

    Attributes:
        of: The shape of its items.
        most: Items at most; checked, but not in the schema.
    """

    of: Shape
    most: int = 20

    def schema(self) -> dict[str, Any]:
        """`array`."""
        return {"type": "array", "items": self.of.schema()}

    def fault(self, value: object) -> str | None:
        """Not a list, too long, or an item of another shape."""
        if not isinstance(value, list):
            return "must be a list"
        if len(value) > self.most:
            return f"must have at most {self.most} items"
        faults = ((number, self.of.fault(item)) for number, item in enumerate(value, start=1))
        return next((f"item {number} {fault}" for number, fault in faults if fault), None)


@dataclass(frozen=True, slots=True)
class Record:
    """An object with exactly these fields."""

    fields: Mapping[str, Shape]

    def schema(self) -> dict[str, Any]:
        """`object` with all fields required and no other allowed."""
        return {
            "type": "object",
            "properties": {name: shape.schema() for name, shape in self.fields.items()},
            "required": list(self.fields),
            "additionalProperties": False,
        }

    def fault(self, value: object) -> str | None:
        """Not an object, fields missing or added, or a field of another shape."""
        if not isinstance(value, dict):
            return "must be an object"
        if missing := [name for name in self.fields if name not in value]:
            return f"lacks the field {missing[0]}"
        if len(value) > len(self.fields):
            return f"has fields other than {', '.join(self.fields)}"
        faults = ((name, shape.fault(value[name])) for name, shape in self.fields.items())
        return next((f"field {name} {fault}" for name, fault in faults if fault), None)


class ShapeError(ValueError):
    """A reply that is no JSON or not of its shape; the message quotes nothing of the reply."""


def parse(reply: str, shape: Shape) -> Any:
    """The value of a reply that is one JSON value of the shape, alone or in one code fence.

    Raises:
        ShapeError: It is not, with the reason.
    """
    if len(reply) > LONGEST_REPLY:
        raise ShapeError(f"the reply is longer than {LONGEST_REPLY} characters")
    text = reply.strip()
    fenced = FENCE.fullmatch(text)
    try:
        value = json.loads(
            fenced[1] if fenced else text, object_pairs_hook=_distinct, parse_constant=_no_constant
        )
    except json.JSONDecodeError as error:
        raise ShapeError(f"the reply is no JSON ({error.msg} at character {error.pos})") from error
    except RecursionError as error:
        raise ShapeError("the reply is nested too deeply") from error
    if fault := shape.fault(value):
        raise ShapeError(f"the reply {fault}")
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ShapeError("the reply gives a field twice")
    return values


def _no_constant(name: str) -> None:
    raise ShapeError(f"the reply holds {name}, which is no JSON")
