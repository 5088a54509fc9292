"""The fields of a JSON object that a program sent, taken one by one: every mistake has its sentence."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from ..web.problems import Problem
from .forms.references import escaped

T = TypeVar("T")

_CONTROLS = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")
_CONTROLS_OF_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Fields:
    """The fields of an object, taken one by one; what is wrong with one is said with its name and its place."""

    def __init__(self, value: Any, pointer: str, name: str, shape: type[msgspec.Struct]) -> None:
        self.pointer = pointer
        self.name = name
        if not isinstance(value, dict):
            raise wrong(pointer, name, "not-an-object", f"must be a JSON object, not {shown(value)}")
        self._values: dict[str, Any] = value
        known = shape.__struct_encode_fields__
        for field in value:
            if field not in known:
                # Never ignored: a misspelt `approvers` must not open a question to everybody.
                article = "an" if name[0] in "aeiou" else "a"
                sentence = f"is not a field of {article} {name}; known are {', '.join(sorted(known))}"
                raise wrong(f"{pointer}/{escaped(field)}", field[:60], "unknown-field", sentence)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str, default: Any = None) -> Any:
        return self._values.get(name, default)

    def at(self, name: str) -> str:
        return f"{self.pointer}/{name}"

    def refuse(self, name: str, sentence: str, code: str | None = None) -> Problem:
        kebab = re.sub("[A-Z]", lambda found: f"-{found[0].lower()}", name)
        return wrong(self.at(name), name, code or f"invalid-{kebab}", sentence)

    def line(self, name: str, longest: int) -> str:
        """A text of one line. Characters that hide or turn others are kept: pages write them out."""
        text = self.text(name, longest)
        if name in self and not text.strip():
            raise self.refuse(name, "must not be empty")
        if _CONTROLS.search(text):
            raise self.refuse(name, "must be one line, without control characters")
        return text

    def text(self, name: str, longest: int) -> str:
        text = self._values.get(name, "")
        if not isinstance(text, str):
            raise self.refuse(name, f"must be a text, not {shown(text)}")
        if len(text) > longest:
            raise self.refuse(name, f"must have at most {longest:,} characters, not {len(text):,}")
        if _CONTROLS_OF_TEXT.search(text):
            raise self.refuse(name, "must not contain control characters")
        return text

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            raise self.refuse(name, f"must be true or false, not {shown(value)}")
        return value

    def one_of(self, name: str, known: tuple[Any, ...], default: Any) -> Any:
        value = self._values.get(name, default)
        if value not in (*known, default):
            raise self.refuse(name, f"must be {_or(known)}, not {shown(value)}")
        return value

    def object(self, name: str) -> dict[str, Any]:
        value = self._values.get(name)
        if not isinstance(value, dict):
            raise self.refuse(name, f"must be a JSON object, not {shown(value)}")
        return value

    def number(self, name: str, most: int) -> int:
        value = self._values.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise self.refuse(name, f"must be a whole number from 1 to {most}, not {shown(value)}")
        return value

    def optional(self, name: str, read_it: "Callable[[Fields, str], T]") -> T | None:
        return read_it(self, name) if self._values.get(name) is not None else None

    def within(self, name: str, shape: type[msgspec.Struct]) -> "Fields":
        return Fields(self._values.get(name), self.at(name), name, shape)


def wrong(pointer: str, name: str, code: str, sentence: str) -> Problem:
    """What is refused, as a 400: the field, the rule, and what came."""
    detail = f"{name} {sentence}"
    return Problem(400, code, detail, errors=[{"pointer": pointer, "code": code, "detail": detail}])


def _or(known: Iterable[str]) -> str:
    *others, last = (f'"{each}"' for each in known)
    return f"{', '.join(others)} or {last}"


def shown(value: Any) -> str:
    """What came, as JSON, cut short."""
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 80 else text[:80] + "…"
