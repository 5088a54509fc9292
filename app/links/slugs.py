"""What a journey is called in an address: readable where it can be, and never with a slash in it."""

from urllib.parse import quote, unquote

_READABLE = ":@-._"


def slug_of(journey: str) -> str:
    """`onboarding:42` stays as it is; anything that an address cannot hold is written with tildes."""
    return quote(journey, safe=_READABLE).replace("~", "%7E").replace("%", "~")


def journey_in(slug: str) -> str:
    """The journey that an address names."""
    return unquote(slug.replace("~", "%"))
