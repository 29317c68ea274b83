"""Debugging executions: starting them with breakpoints, looking at one that stands, changing it, going on."""
