"""What holds for every definition, whatever its steps come to, in whatever order, whoever dies in between."""
