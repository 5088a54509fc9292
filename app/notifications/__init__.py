"""Telling people: mails are queued with what they are about, and delivered afterwards."""

from .outbox import queue, queue_with_others

__all__ = ["queue", "queue_with_others"]
