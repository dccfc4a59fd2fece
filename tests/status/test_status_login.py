"""The status page of a server with tokens, over a folder of NIfTI, for a reader whose token is withdrawn meanwhile."""

from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
from helpers.browser import open_page
from playwright.sync_api import Browser, expect
from security.whole_server import Whole, whole_server

from sdseg.serving.token_file import new_token, revoke_token


@pytest.fixture
def guarded(tmp_path: Path, weights: Path) -> Iterator[Whole]:
    studies = tmp_path / "studies"
    studies.mkdir()
    data = np.random.default_rng(0).integers(0, 500, (20, 24, 6)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(data, np.diag([-2.0, 2.0, 3.0, 1.0])), studies / "head.nii.gz")
    (tmp_path / "outside").mkdir()
    tokens = tmp_path / "tokens.yaml"
    token = new_token(tokens, "annotator-1", "reader")
    with whole_server(tmp_path, studies, tmp_path / "outside", weights, "tokens", str(tokens)) as server:
        server.token = token
        yield server


def test_who_has_no_login_gets_nothing_and_a_way_to_it(guarded: Whole, browser: Browser, tmp_path: Path) -> None:
    with open_page(browser) as page:
        page.goto(f"http://127.0.0.1:{guarded.port}/")
        expect(page).to_have_url(f"http://127.0.0.1:{guarded.port}/login?next=%2F")
        page.locator("input[type=password]").fill(guarded.token)
        page.get_by_role("button").first.click()
        expect(page.locator("#live")).to_have_text("Live")
        expect(page.locator("#studies tbody tr")).to_contain_text("head")
        # Files cannot be opened in OHIF, and a reader may not train.
        expect(page.get_by_role("link", name="Open the viewer")).to_be_hidden()
        expect(page.locator("#training button")).to_have_count(0)

        revoke_token(tmp_path / "tokens.yaml", "annotator-1")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # it connects anew
        expect(page.get_by_role("alert")).to_contain_text("You are not logged in.")
        expect(page.get_by_role("alert").get_by_role("link")).to_have_attribute("href", "login")
    guarded.token = ""
    for path in ("/status/", "/web/status/main.js", "/jobs/"):
        assert guarded.ask("GET", path)[0] == 401
    assert guarded.ask("GET", "/web/login/login.css")[0] == 200
    assert guarded.ask("GET", "/web/login/../status/main.js")[0] in (401, 404)
    assert guarded.ask("GET", "/web/login/%2e%2e/status/main.js")[0] == 404
