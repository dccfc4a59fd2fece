"""Weights in from the authors' and Stable Diffusion's files, out to the authors' naming."""
