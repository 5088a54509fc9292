"""Where people go on to who have answered: only where the settings say that they may be sent."""

from urllib.parse import unquote, urlsplit


def is_allowed(url: str, allowed: tuple[str, ...]) -> bool:
    """Whether people may be sent on to an address: it lies below one that the settings name."""
    parts = urlsplit(url)
    if (
        parts.scheme not in {"http", "https"}
        or parts.username is not None
        or "\\" in url
        or ".." in unquote(parts.path).split("/")
    ):
        return False
    return any(_is_below(url, each) for each in allowed)


def _is_below(url: str, allowed: str) -> bool:
    below, there = urlsplit(url), urlsplit(allowed)
    if (below.scheme, below.netloc.lower()) != (there.scheme, there.netloc.lower()):
        return False
    root = there.path.rstrip("/")
    return below.path == root or below.path.startswith(root + "/") or (not root and not below.path)
