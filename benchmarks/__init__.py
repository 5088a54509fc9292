"""How fast Waitpoint is, as ratios measured in one run on one machine: `python -m benchmarks`."""
