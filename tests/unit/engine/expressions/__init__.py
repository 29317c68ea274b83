"""The expression language: its values, filters, templates and messages."""
