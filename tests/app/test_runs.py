"""Folders of trainings: what was interrupted goes on, what came to its end is tidied."""

from pathlib import Path

from sdseg_app.tasks.runs import open_run


def test_an_interrupted_run_goes_on_unless_it_is_to_begin_anew(tmp_path: Path) -> None:
    first = open_run(tmp_path, "train_01", resume=True)
    assert not first.interrupted and first.folder.is_dir()
    (first.folder / "checkpoints").mkdir()
    (first.folder / "log.jsonl").write_text("{}\n")
    assert open_run(tmp_path, "other", resume=True).folder != first.folder
    again = open_run(tmp_path, "train_01", resume=True)
    assert again.interrupted and again.folder == first.folder
    anew = open_run(tmp_path, "train_01", resume=False)
    assert not anew.interrupted and anew.folder != first.folder
    assert [path.name for path in first.folder.iterdir()] == ["log.jsonl"], "its state is given up"


def test_of_a_finished_run_the_log_is_left_and_the_next_one_begins_anew(tmp_path: Path) -> None:
    run = open_run(tmp_path, "train_01", resume=True)
    (run.folder / "log.jsonl").write_text("{}\n")
    (run.folder / "weights" / "unet").mkdir(parents=True)
    (run.folder / "state.json").write_text("{}")
    run.end()
    assert sorted(path.name for path in run.folder.iterdir()) == ["ended", "log.jsonl"]
    following = open_run(tmp_path, "train_01", resume=True)
    assert not following.interrupted and following.folder != run.folder
    assert following.folder == tmp_path / following.place
