"""Work that waits for its turn: a bounded queue, progress, cancelling."""
