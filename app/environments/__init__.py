"""Environments: separate worlds, each with its own API keys, signing keys and tokens."""
