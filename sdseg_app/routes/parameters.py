"""The parameters that many routes take, with the limits that the API page shows."""

from typing import Annotated

from fastapi import Path, Query

ModelName = Annotated[str, Path(max_length=200, description="Name of a model, as /info/ lists it.")]
ImageId = Annotated[
    str,
    Query(
        min_length=1,
        max_length=255,
        description="Id of an image in the datastore: the SeriesInstanceUID of a DICOM series, else the file's name "
        "without its extension. Never a path.",
    ),
]
LabelId = Annotated[str, Query(min_length=1, max_length=255, description="Id of a label, which is that of its image.")]
Tag = Annotated[str, Query(min_length=1, max_length=64, description="Version of a label: final, original or your own.")]
# Checked with a sentence of our own by `check_name`; the pattern is for the API page. Empty stands for the default.
NewTag = Annotated[
    str,
    Query(
        description="Under which tag the label is kept; `final` counts as done.",
        json_schema_extra={"pattern": r"^[A-Za-z0-9_-]{0,64}$"},
    ),
]
NewImageId = Annotated[
    str,
    Query(
        description="Id of the new image; default: the file's name without its extension.",
        json_schema_extra={"pattern": r"^[A-Za-z0-9_-]{0,64}$"},
    ),
]
