"""The history of the schema, forward only; each file under ``versions`` is one step of it."""
