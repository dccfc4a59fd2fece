"""Whether there is a label to train on, as far as that is known without asking the archive."""

from collections.abc import Iterable
from pathlib import Path

from sdseg.corrections.archive_images import images_folder
from sdseg.corrections.division import JUDGE
from sdseg.corrections.home import division_of
from sdseg.corrections.patients import digest_of_patient, patient_of
from sdseg.errors import InputError


def only_judges(home: Path, images: Iterable[str], in_archive: bool) -> bool:
    """Whether all `images` are of patients by whom new models are judged, who are never trained on.

    False where one of them was never fetched from the archive: then the training itself finds out.
    """
    sides = division_of(home).sides()
    return all(sides.get(_patient(home, image, in_archive)) == JUDGE for image in images)


def _patient(home: Path, image: str, in_archive: bool) -> str:
    """His digest, "" where it is not known."""
    if not in_archive:
        return digest_of_patient(image)  # a file names no patient
    fetched = sorted(path for path in (images_folder(home) / image).glob("[!.]*") if path.is_dir())
    try:
        return patient_of(fetched[-1]) or "" if fetched else ""
    except InputError:
        return ""
