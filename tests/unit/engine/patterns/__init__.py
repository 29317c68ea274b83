"""The control-flow patterns, each as a definition that is really driven."""
