"""What the pipelines of all rivals say about themselves: their one network knows it."""

from __future__ import annotations

from typing import Any

from sdseg.model.parts import Parts


class SingleNetwork:
    """Beside `DiffusionPipeline`, for a pipeline whose component `network` has the configuration of a rival."""

    network: Any

    @property
    def kind(self) -> str:
        """Its name in `RIVALS`."""
        return str(self.network.config.architecture)

    @property
    def image_size(self) -> int:
        """Rows = columns of the images the model was made for."""
        return int(self.network.config.image_size)

    @property
    def classes(self) -> int | None:
        """Number of classes with the background; None for a binary model."""
        classes = self.network.config.classes
        return None if classes is None else int(classes)

    @property
    def parts(self) -> Parts | None:
        """How it segments parts of slices; None: whole slices only."""
        return None
