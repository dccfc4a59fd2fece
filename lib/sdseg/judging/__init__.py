"""Is a new model good enough to take the place of the one that is served?"""
