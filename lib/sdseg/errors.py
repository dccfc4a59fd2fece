"""Errors a user can cause and mend. Each message is one sentence that names the culprit and the remedy."""


class SdsegError(Exception):
    """Base of every error shown to a user as one line: never a programming error."""


class InputError(SdsegError):
    """A file, folder or option that cannot be used: missing, truncated, of an unsupported kind.

    `instances`: SOPInstanceUIDs of the DICOM instances to blame, where there are such.
    """

    def __init__(self, message: str = "", instances: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.instances = instances


class GeometryError(InputError):
    """A DICOM series whose geometry is unsafe to segment (gap, duplicate, tilt, mixed grids ...)."""


class LabelError(SdsegError):
    """A mask or label that does not belong to the image: other grid, other values, unknown structure."""


class NotCalibratedError(InputError):
    """An engine that has to see images of the kind that the weights segment before it can run them has not, or they
    were not enough for it to keep the masks."""


class EmptySegmentationError(SdsegError):
    """The model found nothing: an empty result is reported, never filed as a DICOM SEG."""


class WeightsError(SdsegError):
    """A weights folder that is missing, damaged or of another kind than expected."""


class UnknownNameError(SdsegError):
    """A model, image, strategy or study that is not known here."""


class DeliveryError(SdsegError):
    """A PACS or archive that did not take, or did not give, what it was asked for."""


class RefusedError(DeliveryError):
    """A PACS or archive that will answer the same however often it is asked: trying again does not help."""


class SetupError(DeliveryError):
    """A PACS or archive that answers, but not to us as we are set up: address, credentials, certificates, AE titles.

    Asking again at once is no use; it works when somebody has mended one side, or a token has been renewed.
    """
