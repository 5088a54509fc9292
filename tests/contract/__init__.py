"""The contract with programs that we did not write."""
