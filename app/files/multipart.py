"""Reading `multipart/form-data` as it comes, so that no file is ever in memory as a whole."""

from collections.abc import AsyncIterator
from typing import Any, cast

import msgspec
from litestar import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ..web.problems import Problem

KIND = "multipart/form-data"
LARGEST_FORM = 3_145_728  # bytes of all fields that are no files
MOST_PARTS = 5_000


class Part(msgspec.Struct):
    """A field of the form, or a file: then `file_name` is what it was called where it came from."""

    name: str
    file_name: str | None
    type: str


class _Events:
    """Gathers what the parser finds, in order: a Part, the bytes of it, None at its end."""

    def __init__(self) -> None:
        self.found: list[Part | bytes | None] = []
        self._header = b""
        self._value = b""
        self._headers: dict[str, str] = {}

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._headers.clear,
            "on_header_field": self._on_field,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers,
            "on_part_data": lambda data, start, end: self.found.append(bytes(data[start:end])),
            "on_part_end": lambda: self.found.append(None),
        }

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header.decode("latin-1").lower()] = self._value.decode("utf-8", "replace")
        self._header, self._value = b"", b""

    def _on_headers(self) -> None:
        _, options = parse_options_header(
            self._headers.get("content-disposition", "").encode("utf-8").decode("latin-1")
        )
        name, file_name = options.get(b"name"), options.get(b"filename")
        if name is None:
            raise malformed("a part of it has no name")
        self.found.append(
            Part(
                _as_it_was(name),
                None if file_name is None else _as_it_was(file_name),
                self._headers.get("content-type", ""),
            )
        )


def _as_it_was(name: bytes) -> str:
    """A name, with the three characters that browsers do not send as they are, and no others (HTML, 4.10.21.8)."""
    return name.decode("utf-8", "replace").replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


async def parts_of(request: Request[Any, Any, Any]) -> AsyncIterator[Part | bytes | None]:
    """Each part, its bytes as they come, and None at its end. Raises a Problem for what no browser sends."""
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if not boundary or len(boundary) > 200:
        raise malformed("its Content-Type has no boundary")
    events = _Events()
    parser = MultipartParser(boundary, events.callbacks())
    parts = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "incomplete-body", "The connection was closed before the body was complete.")
        try:
            parser.write(cast("bytes", message.get("body", b"")))
        except FormParserError as error:
            raise malformed("it does not keep to its own boundary") from error
        found, events.found = events.found, []
        for event in found:
            parts += isinstance(event, Part)
            if parts > MOST_PARTS:
                raise malformed("it has too many parts")
            yield event
        if not message.get("more_body"):
            return


def malformed(reason: str) -> Problem:
    return Problem(400, "malformed-form", f"The form cannot be read: {reason}.")
