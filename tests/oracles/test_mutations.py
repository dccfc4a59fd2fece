"""Every listed bug is caught, and by whom: as the table in docs/dicom-seg.md says."""

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.dicom_series import SeriesMaker
from oracles.cases import CODES, Case, case, mask_of
from oracles.external import dcentvfy, dciodvfy, dcmqi, ohif_job, ohif_reads
from oracles.independent import complaints
from oracles.mutations import MUTATIONS
from pydicom import dcmread

from sdseg.dicom.seg_check import check_seg
from sdseg.dicom.seg_labels import segments
from sdseg.dicom.seg_reader import read_seg
from sdseg.errors import LabelError

DOCUMENT = Path(__file__).parents[2] / "docs" / "dicom-seg.md"
ORACLES = ("our writer", "our reader", "our tests", "dciodvfy", "dcentvfy", "dcmqi", "OHIF")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Liver and right kidney in an axial CT of 6 slices, each in several of them."""
    maker = SeriesMaker()
    mask = mask_of((maker.slices, maker.rows, maker.columns), "scattered")
    mask[mask == 3] = 0
    return case(maker, mask, "BINARY", tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def caught(good: Case, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """By name of mutation, and "none" for the unchanged SEG: who found something."""
    folder = tmp_path_factory.mktemp("mutations")
    mutants = {"none": good}
    for mutate in MUTATIONS:
        dataset = dcmread(good.seg)
        mutate(dataset)
        dataset.save_as(folder / f"{mutate.__name__}.dcm", enforce_file_format=True)
        mutants[mutate.__name__] = replace(good, seg=folder / f"{mutate.__name__}.dcm")
    seen = ohif_reads([ohif_job(mutant) for mutant in mutants.values()])
    return {
        name: {
            *caught_here(mutant, folder),
            *(["OHIF"] if ohif_slices != good.slices else []),
        }
        for (name, mutant), ohif_slices in zip(mutants.items(), seen, strict=True)
    }


def caught_here(mutant: Case, folder: Path) -> set[str]:
    """The oracles but OHIF that find something."""
    stored = dcmread(mutant.seg)
    content = segments(mutant.mask, mutant.labels, mutant.mask.shape)
    codes = {number: CODES[name] for number, name in enumerate(content.names, 1)}
    findings = {
        "our writer": refusal(lambda: check_seg(stored, mutant.series, content, "AUTOMATIC")),
        "our reader": refusal(lambda: read_seg(mutant.seg, mutant.series)),
        "our tests": complaints(mutant.seg, mutant.sources, mutant.mask, codes),
        "dciodvfy": dciodvfy(mutant.seg),
        "dcentvfy": dcentvfy([*mutant.sources, mutant.seg]),
        "dcmqi": dcmqi(mutant.seg, folder / "dcmqi") != mutant.counts,
    }
    return {oracle for oracle, finding in findings.items() if finding}


def refusal(look: Callable[[], object]) -> str:
    """The sentence with which a SEG is refused, "" where it is not."""
    try:
        look()
    except LabelError as error:
        return str(error)
    return ""


def documented() -> dict[str, set[str]]:
    """The table of the document: mutation, and the oracles with a cross."""
    lines = DOCUMENT.read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    header = next(index for index, row in enumerate(rows) if tuple(row[1:]) == ORACLES)
    found = {}
    for name, *cells in itertools.takewhile(bool, rows[header + 2 :]):
        found[re.sub(r"[ -]+", "_", name)] = {oracle for oracle, cell in zip(ORACLES, cells, strict=True) if cell}
    return found


def test_nobody_complains_of_a_good_seg(caught: dict[str, set[str]]) -> None:
    assert caught["none"] == set()


@pytest.mark.parametrize("name", [mutate.__name__ for mutate in MUTATIONS])
def test_every_mutation_is_caught_as_documented(name: str, caught: dict[str, set[str]]) -> None:
    assert caught[name] >= {"our writer", "our tests"}
    assert caught[name] == documented()[name]


def test_the_document_lists_these_mutations() -> None:
    assert list(documented()) == [mutate.__name__ for mutate in MUTATIONS]
