"""The stand-in for pydicom-seg: what it reads is where it belongs, what it cannot do it refuses."""

from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
import SimpleITK
from helpers.dicom_series import SeriesMaker, orientations
from highdicom.seg import SegmentationTypeValues
from pydicom import Dataset, dcmread
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

import pydicom_seg

SERIES = SeriesMaker(slices=8, rows=6, columns=5, orientation=orientations()["coronal+--oblique"])


@pytest.fixture
def series() -> list[Dataset]:
    return list(SERIES.datasets())


@pytest.fixture
def mask() -> np.ndarray:
    """Two structures on slices 2 to 5 of 8, with an empty slice between them."""
    mask = np.zeros((SERIES.slices, SERIES.rows, SERIES.columns), np.uint8)
    mask[2, 1, 3] = 1
    mask[3, 1:3, 3] = 1
    mask[5, 4, 0:2] = 2
    return mask


def seg_of(
    series: list[Dataset], pixels: np.ndarray, kind: SegmentationTypeValues = SegmentationTypeValues.BINARY
) -> hd.seg.Segmentation:
    descriptions = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=f"segment {number}",
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Spleen,
            algorithm_type="MANUAL",
        )
        for number in (1, 2)
    ]
    return hd.seg.Segmentation(
        source_images=series,
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=2,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="test",
        manufacturer_model_name="test",
        software_versions="0",
        device_serial_number="0",
    )


def assert_in_place(image: SimpleITK.Image, mask: np.ndarray) -> None:
    """Every marked voxel, its millimetres from the source geometry alone, and no other."""
    array = SimpleITK.GetArrayFromImage(image)
    assert np.count_nonzero(array) == np.count_nonzero(mask)
    along_row, along_column = np.array(SERIES.orientation[:3]), np.array(SERIES.orientation[3:])
    between_rows, between_columns = SERIES.pixel_spacing
    for index, row, column in np.argwhere(mask):
        place = SERIES.position(index) + column * between_columns * along_row
        place += row * between_rows * along_column
        found = image.TransformPhysicalPointToContinuousIndex(place.tolist())
        voxel = np.rint(found).astype(int)
        assert np.allclose(found, voxel, atol=1e-3)
        assert array[tuple(voxel[::-1])] == mask[index, row, column]


@pytest.mark.parametrize("kind", [SegmentationTypeValues.BINARY, SegmentationTypeValues.LABELMAP])
def test_segment_numbers_lie_where_the_seg_puts_them(
    series: list[Dataset], mask: np.ndarray, kind: SegmentationTypeValues
) -> None:
    image = pydicom_seg.MultiClassReader().read(seg_of(series, mask, kind)).image
    assert_in_place(image, mask)


def test_a_single_slice_is_read(series: list[Dataset], mask: np.ndarray) -> None:
    alone = np.zeros_like(mask)
    alone[5] = mask[5]
    image = pydicom_seg.MultiClassReader().read(seg_of(series, alone)).image
    assert_in_place(image, alone)


def test_monai_label_reads_a_seg_through_it(series: list[Dataset], mask: np.ndarray, tmp_path: Path) -> None:
    from monailabel.datastore.utils.convert import dicom_seg_to_itk_image

    seg_of(series, mask).save_as(tmp_path / "seg.dcm")
    written = Path(dicom_seg_to_itk_image(str(tmp_path / "seg.dcm")))
    try:
        assert_in_place(SimpleITK.ReadImage(str(written)), mask)
    finally:
        written.unlink()


def test_overlapping_segments_are_refused(series: list[Dataset], mask: np.ndarray) -> None:
    both = np.stack([mask > 0, mask == 2], axis=-1)
    with pytest.raises(ValueError, match=r"cannot be read as one image: .*overlap"):
        pydicom_seg.MultiClassReader().read(seg_of(series, both))


def test_fractions_are_refused(series: list[Dataset], mask: np.ndarray) -> None:
    fractions = np.stack([mask == 1, mask == 2], axis=-1).astype(np.float32) / 2
    seg = seg_of(series, fractions, SegmentationTypeValues.FRACTIONAL)
    with pytest.raises(ValueError, match="fractional"):
        pydicom_seg.MultiClassReader().read(seg)


def test_an_image_is_no_seg(series: list[Dataset]) -> None:
    with pytest.raises(ValueError, match="no DICOM SEG"):
        pydicom_seg.MultiClassReader().read(series[0])


def test_a_file_read_from_disk_is_left_as_it_was(series: list[Dataset], mask: np.ndarray, tmp_path: Path) -> None:
    seg_of(series, mask).save_as(tmp_path / "seg.dcm")
    dataset = dcmread(tmp_path / "seg.dcm")
    before = dataset.to_json()
    pydicom_seg.MultiClassReader().read(dataset)
    assert dataset.to_json() == before


def test_writing_is_refused_and_says_where_to_write() -> None:
    with pytest.raises(NotImplementedError, match=r"sdseg\.dicom\.seg_writer\.build_seg"):
        pydicom_seg.MultiClassWriter(template=None, inplane_cropping=False)
    with pytest.raises(NotImplementedError, match=r"sdseg\.dicom\.seg_writer\.build_seg"):
        pydicom_seg.template.from_dcmqi_metainfo({})
