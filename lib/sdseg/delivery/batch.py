"""Many files to one destination, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sdseg.delivery.retry import Retries, deliver
from sdseg.delivery.target import Target
from sdseg.dicom.scan import dicom_files
from sdseg.errors import DeliveryError, InputError, RefusedError, SetupError

_DIRECTORY = "DICOMDIR"  # the table of contents of a medium, PS3.10 8.6: no object of a patient


@dataclass
class Tally:
    """How many files arrived, were there before, or failed."""

    sent: int = 0
    already_there: int = 0
    failed: int = 0


def files_to_send(sources: Iterable[Path]) -> list[Path]:
    """The files among `sources`, and all DICOM files below the folders among them, each once.

    Raises InputError: a source is not there, or a folder holds no DICOM file.
    """
    found: dict[Path, None] = {}
    for source in sources:
        if not source.exists():
            raise InputError(f"{source} does not exist: check the path.")
        files = [source] if source.is_file() else [file for file in dicom_files(source) if file.name != _DIRECTORY]
        if not files:
            raise InputError(f"{source} holds no DICOM file: check the path.")
        found.update(dict.fromkeys(files))
    return list(found)


def send_files(
    target: Target,
    files: Sequence[Path],
    retries: Retries,
    tell: Callable[[Path, str], None],
    progress: Callable[[int], None] = lambda done: None,
) -> Tally:
    """Deliver every file; one that fails does not stop the others, and is told with its reason.

    Once a destination did not come back within the retries of one file, each of the others is tried once, until one
    arrives: else a long list would wait for hours.

    Raises SetupError: the destination is not set up for us, so that no file would arrive.
    """
    try:
        target.check()
    except SetupError:
        raise
    except DeliveryError:
        pass  # it may come back while the first file is tried
    tally, patience = Tally(), retries
    for done, path in enumerate(files, 1):
        try:
            receipt = deliver(target, path, patience)
        except (DeliveryError, InputError) as error:
            tally.failed += 1
            tell(path, str(error))
            if isinstance(error, DeliveryError) and not isinstance(error, RefusedError):
                patience = replace(retries, times=0)
        else:
            patience = retries
            tally.already_there += receipt.already_there
            tally.sent += not receipt.already_there
            if receipt.warning:
                tell(path, f"stored, but {receipt.warning}.")
        progress(done)
    return tally
