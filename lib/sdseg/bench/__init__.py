"""What a slice and a series cost, engine by engine, against the plain loop in the same run."""
