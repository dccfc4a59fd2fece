"""SDSeg in the reading room: one-step latent-diffusion segmentation of medical images.

Importing this package is cheap: torch and MONAI are imported by the rooms that need them.
"""

__version__ = "0.1.0"
