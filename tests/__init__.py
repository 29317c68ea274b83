"""Patchbay's tests; the folders mirror what they prove: unit, contract, integration, acceptance, architecture."""
