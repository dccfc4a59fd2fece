"""One JSON object a line on stderr: UIDs, never an attribute of a patient."""

from __future__ import annotations

import logging
import sys
import warnings

from pythonjsonlogger.json import JsonFormatter

OURS = "sdseg"
FIELDS = "%(asctime)s %(levelname)s %(name)s %(message)s"


class WithoutTraceback(logging.Filter):
    """Other libraries' exceptions may quote the object at hand: their kind is told, their text is not."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every record, without what was raised; of other libraries than ours and pynetdicom's only where it says."""
        if record.exc_info and not record.name.startswith(OURS):
            kind = record.exc_info[0]
            record.msg, record.args = f"an exception of {kind.__name__ if kind else 'unknown kind'}", ()
            record.exc_info = None
        return True


def set_up_logs(level: int = logging.INFO) -> None:
    """Send our log and pynetdicom's warnings to stderr as JSON; keep quiet what may quote a header."""
    handler = logging.StreamHandler(sys.stderr)
    names = {"asctime": "time", "levelname": "level", "name": "logger"}
    handler.setFormatter(JsonFormatter(FIELDS, rename_fields=names, datefmt="%Y-%m-%dT%H:%M:%S%z"))
    handler.addFilter(WithoutTraceback())
    for name, least in ((OURS, level), ("pynetdicom", logging.ERROR)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(least)
    # pydicom's and highdicom's warnings hold the values that they complain of.
    warnings.filterwarnings("ignore")
    logging.getLogger().handlers = [logging.NullHandler()]
