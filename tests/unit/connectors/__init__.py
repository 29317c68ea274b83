"""Tests of connectors: the SDK, the safe client, the registry and the built-in ones."""
