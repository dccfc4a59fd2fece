"""Playing an annotator on data whose truth is known: does asking by uncertainty beat asking at random?"""
