"""Where a form may lead on to: a path of this server, and nowhere else."""

LONGEST = 2000  # characters


def own_path(text: str) -> str | None:
    """The path, if it is one of ours: not another site's, however a browser may read it (threat: open redirect)."""
    is_plain = text.isascii() and text.isprintable() and len(text) <= LONGEST and "\\" not in text
    return text if is_plain and text.startswith("/") and not text.startswith("//") else None
