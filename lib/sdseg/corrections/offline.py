"""The same material that a server trains on, without a server: for `sdseg train --from-datastore`."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdseg.corrections.archive_images import images_of_archive
from sdseg.corrections.folder_images import images_of_folder, note_label_file
from sdseg.corrections.home import division_of, home_of, homes, noted_choice, noted_studies
from sdseg.corrections.material import Tell, material_from, tell_log
from sdseg.corrections.store import FINAL, LabelStore
from sdseg.delivery.credentials import Credentials
from sdseg.errors import InputError
from sdseg.pacs.archive import Archive, is_server, open_archive
from sdseg.pacs.search import list_image_series
from sdseg.training.material import Material

_MONAI_LABEL = "datastore_v2.json"  # in a folder of volumes or pictures


def material_of(model_dir: Path, studies: str | None, labels: Mapping[str, int], tell: Tell = tell_log) -> Material:
    """Of the labels that a server keeps below its `model_dir`; it may run meanwhile.

    A SEG that came to the archive since the server last looked is not among them. The division of the patients and the
    data that the settings add are the server's.

    Args:
        model_dir: of the server.
        studies: the archive or folder; None for the one that the server noted. Logins come from the environment.
        labels: structure -> value of the model.
        tell: is told what is left out, a sentence each.

    Raises:
        InputError: no labels there, or of several archives and `studies` does not say which.
        DeliveryError: the archive does not answer.
    """
    home, address = _find(model_dir, studies)
    store = LabelStore(home)
    if is_server(address) or not (Path(address) / _MONAI_LABEL).is_file():
        archive = _open(address)
        images = images_of_archive(archive, list_image_series(archive), store, tell)
    else:
        images = images_of_folder(_files(store, Path(address)), store, tell)
    return material_from(store, images, labels, division_of(home), noted_choice(home), tell)


def _find(model_dir: Path, studies: str | None) -> tuple[Path, str]:
    """The home and the archive or folder."""
    if studies is not None:
        address = str(_open(studies).base_url) if is_server(studies) else Path(studies).resolve().as_uri()
        home = home_of(model_dir, address)
        if home not in homes(model_dir):
            raise InputError(f"{model_dir} holds no labels of {address}; leave --studies out for those that it holds.")
        return home, studies
    known = {noted_studies(home): home for home in homes(model_dir)}
    known.pop("", None)
    if len(known) != 1:
        listed = ", ".join(sorted(known)) or "none that a server noted"
        raise InputError(f"{model_dir} holds the labels of several archives or folders ({listed}); say --studies.")
    ((address, home),) = known.items()
    return home, address


def _open(address: str) -> Archive:
    session = Credentials.from_environment().session() if is_server(address) else None
    return open_archive(address, session)


def _files(store: LabelStore, folder: Path) -> dict[str, Path]:
    """Image id -> file, as MONAI Label's own store lists them; labels that were put there by hand are noted."""
    content: dict[str, Any] = json.loads((folder / _MONAI_LABEL).read_text())
    images = {}
    for image, known in content["objects"].items():
        images[image] = folder / os.path.normpath(content.get("images_dir", ".")) / f"{image}{known['image']['ext']}"
        final = known.get("labels", {}).get(FINAL)
        file = folder / content.get("labels_dir", "labels") / FINAL / f"{image}{final['ext']}" if final else None
        if file is not None and file.is_file():
            note_label_file(store, image, FINAL, file)
    return images
