"""The permanent security suite: what an attacker may write or send, and what must not come of it."""
