"""The status page in a real browser, as a person looks at it and presses its buttons."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from app.running_server import Image, Server
from helpers.browser import keep, open_page
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

SECTIONS = ["Work under way", "Studies and labels", "Where the model is least sure", "Training", "Annotators", "Models"]
PATIENT = ("SAMPLE", "SDSEG-S1")


@contextmanager
def status_page(browser: Browser, server: Server, width: int = 1280) -> Iterator[Page]:
    """The page when it has shown what there is. Whatever the browser complains about fails the test."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    with open_page(browser, width, 844 if width < 600 else 900) as page:
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(server.url)
        expect(page.locator("#live")).to_have_text("Live")
        expect(page.locator("#models .model")).to_have_count(1)
        yield page
    assert complaints == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_is_there_and_fits(browser: Browser, server: Server, width: int, scheme: str) -> None:
    with status_page(browser, server, width) as page:
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for title in SECTIONS:
            expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
        expect(page.locator("#studies tbody tr")).to_have_count(1)
        expect(page.get_by_role("link", name="Open the viewer")).to_have_attribute("href", "ohif/")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert not any(word in page.content() for word in PATIENT)
        assert page.get_by_role("main").count() == 1 and page.get_by_role("navigation").count() == 1
        keep(page, f"status-{width}-{scheme}")


def test_its_links_lead_somewhere(browser: Browser, server: Server, image: Image) -> None:
    with status_page(browser, server) as page:
        study = page.locator("#studies").get_by_role("link", name=re.compile("in the viewer"))
        assert f"StudyInstanceUIDs={image.series.study_instance_uid}" in str(study.get_attribute("href"))
        links = [str(link.get_attribute("href")) for link in page.locator("a[href]:not([href^='#'])").all()]
        assert len(set(links)) >= 4
        for link in set(links):
            reply = server.get(f"/{link}")
            assert reply.ok and reply.headers["Content-Type"].startswith("text/html"), link


def test_a_measurement_runs_and_ends_without_a_reload(browser: Browser, server: Server, image: Image) -> None:
    with status_page(browser, server) as page:
        page.evaluate("window.sameDocument = true")
        ended = page.locator("#queue .ended .job").count()
        page.locator("#ranking").get_by_role("button", name=re.compile("^Measure how sure")).first.click()
        # An element that came with the job and left with it is seen by no poll of ours: the page tells.
        expect(page.locator("#queue .ended .job")).to_have_count(ended + 1, timeout=60_000)
        expect(page.locator("#queue .ended .job").first).to_contain_text("Done")
        expect(page.locator("#ranking .rank").first).to_contain_text("Drawn 4 times, the outlines differ by")
        expect(page.locator("#live")).to_have_text("Live")
        assert page.evaluate("window.sameDocument")
        assert server.get("/status/").json()["studies"][0]["uncertainties"]["sdseg"]["noises"] == 4


def test_what_another_client_does_is_shown_with_its_progress(browser: Browser, server: Server, image: Image) -> None:
    """The page notes every state of the bar; a person's eye would be too slow for so small a model."""
    with status_page(browser, server) as page:
        page.evaluate(
            """() => {
              window.seen = new Set();
              new MutationObserver(() => {
                for (const one of document.querySelectorAll("#queue .jobs .facts span"))
                  window.seen.add(one.textContent);
              }).observe(document.querySelector("#queue"), { childList: true, subtree: true, characterData: true });
            }"""
        )
        before = page.locator("#queue .ended .job").count()
        assert server.infer(image.uid, params={"uncertainty": "60"}, output="uncertainty").ok
        expect(page.locator("#queue .ended .job")).to_have_count(before + 1)
        seen = page.evaluate("[...window.seen]")
        assert any(re.fullmatch(r"Outlining: slice \d+ of \d+", text) for text in seen), seen


def test_a_running_measurement_can_be_cancelled(browser: Browser, server: Server, image: Image) -> None:
    params = {"uncertainty": "100"}
    reply = server.infer(image.uid, params=params, output="uncertainty", background="true")
    assert reply.status_code == 202
    with status_page(browser, server) as page:
        page.get_by_role("button", name=f"Cancel the segmentation of {image.uid}").click()
        expect(page.locator("#queue .ended .job").first).to_contain_text("Cancelled")
        expect(page.locator("#queue .jobs")).to_have_count(0)
    assert server.get(f"/jobs/{reply.json()['id']}").json()["state"] == "cancelled"


def test_a_server_that_is_gone_is_said_to_be_gone(browser: Browser, server: Server) -> None:
    with open_page(browser) as page:
        page.goto(server.url)
        expect(page.locator("#live")).to_have_text("Live")
        page.context.set_offline(True)
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # it connects anew, and cannot
        expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
        expect(page.locator("#studies tbody tr")).to_have_count(1)  # what was known stays
        page.context.set_offline(False)
        expect(page.locator("#live")).to_have_text("Live", timeout=20_000)
        expect(page.get_by_role("alert")).to_be_hidden()


def test_an_update_leaves_focus_and_opened_parts_alone(browser: Browser, server: Server) -> None:
    with status_page(browser, server) as page:
        kept = page.evaluate(
            """async () => {
              const { h, show } = await import("/web/status/dom.js");
              const place = document.body.appendChild(document.createElement("div"));
              const draw = (ids) => show(place, ids.map((id) => h("details", { "data-key": id },
                h("summary", {}, id), h("button", { type: "button" }, `cancel ${id} of ${ids.length}`))));
              draw(["a", "b", "c"]);
              const [, second] = place.children;
              second.open = true;
              second.querySelector("button").focus();
              draw(["new", "b", "c", "d"]);
              const same = place.children[1] === second && second.open;
              const order = [...place.children].map((one) => one.dataset.key).join();
              return [same, document.activeElement.textContent, order];
            }"""
        )
        assert kept == [True, "cancel b of 4", "new,b,c,d"]
        ticks = page.evaluate(
            "import('/web/status/chart.js').then(({ ticks }) => [ticks(0, 1, 3), ticks(0, 397, 4), ticks(2, 2, 3)])"
        )
        assert ticks == [[0, 0.5, 1], [0, 100, 200, 300, 400], [2, 3]]
