"""A whole archive segmented: what there is to do, who does it (processes or a Ray cluster), and what came of it."""
