"""Trying things out without executions: a version on a stored event, or one node alone. Nothing here writes history."""
