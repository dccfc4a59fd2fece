"""What Slicer makes of the server's answers and the server of Slicer's: voxels, names, colours, geometry.

The calls are those of MONAI Label's panel, `updateSegmentationMask` and `onSaveLabel`; the logic is Slicer's own.
"""

import json
import re
import sysconfig
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from app.running_server import Image, Server
from helpers.slicer_bench import ORGANS, Slicer
from helpers.slicer_extension import Extension, ServerError
from helpers.tools import dcmqi_counts
from numpy.typing import NDArray

from sdseg.dicom.codes import structure
from sdseg.dicom.seg_reader import read_seg
from sdseg.volume.volume_files import read

GRID = 1e-5  # mm
KNOWN = [name for name in ORGANS if name != "grmbl"]


@pytest.fixture(scope="session")
def anatomy() -> dict[str, list[float]]:
    """Slicer's table GenericAnatomyColors, as MONAI Label's wheel has it: name -> colour, 0 to 1."""
    data = Path(sysconfig.get_path("data")) / "monailabel" / "plugins" / "ohifv3" / "extensions" / "monai-label"
    table = (data / "src" / "utils" / "GenericAnatomyColors.js").read_text()
    rows = re.findall(r"label: '([^']+)', value: rgbToHex\((\d+), (\d+), (\d+)\)", table)
    assert len(rows) > 300
    return {name: [int(value) / 255 for value in rgb] for name, *rgb in rows}


@pytest.fixture
def opened(slicer: Slicer, panel: Extension, anatomy: dict[str, list[float]], image: Image) -> Slicer:
    """Next Sample was pressed: the image is shown, with an empty segment for each label."""
    volume = slicer("load_volume", panel.next_sample("random")["path"])
    np.testing.assert_allclose(volume["ijk_to_ras"], image.series.affine, atol=GRID)
    slicer("add_labels", {name: anatomy.get(name.lower()) for name in panel.info["labels"]})
    return slicer


def voxels(slicer: Slicer, name: str, folder: Path) -> NDArray[np.uint8]:
    slicer("voxels", name, folder / "voxels.npy")
    found: NDArray[np.uint8] = np.load(folder / "voxels.npy")
    return found


def assert_shown(slicer: Slicer, mask: NDArray[np.uint8], names: list[str], image: Image, folder: Path) -> None:
    """Each name has exactly the voxels of its place, at the place of the image."""
    segments = slicer.named()
    for value, name in enumerate(names, 1):
        assert segments[name]["voxels"] == (mask == value).sum(), name
        assert (voxels(slicer, name, folder) == (mask == value)).all(), name
        if segments[name]["voxels"]:
            np.testing.assert_allclose(segments[name]["ijk_to_ras"], image.series.affine, atol=GRID)


def test_several_labels(
    opened: Slicer, panel: Extension, image: Image, anatomy: dict[str, list[float]], tmp_path: Path
) -> None:
    assert list(opened.named()) == list(ORGANS), "in the order of their values, empty"
    file, _, names = panel.segment("sdseg", image.uid)
    mask, _ = read(Path(file))
    assert set(np.unique(mask)) == {0, *ORGANS.values()}
    assert opened("show", file, names)
    assert_shown(opened, mask, names, image, tmp_path)
    assert list(opened.named()) == list(ORGANS), "shown in the segments that were there, not beside them"
    for name in KNOWN:
        assert opened.named()[name]["colour"] == pytest.approx(anatomy[name], abs=1e-6)


def test_a_second_press_replaces_the_first(opened: Slicer, panel: Extension, image: Image, tmp_path: Path) -> None:
    for seed in ("0", "7"):
        panel.info["models"]["sdseg"]["config"]["seed"] = seed
        file, _, names = panel.segment("sdseg", image.uid)
        assert opened("show", file, names)
    assert_shown(opened, read(Path(file))[0], names, image, tmp_path)


def test_one_label_of_the_shipped_model(
    slicer: Slicer, brain_panel: Extension, anatomy: dict[str, list[float]], image: Image, tmp_path: Path
) -> None:
    slicer("load_volume", brain_panel.next_sample("random")["path"])
    slicer("add_labels", {name: anatomy[name] for name in brain_panel.info["labels"]})
    file, told, names = brain_panel.segment("sdseg", image.uid)
    assert (names, told["label_names"]) == (["brain"], {"brain": 1})
    mask, _ = read(Path(file))
    assert mask.sum() > 100_000, "the model that comes with the project finds the brain of the sample"
    assert slicer("show", file, names)
    assert_shown(slicer, mask, names, image, tmp_path)
    assert slicer.named()["brain"]["colour"] == pytest.approx(anatomy["brain"], abs=1e-6)


def test_an_image_in_which_nothing_is_found(slicer: Slicer, brain_panel: Extension, tmp_path: Path) -> None:
    """A flat volume, sent ahead: an empty answer is an empty segment, not an error and not another label's voxels."""
    flat = nibabel.Nifti1Image(np.zeros((40, 48, 6), np.int16), np.diag([-1.0, -1.0, 3.0, 1.0]))
    nibabel.save(flat, tmp_path / "flat.nii.gz")
    slicer("load_volume", tmp_path / "flat.nii.gz")
    slicer("add_labels", {"brain": None})
    session = brain_panel.client().create_session(str(tmp_path / "flat.nii.gz"))["session_id"]
    file, told, names = brain_panel.segment("sdseg", "flat", session)
    mask, grid = read(Path(file))
    assert told["empty"] is (not mask.any())
    np.testing.assert_allclose(grid.affine, flat.affine, atol=GRID)
    slicer("show", file, names)
    assert slicer.named()["brain"]["voxels"] == mask.sum()


@pytest.mark.usefixtures("labels")
def test_labels_that_are_absent(opened: Slicer, panel: Extension, server: Server, image: Image, tmp_path: Path) -> None:
    """A saved label holds values 1 and 3 only; shown again under all four names, each has its own voxels or none."""
    mask = image.mask() * 3
    mask[10:20, 10:20, 2] = 1
    path = image.save(tmp_path / "label.nrrd", mask)
    info = [{"name": name, "idx": value} for name, value in ORGANS.items()]
    server.save_label(image.uid, path, "original", label_info=info, params={"label_names": ORGANS})
    file, names = panel.original_label(image.uid)
    assert opened("show", file, names)
    assert_shown(opened, mask, names, image, tmp_path)


@pytest.mark.usefixtures("labels")
@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".seg.nrrd"])
def test_an_edited_segmentation_comes_back_voxel_by_voxel(
    opened: Slicer, panel: Extension, server: Server, image: Image, suffix: str, tmp_path: Path
) -> None:
    """Segment, paint, erase, save: the SEG in the archive holds exactly what Slicer shows, under the right names."""
    file, _, names = panel.segment("sdseg", image.uid)
    opened("show", file, names)
    opened("draw", "grmbl", [0, 0, 0], [256, 256, 14], 0)  # no code for it in the table of structures
    opened("draw", "liver", [5, 6, 1], [40, 30, 5])
    opened("draw", "spleen", [100, 100, 0], [140, 120, 14], 0)
    shown = {name: voxels(opened, name, tmp_path) for name in names}
    assert shown["liver"][5:40, 6:30, 1:5].all() and not shown["spleen"][100:140, 100:120].any()
    info = opened("save_label", tmp_path / f"label{suffix}")
    assert info == [{"name": name, "idx": value} for name, value in ORGANS.items()]
    panel.save_label(image.uid, str(tmp_path / f"label{suffix}"), info)
    seg = max(server.segs(), key=lambda path: path.stat().st_mtime_ns)
    found, labels = read_seg(seg, image.series)
    for name in KNOWN:
        assert ((found == labels[name]).transpose(2, 1, 0) == shown[name]).all(), name
    assert sorted(labels) == sorted(KNOWN)
    assert pydicom.dcmread(seg).SegmentSequence[0].SegmentAlgorithmType == "SEMIAUTOMATIC"


@pytest.mark.usefixtures("labels")
def test_segments_that_overlap_are_refused_in_a_sentence(
    opened: Slicer, panel: Extension, image: Image, tmp_path: Path
) -> None:
    """Only .seg.nrrd can hold them; a labelmap, and what is trained on it, cannot."""
    opened("draw", "liver", [5, 6, 1], [40, 30, 5])
    opened("overlap", "spleen", [30, 20, 1], [50, 40, 5])
    info = opened("save_label", tmp_path / "label.seg.nrrd")
    with pytest.raises(ServerError, match=r"422.*overlap"):
        panel.save_label(image.uid, str(tmp_path / "label.seg.nrrd"), info)


@pytest.mark.usefixtures("labels")
def test_a_segment_of_the_annotators_own(
    opened: Slicer, panel: Extension, server: Server, image: Image, tmp_path: Path
) -> None:
    """One that the table of structures knows is filed; one that it does not is told by name, and nothing is kept."""
    opened("add_labels", {"heart": None})
    opened("draw", "heart", [5, 6, 1], [40, 30, 5])
    info = opened("save_label", tmp_path / "label.nrrd")
    assert info[-1] == {"name": "heart", "idx": 5}
    before = server.segs()
    panel.save_label(image.uid, str(tmp_path / "label.nrrd"), info)
    (seg,) = set(server.segs()) - set(before)
    assert [item.SegmentLabel for item in pydicom.dcmread(seg).SegmentSequence] == ["heart"]
    opened("draw", "grmbl", [5, 6, 1], [40, 30, 5])
    info = opened("save_label", tmp_path / "unknown.nrrd")
    with pytest.raises(ServerError, match=r"422.*grmbl"):
        panel.save_label(image.uid, str(tmp_path / "unknown.nrrd"), info)


def test_the_stored_seg_as_slicer_loads_it(
    slicer: Slicer, brain_server: Server, brain_panel: Extension, image: Image, tmp_path: Path
) -> None:
    """Slicer's DICOM module reads a SEG with dcmqi: same place, same voxels, the colour of our table of structures."""
    told = brain_server.infer(image.uid, params={"save_seg": True}, output="json").json()
    path = Path(told["seg"]["path"])
    expected = read_seg(path, image.series)[0].transpose(2, 1, 0)
    assert dcmqi_counts(path, tmp_path) == {"brain": int(expected.sum())}
    groups = json.loads((tmp_path / "meta.json").read_text())["segmentAttributes"]
    (segment,) = [item for group in groups for item in group]
    np.testing.assert_allclose(segment["recommendedDisplayRGBValue"], structure("brain").rgb, atol=1.5)
    assert segment["SegmentedPropertyTypeCodeSequence"]["CodeValue"] == "12738006"
    (loaded,) = tmp_path.glob("*.nii.gz")
    slicer("load_volume", brain_panel.next_sample("random")["path"])
    slicer("add_labels", {"brain": None})
    assert slicer("show", loaded, ["brain"])
    assert (voxels(slicer, "brain", tmp_path) == expected).all(), "on the grid of the image"
