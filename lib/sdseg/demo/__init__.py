"""The demonstration: a real server, the calls of a viewer, a stored SEG, a score."""
