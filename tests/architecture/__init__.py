"""Rules about the repository itself, checked like behaviour."""
