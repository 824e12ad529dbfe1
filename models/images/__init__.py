"""Images: what is known of one, how its file is read, and what is said of broken ones."""

from models.images.broken import tell_broken
from models.images.content import MAXIMUM_BYTES, bytes_digest, image_digest, read_bytes
from models.images.reading import MAXIMUM_PIXELS, SUFFIXES, decode_grey_or_rgb, decode_image, open_image
from models.images.record import ImageRecord, require_unique_ids

__all__ = [
    "MAXIMUM_BYTES",
    "MAXIMUM_PIXELS",
    "SUFFIXES",
    "ImageRecord",
    "bytes_digest",
    "decode_grey_or_rgb",
    "decode_image",
    "image_digest",
    "open_image",
    "read_bytes",
    "require_unique_ids",
    "tell_broken",
]
