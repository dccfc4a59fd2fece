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


class StructureJudgement(BaseModel):
    """Dice of both models on the validation images, of one structure; null where none could be scored."""

    name: str
    champion: float | None
    challenger: float | None
    difference: float | None = Field(description="Challenger minus champion, mean over the images.")
    low: float | None = Field(description="Lower end of its 95% interval; null with fewer than two patients.")
    high: float | None
    worse: bool


class JudgementStatus(BaseModel):
    """How a challenger was judged against the champion of that time."""

    accepted: bool
    reason: str
    margin: float
    champion: str = Field(description="Name of the champion of that time.")
    images: int
    patients: int
    structures: list[StructureJudgement]


class EntryStatus(BaseModel):
    """Weights in the registry of a model."""

    name: str = Field(description='The first 16 digits of the SHA-256, or "base".')
    sha256: str
    state: Literal["champion", "challenger", "retired", "withdrawn", "damaged"]
    made: str = Field(description="When they came, ISO 8601, UTC; empty where it is not known.")
    promoted: str | None = Field(description="When they were last promoted.")
    parent: str = Field(description="Name of what they were trained from; empty where it is not known.")
    by: str = Field(description="Who trained, promoted or withdrew them last.")
    note: str = Field(description="Why they were withdrawn, or what is wrong with their folder.")
    facts: dict[str, float] = Field(description="Counts of their training.")
    judgement: JudgementStatus | None


class RegistryStatus(BaseModel):
    """What is served, and what was or might be."""

    champion: EntryStatus
    served: str = Field(description="Name of the weights that answer; another than the champion's if it is damaged.")
    others: list[EntryStatus] = Field(description="The newest first.")
    more: int = Field(description="How many further ones there are.")
    trouble: str = Field(description="A sentence where another than the champion is served.")
    can_roll_back: bool


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
    registry: RegistryStatus
    runs: str = Field(description="How its networks are run, in words.")


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
    rank: int | None = Field(None, description="Place in the order of the strategy sdseg_uncertainty; 1 is next.")
    novelty: float | None = Field(None, description="Distance to what is labelled, 0 to 2, as that strategy sees it.")


class ReservationStatus(BaseModel):
    """An image that somebody is labelling, which is given to no other."""

    image: str
    annotator: str
    until: str = Field(description="ISO 8601, UTC.")


class AnnotatorStatus(BaseModel):
    """How many images somebody labelled."""

    annotator: str = Field(description="Name of the user; empty where it is not known.")
    images: int = Field(description="With a final label of this annotator's.")
    last: str = Field(description="When the last one was saved, ISO 8601, UTC; empty where it is not known.")


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
    reservations: list[ReservationStatus]
    annotators: list[AnnotatorStatus] = Field(description="Who labelled most first.")
    training: Curves
