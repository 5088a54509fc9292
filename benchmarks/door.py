"""The owner's way in: the one-time link that `waitpoint serve` prints, opened and pressed as a person would."""

import re
from html import unescape
from urllib.parse import urlencode, urlsplit

from .servers import Server

_LINK = re.compile(r"http://\S+/sign-in/\S+")
_ACTION = re.compile(r'<form[^>]*method="post"[^>]*action="([^"]*)"')
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)"')


def signed_in(server: Server) -> str:
    """The cookie header of the owner's new session."""
    printed = _LINK.search(server.log.read_text())
    if printed is None:
        raise RuntimeError("the server printed no sign-in link")
    link = urlsplit(printed[0])
    path = f"{link.path}?{link.query}" if link.query else link.path
    opened, page = server.ask("GET", path, headers={"accept": "text/html"})
    text = page.decode()
    action = _ACTION.search(text)
    fields = {unescape(name): unescape(value) for name, value in _HIDDEN.findall(text)}
    pressed, _ = server.ask(
        "POST",
        unescape(action[1]) if action else path,
        urlencode(fields).encode(),
        {
            "content-type": "application/x-www-form-urlencoded",
            "origin": server.url,
            "sec-fetch-site": "same-origin",
            "cookie": _cookies(opened.headers.get_all("set-cookie")),
        },
    )
    cookies = _cookies(pressed.headers.get_all("set-cookie"))
    if pressed.status >= 400 or not cookies:
        raise RuntimeError(f"signing in was answered {pressed.status}")
    return cookies


def _cookies(headers: list[str] | None) -> str:
    return "; ".join(header.partition(";")[0] for header in headers or ())
