"""The models that are served, and which weights they have."""
