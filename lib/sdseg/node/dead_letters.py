"""Dead letters: a folder a series that was given up, with the reason and what was received."""

from __future__ import annotations

import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from sdseg.durable import replacing, sync
from sdseg.node import progress
from sdseg.node.clock import readable
from sdseg.node.files import link_or_copy
from sdseg.node.home import Home
from sdseg.node.ledger import Ledger
from sdseg.node.schema import EventRow, SeriesRow, State

log = logging.getLogger(__name__)
REASON, SEG = "reason.json", "segmentation.dcm"


class DeadLetters:
    """Keeps the folder in step with the ledger, which alone says what is dead.

    Args:
        home: where the folders are.
        ledger: what is dead.
    """

    def __init__(self, home: Home, ledger: Ledger) -> None:
        self._home, self._ledger = home, ledger

    def step(self) -> bool:
        """Write the letters that are missing and withdraw those of series taken up again; nothing more to do then."""
        is_dead = SeriesRow.state == State.DEAD
        with self._ledger.reading() as session:
            differing = or_(is_dead & ~SeriesRow.lettered, ~is_dead & SeriesRow.lettered)
            uids = session.scalars(select(SeriesRow.uid).where(differing)).all()
        for uid in uids:
            self._put_right(uid)
        return False

    def _put_right(self, uid: str) -> None:
        # One transaction over both, so that nothing is received, retried or given up in between.
        with self._ledger.writing() as session:
            row = session.get_one(SeriesRow, uid)
            if row.state == State.DEAD:
                self._write(session, row)
            else:
                self._withdraw(uid)
            row.lettered = row.state == State.DEAD

    def _write(self, session: Session, row: SeriesRow) -> None:
        folder = self._home.dead / row.uid
        folder.mkdir(exist_ok=True)
        files, gone = progress.files_of(session, self._home, row.uid)
        for path in files:
            os.replace(path, folder / path.name)
        if row.seg_file and (seg := self._home.results / row.seg_file).is_file():
            (folder / SEG).unlink(missing_ok=True)
            link_or_copy(seg, folder / SEG)
        with replacing(folder / REASON) as file:
            file.write(json.dumps(_reason(session, row, len(files), len(gone)), indent=2).encode() + b"\n")
        sync(self._home.dead)
        _remove_if_empty(self._home.incoming / row.uid)
        log.warning("dead letter", extra={"series": row.uid, "why": row.reason})

    def _withdraw(self, uid: str) -> None:
        folder, incoming = self._home.dead / uid, self._home.incoming / uid
        if not folder.is_dir():
            return
        incoming.mkdir(exist_ok=True)
        for path in folder.iterdir():
            if path.name not in (REASON, SEG) and not (incoming / path.name).exists():
                os.replace(path, incoming / path.name)
        sync(incoming)
        shutil.rmtree(folder)
        log.info("dead letter withdrawn", extra={"series": uid})


def _reason(session: Session, row: SeriesRow, files: int, gone: int) -> dict[str, Any]:
    """What stands in reason.json: UIDs and our own words, nothing of the patient."""
    story = session.scalars(select(EventRow).where(EventRow.series_uid == row.uid).order_by(EventRow.id))
    return {
        "series_instance_uid": row.uid,
        "study_instance_uid": row.study_uid,
        "reason": row.reason,
        "blamed_sop_instance_uids": row.blamed,
        "time": readable(row.changed_at),
        "attempts": row.attempts,
        "instances": files,
        "instances_gone": gone,
        "weights": row.weights,
        "seg_sop_instance_uid": row.seg_uid,
        "deliveries": [
            {"target": item.target, "state": item.state, "attempts": item.attempts, "last_error": item.last_error}
            for item in progress.deliveries_of(session, row)
        ],
        "tried": [f"{readable(event.at)} {event.what}" for event in story],
    }


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
