"""Labels as training material, from an archive."""

import logging
from collections.abc import Callable
from pathlib import Path

import nrrd
import numpy as np
import pydicom
import pytest
import yaml
from corrections.conftest import FACTS, SHAPE, Site, drawn, uid
from helpers.dicom_series import SeriesMaker
from helpers.models import tiny_card

from sdseg.corrections.patients import digest_of_patient
from sdseg.corrections.slices import UNLABELLED
from sdseg.errors import SdsegError
from sdseg.training.material import Material
from sdseg.training.slices import load_slices
from sdseg.volume.example import Example
from sdseg_app.config.learning import LearningSettings
from sdseg_app.stores.review import decide

ONE, TWO, THREE = uid("one"), uid("two"), uid("three")


def material(site: Site, told: list[str] | None = None, **settings: object) -> Material:
    return site.store.training_material(LearningSettings(**settings), (told if told is not None else []).append)


def mask_of(example: Example) -> np.ndarray:
    """(i, j, k)."""
    found: np.ndarray = nrrd.read(str(example.label))[0]
    return found


def patients(examples: tuple[Example, ...]) -> set[str]:
    return {example.group for example in examples}


def test_each_annotator_keeps_his_own_and_the_latest_counts(site: Site) -> None:
    site.label(ONE, drawn(1), "anna")
    site.label(ONE, drawn(2), "bob")
    site.label(ONE, drawn(1, 2), "anna")
    assert [r.annotator for r in site.store.annotators_labels(ONE)] == ["anna", "bob"]
    assert (nrrd.read(site.store.get_label_uri(ONE, "final"))[0] == drawn(1, 2)).all()
    assert (nrrd.read(site.store.get_label_uri(ONE, "final", "bob"))[0] == drawn(2)).all()
    assert len(site.store.labels.book.versions(ONE, "final")) == 3
    assert all(site.store.labels.path(one).is_file() for one in site.store.labels.book.versions(ONE, "final"))
    found = material(site).train
    assert [(one.weight, one.group) for one in found] == [(0.5, digest_of_patient("P1"))] * 2
    assert len({one.id for one in found}) == 2
    assert [(mask_of(one) == 1).sum() for one in found] == [drawn(1, 2).sum(), drawn(2).sum()]
    (pair,) = site.store.datalist()
    assert (nrrd.read(pair["label"])[0] == drawn(1, 2)).all(), "MONAI Label's own list knows one label an image"


def test_slices_that_nobody_labelled_are_not_background(site: Site) -> None:
    site.label(ONE, drawn(1, 3), "anna")
    (example,) = material(site).train
    assert example.ignored == UNLABELLED and example.changed is None
    found = mask_of(example)
    assert (found[:, :, [0, 2, 4, 5]] == UNLABELLED).all()
    assert (found[:, :, [1, 3]] == drawn(1, 3)[:, :, [1, 3]]).all()
    card = tiny_card()
    stack = load_slices([example], card.recipe, card.labels)
    assert len(stack) == 2 and set(stack.masks.unique().tolist()) == {0, 1}


@pytest.mark.parametrize("how", ["said", "prediction", "accepted", "listed", "noted"])
def test_a_label_may_speak_of_all_slices_or_of_a_list(site: Site, how: str) -> None:
    if how == "prediction":
        site.predict(ONE, drawn(1, 4))
    told = {"said": {"labelled_slices": "all"}, "listed": {"labelled_slices": [1, 2]}}.get(how, {})
    site.label(ONE, drawn(1), "anna", **told)
    if how == "accepted":
        decide(site.store, ONE, "chief", "accept")
    if how == "noted":
        site.store.update_label_info(ONE, "final", {"labelled_slices": "all"}, "anna")
    (example,) = material(site).train
    unlabelled = [k for k in range(SHAPE[2]) if (mask_of(example)[:, :, k] == UNLABELLED).all()]
    assert unlabelled == ([0, 3, 4, 5] if how == "listed" else [])
    assert (mask_of(example)[:, :, 1] == drawn(1)[:, :, 1]).all()


def test_what_was_changed_in_the_prediction_is_marked(site: Site) -> None:
    site.predict(ONE, drawn(1, 2, 4), seed=3)
    site.label(ONE, drawn(1, 2), "anna")
    told = site.store.get_label_info(ONE, "final")
    assert told["edited"] == {"weights_sha256": FACTS["weights_sha256"], "seed": 3, "voxels": 66, "slices": 1}
    assert told["labelled_slices"] == "all" and told["annotator"] == "anna"
    site.predict(ONE, drawn(5), seed=4)  # the model sees it again: what was changed then stays known
    (example,) = material(site).train
    assert example.changed is not None
    assert (nrrd.read(str(example.changed))[0] == drawn(4)).all()
    card = tiny_card()
    assert len(load_slices([example], card.recipe, card.labels)) == SHAPE[2]


def test_a_result_that_nobody_changed_has_no_changed_voxels(site: Site) -> None:
    site.predict(ONE, drawn(1))
    site.label(ONE, drawn(1), "anna")
    assert site.store.get_label_info(ONE, "final")["edited"]["voxels"] == 0
    assert material(site).train[0].changed is None


def test_patients_are_divided_in_the_order_of_their_labels_and_stay(site: Site) -> None:
    for image in (THREE, ONE, TWO):
        site.label(image, drawn(1))
    before = material(site)
    assert patients(before.validation) == {digest_of_patient("P1")}
    assert patients(before.train) == {digest_of_patient("P3"), digest_of_patient("P2")}
    again = site.add("again", "P1")  # another series of the patient who judges
    site.label(again, drawn(2))
    site.label(site.add("new", "P4"), drawn(2))
    after = material(site, validation_fraction=0.9)
    assert patients(before.train) <= patients(after.train)
    assert {example.id for example in after.validation} >= {ONE, again}
    for example in (*after.train, *after.validation):
        assert len(example.group) == 64


def test_a_corrected_patient_id_moves_nobody(site: Site) -> None:
    """ONE was trained on as P1. Its patient turns out to be P9: he trains; or P2, who judges: then it is on no side."""
    for image in (ONE, TWO):
        site.label(image, drawn(1))
    assert [example.id for example in material(site).train] == [ONE]
    for patient, trained in (("P9", [ONE]), ("P2", [])):
        site.add("one", patient)
        told: list[str] = []
        found = material(site, told, validation_fraction=0.9)
        assert [example.id for example in found.train] == trained and len(told) == 1 - len(trained)
        assert [example.id for example in found.validation] == [TWO]


def test_a_patient_without_an_id_is_his_study(new_site: Callable[..., Site]) -> None:
    site = new_site(one="", two="P2")
    site.label(ONE, drawn(1))
    (example,) = material(site).train
    header = next((site.studies / "one").iterdir())
    assert example.group == digest_of_patient(str(pydicom.dcmread(header).StudyInstanceUID))


def test_rejected_withdrawn_and_kept_from_training(site: Site) -> None:
    site.label(ONE, drawn(1), "anna")
    site.label(ONE, drawn(2), "bob")
    decide(site.store, ONE, "chief", "reject", reason="too large")
    assert [mask_of(one)[6, 4, 1] for one in material(site).train] == [1], "anna's stays, whole"
    assert material(site).train[0].weight == 1.0
    decide(site.store, ONE, "chief", "accept", annotator="anna")
    assert len(material(site).train) == 1, "that another label was accepted does not bring the rejected one back"
    decide(site.store, ONE, "chief", "accept", annotator="bob")
    assert len(material(site).train) == 2
    decide(site.store, ONE, "chief", training=False)
    assert material(site) == Material(())
    decide(site.store, ONE, "chief", training=True)
    site.store.remove_label(ONE, "final", "bob")
    assert [one.weight for one in material(site).train] == [1.0]
    assert site.store.get_label_info(ONE, "final")["annotator"] == "anna"
    site.store.remove_label(ONE, "final")
    assert material(site) == Material(()) and site.store.get_training_images() == []
    decide(site.store, ONE, "chief", "accept")
    assert site.store.get_label_info(ONE, "final")["annotator"] == "anna", "it comes back when it is accepted"
    assert len(material(site).train) == 1


def test_a_result_that_was_rejected_says_nothing_of_its_correction(site: Site) -> None:
    decide(site.store, ONE, "anna", "reject", reason="all wrong")
    site.label(ONE, drawn(1), "anna")
    assert len(material(site).train) == 1


def test_what_a_model_saved_by_itself_gives_way_to_a_person(site: Site) -> None:
    site.label(ONE, drawn(1, 4), by_model=True)
    assert len(material(site).train) == 1
    site.label(ONE, drawn(1), "anna")
    (example,) = material(site).train
    assert example.weight == 1.0 and (mask_of(example)[:, :, 1] == drawn(1)[:, :, 1]).all()


def test_the_label_of_a_deleted_image_stays_and_is_told(site: Site, remove: Callable[[str], None]) -> None:
    site.label(ONE, drawn(1), "anna")
    site.label(TWO, drawn(1), "anna")
    material(site)
    remove("one")
    told: list[str] = []
    found = material(site, told)
    assert found.train == () and patients(found.validation) == {digest_of_patient("P2")}
    assert len(told) == 1 and ONE in told[0] and "P1" not in told[0]
    assert site.store.labels.book.find(ONE, "final") is not None
    assert site.add("one", "P1") == ONE
    assert len(material(site).train) == 1, "it is there again, and on the side it was on"


def test_a_label_of_another_structure_or_grid_is_told_and_left_out(site: Site) -> None:
    affine_label = drawn(1)
    site.label(ONE, affine_label, label_info=[{"name": "liver", "idx": 1}])
    site.label(TWO, drawn(1))
    extra = site.studies / "two" / "IM_extra.dcm"
    maker = SeriesMaker(modality="MR", name="two", patient_id="P2")
    maker.dataset(6, maker.stored()[0]).save_as(extra, enforce_file_format=True)  # the series grew
    told: list[str] = []
    assert material(site, told) == Material(())
    assert len(told) == 2 and any("no structure of the model" in one for one in told), told


def test_added_data_judge_and_are_never_on_both_sides(site: Site, tmp_path: Path) -> None:
    """A patient who trains here is not taken for judging, and who judges by the file is not trained on."""
    site.label(ONE, drawn(1))
    material(site)
    listed = [
        {"image": str(site.studies / name), "label": str(site.store.labels.path(site.store.labels.find(ONE, "final")))}
        for name in ("one", "two")
    ]
    file = tmp_path / "more.yaml"
    file.write_text(yaml.safe_dump({"data": listed, "labels": {"Brain": 1}}))
    told: list[str] = []
    found = material(site, told, validation_data=file)
    assert [example.group for example in found.validation] == [digest_of_patient("P2")]
    assert len(told) == 1 and "more.yaml" in told[0]
    site.label(TWO, drawn(1))
    found = material(site, validation_data=file)
    assert patients(found.train) == {digest_of_patient("P1")}
    assert patients(found.validation) == {digest_of_patient("P2")}
    replay = material(site, replay_data=file).replay
    assert patients(replay) == {digest_of_patient("P1")}
    assert replay[0].label_values == {1: 1}
    for content in ("data: [", "labels: {}", "data: {dataset: nothing-known}", "data: [{image: a}]"):
        file.write_text(content)
        with pytest.raises(SdsegError, match=r"more\.yaml|nothing-known"):
            material(site, validation_data=file)


def test_nothing_of_a_patient_lies_in_the_files_of_the_labels(
    new_site: Callable[..., Site], caplog: pytest.LogCaptureFixture
) -> None:
    site = new_site(one="MRN-4711")
    site.predict(ONE, drawn(1, 2))
    site.label(ONE, drawn(1), "anna")
    with caplog.at_level(logging.DEBUG):
        site.store.training_material(LearningSettings())
    files = [path for path in site.model_dir.rglob("*") if path.is_file() and not path.is_symlink()]
    assert {path.suffix for path in files} >= {".db", ".nrrd", ".prediction"}
    for content in [*(path.read_bytes() for path in files), caplog.text.encode()]:
        assert b"SECRET" not in content and b"4711" not in content
