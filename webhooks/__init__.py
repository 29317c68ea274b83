"""The wire of webhooks: how requests are signed, and how a signature is checked."""
