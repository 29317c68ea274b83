"""Tests of signing and verifying webhooks."""
