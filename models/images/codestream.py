"""Reads the headers of JPEG, JPEG-LS and JPEG 2000 data before a decoder that trusts them does."""

from collections.abc import Iterator

SOC_SIZ = b"\xff\x4f\xff\x51"  # JPEG 2000: start of codestream and the marker of its size
SIZ_LENGTH = 42  # bytes from there to the number of components
MOST_PLACES = 64  # a file has one, and hardly another by chance
JP2 = b"\0\0\0\x0cjP  "
START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # ITU-T T.81, table B.1; 0xF7 in T.87
LOSSLESS_FRAME, HUFFMAN, START_OF_SCAN, APP14 = 0xC3, 0xC4, 0xDA, 0xEE
LOSSLESS_MARKERS = {LOSSLESS_FRAME, HUFFMAN, START_OF_SCAN, *range(0xE0, 0xF0), 0xFE}
STANDALONE = {0x01, *range(0xD0, 0xD9)}


def codestream_sizes(frame: bytes) -> list[tuple[int, int, int]]:
    """Height, width and number of components by the compressed data's own header; empty where it has none."""
    if frame.startswith(SOC_SIZ):
        return [jpeg2000_size(frame)]
    if frame.startswith(JP2):  # wrapped in a JP2 file: whatever might be its codestream
        return [jpeg2000_size(frame[place : place + SIZ_LENGTH]) for place in codestream_places(frame)]
    return jpeg_sizes(frame)


def codestream_places(frame: bytes) -> list[int]:
    """Where a JPEG 2000 codestream might begin; none where there are too many places to trust any."""
    places: list[int] = []
    place = frame.find(SOC_SIZ)
    while place >= 0:
        if len(places) == MOST_PLACES:
            return []
        places.append(place)
        place = frame.find(SOC_SIZ, place + 1)
    return places


def jpeg2000_size(stream: bytes) -> tuple[int, int, int]:
    """From the SIZ segment (ITU-T T.800, A.5.1)."""
    right, bottom, left, top = (int.from_bytes(stream[at : at + 4], "big") for at in (8, 12, 16, 20))
    return bottom - top, right - left, int.from_bytes(stream[40:42], "big")


def jpeg_sizes(stream: bytes) -> list[tuple[int, int, int]]:
    """From the first frame header of a JPEG or JPEG-LS stream (ITU-T T.81, B.2.2)."""
    for marker, body in jpeg_segments(stream):
        if marker in START_OF_FRAME and len(body) >= 6:
            return [(int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big"), body[5])]
    return []


def is_plain_lossless(stream: bytes) -> bool:
    """Whether the header of a lossless JPEG is one that GDCM decodes; at some others it ends the process.

    One frame of 2 to 16 bits, predictor 1 to 7, one whole scan (ITU-T T.81, B.2 and H.1) whose Huffman tables
    are there and are codes, and a transform that Adobe defined.
    """
    segments = list(jpeg_segments(stream))
    frames = [body for marker, body in segments if marker == LOSSLESS_FRAME]
    scans = [body for marker, body in segments if marker == START_OF_SCAN]
    transforms = [body[11:12] for marker, body in segments if marker == APP14 and body.startswith(b"Adobe")]
    known = all(marker in LOSSLESS_MARKERS for marker, _ in segments)
    if not known or len(frames) != 1 or len(scans) != 1 or max(transforms, default=b"") > b"\2":
        return False
    tables = huffman_tables(b"".join(body for marker, body in segments if marker == HUFFMAN))
    return tables is not None and is_whole_scan(frames[0], scans[0], tables)


def is_whole_scan(frame: bytes, scan: bytes, tables: set[int]) -> bool:
    """Whether the scan has every component of the frame, unsampled, with a table and a predictor."""
    count = frame[5] if len(frame) > 5 else 0
    if count not in {1, 3} or not 2 <= frame[0] <= 16:
        return False
    if len(frame) != 6 + 3 * count or len(scan) != 4 + 2 * count or scan[0] != count:
        return False
    predictor, end, shift = scan[-3:]
    whole = frame[6::3] == scan[1:-3:2] and all(factors == 0x11 for factors in frame[7::3])
    coded = all(selector & 15 == 0 and selector >> 4 in tables for selector in scan[2:-3:2])
    return whole and coded and 1 <= predictor <= 7 and end == 0 and shift == 0


def huffman_tables(body: bytes) -> set[int] | None:
    """Numbers of the tables (ITU-T T.81, B.2.4.2); None where one is no code or has a category above 16."""
    tables, place = set(), 0
    while place < len(body):
        number, counts = body[place], body[place + 1 : place + 17]
        entries = body[place + 17 : place + 17 + sum(counts)]
        taken = sum(count << (15 - length) for length, count in enumerate(counts))  # of the codes of 16 bits
        complete = len(counts) == 16 and 0 < len(entries) == sum(counts)
        if number > 3 or not complete or max(entries) > 16 or taken >= 1 << 16:
            return None
        tables.add(number)
        place += 17 + len(entries)
    return tables


def jpeg_segments(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of each segment, up to the first scan and with its header."""
    place = 2
    while place + 4 <= len(stream) and stream[place] == 0xFF:
        marker = stream[place + 1]
        if marker == 0xFF or marker in STANDALONE:
            place += 1 if marker == 0xFF else 2
            continue
        end = place + 2 + int.from_bytes(stream[place + 2 : place + 4], "big")
        yield marker, stream[place + 4 : end]
        if marker == START_OF_SCAN:
            return
        place = end
