"""The brokers, as far as they need no server."""
