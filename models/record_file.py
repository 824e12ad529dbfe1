"""Reads a file of records that a stage wrote as JSON with the number of its schema."""

import json
from pathlib import Path
from typing import Any

from models.errors import ModelsError


def read_records(path: Path, *, what: str, schema: int) -> dict[str, Any]:
    """The object in a file.

    Args:
        path: Of the file.
        what: It holds, in the words of a reader, e.g. `audit`.
        schema: That is understood.

    Raises:
        ModelsError: No such file, no JSON, or another schema.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise ModelsError(f"there is no {what} at {path} ({error.strerror}); run the {what} first") from error
    except ValueError as error:
        raise ModelsError(f"{path} is damaged ({error}); run the {what} again") from error
    if not isinstance(content, dict) or content.get("schema") != schema:
        raise ModelsError(f"{path} is no {what} of schema {schema}; run the {what} again")
    return content
