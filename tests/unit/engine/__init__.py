"""Tests of engine/, in the same folders."""
