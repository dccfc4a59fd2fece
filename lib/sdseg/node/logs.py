"""One JSON object a line on stderr: UIDs, never an attribute of a patient."""

from __future__ import annotations

import logging
import sys
import warnings

from pythonjsonlogger.json import JsonFormatter

OURS = "sdseg"
FIELDS = "%(asctime)s %(levelname)s %(name)s %(message)s"


class WithoutTexts(logging.Filter):
    """The text of an exception may quote the object at hand: its kind is told, except of a bug that ends the node."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every record, without the text of what was raised."""
        if record.exc_info and record.levelno < logging.CRITICAL:
            kind = record.exc_info[0]
            record.exception = kind.__name__ if kind else ""
            if not record.name.startswith(OURS):
                record.msg, record.args = "an exception", ()
            record.exc_info = None
        return True


def set_up_logs(level: int = logging.INFO) -> None:
    """Send our log and pynetdicom's warnings to stderr as JSON; keep quiet what may quote a header."""
    handler = logging.StreamHandler(sys.stderr)
    names = {"asctime": "time", "levelname": "level", "name": "logger"}
    handler.setFormatter(JsonFormatter(FIELDS, rename_fields=names, datefmt="%Y-%m-%dT%H:%M:%S%z"))
    handler.addFilter(WithoutTexts())
    for name, least in ((OURS, level), ("pynetdicom", logging.ERROR)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(least)
    # pydicom's and highdicom's warnings hold the values that they complain of.
    warnings.filterwarnings("ignore")
    logging.getLogger().handlers = [logging.NullHandler()]
