"""The labels of a server, read without it."""

import pytest
from corrections.conftest import Site, drawn, uid

from sdseg.corrections.home import home_of, note_server
from sdseg.corrections.material import Choice
from sdseg.corrections.offline import material_of
from sdseg.corrections.store import LabelStore
from sdseg.errors import InputError
from sdseg_app.config.learning import LearningSettings

LABELS = {"brain": 1}


def test_it_is_what_the_server_would_train_on(site: Site) -> None:
    for name in ("one", "two", "three"):
        site.label(uid(name), drawn(1), "anna")
    offline = material_of(site.model_dir, None, LABELS)
    assert offline == site.store.training_material(LearningSettings())
    assert offline == material_of(site.model_dir, str(site.studies), LABELS)
    assert len(offline.train) == 2 and len(offline.validation) == 1


def test_which_labels_must_be_clear(site: Site, tmp_path) -> None:
    with pytest.raises(InputError, match="no labels of a server"):
        material_of(tmp_path / "nothing", None, LABELS)
    other = LabelStore(home_of(site.model_dir, "http://pacs/dicom-web"))
    note_server(other.book, "http://pacs/dicom-web", Choice())
    with pytest.raises(InputError, match="--studies") as error:
        material_of(site.model_dir, None, LABELS)
    assert str(site.studies) in str(error.value) and "http://pacs/dicom-web" in str(error.value)
    with pytest.raises(InputError, match="holds no labels of"):
        material_of(site.model_dir, str(tmp_path), LABELS)
    assert material_of(site.model_dir, str(site.studies), LABELS).train == ()


def test_no_login_is_noted(site: Site) -> None:
    assert "studies" in site.store.labels.book.about("studies", "")
    assert "@" not in site.store.labels.book.about("studies", "")
