"""Import once what every start of the product imports: it is compiled for all later starts, and known to load.

The packages are installed uncompiled, because most of their modules are never used. Compiling the used ones
here, by the one who may write to the environment, spares every later start some seconds.
"""

import contextlib
import importlib
import io
import sys
import warnings

MODULES = [
    "monai.transforms",
    "monailabel.main",
    "monailabel.interfaces.app",
    "monailabel.tasks.train.basic_train",
    "diffusers.models.autoencoders.autoencoder_kl",
    "diffusers.models.unets.unet_2d_condition",
    "highdicom",
    "dicomweb_client",
    "matplotlib.pyplot",
]


def main() -> str | None:
    """The one line to fail with, or None."""
    warnings.simplefilter("ignore")
    for name in MODULES:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                importlib.import_module(name)
        except (ImportError, OSError, RuntimeError) as error:
            return f"Installed, but {name} does not load: {type(error).__name__}: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main())
