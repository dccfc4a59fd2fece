"""Files of series that need them no longer are removed after a while; the ledger remembers the instances."""

from __future__ import annotations

from sqlalchemy import select, update

from sdseg.node import progress
from sdseg.node.clock import now
from sdseg.node.home import Home
from sdseg.node.ledger import Ledger
from sdseg.node.schema import InstanceRow, Kept, SeriesRow, State


class Retention:
    """Args:
    home: where files are.
    ledger: what is done.
    hours: how long received files stay after their series is done or ignored.
    """

    def __init__(self, home: Home, ledger: Ledger, hours: float) -> None:
        self._home, self._ledger, self._seconds = home, ledger, hours * 3600

    def step(self) -> bool:
        """Remove what is old enough; nothing more to do then."""
        here = select(InstanceRow.series_uid).where(InstanceRow.kept == Kept.HERE)
        finished = SeriesRow.state.in_([State.DONE, State.IGNORED]) & (SeriesRow.changed_at <= now() - self._seconds)
        with self._ledger.reading() as session:
            uids = session.scalars(select(SeriesRow.uid).where(finished, SeriesRow.uid.in_(here))).all()
        for uid in uids:
            self._remove(uid)
        return False

    def _remove(self, uid: str) -> None:
        # Within the transaction: nothing can be received for the series, and nothing be answered as being here.
        with self._ledger.writing() as session:
            row = session.get_one(SeriesRow, uid)
            if row.state not in (State.DONE, State.IGNORED):
                return
            files, _ = progress.files_of(session, self._home, uid)
            if row.seg_file:
                files.append(self._home.results / row.seg_file)
            for path in files:
                path.unlink(missing_ok=True)
            mine = (InstanceRow.series_uid == uid) & (InstanceRow.kept == Kept.HERE)
            session.execute(update(InstanceRow).where(mine).values(kept=Kept.REMOVED))
        folder = self._home.incoming / uid
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
