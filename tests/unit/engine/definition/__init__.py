"""Tests of engine/definition."""
