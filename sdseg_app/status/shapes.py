"""What GET /status/ answers. No patient's name, identifier or date of birth is part of it."""

from typing import Literal

from pydantic import BaseModel, Field

from sdseg_app.jobs.training import Curves
from sdseg_app.jobs.view import JobsView
from sdseg_app.labels.uncertainty import Measured


class ServerStatus(BaseModel):
    """The server and who asks."""

    version: str
    started: str = Field(description="ISO 8601, UTC.")
    archive: Literal["folder", "dicomweb", "files"] = Field(
        description="Where the studies are: a folder of DICOM files, a DICOMweb server, or NIfTI, NRRD and pictures."
    )
    user: str
    role: Literal["reader", "annotator", "admin"]


class StructureStatus(BaseModel):
    """What a model outlines."""

    name: str
    value: int
    colour: str = Field(description="Recommended display colour, #rrggbb.")
    code: str = Field(description='Code and meaning, like "SCT 12738006 Brain"; empty where none is known.')


class TrainedStatus(BaseModel):
    """Where a model comes from."""

    when: str = Field("", description="Date, as the model card tells it.")
    on: str = Field("", description="Data, in words.")
    steps: int | None = None
    continued: int | None = Field(None, description="Steps of training on labels saved here, since then.")
    seed: int | None = None
    software: dict[str, str] = Field(default_factory=dict)


class ModelStatus(BaseModel):
    """A model that is served."""

    name: str
    title: str
    weights: str = Field(description="Name in the model card.")
    weights_sha256: str
    source: Literal["shipped", "given", "trained here"]
    modalities: list[str]
    structures: list[StructureStatus]
    random: bool = Field(description="Whether it draws noises, over which uncertainty can be measured.")
    trained: TrainedStatus
    metrics: dict[str, float] = Field(description="Figures measured on data that it did not learn from; often none.")


class LabelStatus(BaseModel):
    """A label of an image."""

    saved: str = Field(description="ISO 8601, UTC.")
    by: str = Field("", description="Who saved it; empty where it is not known.")
    structures: list[str]
    from_archive: bool = Field(False, description="A viewer saved it into the archive; this server found it there.")


class ReviewStatus(BaseModel):
    """What somebody decided about a result."""

    verdict: str = Field(description='"accept", "reject", or "" where only the use for training was decided.')
    training: bool = Field(description="Whether a label of the image may be trained on.")
    by: str
    at: str = Field(description="ISO 8601, UTC.")


class StudyStatus(BaseModel):
    """An image that can be segmented: a DICOM series, or a file."""

    image: str
    study: str = Field("", description="StudyInstanceUID; empty for files.")
    modality: str = ""
    date: str = Field("", description="StudyDate, YYYY-MM-DD.")
    images: int | None = Field(None, description="Number of instances, where the archive tells it.")
    labels: dict[str, LabelStatus]
    uncertainty: float | None = Field(None, description="Of the first model that measured it; see uncertainties.")
    uncertainties: dict[str, Measured] = Field(description="By model; only while its weights are the same.")
    review: ReviewStatus | None = None


class ArchiveStatus(BaseModel):
    """How much there is."""

    total: int = Field(description="Images that can be segmented.")
    labelled: int = Field(description="How many of all have a final label.")
    known: bool = Field(description="Whether the archive answered.")
    trouble: str = Field("", description="Why it did not.")


class Status(BaseModel):
    """What the status page shows."""

    server: ServerStatus
    models: list[ModelStatus]
    queue: JobsView
    archive: ArchiveStatus
    studies: list[StudyStatus] = Field(description="Those that somebody worked on lately first, then by date.")
    training: Curves
