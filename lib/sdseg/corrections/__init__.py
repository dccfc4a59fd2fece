"""Annotators' corrections as data: labels, decisions about them, and what a model is trained on from them."""
