"""Draw docs/images/status-1280.png and status-390.png: the status page of a server with some work on it.

    python scripts/status_picture.py

Needs Chromium and the tools of the tests. The series are copies of the sample under new UIDs and dates.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pydicom
import requests
from pydicom.uid import generate_uid

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from app.running_server import Server, run_server  # noqa: E402
from helpers.browser import chromium, open_page  # noqa: E402

SERIES = 5
SIZES = ((1280, 1500), (390, 844))
NOISE = (0, 120, 400, 40, 800)  # standard deviation of what is added: the model is to be less sure of some


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        images = [copy(home / "studies" / f"{number}", number) for number in range(SERIES)]
        for server in run_server(home, home / "studies", ROOT / "sample-data" / "weights" / "brain-small"):
            work(server, images)
            shoot(server, images)


def copy(folder: Path, number: int) -> str:
    """The sample series with other UIDs, date and noise; returns its UID."""
    folder.mkdir(parents=True)
    study, series = generate_uid(entropy_srcs=[f"study {number}"]), generate_uid(entropy_srcs=[f"series {number}"])
    draws = np.random.default_rng(number)
    for path in sorted((ROOT / "sample-data" / "dicom").glob("*.dcm"))[: 64 - 6 * number]:
        dataset = pydicom.dcmread(path)
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
        dataset.SOPInstanceUID = generate_uid(entropy_srcs=[f"{path.name} {number}"])
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.StudyDate = f"202611{20 - number:02d}"
        pixels = dataset.pixel_array
        noisy = pixels + draws.normal(0, NOISE[number], pixels.shape)
        dataset.PixelData = noisy.clip(0, np.iinfo(pixels.dtype).max).astype(pixels.dtype).tobytes()
        dataset.save_as(folder / path.name)
    return str(series)


def work(server: Server, images: list[str]) -> None:
    """Two labels, one decision, three measurements, one refusal and a short training."""
    for image in images[:2]:
        kept = server.infer(image, output="image")
        kept.raise_for_status()
        files = {"label": ("label.nrrd", kept.content)}
        answer = requests.put(f"{server.url}/datastore/label", params={"image": image}, files=files, timeout=60)
        answer.raise_for_status()
    server.post(f"/review/{images[0]}", {"verdict": "accept"}).raise_for_status()
    server.post("/train/sdseg", {"max_steps": 30, "train_batch_size": 2, "val_split": 0}).raise_for_status()
    server.wait_for("/train/", 600)
    for image in images[:3]:
        server.infer(image, params={"uncertainty": "4"}, output="uncertainty").raise_for_status()


def shoot(server: Server, images: list[str]) -> None:
    """While one inference runs and one waits."""
    for image in images[3:]:
        data = {"params": json.dumps({"uncertainty": "8"})}
        query = {"image": image, "background": "true", "output": "uncertainty"}
        requests.post(f"{server.url}/infer/sdseg", params=query, data=data, timeout=60).raise_for_status()
    with chromium() as browser:
        for width, height in SIZES:
            with open_page(browser, width, height) as page:
                page.goto(server.url)
                page.get_by_text("Outlining: slice").wait_for()
                time.sleep(6)  # so that the bar has something to show
                page.screenshot(path=ROOT / "docs" / "images" / f"status-{width}.png")


if __name__ == "__main__":
    main()
