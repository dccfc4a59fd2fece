"""What a damaged header says of its patient reaches no log of the server."""

import os
import subprocess
import sys
from pathlib import Path

from helpers.dicom_series import SeriesMaker

READING = """
import sys
import sdseg_app.main
from sdseg.dicom.series import load_series
from sdseg.errors import InputError
try:
    load_series(sys.argv[1])
except InputError as error:
    print(error)
"""


def test_values_of_damaged_attributes_are_not_logged(tmp_path: Path) -> None:
    """pydicom warns of what is no UID, and quotes it; damaged lengths put anything there."""
    maker = SeriesMaker()
    uid = maker.uid("frame of reference").encode()
    for path in maker.save(tmp_path / "ct").iterdir():
        content = path.read_bytes()
        assert uid in content
        path.write_bytes(content.replace(uid, b"SECRET^NAME".ljust(len(uid), b" ")))
    process = subprocess.run(
        [sys.executable, "-c", READING, str(tmp_path / "ct")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "has no usable FrameOfReferenceUID" in process.stdout
    assert "SECRET" not in process.stdout + process.stderr
