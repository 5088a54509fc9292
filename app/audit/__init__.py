"""The log, for people: who did what, when, by which door, and how that is known."""
