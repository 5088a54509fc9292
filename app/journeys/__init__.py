"""Journeys: one stable page that follows a chain of tokens, step after step."""
