"""What can be trained: one module a kind of model."""
