"""Telling people: mails are queued with what they are about, and delivered afterwards."""

from .outbox import queue

__all__ = ["queue"]
