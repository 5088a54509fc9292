"""What the pages of requests show, gathered in one read each. Pages and pushes to open pages both draw from here."""

from ..database import Unit
from ..pages import words
from ..tokens.models import Token
from ..tokens.search import Doubt
from ..tokens.views import View, settled_by, token_view


def door_view(db: Unit, token_id: str, environment_id: str) -> View | Doubt | None:
    """A token as the approval page tells it, to somebody outside: names of API keys stay inside."""
    view = token_view(db, token_id, environment_id)
    if view is None or isinstance(view, Doubt):
        return view
    view["settled_by"] = settled_by(view["timeline"], outside=True)
    view["late_title"] = late_title(view["token"])
    return view


def late_title(token: Token) -> str:
    """How a settled question is headed."""
    if token.is_cancelled:
        return "This question was withdrawn"
    if token.has_timed_out:
        return "The time is over"
    decided = words.decision(token)
    if decided is None:
        return "This was answered"
    return "Approved" if decided["approved"] else "Sent back"
