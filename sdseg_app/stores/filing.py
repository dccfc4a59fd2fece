"""A model's result as DICOM SEG, and its way into the archive: written and sent as a file, never held whole."""

from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import Datastore

from sdseg.dicom.series import load_series
from sdseg.errors import InputError, LabelError
from sdseg.pacs.deliver import store_file
from sdseg.pacs.outgoing import Outgoing
from sdseg.scratch import scratch_folder
from sdseg.volume.grid import Grid, turn_between
from sdseg_app.jobs.results import Found
from sdseg_app.labels.saving import describe
from sdseg_app.labels.seg import write_seg_of_model
from sdseg_app.stores.datastore import ArchiveDatastore

_AS_IS = ((0, 1, 2), ())  # of `turn_between`: no axis is another, or flipped


def write_result_seg(
    store: Datastore, image: str, found: Found, told: dict[str, Any], path: Path, file_too: bool
) -> str:
    """Write a DICOM SEG of the result to `path`, also stored in the archive when `file_too`; the name of the file.

    Raises EmptySegmentationError, InputError, LabelError, DeliveryError.
    """
    archive_store, uid = _write(store, image, found, told, path)
    if file_too:
        store_file(archive_store.archive, Outgoing.read(path))
    return f"{uid}.dcm"


def file_result(store: Datastore, image: str, found: Found, told: dict[str, Any]) -> dict[str, str]:
    """Store the result beside the source series; its UIDs, and its path in a folder. Raises as above."""
    with scratch_folder() as scratch:
        path = scratch / "segmentation.dcm"
        archive_store, _ = _write(store, image, found, told, path)
        return describe(store_file(archive_store.archive, Outgoing.read(path)))


def _write(
    store: Datastore, image: str, found: Found, told: dict[str, Any], path: Path
) -> tuple[ArchiveDatastore, str]:
    if not isinstance(store, ArchiveDatastore):
        raise InputError("A DICOM SEG needs a DICOM series, and the studies of this server are none.")
    labels = {str(name): int(value) for name, value in told["label_names"].items()}
    series = load_series(Path(store.get_image_uri(image)), pixels="later")
    slices, rows, columns = series.shape
    grid = Grid((columns, rows, slices), series.affine)
    own = Grid(found.labelmap.size, found.affine)
    if turn_between(own, grid) != _AS_IS:  # the series was replaced meanwhile
        raise LabelError(f"The result lies on {own}, the series on {grid} by now: segment it again.")
    return store, write_seg_of_model(path, series, found.labelmap, labels, told)
