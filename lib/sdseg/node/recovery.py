"""What a start does after an end that nobody was told of: files and ledger are brought into agreement."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from pydicom import dcmread
from sqlalchemy import select
from sqlalchemy.orm import Session

from sdseg.dicom.files import READ_ERRORS
from sdseg.dicom.header import text
from sdseg.errors import InputError
from sdseg.node import progress, reception
from sdseg.node.headers import identify
from sdseg.node.home import Home
from sdseg.node.ledger import Ledger
from sdseg.node.reception import Arrival
from sdseg.node.schema import InstanceRow, Kept, SeriesRow, State

log = logging.getLogger(__name__)


def recover(home: Home, ledger: Ledger) -> None:
    """Bring files and ledger into agreement, before anything else runs.

    Associations that were open are lost. A file that the ledger does not know was written but perhaps not answered
    for: it is taken up if it is what its name says, else removed. A file that the ledger knows and the disk does not
    have is noted as removed, so that it is taken when it is sent again. A SEG that is gone is made again.
    """
    shutil.rmtree(home.work, ignore_errors=True)
    home.work.mkdir()
    with ledger.writing() as session:
        for number in reception.open_associations(session):
            reception.association_ended(session, number, "lost")
    for folder in sorted(home.incoming.iterdir()):
        if folder.is_dir():
            _agree(folder, ledger)
    with ledger.writing() as session:
        _note_missing(session, home)
        _remake_results(session, home)
    _remove_partial(home.results, home.dead)


def _agree(folder: Path, ledger: Ledger) -> None:
    _remove_partial(folder)
    with ledger.writing() as session:
        rows = session.scalars(select(InstanceRow).where(InstanceRow.series_uid == folder.name))
        known = {f"{row.sop_uid}.dcm" for row in rows if row.kept == Kept.HERE}
        for path in sorted(folder.iterdir()):
            if path.name not in known:
                _take_up(session, path)
    if not any(folder.iterdir()):
        folder.rmdir()


def _take_up(session: Session, path: Path) -> None:
    arrival = _identify(path)
    known = arrival and session.get(InstanceRow, arrival.sop_uid)
    if arrival is None or (known and known.sha256 != arrival.sha256):
        log.warning("file removed: nothing was promised for it", extra={"file": path.name})
        path.unlink()
        return
    series = reception.register(session, arrival, calling_ae="")
    series.held = True  # its association was lost
    log.info("file taken up", extra={"series": arrival.series_uid, "instance": arrival.sop_uid})


def _identify(path: Path) -> Arrival | None:
    """What a file is, None unless it is the instance of the series that its place says."""
    try:
        content = path.read_bytes()
        meta = dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"]).file_meta
        sop = (text(meta, "MediaStorageSOPClassUID"), text(meta, "MediaStorageSOPInstanceUID"))
        start = 132 + 12 + int(meta["FileMetaInformationGroupLength"].value)
        arrival = identify(content, content[start:], *sop)
    except (*READ_ERRORS, InputError):
        return None
    expected = (path.parent.name, path.stem)
    return arrival if (arrival.series_uid, arrival.sop_uid) == expected and arrival.is_image else None


def _note_missing(session: Session, home: Home) -> None:
    under_way = SeriesRow.state.in_([State.RECEIVING, State.COMPLETE])
    for uid in session.scalars(select(SeriesRow.uid).where(under_way)).all():
        for instance in progress.files_of(session, home, uid)[1]:
            if instance.kept == Kept.HERE:
                log.error("file is gone", extra={"series": uid, "instance": instance.sop_uid})
                instance.kept = Kept.REMOVED


def _remake_results(session: Session, home: Home) -> None:
    with_seg = SeriesRow.state.in_([State.SEGMENTED, State.DELIVERING])
    for row in session.scalars(select(SeriesRow).where(with_seg)).all():
        if not (home.results / row.seg_file).is_file():
            progress.segment_again(session, row)
    used = set(session.scalars(select(SeriesRow.seg_file).where(SeriesRow.seg_file != "")))
    for path in home.results.iterdir():
        if path.name not in used:
            path.unlink()


def _remove_partial(*folders: Path) -> None:
    for folder in folders:
        for path in folder.rglob(".*.part"):
            path.unlink()
