"""CVC-ClinicDB (Bernal et al., 2015): 612 frames of 29 colonoscopy videos."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path

from sdseg.datasets.layout import Files, by_id, first_folder, pair_up, unexpected
from sdseg.datasets.photographs import ENDOSCOPY, POLYP
from sdseg.datasets.public import HELD_OUT, PublicDataset
from sdseg.datasets.split import Membership, divide_seeded
from sdseg.errors import InputError

LAST_FRAMES = (
    *(25, 50, 67, 78, 103, 126, 151, 177, 199, 205, 227, 252, 277, 297, 317),
    *(342, 363, 383, 408, 428, 447, 466, 478, 503, 528, 546, 571, 591, 612),
)
"""The last frame of each of the 29 sequences; the table of the data set's own page."""

PAPER, BY_VIDEO = "paper", "by-video"
SIZES = {"validation": 62, "test": 62}
WHITE = dict.fromkeys(range(128, 256), 1)


class CvcClinicDb(PublicDataset):
    """488 / 62 / 62 frames as in the paper, or a split by video.

    Args:
        split: "paper" divides frames, so that frames of one video are trained on and tested; "by-video" does not.
    """

    name = "cvc-clinicdb"
    layout = "Original/ and Ground Truth/ with the pictures 1 to 612, PNG or TIFF, here or in PNG/ or TIF/"
    labels = POLYP
    modality = "ES"
    windows = ENDOSCOPY
    # Some copies of the masks were converted with soft edges: the grey values are needed.
    label_channel = 0
    label_values = WHITE

    def __init__(
        self, root: str | Path, split: str = PAPER, validation: str = HELD_OUT, incomplete: bool = False
    ) -> None:
        if split not in (PAPER, BY_VIDEO):
            raise InputError(f"{self.name}: split is '{PAPER}' or '{BY_VIDEO}', not '{split}'.")
        self.split_file = f"cvc-clinicdb-{split}.csv"
        self.groups_straddle = split == PAPER
        super().__init__(root, validation, incomplete)

    def find(self) -> Files:
        """Pictures by frame number, three digits."""
        places = [self.root, self.root / "PNG", self.root / "TIF", self.root / "TIFF"]
        images = first_folder(places, ["Original"])
        masks = first_folder([images.parent] if images else [], ["Ground Truth", "GroundTruth", "Ground_Truth"])
        if images is None or masks is None:
            raise unexpected(self.name, self.root, self.layout, places[1:])
        found = [by_id(folder, (".png", ".tif", ".tiff"), frame_id) for folder in (images, masks)]
        if not all(found):
            raise unexpected(self.name, self.root, self.layout, [images, masks])
        return pair_up(self.root, *found)


def frame_id(name: str) -> str | None:
    """ "7" -> "007"; None for a name that is no number."""
    return f"{int(name):03d}" if name.isascii() and name.isdigit() else None


def video_of(frame: int) -> str:
    """The sequence a frame belongs to, "video-01" to "video-29"."""
    return f"video-{bisect_left(LAST_FRAMES, frame) + 1:02d}"


def make_splits() -> dict[str, dict[str, Membership]]:
    """The committed split files, from their seed."""
    videos = {f"{frame:03d}": video_of(frame) for frame in range(1, 613)}
    by_frame = divide_seeded({name: name for name in videos}, SIZES, seed=0)
    paper = {name: Membership(by_frame[name].split, video) for name, video in videos.items()}
    return {"cvc-clinicdb-paper.csv": paper, "cvc-clinicdb-by-video.csv": divide_seeded(videos, SIZES, seed=0)}
