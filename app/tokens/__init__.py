"""Waitpoint tokens: each waits for exactly one answer. The heart; it imports none of its neighbours."""
