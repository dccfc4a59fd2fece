"""In which order images are given away, on both kinds of datastore."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
from helpers.dicom_series import SeriesMaker
from helpers.models import save_tiny_weights
from selection.bench import archive_of, label, local_of, reject, save_study, selection_on, series_of

from sdseg.selection import Score
from sdseg_app.selection.pool import pool_of
from sdseg_app.selection.score_book import Entry, ScoreBook
from sdseg_app.selection.selection import Selection
from sdseg_app.selection.strategies import FirstImage, MostInformative, Ordered, RandomImage
from sdseg_app.stores.datastore import ArchiveDatastore


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_weights(tmp_path_factory.mktemp("weights") / "tiny")


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("studies")
    makers = sorted((save_study(folder, name) for name in "abcd"), key=study_of)
    return folder, [series_of(maker) for maker in makers]


def study_of(maker: SeriesMaker) -> str:
    return str(maker.datasets()[0].StudyInstanceUID)


@pytest.fixture
def store(studies: tuple[Path, list[str]], tmp_path: Path) -> ArchiveDatastore:
    return archive_of(studies[0], tmp_path / "home")


@pytest.fixture
def selection(store: ArchiveDatastore, weights: Path) -> Iterator[Selection]:
    yield selection_on(store, weights)


def asked(strategy: Ordered, annotator: str = "ann") -> str | None:
    found = strategy({"annotator": annotator}, None)
    return found["id"] if found else None


def score(uncertainty: float | None, *vector: float) -> Score:
    return Score(uncertainty, np.array(vector, np.float32) / np.float32(np.linalg.norm(vector)))


def know(selection: Selection, scores: dict[str, Score], weights: str = "", noises: int = 2) -> None:
    weights = weights or selection.model.segmenters.sha256()
    for image, one in scores.items():
        selection.scores.put(image, weights, Entry("3", noises, one))


def test_first_is_the_same_order_every_time(studies: tuple[Path, list[str]], selection: Selection) -> None:
    strategy = FirstImage(selection)
    assert [asked(strategy) for _ in range(4)] == studies[1]
    assert asked(strategy, "bob") is None


def test_random_draws_all_and_prefers_what_nobody_was_given(
    studies: tuple[Path, list[str]], selection: Selection
) -> None:
    strategy = RandomImage(selection)
    selection.reservations.take("eve", pool_of(selection.store).open, pool_of(selection.store), 0)
    firsts = Counter(strategy.order(selection._known(pool_of(selection.store)))[0].candidate.image for _ in range(60))
    assert firsts.keys() == set(studies[1][1:]), "the one just given comes last"
    assert {asked(strategy) for _ in range(4)} == set(studies[1])


def test_the_unsure_and_different_come_first_then_those_without_score(
    studies: tuple[Path, list[str]], selection: Selection
) -> None:
    a, b, c, d = studies[1]
    know(selection, {b: score(0.2, 0, 1), c: score(0.9, 1, 0), d: score(0.85, 1, 0.01)})
    strategy = MostInformative(selection)
    found = strategy({"annotator": "ann"}, None)
    assert found is not None
    assert (found["id"], found["uncertainty"], found["novelty"]) == (c, 0.9, 1)
    assert [asked(strategy) for _ in range(3)] == [b, d, a], "d is like c, a has no score but comes"


def test_another_person_is_not_given_what_resembles_what_somebody_is_on(
    studies: tuple[Path, list[str]], selection: Selection
) -> None:
    a, b, c, d = studies[1]
    know(selection, {a: score(0.1, -1, 0), b: score(0.2, 0, 1), c: score(0.9, 1, 0), d: score(0.85, 1, 0.01)})
    strategy = MostInformative(selection)
    assert asked(strategy, "ann") == c
    assert asked(strategy, "bob") in (a, b)
    assert asked(strategy, "eve") in (a, b)
    assert asked(strategy, "joe") == d


def test_what_resembles_a_labelled_image_comes_last(
    studies: tuple[Path, list[str]], store: ArchiveDatastore, selection: Selection
) -> None:
    a, b, c, d = studies[1]
    know(selection, {a: score(0.1, 0, 1), b: score(0.1, 0, -1), c: score(0.9, 1, 0.001)})
    know(selection, {d: score(None, 1, 0)}, noises=0)
    label(store, d)
    assert asked(MostInformative(selection)) in (a, b)


def test_scores_of_other_weights_count_until_there_are_new_ones(
    studies: tuple[Path, list[str]], selection: Selection
) -> None:
    a, b, c, d = studies[1]
    know(selection, {b: score(0.2, 0, 1), c: score(0.9, 1, 0)}, weights="0" * 64)
    strategy = MostInformative(selection)
    know(selection, {d: score(0.01, 1, 0)})
    assert [asked(strategy) for _ in range(4)] == [d, c, b, a]


def test_with_weights_that_cannot_be_read_images_are_still_given(
    studies: tuple[Path, list[str]], store: ArchiveDatastore, tmp_path: Path
) -> None:
    selection = selection_on(store, tmp_path / "gone")
    assert asked(MostInformative(selection)) == studies[1][0]


@pytest.mark.parametrize("strategy", [RandomImage, FirstImage, MostInformative])
def test_what_is_labelled_is_not_asked_for_and_nothing_left_is_an_answer(
    strategy: type[Ordered], studies: tuple[Path, list[str]], store: ArchiveDatastore, selection: Selection
) -> None:
    for image in studies[1][:-1]:
        label(store, image)
    one = strategy(selection)
    assert [asked(one), asked(one)] == [studies[1][-1]] * 2
    label(store, studies[1][-1])
    assert asked(one) is None


@pytest.mark.parametrize("strategy", [RandomImage, FirstImage, MostInformative])
def test_a_rejected_label_is_asked_for_again(
    strategy: type[Ordered], studies: tuple[Path, list[str]], store: ArchiveDatastore, selection: Selection
) -> None:
    for image in studies[1]:
        label(store, image)
    assert asked(strategy(selection)) is None
    reject(store, studies[1][2], "a" * 64)
    assert asked(strategy(selection)) == studies[1][2]
    label(store, studies[1][2], "b" * 64)
    assert asked(strategy(selection)) is None, "another label: the verdict is none about it"


def test_one_label_that_nobody_rejected_is_enough(
    studies: tuple[Path, list[str]], store: ArchiveDatastore, selection: Selection
) -> None:
    for image in studies[1]:
        label(store, image, annotator="ann")
    label(store, studies[1][1], "b" * 64, annotator="bob")
    reject(store, studies[1][1], "b" * 64)
    assert asked(FirstImage(selection)) is None
    reject(store, studies[1][1], "a" * 64)
    assert asked(FirstImage(selection)) == studies[1][1]


def test_volumes_are_given_away_as_series_are(tmp_path: Path, weights: Path) -> None:
    store = local_of(tmp_path / "images", tmp_path / "home", ["one", "two", "three"])
    selection = selection_on(store, weights)
    know(selection, {"two": score(0.5, 1, 0)})
    assert asked(MostInformative(selection), "ann") == "two"
    assert [asked(FirstImage(selection), name) for name in ("bob", "eve", "joe")] == ["one", "three", None]
    mask = nibabel.Nifti1Image(np.pad(np.ones((9, 9, 3), np.uint8), ((0, 15), (0, 11), (0, 0))), np.eye(4))
    nibabel.save(mask, tmp_path / "mask.nii.gz")
    store.save_label("two", str(tmp_path / "mask.nii.gz"), "final", {"label_info": [{"name": "brain", "idx": 1}]})
    assert [asked(FirstImage(selection), name) for name in ("ann", "bob")] == [None, "one"]
    reject(store, "two", store.labels.find("two", "final").sha256)
    assert asked(FirstImage(selection), "joe") == "two"


def test_the_scores_are_kept_by_weights_and_come_back(tmp_path: Path) -> None:
    book, one, other = ScoreBook(tmp_path / "scores.db"), score(0.25, 1, 2, 3), score(None, 0, 1, 0)
    book.put("a", "w1", Entry("3", 5, one))
    book.put("b", "w1", Entry("4", 0, other))
    time.sleep(0.01)
    book.put("a", "w2", Entry("3", 5, None, "It cannot be read."))
    again = ScoreBook(tmp_path / "scores.db")
    assert again.of("w1")["a"].score is not None
    np.testing.assert_array_equal(again.of("w1")["a"].score.embedding, one.embedding)
    assert again.of("w1")["a"].score.uncertainty == 0.25
    assert again.of("w1")["b"].score.uncertainty is None
    assert again.of("w2") == {"a": Entry("3", 5, None, "It cannot be read.")}
    assert again.others("w3") == ["w2", "w1"]
    assert again.others("w2") == ["w1"]


def test_damaged_scores_are_made_anew(tmp_path: Path) -> None:
    (tmp_path / "scores.db").write_bytes(b"no database" * 1000)
    book = ScoreBook(tmp_path / "scores.db")
    book.put("a", "w", Entry("", 2, score(0.5, 1)))
    assert list(book.of("w")) == ["a"]
