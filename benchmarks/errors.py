"""The one way in which a measurement gives up."""


class BenchmarkError(Exception):
    """Nothing can be measured; the message says what to do about it."""
