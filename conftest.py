"""The fixtures that `tests/` and `e2e/` share."""

pytest_plugins = ["tests.fixtures", "tests.makers"]
