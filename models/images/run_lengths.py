"""What a run-length encoded DICOM image unpacks to, told without unpacking it (DICOM part 5, annex G)."""

import struct
from itertools import pairwise

HEAD = struct.Struct("<16L")  # number of segments, then where each begins
LONGEST_RUN = 128


def unpacks_to_more(frame: bytes, pixels: int) -> bool:
    """Whether a segment holds more than the one byte a pixel that it should; a last run may overshoot.

    Args:
        frame: As it lies in the file.
        pixels: Rows times columns.

    Raises:
        ValueError: It has no head.
    """
    if len(frame) < HEAD.size:
        raise ValueError("the compressed image has no head")
    count, *starts = HEAD.unpack_from(frame)
    bounds = [*starts[:count], len(frame)]
    return any(
        unpacked(frame[start:end], most=pixels) > pixels + LONGEST_RUN for start, end in pairwise(bounds)
    )


def unpacked(segment: bytes, *, most: int) -> int:
    """Bytes that a segment unpacks to, counted until they are clearly more than `most`."""
    total = at = 0
    if len(segment) > 2 * (most + LONGEST_RUN):  # the poorest packing takes two bytes for one
        return len(segment)
    while at < len(segment) and total <= most + LONGEST_RUN:
        head = segment[at]
        if head < LONGEST_RUN:  # so many bytes and one as they are
            total += min(head + 1, len(segment) - at - 1)
            at += head + 2
        else:
            total += 257 - head if head > LONGEST_RUN else 0
            at += 2 if head > LONGEST_RUN else 1
    return total
