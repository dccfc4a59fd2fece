"""A series of an archive as a local folder."""

import hashlib
import shutil
import tempfile
from pathlib import Path

import pydicom

from sdseg.errors import DeliveryError
from sdseg.pacs.archive import AS_STORED, Archive
from sdseg.pacs.asking import asking
from sdseg.pacs.folder_client import FolderClient
from sdseg.pacs.search import SeriesKey, list_instance_uids
from sdseg.pacs.uids import is_uid


def fetch_series(client: Archive, key: SeriesKey, cache: Path) -> Path:
    """A folder below `cache` which holds exactly the instances of the series, one `.dcm` file each.

    The archive is asked every time which instances there are; they are fetched only when that changed, so a
    series that grew is never served short. The folder appears whole or not at all, and its list of files does
    not change under somebody who reads it. From a folder archive the files are linked, not copied.
    Raises DeliveryError.
    """
    uids = list_instance_uids(client, key)
    links: list[Path] = []
    if isinstance(client, FolderClient):
        links = client.instance_paths(key.study_uid, key.series_uid)
    content = "\n".join([*uids, *map(str, links)])
    target = cache / key.series_uid / hashlib.sha256(content.encode()).hexdigest()[:16]
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=target.parent, prefix=".part-"))
    try:
        count = _link(links, partial) if links else _download(client, key, partial)
        if count == 0 or count != len(uids):
            raise DeliveryError(
                f"The archive {client.base_url} lists {len(uids)} instances of series {key.series_uid} "
                f"but gave {count}; try again when it is complete."
            )
        _publish(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _link(paths: list[Path], folder: Path) -> int:
    for number, path in enumerate(paths):
        (folder / f"{number:06d}.dcm").symlink_to(path)
    return len(paths)


def _download(client: Archive, key: SeriesKey, folder: Path) -> int:
    """Any transfer syntax is taken as stored. Written one by one: a whole series need not fit into memory."""
    received: set[str] = set()
    with asking(client, f"retrieving series {key.series_uid}"):
        for dataset in client.iter_series(key.study_uid, key.series_uid, media_types=AS_STORED):
            uid = str(dataset.SOPInstanceUID)
            if dataset.get("SeriesInstanceUID") == key.series_uid and is_uid(uid):
                pydicom.dcmwrite(folder / f"{uid}.dcm", dataset, enforce_file_format=True)
                received.add(uid)
    return len(received)


def _publish(partial: Path, target: Path) -> None:
    try:
        partial.rename(target)
    except OSError:
        if not target.is_dir():  # else somebody else fetched the same content meanwhile
            raise
