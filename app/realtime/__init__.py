"""Websockets: events for programs, and pieces of pages for browsers.

Nothing here is the truth. A socket that was lost, or could not keep up, comes back and is told what it missed.
"""

from .live import Live
from .routes import ROUTES

__all__ = ["ROUTES", "Live"]
