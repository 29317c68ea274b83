"""The nouns of Patchbay, as immutable values. They know no I/O, no clock and no database."""
