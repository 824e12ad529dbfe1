"""Damaged images, and bombs: little that claims to be, or unpacks to, a lot."""

import gzip
import io
import pickle
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
from api_wire import REFUSED, Attack, request
from PIL import Image


def chunk(kind: bytes, data: bytes) -> bytes:
    """Of a PNG."""
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def png_of(width: int, height: int, *extra: bytes, bits: int = 8, colour: int = 2) -> bytes:
    """A PNG that claims that size, whatever is in it."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = b"".join(extra) + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body


def picture(kind: str, seed: int = 0) -> bytes:
    """A small valid image."""
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 20, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def dicom(*, rows: int = 8, columns: int = 8, frames: str = "", syntax: str = "1.2.840.10008.1.2.1") -> bytes:
    """A DICOM file of 8 x 8 pixels, explicit little endian, that may claim something else."""

    def element(group: int, number: int, kind: str, value: bytes) -> bytes:
        value += b"\0" if len(value) % 2 and kind in {"UI", "OW"} else b" " if len(value) % 2 else b""
        head = struct.pack("<HH", group, number) + kind.encode()
        size = (
            struct.pack("<HI", 0, len(value)) if kind in {"OW", "OB", "SQ"} else struct.pack("<H", len(value))
        )
        return head + size + value

    def short(number: int, value: int) -> bytes:
        return element(0x28, number, "US", struct.pack("<H", value))

    meta = element(2, 0x10, "UI", syntax.encode())
    start = element(2, 0, "UL", struct.pack("<I", len(meta))) + meta
    data = short(2, 1) + element(0x28, 4, "CS", b"MONOCHROME2")
    data += element(0x28, 8, "IS", frames.encode()) if frames else b""
    data += short(0x10, rows) + short(0x11, columns) + short(0x100, 8) + short(0x101, 8) + short(0x102, 7)
    data += short(0x103, 0) + element(0x7FE0, 0x10, "OW", bytes(range(64)))
    if syntax.endswith(".99"):
        packer = zlib.compressobj(wbits=-15)
        data = packer.compress(data + bytes(40_000_000)) + packer.flush()
    return bytes(128) + b"DICM" + start + data


def deflated_colour(side: int, *, bits: int = 16) -> bytes:
    """A black DICOM image of three wide channels: a few kB that are hundreds of MB once they are decoded."""

    def short(number: int, value: int) -> bytes:
        return struct.pack("<HH2sHH", 0x28, number, b"US", 2, value)

    size = side * side * 3 * bits // 8
    head = short(2, 3) + struct.pack("<HH2sH4s", 0x28, 4, b"CS", 4, b"RGB ") + short(6, 0)
    head += short(0x10, side) + short(0x11, side) + short(0x100, bits) + short(0x101, bits)
    head += short(0x102, bits - 1) + short(0x103, 0) + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, size)
    packer = zlib.compressobj(1, wbits=-15)
    data = packer.compress(head) + b"".join(packer.compress(bytes(side)) for _ in range(size // side))
    syntax = struct.pack("<HH2sH22s", 2, 0x10, b"UI", 22, b"1.2.840.10008.1.2.1.99")
    meta = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(syntax)) + syntax
    return bytes(128) + b"DICM" + meta + data + packer.flush()


def mutated(generator: random.Random, data: bytes) -> bytes:
    """Bytes changed, cut out, doubled or moved, a few times."""
    found = bytearray(data)
    for _ in range(generator.randint(1, 4)):
        start = generator.randrange(len(found) + 1)
        size = generator.choice((1, 2, 4, 16, 200))
        match generator.randrange(5):
            case 0:
                found[start : start + size] = generator.randbytes(size)
            case 1:
                del found[start : start + size]
            case 2:
                found[start:start] = found[start : start + size]
            case 3:
                del found[start:]
            case _:
                found[start : start + 4] = generator.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"))
    return bytes(found)


def damaged_uploads(generator: random.Random, count: int) -> Iterator[Attack]:
    """Images that are almost right: answered or refused, and never a fault of the server."""
    kinds = {kind: picture(kind) for kind in ("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP")} | {
        "DICOM": dicom()
    }
    for number in range(count):
        kind = generator.choice(list(kinds))
        body = mutated(generator, kinds[kind])
        media = generator.choice(
            ("image/png", "application/dicom", "text/html", "\u00e9", "multipart/form-data")
        )
        headers = f"Content-Type: {media}"
        yield Attack(f"{kind} {number}", request("POST", "/v1/predict", body, headers), REFUSED | {200})


def bombs() -> Iterator[Attack]:
    """Little that claims to be, or unpacks to, a lot."""
    text = zlib.compress(bytes(50_000_000))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(20):
            file.writestr(f"../../{number}.png", bytes(5_000_000))
    nested = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" * 5000
    bodies = {
        **{
            f"PNG {w} x {h}": png_of(w, h)
            for w, h in ((30_000, 30_000), (2**31 - 1, 2**31 - 1), (1, 2**31 - 1), (0, 0))
        },
        **{f"PNG of {bits} bits": png_of(900, 900, bits=bits, colour=0) for bits in (0, 1, 3, 16, 255)},
        "PNG text": png_of(4, 4, chunk(b"zTXt", b"a\0\0" + text)),
        "PNG international text": png_of(4, 4, chunk(b"iTXt", b"a\0\1\0\0\0" + text)),
        "PNG colour profile": png_of(4, 4, chunk(b"iCCP", b"a\0\0" + text)),
        "PNG of chunks": png_of(4, 4, *[chunk(b"tEXt", b"a\0b")] * 8000),
        "JPEG 65500 x 65500": picture("JPEG").replace(b"\x00\x18\x00\x14\x03", b"\xff\xdc\xff\xdc\x03"),
        "DICOM 65535 x 65535": dicom(rows=65_535, columns=65_535),
        "DICOM without rows": dicom(rows=0),
        "DICOM of frames": dicom(frames="999999999"),
        "DICOM of minus one frame": dicom(frames="-1"),
        "DICOM deflated": dicom(syntax="1.2.840.10008.1.2.1.99"),
        "DICOM encapsulated without fragments": dicom(syntax="1.2.840.10008.1.2.4.90"),
        "DICOM of unknown syntax": dicom(syntax="1.2.3.4"),
        "DICOM of nested sequences": bytes(128) + b"DICM" + nested,
        "zip": archive.getvalue(),
        "gzip": gzip.compress(bytes(50_000_000)),
        "pickle": pickle.dumps({"a": list(range(1000))}),
        "XML": b'<!DOCTYPE a [<!ENTITY b "' + b"c" * 1000 + b'">]><svg>' + b"&b;" * 1000 + b"</svg>",
        "PDF": b"%PDF-1.7\n" + bytes(1000),
        "program": b"\x7fELF" + bytes(1000),
        "TIFF whose directory is itself": b"II*\0\x08\0\0\0\1\0\0\1\3\0\1\0\0\0\xff\xff\0\0\x08\0\0\0",
        "TIFF of a large directory": b"II*\0\x08\0\0\0\xff\xff" + bytes(2000),
    }
    for name, body in bodies.items():
        for media in ("image/png", "application/dicom"):
            sent = request("POST", "/v1/predict", body, f"Content-Type: {media}", "Content-Encoding: gzip")
            allowed = (
                REFUSED | {200} if name.startswith("PNG") else REFUSED
            )  # a text beside pixels is read past
            yield Attack(f"bomb: {name} as {media}", sent, allowed)
