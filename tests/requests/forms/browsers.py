"""A form as a browser sends it: read from the page itself, with what stands in it."""

from functools import cache
from html.parser import HTMLParser
from typing import Any

from jinja2 import Template

from app.pages.templates import templates
from app.requests.forms import Form, controls, typed_of

NO_ERRORS: dict[str, str] = {}


def drawn(form: Form, typed: dict[str, str], errors: dict[str, str] = NO_ERRORS, focus: str = "") -> str:
    """The fields of a form, as every page draws them."""
    return _template().render(form=controls(form, typed, errors, focus=focus))


@cache
def _template() -> Template:
    macro = "{% from 'requests/fields/fields.html' import fields %}{{ fields(form) }}"
    return templates().from_string(macro)


def sent(html: str) -> dict[str, str]:
    """What a browser sends when the form of a page is submitted untouched. No name is sent twice."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return {name: text.replace("\r\n", "\n").replace("\r", "\n") for name, text in reader.found.items()}


def through_a_browser(form: Form, value: Any) -> dict[str, str]:
    """What comes back when a form that was filled with a value is sent as it is."""
    return sent(drawn(form, typed_of(form, value)))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: dict[str, str] = {}
        self.area: str | None = None
        self.select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name")
        if tag == "select" and name is not None:
            self.select = name
        elif tag == "option" and self.select is not None:
            if self.select not in self.found or "selected" in given:
                self.found[self.select] = given["value"]
        elif tag == "textarea" and name is not None:
            self._put(name, "")
            self.area = name
        elif (
            tag == "input"
            and name is not None
            and (given.get("type") not in {"radio", "checkbox"} or "checked" in given)
        ):
            text = given.get("value", "")
            self._put(name, text if given.get("type") == "hidden" else text.replace("\n", "").replace("\r", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self.area is not None:
            self.found[self.area] = self.found[self.area].removeprefix("\n")
            self.area = None
        elif tag == "select":
            self.select = None

    def handle_data(self, data: str) -> None:
        if self.area is not None:
            self.found[self.area] += data

    def _put(self, name: str, text: str) -> None:
        assert name not in self.found, f"{name} is sent twice"
        self.found[name] = text
