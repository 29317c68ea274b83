"""What ``patchbay demo`` shows: the tour, the workflows it applies, and the receiver they call."""
