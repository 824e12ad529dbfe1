"""Image files on their way through the server, bounded by the bytes of all of them together."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import BytesIO

from fastapi import HTTPException


class Uploads:
    """What a server holds.

    Args:
        most: Bytes of all files.
        tell: Told the bytes that are held.
    """

    def __init__(self, most: int, tell: Callable[[int], None]) -> None:
        self.most, self.tell, self.held = most, tell, 0

    @asynccontextmanager
    async def received(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """A whole file; its bytes count from their coming until it is done with.

        Raises:
            HTTPException: There is no room for what comes; others may have left in a second.
        """
        file = BytesIO()  # gives its bytes away without a copy
        try:
            async for part in parts:
                if self.held + len(part) > self.most:
                    detail = "too many bytes of images are on their way; send it again in a second"
                    raise HTTPException(503, detail, {"Retry-After": "1"})
                file.write(part)
                self.hold(len(part))
            yield file.getvalue()
        finally:
            self.hold(-file.tell())

    def hold(self, more: int) -> None:
        """So many bytes more than before."""
        self.held += more
        self.tell(self.held)
