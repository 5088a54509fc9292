"""Links: what one recipient needs to answer one token, or the steps of one journey, and nothing else."""
