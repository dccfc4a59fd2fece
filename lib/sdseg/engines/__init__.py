"""The same weights and the same answer, faster: how the networks of a pipeline are run."""
