"""Durable runs: tasks that wait on tokens and go on where they stopped.

A run that waits is rows and nothing else. Whatever it waits for is a token, so there is one way in
which a wait ends: the token is settled, and in that very transaction the run is queued.
"""
