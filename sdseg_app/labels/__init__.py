"""The annotators' masks and decisions: read, checked, kept, filed, and found again in the archive."""
