"""Maps of probability and disagreement: into the archive as DICOM Parametric Map, to the client as a ZIP of NIfTI."""

import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

from highdicom.pm import ParametricMap
from monailabel.interfaces.datastore import Datastore

from sdseg.dicom.parametric_map import DISAGREEMENT, PROBABILITY, build_map, over
from sdseg.dicom.series import load_series
from sdseg.errors import InputError
from sdseg.inference.provenance import provenance_from
from sdseg.inference.uncertainty import Uncertainty
from sdseg.inference.uncertainty_files import MapFiles
from sdseg.pacs.deliver import store_segmentation
from sdseg.scratch import scratch_folder
from sdseg_app.labels.saving import describe
from sdseg_app.stores.datastore import ArchiveDatastore

Named = tuple[str, str, ParametricMap]  # structure, quantity, map


def check_use(noises: int, save_seg: bool, as_zip: bool) -> None:
    """Raises InputError where maps would be measured for nobody, or are asked for and not measured."""
    if noises and not (save_seg or as_zip):
        raise InputError("uncertainty needs save_seg, which files its maps, or output=uncertainty, which returns them.")
    if as_zip and not noises:
        raise InputError('output=uncertainty needs a number of noises in params, like {"uncertainty": 4}.')


def build_maps(store: Datastore, image: str, measured: Uncertainty | None, told: dict[str, Any]) -> list[Named]:
    """The maps as DICOM objects; none where nothing was measured.

    Raises InputError: no DICOM archive, or pictures (`GeometryError`); LabelError.
    """
    if measured is None:
        return []
    if not isinstance(store, ArchiveDatastore):
        raise InputError("A Parametric Map needs a DICOM series, and the studies of this server are none.")
    series = load_series(Path(store.get_image_uri(image)))
    provenance = over(provenance_from(told), len(measured.seeds))
    return [
        (label, quantity.name, build_map(series, values.transpose(2, 1, 0), label, quantity, provenance))
        for quantity, maps in ((PROBABILITY, measured.probability), (DISAGREEMENT, measured.disagreement))
        for label, values in maps.items()
    ]


def file_maps(store: Datastore, maps: list[Named]) -> dict[str, dict[str, dict[str, str]]]:
    """Store the maps beside the source series: structure -> quantity -> UIDs, and the path in a folder.

    Raises DeliveryError.
    """
    filed: dict[str, dict[str, dict[str, str]]] = {}
    for label, quantity, made in maps:
        assert isinstance(store, ArchiveDatastore)  # `build_maps` has looked
        filed.setdefault(label, {})[quantity] = describe(store_segmentation(store.archive, made))
    return filed


def zip_maps(measured: Uncertainty | None, mask: Path, told: dict[str, Any]) -> bytes:
    """A ZIP: `map_<structure>_<quantity>.nii.gz`, the mask as `mask` with its own suffix, and `params.json`."""
    content = BytesIO()
    with scratch_folder() as scratch, zipfile.ZipFile(content, "w") as archive:
        for path in MapFiles(scratch, "map").write(measured, provenance_from(told)) if measured else []:
            archive.write(path, path.name)
        archive.write(mask, f"mask{''.join(mask.suffixes[-2:]) if mask.name.endswith('.gz') else mask.suffix}")
        archive.writestr("params.json", json.dumps(told))
    return content.getvalue()
