"""The whole evaluation, from files on disk to the four files of the report, which tell the same."""

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from helpers.models import save_tiny_weights, tiny_card, tiny_pipeline
from helpers.rivals import rival_card, tiny_rival
from PIL import Image

from sdseg.errors import InputError, LabelError, UnknownNameError
from sdseg.evaluation.bootstrap import Interval
from sdseg.evaluation.contestants import Contestant, load_contestants
from sdseg.evaluation.efficiency import count_flops
from sdseg.evaluation.harness import Evaluation
from sdseg.evaluation.plan import TABLES, Plan, parse_tables
from sdseg.evaluation.report import Picture, Report, Table
from sdseg.evaluation.writing import FILES, check_folder, write_report
from sdseg.inference.segmenter import Segmenter
from sdseg.volume.example import Example
from sdseg.volume.window import Window

ENDOSCOPY = {"ES": Window("range", 0, 255)}


def pictures(folder: Path, number: int) -> list[Example]:
    """Bright discs on a dark ground; every two of one patient, the last without a disc."""
    generator = np.random.default_rng(0)
    examples = []
    for n in range(number):
        i, j = np.mgrid[:48, :64]
        disc = (i - 20 - n) ** 2 + (j - 30) ** 2 < (0 if n == number - 1 else (5 + n) ** 2)
        colours = (generator.integers(0, 60, (48, 64, 3)) + 150 * disc[..., None]).astype(np.uint8)
        Image.fromarray(colours).save(folder / f"{n}.png")
        Image.fromarray(disc.astype(np.uint8) * 255).save(folder / f"{n}_mask.png")
        files = folder / f"{n}.png", folder / f"{n}_mask.png"
        examples.append(Example(f"image{n}", *files, "ES", group=f"patient{n // 2}"))
    return examples


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """Two random models on six pictures, written."""
    folder = tmp_path_factory.mktemp("evaluation")
    weights = [save_tiny_weights(folder / f"weights{seed}", seed, **ENDOSCOPY) for seed in (0, 1)]
    tables = [name for name in TABLES if name != "efficiency"]  # tested below
    plan = Plan(tables, runs=3, rounds=1, step_counts=(1, 2), compared_steps=3, resamples=200, batch_size=2)
    contestants = load_contestants(weights, {"brain": 1}, ["first", "second <b>"])
    report = Evaluation(contestants, pictures(folder, 6), {"brain": 1}, plan, {"name": "discs"}).report()
    write_report(report, folder / "report")
    return report, folder / "report"


class Cells(HTMLParser):
    """The rows of the tables of an HTML file, by the id of their section."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.sources: list[str] = []
        self._section, self._cell = "", False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag == "section":
            self._section = values["id"] or ""
        if tag == "tr":
            self.tables.setdefault(self._section, []).append([])
        if tag in ("td", "th"):
            self.tables[self._section][-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.tables[self._section][-1][-1] += data


def markdown_tables(text: str) -> dict[str, list[list[str]]]:
    """Title -> rows, the rule left out."""
    found: dict[str, list[list[str]]] = {}
    title = ""
    for line in text.splitlines():
        title = line[3:] if line.startswith("## ") else title
        if line.startswith("|") and not re.fullmatch(r"[|:\- ]+", line):
            found.setdefault(title, []).append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


def test_all_four_files_tell_the_same(made: tuple[Report, Path]) -> None:
    _, folder = made
    plain = json.loads((folder / "report.json").read_text())
    markdown = markdown_tables((folder / "report.md").read_text())
    html = Cells((folder / "report.html").read_text()).tables
    keys = [table["key"] for table in plain["tables"]]
    assert keys == ["accuracy", "comparison", "stability", "convergence", "ablation"]
    for table in plain["tables"]:
        shown = [[cell.strip() for cell in row] for row in html[table["key"]]]
        assert shown == markdown[table["title"]]
        assert shown[0] == table["columns"]
        for row, cells in zip(table["rows"], shown[1:], strict=True):
            for value, cell in zip(row, cells, strict=True):
                assert cell == as_text(value)


def as_text(value: object) -> str:
    if isinstance(value, dict):
        return str(Interval(**value))
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def test_the_tables_follow_from_the_single_figures(made: tuple[Report, Path]) -> None:
    report, folder = made
    with (folder / "report.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(report.scores)
    [accuracy] = [table for table in report.tables if table.key == "accuracy"]
    for row in accuracy.rows:
        own = [r for r in rows if r["model"] == row[0] and r["metric"] == "dice" and r["steps"] == "1"]
        assert len(own) == 6
        values = [float(r["value"]) for r in own if r["value"]]
        assert isinstance(row[3], Interval)
        assert row[3].mean == pytest.approx(np.mean(values))
        outcomes = [r["outcome"] for r in own]
        assert row[8:] == tuple(map(outcomes.count, ("scored", "missed", "false positive", "both empty")))
        authors = [float(r["value"]) for r in rows if r["model"] == row[0] and r["metric"] == "authors_dice"]
        assert len(authors) == 12  # one step and two of the convergence, nothing twice
    assert {r["group"] for r in rows} == {"patient0", "patient1", "patient2"}


def test_one_step_of_the_curve_is_the_accuracy(made: tuple[Report, Path]) -> None:
    tables = {table.key: table for table in made[0].tables}
    accuracy = {row[0]: row[3] for row in tables["accuracy"].rows}
    curve = {(row[0], row[1]): row[2] for row in tables["convergence"].rows}
    ablation = {row[0]: row[2:4] for row in tables["ablation"].rows}
    assert set(curve) == {(name, steps) for name in accuracy for steps in (1, 2)}
    for name, dice in accuracy.items():
        assert curve[name, 1] == dice == ablation[name][0]
    difference = ablation["second <b>"][1]
    assert isinstance(difference, Interval)
    assert difference.mean == pytest.approx(accuracy["second <b>"].mean - accuracy["first"].mean)  # type: ignore[union-attr]


@pytest.mark.slow
def test_efficiency(tmp_path: Path) -> None:
    weights = save_tiny_weights(tmp_path / "weights", **ENDOSCOPY)
    plan = Plan(["efficiency"], rounds=1, compared_steps=3, batch_size=2)
    report = Evaluation(load_contestants([weights], {"brain": 1}), pictures(tmp_path, 1), {"brain": 1}, plan).report()
    [table] = report.tables
    one, three = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    assert (one["steps"], three["steps"]) == (1, 3)
    parts = tiny_pipeline().components
    parameters = sum(p.numel() for name in ("vae", "vision_encoder", "unet") for p in parts[name].parameters())
    assert one["parameters, million"] == parameters / 1e6
    assert one["GFLOP a slice"] < three["GFLOP a slice"] < 3 * one["GFLOP a slice"]
    assert min(one["slices/s, batch 1"], three["slices/s, batch 2"]) > 0
    assert 100 < one["peak memory, MiB"] < 5000
    assert one["training, hours"] is None


def test_flops_are_twice_the_multiplications() -> None:
    class OneConvolution(torch.nn.Conv2d):
        image_size, device = 64, torch.device("cpu")

        def forward(self, image: torch.Tensor, seed: int = 0) -> torch.Tensor:
            return super().forward(image)

    convolution = OneConvolution(3, 5, 3, padding=1, bias=False)
    assert count_flops(convolution) == 2 * 64 * 64 * 3 * 5 * 9  # type: ignore[arg-type]


def test_the_html_needs_nothing_else(made: tuple[Report, Path]) -> None:
    text = (made[1] / "report.html").read_text()
    sources = Cells(text).sources
    assert len(sources) == len(made[0].pictures) == 5
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert "second <b>" not in text and "second &lt;b&gt;" in text


def test_the_pictures_show_something(made: tuple[Report, Path]) -> None:
    report, folder = made
    assert [picture.key for picture in report.pictures] == [
        *("cases-1", "cases-2", "convergence", "reverse-1", "reverse-2")
    ]
    for picture in report.pictures:
        shown = np.asarray(Image.open(folder / "figures" / f"{picture.key}.png").convert("RGB"))
        assert min(shown.shape[:2]) > 300
        assert shown.std() > 10
        assert f"figures/{picture.key}.png" in (folder / "report.md").read_text()


def test_the_report_says_how_it_was_made(made: tuple[Report, Path]) -> None:
    facts = json.loads((made[1] / "report.json").read_text())
    assert facts["data"] == {"name": "discs", "labels": {"brain": 1}, "cases": 6, "groups": 3}
    assert {len(model["weights_sha256"]) for model in facts["models"].values()} == {64}
    assert facts["software"]["torch"] == torch.__version__
    assert facts["device"] and facts["command"] and facts["date"].startswith("20")


def test_several_structures_in_volumes(tmp_path: Path) -> None:
    """Voxels of 1 x 2 x 3 mm in an order of their own; the model's own masks, then one structure taken away."""
    labels = {"liver": 1, "spleen": 2}
    card = tiny_card(tuple(labels), CT=Window("range", -160, 240))
    model = Contestant("tiny", tmp_path, Segmenter(tiny_pipeline(classes=3), card, "0" * 64))
    affine = np.array([[0, 0, 3.0, 0], [-1, 0, 0, 0], [0, -2, 0, 0], [0, 0, 0, 1]])
    values = np.random.default_rng(0).integers(-200, 300, (20, 22, 5)).astype(np.int16)
    nib.save(nib.Nifti1Image(values, affine), tmp_path / "ct.nii.gz")
    found = model.segmenter.segment(tmp_path / "ct.nii.gz", "CT").labelmap
    examples = []
    for name, mask in (("same", found), ("without", np.where(found == 2, 0, found))):
        nib.save(nib.Nifti1Image(mask.astype(np.uint8), affine), tmp_path / f"{name}.nii.gz")
        examples.append(Example(name, tmp_path / "ct.nii.gz", tmp_path / f"{name}.nii.gz", "CT"))
    report = Evaluation([model], examples, labels, Plan(resamples=100)).report()
    whole = {(s.case, s.structure, s.metric): s.value for s in report.scores if s.level == "volume"}
    assert {structure for _, structure, _ in whole} == {"liver", "spleen", "mean of structures"}
    for metric, perfect in (("dice", 1), ("iou", 1), ("hd95", 0), ("surface_dice", 1)):
        assert whole["same", "mean of structures", metric] == perfect
        assert whole["without", "liver", metric] == perfect
    assert (found == 2).any()
    assert whole["without", "spleen", "dice"] == 0 == whole["without", "spleen", "surface_dice"]
    assert whole["without", "spleen", "hd95"] is None
    assert whole["without", "mean of structures", "dice"] == 0.5
    slices = {s.slice for s in report.scores if s.level == "image"}
    assert slices == set(range(22))  # the second axis runs from head to foot
    [picture] = report.pictures
    assert picture.key == "cases-1"


def test_rivals_take_part(tmp_path: Path) -> None:
    """One pass has no steps and nothing random; a diffusion model takes its own number of steps unless told."""
    kinds: dict[str, dict[str, int]] = {"basic_unet": {}, "image_diffusion": {"num_inference_steps": 3, "samples": 2}}
    models = {
        name: Segmenter(tiny_rival(name, **o), rival_card(name, **ENDOSCOPY), "0" * 64) for name, o in kinds.items()
    }
    models["sdseg"] = Segmenter(tiny_pipeline(), tiny_card(**ENDOSCOPY), "1" * 64)
    contestants = [Contestant(name, tmp_path, segmenter) for name, segmenter in models.items()]
    assert [one.steps for one in contestants] == [1, 3, 1]
    plan = Plan(["convergence", "stability", "reverse"], runs=2, step_counts=(1, 2), compared_steps=2, resamples=50)
    report = Evaluation(contestants, pictures(tmp_path, 2)[:1], {"brain": 1}, plan).report()
    tables = {table.key: table for table in report.tables}
    steps = [row[:2] for row in tables["convergence"].rows]
    assert steps == [("basic_unet", None), *((name, n) for name in ("image_diffusion", "sdseg") for n in (1, 2))]
    stability = {row[:3]: row for row in tables["stability"].rows}
    unet, diffusion = (stability[name, "instance", "Seg"] for name in ("basic_unet", "image_diffusion"))
    assert unet[3:] == ("not computed", None, pytest.approx(1), None, 1.0, 0.0)
    assert diffusion[7] != 1.0
    assert [picture.key for picture in report.pictures] == ["convergence", "reverse-3"]
    told = report.facts["models"]
    assert (told["basic_unet"]["steps"], told["image_diffusion"]["steps"]) == (None, 3)
    assert (told["image_diffusion"]["kind"], told["image_diffusion"]["samples"]) == ("image_diffusion", 2)


def test_values_without_a_name_are_refused(tmp_path: Path) -> None:
    [example] = pictures(tmp_path, 1)
    Image.fromarray(np.full((48, 64), 3, np.uint8)).save(example.label)
    model = Contestant("tiny", tmp_path, Segmenter(tiny_pipeline(), tiny_card(**ENDOSCOPY), "0" * 64))
    with pytest.raises(LabelError, match=r"0_mask.png holds the values \[3\]"):
        Evaluation([model], [example], {"brain": 1}).report()


def test_what_cannot_be_evaluated(tmp_path: Path) -> None:
    model = Contestant("tiny", tmp_path, Segmenter(tiny_pipeline(), tiny_card(), "0" * 64))
    with pytest.raises(InputError, match="no labelled image"):
        Evaluation([model], [], {"brain": 1})
    mixed = [Example("a", Path("a.png"), Path("b.png")), Example("c", Path("c.nii.gz"), Path("d.nii.gz"))]
    with pytest.raises(InputError, match="one table"):
        Evaluation([model], mixed, {"brain": 1})
    with pytest.raises(InputError, match="no model"):
        Evaluation([], mixed[:1], {"brain": 1})


def test_plans() -> None:
    assert parse_tables("all") == TABLES
    assert parse_tables("stability, accuracy,stability") == ("stability", "accuracy")
    with pytest.raises(UnknownNameError, match="no table 'speed'; choose of: accuracy"):
        Plan(("speed",))
    for wrong in ({"tables": ()}, {"runs": 1}, {"steps": 0}, {"tolerance": 0}, {"step_counts": (1, 0)}):
        with pytest.raises(InputError, match="at least one step"):
            Plan(**wrong)  # type: ignore[arg-type]


def test_a_report_is_not_overwritten(tmp_path: Path) -> None:
    report = Report("t", {}, [], [Picture("p", "P", "c", b"png")])
    check_folder(tmp_path / "new", replace=False)
    write_report(report, tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {*FILES, "figures"}
    with pytest.raises(InputError, match="--force"):
        check_folder(tmp_path / "new", replace=False)
    check_folder(tmp_path / "new", replace=True)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        check_folder(tmp_path / "file", replace=True)


def test_rows_must_fit_their_table() -> None:
    with pytest.raises(ValueError, match="has not 2 cells"):
        Table("t", "T", ("a", "b"), ((1, 2), (1,)))
