"""What makes events: adapters that turn an outside happening into a ``NewEvent`` and hand it to intake."""
