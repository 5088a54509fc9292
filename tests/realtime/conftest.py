"""The cast on the line: programs that listen, and pages that are open."""

from tests.makers import ada, cleo, house, newcomer, nobody

__all__ = ["ada", "cleo", "house", "newcomer", "nobody"]
