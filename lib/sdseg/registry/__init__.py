"""The weights that were trained for one served model: which is served, which were, and why."""
