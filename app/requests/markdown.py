"""Markdown that somebody wrote, as HTML that a page may show.

What comes out is text with paragraphs, lists, tables, code and links: no HTML of the writer's, no pictures, nothing that
runs. A link shows where it leads. Characters that hide or turn text are written out.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from ..pages import words

_TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "a", "ul", "ol", "li"),
    *("h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES: dict[str, set[str]] = {"*": set(), "a": {"href"}, "ol": {"start"}}
_SCHEMES = {"http", "https", "mailto"}
_DEEPEST_HEADING = 6

_parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")


@lru_cache(maxsize=128)
def html_of(text: str) -> Markup:
    """The text as HTML. The question above it is the page's only first heading."""
    return drawn(parsed(text))


def parsed(text: str) -> list[Token]:
    """What the text says, part by part."""
    tokens = _parser.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1:]) + 1, _DEEPEST_HEADING)}"
        elif token.children is not None:
            token.children = _said(token.children)
        else:
            token.content = _plain(token.content)
    return tokens


def drawn(tokens: Sequence[Token], styles: Mapping[str, str] | None = None) -> Markup:
    """The parts as HTML: what the allow-list lets through, with styles of ours on tags where mails need them."""
    cleaned = nh3.clean(
        _parser.renderer.render(tokens, _parser.options, {}),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        set_tag_attribute_values={tag: {"style": style} for tag, style in (styles or {}).items()},
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer nofollow",
    )
    return Markup(cleaned)  # noqa: S704 - what the allow-list let through


def _said(children: Sequence[Token]) -> list[Token]:
    """The parts of a paragraph, with the address behind every link that says something else."""
    said: list[Token] = []
    address, shown = "", ""
    for child in children:
        child.content = _plain(child.content)
        said.append(child)
        if child.type == "link_open":
            address, shown = str(child.attrGet("href") or ""), ""
        elif child.type == "link_close":
            if address and address.removeprefix("mailto:") != shown.strip():
                said.append(Token("text", "", 0, content=f" ({_plain(address)})"))
            address = ""
        else:
            shown += child.content
    return said


def _plain(text: str) -> Any:
    return words.plainly(text)
