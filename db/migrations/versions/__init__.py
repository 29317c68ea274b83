"""One file per step, named by its number; a step stays as it is once released."""
