"""Names of the files of a word index: by the rows they hold, so that equal passages give equal bytes.

The engine names each segment at random and lists segments in the order of their names, which decides among
passages of one score. A segment's name here is a digest of its `.fast` file: that has the row numbers, and
a row lies in one segment alone. The engine merges segments once there are eight of a size, in an order of
its own: an index changed so often has the same passages and scores as another, but not the same bytes.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from uuid import UUID

from knowledge.atomic import write_text

_META, _MANAGED = "meta.json", ".managed.json"


def segment_ids(directory: Path) -> frozenset[str]:
    """Of the segments that an index in the directory has; none where there is no index."""
    path = directory / _META
    if not path.is_file():
        return frozenset()
    return frozenset(each["segment_id"] for each in json.loads(path.read_text("utf-8"))["segments"])


def name_by_rows(directory: Path, *, but: Collection[str] = ()) -> None:
    """Renames the segments of an index that nobody has open, all but some, and lists them in order.

    A killed process leaves an index that cannot be opened: call it where the folder is a draft.
    """
    meta = json.loads((directory / _META).read_text("utf-8"))
    new = {each["segment_id"]: each["segment_id"] for each in meta["segments"]}
    new |= {old: _name(directory / f"{UUID(old).hex}.fast") for old in new if old not in but}
    stems = {UUID(old).hex: UUID(name).hex for old, name in new.items()}
    for path in sorted(directory.iterdir()):
        path.rename(directory / _renamed(path.name, stems))
    for each in meta["segments"]:
        each["segment_id"] = new[each["segment_id"]]
    meta["segments"].sort(key=lambda each: str(each["segment_id"]))
    managed = json.loads((directory / _MANAGED).read_text("utf-8"))
    write_text(directory / _META, json.dumps(meta, indent=2))
    write_text(directory / _MANAGED, json.dumps(sorted(_renamed(name, stems) for name in managed)))


def _name(fast: Path) -> str:
    return str(UUID(bytes=hashlib.blake2b(fast.read_bytes(), digest_size=16).digest()))


def _renamed(name: str, stems: Mapping[str, str]) -> str:
    stem, dot, rest = name.partition(".")
    return stems.get(stem, stem) + dot + rest
