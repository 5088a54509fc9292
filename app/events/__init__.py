"""The log of everything that happened, and how one hears of it."""

from .log import Event, append, head, hold, of_subject, since
from .tail import Tail

__all__ = ["Event", "Tail", "append", "head", "hold", "of_subject", "since"]
