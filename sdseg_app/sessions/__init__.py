"""Images that a client sent ahead of its questions, until they expire."""
