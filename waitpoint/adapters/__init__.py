"""Waitpoint for those whose runs belong to another engine: it owns the question, they own the run.

`restate`, `dbos` and `langgraph` are modules of their own, because each imports the engine that it is for.
See docs/how-to/use-another-engine.md.
"""
