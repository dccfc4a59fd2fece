"""Work that waits for its turn: a bounded queue, progress, cancelling, turns on a device, results kept by content."""
