"""The images of one series as a folder of their own."""

from __future__ import annotations

from pathlib import Path

from sdseg.batch.job import Job
from sdseg.errors import InputError


def gather(job: Job, folder: Path) -> Path:
    """A folder that holds exactly the images of the job's series, named by their SOPInstanceUID.

    Links to the files, which then appear in no message by the names of their folders; from an archive they are fetched.

    Raises:
        InputError: files are not there.
        DeliveryError: the archive did not give them.
    """
    if job.archive:
        return _fetch(job, folder)
    folder.mkdir()
    gone = 0
    for number, (path, sop_uid) in enumerate(job.files):
        gone += not Path(path).is_file()
        link = folder / f"{sop_uid}.dcm"
        if link.is_symlink():  # twice in the archive: the gate says whether they are the same
            link = folder / f"{sop_uid}.{number}.dcm"
        link.symlink_to(path)
    if gone:
        raise InputError(
            f"{gone} of its {len(job.files)} files are not there: they were removed since they were found, or the "
            "worker's machine does not share the folder."
        )
    return folder


def _fetch(job: Job, folder: Path) -> Path:
    from sdseg.delivery.credentials import Credentials
    from sdseg.pacs.fetch import fetch_series
    from sdseg.pacs.search import SeriesKey
    from sdseg.pacs.server_client import connect

    client = connect(job.archive, Credentials.from_environment().session(), attempts=3)
    return fetch_series(client, SeriesKey(job.study_uid, job.series_uid, ""), folder)
