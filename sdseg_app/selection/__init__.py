"""Which image an annotator is given next: the strategies, who is on what, and the scores made while nobody waits."""
