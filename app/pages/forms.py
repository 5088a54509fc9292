"""What a person filled in: read from the body of a form, with every way to be wrong answered in words."""

import unicodedata
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request

from ..web.bodies import read_body
from ..web.problems import Problem

LIMIT = 3_145_728  # bytes, as for an answer through the API
LONGEST_NAME = 100  # characters
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 5_000  # a form of a thousand fields, with rows of them

Form = dict[str, str]


class SentTwice(Problem):
    """A field came twice. A decision must not depend on who reads it first or last; `once` are the other fields."""

    def __init__(self, names: Collection[str], form: Form) -> None:
        super().__init__(400, "duplicate-field", f"The field {min(names)[:60]!r} was sent twice.")
        self.once = {name: value for name, value in form.items() if name not in names}


async def form_of(request: Request[Any, Any, Any]) -> Form:
    """The fields of a form, each once. Raises a Problem for what no browser sends."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_body(request, LIMIT)
    if body and kind != _FORM:
        raise Problem(415, "not-a-form", f"A form is sent as {_FORM}.")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, encoding="utf-8", errors="strict"
        )
    except ValueError as error:
        raise Problem(
            400, "malformed-form", "The form cannot be read; its text is not UTF-8, or it is too long."
        ) from error
    form: Form = {}
    twice = set()
    for name, value in pairs:
        if "\x00" in value:
            raise Problem(400, "nul-character", f"The field {name[:60]!r} contains a character that cannot be stored.")
        if name in form:
            twice.add(name)
        form[name] = value.replace("\r\n", "\n")
    if twice:
        raise SentTwice(twice, form)
    return form


def wrong_name(name: str, field: str) -> dict[str, str]:
    """What is wrong with the name that somebody gave to something, or to themselves."""
    if not name:
        return {field: "A name is needed, so that people know what it is for."}
    if len(name) > LONGEST_NAME or not name.isprintable():
        return {field: f"A name has at most {LONGEST_NAME} characters, on one line."}
    return {}


def wrong_name_of_person(name: str, field: str) -> dict[str, str]:
    """The same for the name of a person, which must not pass for somebody's address where only the name is told."""
    wrong = wrong_name(name, field)
    if not wrong and "@" in unicodedata.normalize("NFKC", name):
        return {field: "A name is no mail address: write it without @."}
    return wrong


def named(problem: Problem, names: Mapping[str, str]) -> dict[str, str]:
    """What a rule says about the fields of a form: from JSON pointers to the names of the controls.

    The sentence loses the field's technical name in front, because it stands at the field itself.
    """
    found: dict[str, str] = {}
    for error in problem.errors:
        pointer = error["pointer"].split("/")[1] if "/" in error["pointer"] else ""
        sentence = error["detail"].removeprefix(f"{pointer} ")
        found.setdefault(names.get(pointer, pointer or next(iter(names.values()))), _sentence(sentence))
    return found or {next(iter(names.values())): _sentence(problem.detail)}


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
