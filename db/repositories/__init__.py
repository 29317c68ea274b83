"""One repository per aggregate: rows become model objects here and nowhere else."""
