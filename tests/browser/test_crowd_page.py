"""The rating page in a real Chromium: what a rater does with the keyboard arrives in the lake."""

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from assets.contracts.crowd import CROWD_RATINGS, RATERS
from assets.contracts.lake import Lake
from assets.crowd.page import render_page
from assets.crowd.tasks import CrowdTask, TaskPhoto
from assets.landing.importers import import_source

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TASK = CrowdTask((TaskPhoto(11, "a"), TaskPhoto(22, "b", gold_rating=2), TaskPhoto(33, "c"), TaskPhoto(44, "d")))
COLOURS = {11: (200, 30, 30), 22: (30, 200, 30), 33: (30, 30, 200), 44: (200, 200, 30)}
SHORTEST_VIEW_MS = 300


def jpeg(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (900, 1200), colour).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium of this machine; absent it is a skip on a laptop and a failure where CI promised it."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        reason = f"none of {', '.join(BROWSERS)} is installed; on Debian: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        # Chromium's sandbox refuses to run as root, as in containers of CI.
        started = playwright.chromium.launch(executable_path=found, chromium_sandbox=os.getuid() != 0)
        yield started
        started.close()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(render_page(TASK, {photo: jpeg(colour) for photo, colour in COLOURS.items()}))
    return path


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A person's browser, without network, with everything that went wrong in the page."""
    with browser.new_context(accept_downloads=True) as context:
        context.route(lambda url: url.startswith("http"), lambda route: pytest.fail(f"asked for {route.request.url}"))
        yield context


@pytest.fixture
def page(context: BrowserContext, page_file: Path) -> Iterator[Page]:
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(page_file.as_uri())
    yield page
    assert problems == []


def begin(page: Page, rater: str = "7", country: str = "br") -> None:
    expect(page.locator("#rater")).to_be_focused()
    page.keyboard.type(rater)
    page.keyboard.press("Tab")
    page.keyboard.type(country)
    page.keyboard.press("Enter")


def press(page: Page, *keys: str) -> None:
    """Press keys one by one, each once the image is there."""
    for key in keys:
        page.wait_for_selector("#image[data-ready]")
        page.keyboard.press(key)


def expect_photo(page: Page, place: int, rated: int) -> None:
    expect(page.locator("#place")).to_have_text(f"Photo {place} of 4")
    expect(page.locator("#image")).to_have_attribute("alt", f"Photo {place} of 4")
    expect(page.locator("#announcement")).to_have_text(f"Photo {place} of 4")
    assert page.locator("#progress").evaluate("bar => [bar.value, bar.max]") == [rated, 4]


def download(page: Page, which: str, folder: Path) -> Path:
    with page.expect_download() as caught:
        page.locator(f"[data-download={which}]:visible").click()
    path = folder / caught.value.suggested_filename
    caught.value.save_as(path)
    return path


def imported(path: Path, home: Path) -> list[dict[str, Any]]:
    lake = Lake(str(home / "lake"))
    report = import_source("crowd_ratings", path, name="page", lake=lake, landing_root=home)
    assert (report.rejected_rows, report.notes) == (0, ())
    return lake.zone("landed/page").read(CROWD_RATINGS).to_pylist()


def test_answers_given_by_keyboard_are_imported(page: Page, tmp_path: Path) -> None:
    begin(page)
    for place, key in enumerate("4152", start=1):
        expect_photo(page, place, rated=place - 1)
        page.wait_for_timeout(SHORTEST_VIEW_MS)
        press(page, key)
    expect(page.locator("#done")).to_be_visible()

    file = download(page, "answers", tmp_path)
    assert file.name == f"crowd_ratings-{TASK.task_id}-7.csv"
    header = "photo_id,rater_id,rating,rated_at,duration_ms,is_gold,gold_rating"
    assert file.read_text().splitlines()[0] == header
    rows = imported(file, tmp_path)
    assert [(r["photo_id"], r["rater_id"], r["rating"], r["is_gold"], r["gold_rating"]) for r in rows] == [
        (11, 7, 4, False, None),
        (22, 7, 1, True, 2),
        (33, 7, 5, False, None),
        (44, 7, 2, False, None),
    ]
    assert all(SHORTEST_VIEW_MS <= row["duration_ms"] < 60_000 for row in rows)
    assert [row["rated_at"] for row in rows] == sorted(row["rated_at"] for row in rows)


def test_both_files_land_as_one_delivery(page: Page, tmp_path: Path) -> None:
    begin(page)
    press(page, *"4152")
    delivery = tmp_path / "delivery"
    for which, table in (("answers", "crowd_ratings"), ("rater", "raters")):
        (delivery / table).mkdir(parents=True)
        download(page, which, delivery / table)
    (delivery / "community.toml").write_text('consent = "other_sources"\n')

    lake = Lake(str(tmp_path / "lake"))
    report = import_source("canonical", delivery, name="round-1", lake=lake, landing_root=tmp_path)
    assert report.rejected_rows == 0
    zone = lake.zone("landed/round-1")
    assert zone.read(RATERS).to_pylist() == [{"rater_id": 7, "country": "BR", "track_record": None}]
    assert zone.read(CROWD_RATINGS).num_rows == 4


def test_arrows_go_back_and_forward_and_answers_can_change(page: Page, tmp_path: Path) -> None:
    begin(page)
    press(page, "ArrowLeft")
    expect_photo(page, 1, rated=0)
    press(page, "ArrowRight")
    expect_photo(page, 1, rated=0)
    expect(page.get_by_role("button", name="Forward")).to_be_disabled()
    press(page, "3", "2", "ArrowLeft")
    expect_photo(page, 2, rated=2)
    pressed = page.locator("#levels [aria-pressed=true]")
    expect(pressed).to_have_attribute("value", "2")
    before = page.evaluate("state.answers[22].duration_ms")
    page.wait_for_timeout(SHORTEST_VIEW_MS)
    press(page, "5")
    expect_photo(page, 3, rated=2)
    press(page, "ArrowLeft", "ArrowRight")
    expect_photo(page, 3, rated=2)
    rows = imported(download(page, "answers", tmp_path), tmp_path)
    assert [(row["photo_id"], row["rating"]) for row in rows] == [(11, 3), (22, 5)]
    assert rows[1]["duration_ms"] >= before + SHORTEST_VIEW_MS


def test_reload_resumes_where_the_rater_was(page: Page, page_file: Path, context: BrowserContext) -> None:
    begin(page)
    press(page, "4", "1")
    expect_photo(page, 3, rated=2)
    page.reload()
    expect_photo(page, 3, rated=2)
    again = context.new_page()
    again.goto(page_file.as_uri())
    expect_photo(again, 3, rated=2)
    press(again, "ArrowLeft")
    expect(again.locator("#levels [aria-pressed=true]")).to_have_attribute("value", "1")


def test_another_task_starts_anew_in_the_same_browser(page: Page, context: BrowserContext, tmp_path: Path) -> None:
    begin(page)
    press(page, "4")
    other = CrowdTask(TASK.photos[:2])
    (tmp_path / "other.html").write_text(render_page(other, {photo: jpeg(colour) for photo, colour in COLOURS.items()}))
    page.goto((tmp_path / "other.html").as_uri())
    expect(page.locator("#start")).to_be_visible()


def test_keys_do_nothing_before_the_image_is_there_or_when_held(page: Page) -> None:
    begin(page)
    press(page, "9", "Control+1")
    expect_photo(page, 1, rated=0)
    page.evaluate("delete image.dataset.ready; rate(5)")
    expect_photo(page, 1, rated=0)
    page.evaluate("image.dataset.ready = 'yes'")
    page.evaluate("document.dispatchEvent(new KeyboardEvent('keydown', {key: '5', repeat: true}))")
    expect_photo(page, 1, rated=0)
    press(page, "5")
    expect_photo(page, 2, rated=1)


@pytest.mark.parametrize(("rater", "country"), [("", "br"), ("seven", "br"), ("7", "b1")])
def test_a_rater_without_a_number_or_with_no_country_code_cannot_start(page: Page, rater: str, country: str) -> None:
    begin(page, rater, country)
    expect(page.locator("#start")).to_be_visible()
    expect(page.locator("#rating")).to_be_hidden()


def test_clicks_answer_too_and_a_shared_browser_can_be_handed_over(page: Page) -> None:
    begin(page)
    for place in range(4):
        page.wait_for_selector("#image[data-ready]")
        page.get_by_role("button", name=f"{place + 1}").click()
    expect(page.locator("#done h1")).to_be_focused()
    page.get_by_role("button", name="Look again").click()
    expect_photo(page, 4, rated=4)
    page.get_by_role("button", name="Forward").click()
    hand_over = page.get_by_role("button", name="Hand over")
    hand_over.click()
    expect(page.locator("#sure")).to_be_visible()
    assert page.evaluate("rated()") == 4
    hand_over.click()
    expect(page.locator("#rater")).to_be_focused()
    expect(page.locator("#rater")).to_have_value("")
    assert page.evaluate("JSON.parse(localStorage.getItem(storageKey)).answers") == {}


def hide(page: Page, *, hidden: bool) -> None:
    """What Chromium does when its tab goes behind another one, or comes back."""
    script = "is => Object.defineProperty(document, 'hidden', {value: is, configurable: true})"
    page.evaluate(script, hidden)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_time_on_another_tab_does_not_count(page: Page) -> None:
    begin(page)
    page.wait_for_selector("#image[data-ready]")
    hide(page, hidden=True)
    page.evaluate("image.dispatchEvent(new Event('load'))")
    page.wait_for_timeout(1500)
    hide(page, hidden=False)
    press(page, "3")
    assert page.evaluate("state.answers[11].duration_ms") < 1500


def test_everything_can_be_named_and_nothing_is_cut_off(page: Page) -> None:
    begin(page)
    page.wait_for_selector("#image[data-ready]")
    names = page.locator("#rating button").evaluate_all("buttons => buttons.map(b => b.innerText.trim())")
    assert len(names) == 8
    assert all(names)
    for width, height in ((1280, 800), (1024, 600), (390, 780)):
        page.set_viewport_size({"width": width, "height": height})
        outside = page.locator("#rating button, #image, #place").evaluate_all(
            "all => all.filter(e => { const r = e.getBoundingClientRect(); "
            "return r.left < 0 || r.top < 0 || r.right > innerWidth || r.bottom > innerHeight || r.width < 20 }).length"
        )
        assert outside == 0, f"{outside} elements lie outside of {width} x {height}"
        assert page.locator("#rating").evaluate("screen => screen.getBoundingClientRect().height") == height
