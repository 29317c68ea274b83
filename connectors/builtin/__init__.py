"""The connectors that come with Patchbay; they see the SDK and nothing else, like anybody's."""
