"""The templates, and what they may say: filters are words, globals are files and icons."""

import re
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ..clock import iso
from ..paths import TEMPLATES
from . import files, words

_BACKQUOTED = re.compile(r"`([^`<>]+)`")


@cache
def templates() -> Environment:
    """One environment for pages, swaps and pushes, so that a thing always draws itself the same way."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        auto_reload=False,  # a server serves the version that it started with; looking for changes costs a third
        undefined=StrictUndefined,
        finalize=words.plainly,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    environment.filters |= {
        "capitalised": words.capitalised,
        "capped": words.capped,
        "coded": _coded,
        "cut": words.cut,
        "decision": words.decision,
        "deed": words.deed,
        "door": words.door,
        "duration": words.duration,
        "exact": words.exact,
        "iso": iso,
        "pretty": words.pretty,
        "quoted": lambda text: quote(str(text), safe=""),
        "relative": words.relative,
        "scope": words.scope,
        "span": words.span,
        "standing": words.standing,
        "verbatim": escape,
        "who": words.who,
    }
    environment.globals |= {
        # The SVGs are our own files; nothing that a person wrote comes this way.
        "icon": cache(lambda name: Markup(files.icon(name))),  # noqa: S704
        "reader_zone": words.reader_zone,
        "static": files.static_url,
    }
    return environment


def _coded(text: str) -> Markup:
    """What stands between backquotes, as code."""
    return Markup(_BACKQUOTED.sub(r"<code>\1</code>", str(escape(words.plainly(text)))))  # noqa: S704 - escaped before


def render(name: str, /, **context: Any) -> str:
    """Draw a template. Partials that are pushed to open pages are drawn here, too."""
    return templates().get_template(name).render(context)
