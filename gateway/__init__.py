"""The edge: HTTP, the command line and the wiring. The only folder that sees all others."""
