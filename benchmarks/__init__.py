"""Measures Patchbay from outside: real commands, load from another process, results counted in the database."""
