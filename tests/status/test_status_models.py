"""Champion and challengers on the status page: what is told, what may be pressed, what a damage looks like."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from app.running_server import Image, Server, copy_sample, run_server
from faults.waiting import wait_for
from helpers.browser import keep
from helpers.models import save_tiny_weights
from playwright.sync_api import Browser, Locator, Page, expect
from status.test_status_page import status_page

from sdseg.dicom.series import load_series
from sdseg.judging.judgement import ClassJudgement, Judgement
from sdseg.model.weights import weights_sha256
from sdseg.registry.registry import ModelRegistry

PATIENT = ("SAMPLE", "SDSEG-S1")


@dataclass(frozen=True)
class Trained:
    """A server whose model was trained three times: names of the weights."""

    server: Server
    better: str
    worse: str
    unjudged: str

    @property
    def registry(self) -> ModelRegistry:
        return ModelRegistry(self.server.model_dir / "sdseg")


def judgement(before: Path, after: Path, difference: float) -> Judgement:
    low, high = difference - 0.02, difference + 0.03
    accepted = low > -0.01
    brain = ClassJudgement("brain", 0.9, 0.9 + difference, difference, low, high, 6, 3, not accepted)
    reason = f"brain {difference:+.3f} Dice, 95% interval {low:+.3f} to {high:+.3f}."
    return Judgement(accepted, reason, 0.01, weights_sha256(before), weights_sha256(after), (brain,), 6, 3)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    home = tmp_path_factory.mktemp("trained")
    copy_sample(home / "studies" / "patient" / "t1")
    base, *others = [save_tiny_weights(home / f"weights-{seed}", seed) for seed in range(4)]
    registry = ModelRegistry(home / "model" / "sdseg", base)
    registry.note_base(given=True)
    facts = {"by": "annotator-1", "steps": 40, "images": 3}
    better, worse = (
        registry.add(folder, judgement(base, folder, by), facts)
        for folder, by in zip(others[:2], (0.04, -0.2), strict=True)
    )
    unjudged = registry.add(others[2], None, facts)
    for server in run_server(home, home / "studies", base):
        yield Trained(server, better.name, worse.name, unjudged.name)


def entry(page: Page, name: str) -> Locator:
    return page.locator(f'#models .entry[data-key="{name}"]')


@pytest.fixture(autouse=True)
def base_is_served(trained: Trained) -> Iterator[None]:
    yield
    trained.registry.promote("base")


def test_a_judgement_is_told_structure_by_structure(browser: Browser, trained: Trained) -> None:
    with status_page(browser, trained.server) as page:
        better, worse = entry(page, trained.better), entry(page, trained.worse)
        expect(better).to_contain_text("Not worse")
        cells = better.locator("tbody td")
        expect(cells).to_have_text(["brain", "0.900", "0.940", "+0.040 +0.020 to +0.070", "Better"])
        expect(better).to_contain_text("Dice (1 is perfect) on 6 images of 3 patients kept out of training")
        expect(worse.locator("tbody td").last).to_have_text("Worse")
        expect(entry(page, trained.unjudged)).to_contain_text("Not judged")
        expect(better).to_contain_text("by annotator-1")
        expect(page.get_by_label("Champion of sdseg")).to_contain_text("given when the server was started")
        expect(page.locator("#models").get_by_role("button", name=re.compile("^Roll back"))).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits(browser: Browser, trained: Trained, width: int) -> None:
    with status_page(browser, trained.server, width) as page:
        expect(entry(page, trained.better)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert not any(word in page.content() for word in PATIENT)
        page.locator("#models").scroll_into_view_if_needed()
        keep(page, f"status-models-{width}")


def test_promote_roll_back_and_withdraw_from_the_keyboard(browser: Browser, trained: Trained) -> None:
    with status_page(browser, trained.server) as page:
        champion = page.get_by_label("Champion of sdseg")

        entry(page, trained.worse).get_by_role("button", name=re.compile("^Promote")).press("Enter")
        expect(page.get_by_role("dialog")).to_contain_text("It was judged WORSE")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(champion).to_contain_text("The base weights")

        # As if the answer to the first question were still on its way when the second is asked.
        for name in (trained.worse, trained.better):
            promote = entry(page, name).get_by_role("button", name=re.compile("^Promote"), include_hidden=True)
            promote.evaluate("button => button.click()")
        page.get_by_label("Why?").fill("looked at five cases")
        page.get_by_role("button", name="Yes").press("Enter")
        expect(champion).to_contain_text(trained.better[:12])
        assert trained.registry.champion().name == trained.better
        (promoted,) = [event for event in trained.registry.history() if event["event"] == "promoted"]
        assert promoted["reason"] == "looked at five cases"

        champion.get_by_role("button", name=re.compile("^Roll back")).click()
        page.get_by_role("button", name="Yes").click()
        expect(champion).to_contain_text("The base weights")

        entry(page, trained.unjudged).get_by_role("button", name=re.compile("^Withdraw")).click()
        page.get_by_role("button", name="Yes").click()
        expect(entry(page, trained.unjudged)).to_contain_text("Withdrawn")
        expect(entry(page, trained.unjudged).get_by_role("button", name=re.compile("Promote|Withdraw"))).to_have_count(
            0
        )


def test_a_damaged_champion_is_said_in_plain_words(browser: Browser, trained: Trained) -> None:
    trained.registry.promote(trained.better)
    file = trained.server.model_dir / "sdseg" / trained.better / "unet" / "diffusion_pytorch_model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    try:
        with status_page(browser, trained.server) as page:
            alarm = page.locator("#models .alarm")
            expect(alarm).to_contain_text("The champion is damaged.")
            expect(alarm).to_contain_text("Requests are answered by the base weights")
            assert str(trained.server.model_dir) not in page.content()
            page.locator("#models").scroll_into_view_if_needed()
            keep(page, "status-models-damaged")
    finally:
        file.write_bytes(whole)


def test_who_is_on_what_and_who_labelled_how_much(browser: Browser, trained: Trained, tmp_path: Path) -> None:
    server = trained.server
    series = load_series(server.studies / "patient" / "t1")
    image = Image(series.series_instance_uid, series)
    # It is scored while nobody waits.
    wait_for(lambda: server.get("/status/").json()["studies"][0]["rank"], "the image was not ranked")
    with status_page(browser, server) as page:
        expect(page.locator("#ranking .ranks")).to_contain_text("Place 1, unlike what is labelled by 1.00")
        keep(page, "status-ranked")
        asked = server.post("/activelearning/sdseg_uncertainty", {"client_id": "annotator-2"}).json()
        assert asked["id"] == image.uid
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # it asks anew
        expect(page.locator("#ranking .ranks")).to_contain_text("annotator-2 is on it")
        people = page.locator("#people")
        expect(people).to_contain_text("Nobody has saved a finished label yet.")
        expect(people.locator(f'li[data-key="{image.uid}"]')).to_contain_text("annotator-2, until")

        assert server.save_label(image.uid, image.save(tmp_path / "label.nrrd")).ok
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # it asks anew
        expect(people.locator("li")).to_have_count(1)
        expect(people).to_contain_text("Without a login1 finished label")
        assert not any(word in page.content() for word in PATIENT)

        minutes = page.get_by_label("Use at most")
        minutes.fill("0")
        start = page.get_by_role("button", name="Train sdseg on 1 finished label")
        start.click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        minutes.fill("5")
        start.click()
        expect(page.get_by_role("dialog")).to_contain_text("for at most 5 minutes")
        keep(page, "status-train")
        page.get_by_role("button", name="No").click()
    assert server.get("/train/").status_code == 404


def test_the_route_tells_the_same(trained: Trained) -> None:
    (model,) = trained.server.get("/status/").json()["models"]
    registry = model["registry"]
    assert registry["champion"]["name"] == registry["served"] == "base" and not registry["can_roll_back"]
    known = {one["name"]: one for one in registry["others"]}
    assert known[trained.better]["judgement"]["accepted"] and not known[trained.worse]["judgement"]["accepted"]
    assert known[trained.better]["facts"] == {"steps": 40, "images": 3}
