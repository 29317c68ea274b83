"""The domain: what runs, when, and what happens next."""
