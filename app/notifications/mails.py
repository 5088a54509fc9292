"""The kinds of mails of this package itself."""

from .kinds import Kind, Kinds

KINDS: Kinds = {"test": Kind("Test")}
