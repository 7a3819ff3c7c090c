"""The report's page in a real browser: Chromium, headless, without a network."""

import json
import re
import shutil
from dataclasses import replace
from math import nan

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import ActionChains, Chrome, ChromeOptions, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from patchwrap.bench.page import write_page
from patchwrap.bench.report import Cell, Comparison, Estimate, Measure, Picture, Report, Row
from patchwrap.errors import ImageError

HOSTILE = "scenes </script><b>bold</b> & <!-- more"
SIZE = (64, 96)
MEASURES = [
    Measure("abs_rel", "AbsRel"),
    Measure("rmse", "RMSE", form=".3f", unit="m"),
    Measure("delta1", "δ1", "higher"),
    Measure("f1", "Boundary F1", "higher"),
    Measure("seam", "Seam", "one", ".2f"),
    Measure("clamped", "Clamped", "neither", ".1%"),
    Measure("see", "SEE", unit="m"),
    Measure("d3r", "D³R"),
    Measure("edges", "Edge accuracy", unit="px"),
    Measure("seconds", "Time", form=".1f", unit="s"),
]
ROWS = [
    Row("coarse", "coarse only", "native"),
    Row("average", "tile average", "native", "3x3", "average", baseline=True, reference="coarse"),
    Row("poisson", f"fused {HOSTILE}", "native", "3x3", "poisson", reference="coarse"),
    Row("broken", "not to be had", "missing", reference="coarse", error="no backend of the name 'missing'"),
]
VALUES = {
    "abs_rel": (0.40, 0.60, 0.30),
    "delta1": (0.5, 0.3, 0.7),
    "seam": (nan, 1.5, 1.02),
    "clamped": (0.01, 0.1, 0.02),
    "seconds": (0.2, 9.5, 10.0),
}
"""Of coarse, average and poisson; every other measure is 1, 2 and 3."""


def estimate(mean, half=0.05, images=2):
    return Estimate(mean, mean - half, mean + half, images)


def cell(key, index):
    values = VALUES.get(key, (1.0, 2.0, 3.0))
    if not index or np.isnan(values[0]):
        return Cell(estimate(values[index]))
    difference = values[index] - values[0]
    # Only AbsRel of the tile average is not separable.
    unclear = key == "abs_rel" and index == 1
    comparison = Comparison(estimate(difference, 0.3 if unclear else 0.01), 0.4 if unclear else 0.001, not unclear)
    return Cell(estimate(values[index]), comparison)


def draw(path, seed):
    """A gradient with a step."""
    picture = np.tile(np.linspace(0, 200, SIZE[1]), (SIZE[0], 1))
    picture[:, 40 + 5 * seed :] += 40
    Image.fromarray(np.stack([picture] * 3, axis=-1).astype(np.uint8)).save(path)
    return path.name


def picture(folder, name, seed):
    def of(kind):
        return {row.key: draw(folder / f"{name}-{row.key}-{kind}.jpg", seed) for row in ROWS[:3]}

    photo, truth = (draw(folder / f"{name}-{kind}.jpg", seed) for kind in ("photo", "truth"))
    return Picture(name, photo, truth, of("depth"), of("error"))


def without_time(cells):
    return {key: found for key, found in cells.items() if key != "seconds"}


def make_report(folder):
    cells = {row.key: {m.key: cell(m.key, n) for m in MEASURES} for n, row in enumerate(ROWS[:3])}
    return Report(
        command="patchwrap bench photos --backend native",
        date="2026-11-30T12:00:00Z",
        options={"plan": "3x3", "limit": nan},
        machine={"processor": "some", "cores": 2, "accelerator": None},
        versions={"patchwrap": "0.1.0"},
        data=HOSTILE,
        images=["first", "second"],
        measures=MEASURES,
        rows=ROWS,
        # Costs do not depend on the alignment and are in the first table only.
        tables={"own": cells, "coarse": {row: without_time(found) for row, found in cells.items()}},
        records=[{"image": "first", "values": {"abs_rel": nan}}],
        pictures=[picture(folder, name, seed) for seed, name in enumerate(("first", "second"))],
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    report = make_report(folder)
    path = write_page(report, folder)
    # The page must not need what lies beside it.
    for file in folder.glob("*.jpg"):
        file.unlink()
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    assert all(programs), "these tests need `apt-get install chromium chromium-driver`"
    options = ChromeOptions()
    options.binary_location = programs[0]
    profile = tmp_path_factory.mktemp("profile")
    for flag in (
        *("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "no-first-run"),
        *("disable-background-networking", "disable-component-update", "disable-sync", f"user-data-dir={profile}"),
    ):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options=options, service=Service(executable_path=programs[1]))
    yield driver
    driver.quit()


def open_page(browser, path, width=1280):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False},
    )
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(path.as_uri())
    # The plot is drawn when the page has been laid out, which is after it has loaded.
    two_frames = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
    browser.execute_async_script(two_frames)


@pytest.fixture
def page(browser, written):
    open_page(browser, written)
    yield browser
    assert browser.get_log("browser") == []


def all_of(page, selector):
    return page.find_elements(By.CSS_SELECTOR, selector)


def one(page, selector):
    return page.find_element(By.CSS_SELECTOR, selector)


def column(page, key, alignment="own"):
    """Texts of a column's means, from top to bottom."""
    table = f'table[data-alignment="{alignment}"]'
    keys = [heading.get_attribute("data-key") for heading in all_of(page, f"{table} thead th")]
    place = keys.index(key) + 1
    return [cell.text.split("\n")[0] for cell in all_of(page, f"{table} tbody > tr > :nth-child({place})")]


def heading(page, key, alignment="own"):
    return one(page, f'table[data-alignment="{alignment}"] th[data-key="{key}"]')


def sort(page, key):
    heading(page, key).find_element(By.TAG_NAME, "button").click()


def transform(page):
    """Scale, and shift in pixels, of the pictures in all panes, which must agree."""
    script = "return [...document.querySelectorAll('.pane img')].map(image => getComputedStyle(image).transform)"
    matrices = [[float(number) for number in re.findall(r"-?[\d.]+", text)] for text in page.execute_script(script)]
    assert len(matrices) > 4
    # The grid's columns differ by fractions of a pixel.
    np.testing.assert_allclose(matrices, matrices[:1] * len(matrices), atol=0.1)
    return matrices[0][0], np.array(matrices[0][4:])


def sources(page):
    return [(image.get_attribute("alt"), image.get_attribute("src")) for image in all_of(page, ".pane img")]


def test_nothing_is_asked_of_a_network(page, written):
    asked = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    urls = {
        event["params"]["request"]["url"] for event in asked if event["method"] == "Network.requestWillBeSent"
    }
    assert {url for url in urls if not url.startswith("data:")} == {written.as_uri()}
    assert any(url.startswith("data:image/jpeg;base64,") for url in urls)
    page.execute_script("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'}))")
    refused = page.get_log("browser")
    assert refused and all("Content Security Policy" in entry["message"] for entry in refused)


def test_every_picture_is_shown(page):
    widths = page.execute_script("return [...document.images].map(image => image.naturalWidth)")
    assert widths == [SIZE[1]] * 6


def test_markup_in_a_title_stays_text(page):
    assert one(page, "h1").text == HOSTILE
    assert page.title == f"{HOSTILE} · patchwrap bench"
    assert all_of(page, "b") == []
    assert f"fused {HOSTILE}" in column(page, "")


def test_the_header_tells_what_was_done_and_what_failed(page):
    header = one(page, "header").text
    for text in ("2026-11-30 12:00:00 UTC", "patchwrap bench photos --backend native", "cores 2", "patchwrap 0.1.0"):
        assert text in header
    assert one(page, ".failed").text == "1 row failed\nnot to be had: no backend of the name 'missing'"
    assert "not to be had" not in column(page, "")


def test_a_heading_sorts_both_ways_by_number(page):
    assert column(page, "abs_rel") == ["0.4000", "0.6000", "0.3000"]
    sort(page, "abs_rel")
    assert column(page, "abs_rel") == ["0.3000", "0.4000", "0.6000"]
    assert heading(page, "abs_rel").get_attribute("aria-sort") == "ascending"
    sort(page, "abs_rel")
    assert column(page, "abs_rel") == ["0.6000", "0.4000", "0.3000"]
    assert heading(page, "abs_rel").get_attribute("aria-sort") == "descending"
    sort(page, "delta1")
    assert column(page, "delta1") == ["0.7000", "0.5000", "0.3000"]
    assert heading(page, "abs_rel").get_attribute("aria-sort") == "none"
    # As text 10.0 would come before 9.5.
    sort(page, "seconds")
    assert column(page, "seconds") == ["0.2", "9.5", "10.0"]
    sort(page, "")
    assert column(page, "abs_rel") == ["0.4000", "0.6000", "0.3000"]
    assert column(page, "abs_rel", "coarse") == ["0.4000", "0.6000", "0.3000"]


def test_what_has_no_value_comes_last_both_ways(page):
    for expected in (["1.02", "1.50", "–"], ["1.50", "1.02", "–"]):
        sort(page, "seam")
        assert column(page, "seam") == expected


def test_a_heading_is_pressed_from_the_keyboard(page):
    page.execute_script("arguments[0].focus()", heading(page, "abs_rel").find_element(By.TAG_NAME, "button"))
    ActionChains(page).send_keys(Keys.ENTER).perform()
    assert column(page, "abs_rel") == ["0.3000", "0.4000", "0.6000"]
    ActionChains(page).send_keys(Keys.ENTER).perform()
    assert column(page, "abs_rel") == ["0.6000", "0.4000", "0.3000"]


def test_a_cell_tells_interval_difference_and_whether_it_can_be_told_from_nothing(page):
    texts = [cell.text for cell in all_of(page, 'table[data-alignment="own"] tr td:nth-child(2)')]
    assert texts == [
        "0.4000\n0.3500–0.4500",
        "0.6000\n0.5500–0.6500\nnot separable",
        "0.3000\n(best)\n0.2500–0.3500\n−0.1000 better",
    ]
    clamped = one(page, 'tr[data-row="average"] td:nth-child(7)')
    assert clamped.text == "10.0%\n5.0%–15.0%\n+9.0%"
    assert "p 0.001" in clamped.get_attribute("title")
    seam = one(page, 'tr[data-row="poisson"] td:nth-child(6)')
    assert seam.get_attribute("class") == "best"
    for box in ("ranges", "versus"):
        one(page, f"#{box}").click()
    assert [cell.text for cell in all_of(page, 'tr[data-row="average"] td:nth-child(2)')] == ["0.6000", "0.6000"]


def test_baselines_and_references_are_marked(page):
    tags = {
        row.get_attribute("data-row"): [tag.text for tag in row.find_elements(By.CSS_SELECTOR, ".tag")]
        for row in all_of(page, 'table[data-alignment="own"] tbody tr')
    }
    assert tags == {"coarse": ["reference"], "average": ["baseline"], "poisson": []}


def best(page, key, alignment="own"):
    table = f'table[data-alignment="{alignment}"]'
    place = [heading.get_attribute("data-key") for heading in all_of(page, f"{table} thead th")].index(key) + 1
    cells = all_of(page, f"{table} tbody tr:has(> :nth-child({place}).best)")
    return [cell.get_attribute("data-row") for cell in cells]


def test_the_best_of_a_column_is_marked(page):
    expected = {"abs_rel": ["poisson"], "delta1": ["poisson"], "seam": ["poisson"], "clamped": [], "rmse": ["coarse"]}
    assert {key: best(page, key) for key in expected} == expected
    assert not one(page, "#rules").is_displayed()


def test_the_best_is_sought_among_rows_of_one_alignment_rule(browser, tmp_path):
    report = make_report(tmp_path)
    rows = [replace(row, alignment="none" if row.key == "average" else "median") for row in ROWS]
    rows[1:1] = [replace(rows[1], key="other", title="other")]
    cells = report.tables["own"] | {"other": {"abs_rel": Cell(estimate(0.7)), "rmse": Cell(estimate(2.0))}}
    open_page(browser, write_page(replace(report, rows=rows, tables={"own": cells}), tmp_path))
    assert best(browser, "abs_rel") == ["average", "poisson"]
    # Equal as written, equally good.
    assert best(browser, "rmse") == ["coarse", "other", "average"]
    assert one(browser, "#rules").is_displayed()


def test_rows_of_several_rules_that_are_fitted_alike_have_one_best(browser, tmp_path):
    report = make_report(tmp_path)
    words = {"coarse": "depth:scale", "average": "depth:affine", "poisson": "inverse_depth:affine"}
    rows = [replace(row, alignment=words.get(row.key, ""), convention=words.get(row.key, "")) for row in ROWS]
    tables = {"own": report.tables["own"], "alike": report.tables["own"]}
    open_page(browser, write_page(replace(report, rows=rows, tables=tables), tmp_path))
    assert best(browser, "abs_rel") == []
    # What is fitted in depth does not compare with what is fitted in its inverse.
    assert best(browser, "abs_rel", "alike") == ["poisson"]
    assert "Scale and shift" in one(browser, "#sheets > div:last-child p").text


def test_measures_are_chosen(page):
    def shown():
        headings = all_of(page, 'table[data-alignment="own"] th[data-key]')
        return [heading.get_attribute("data-key") for heading in headings]

    keys = [measure.key for measure in MEASURES]
    assert shown() == ["", *keys[:7], "seconds"]
    one(page, "#all").click()
    assert shown() == ["", *keys]
    one(page, "#chosen").click()
    one(page, '#measures input[value="rmse"]').click()
    assert shown() == ["", "abs_rel", *keys[2:]]
    assert one(page, "#chosen").text == "Choose measures (9 of 10)"
    one(page, "#compact").click()
    assert shown() == ["", *keys[:7], "seconds"]


def test_the_plot_puts_time_across_and_the_chosen_measure_up(page):
    def places():
        script = """return Object.fromEntries([...document.querySelectorAll('.point')].map(point => {
            const box = point.querySelector('.mark').getBoundingClientRect();
            return [point.getAttribute('aria-label').split(',')[0], [box.x + box.width / 2, box.y + box.height / 2]];
        }))"""
        return page.execute_script(script)

    coarse, average, poisson = (places()[row.title] for row in ROWS[:3])
    assert coarse[0] < average[0] < poisson[0]
    # Logarithmic: from 0.2 s to 9.5 s is far, from there to 10 s near.
    assert (average[0] - coarse[0]) / (poisson[0] - average[0]) == pytest.approx(
        np.log(9.5 / 0.2) / np.log(10 / 9.5), rel=0.01
    )
    assert poisson[1] < coarse[1] < average[1] or average[1] < coarse[1] < poisson[1]
    one(page, '#alignment option[value="coarse"]').click()
    assert set(places()) == {row.title for row in ROWS[:3]}
    one(page, '#ordinate option[value="seam"]').click()
    assert set(places()) == {row.title for row in ROWS[1:3]}


def test_a_point_tells_its_numbers(page):
    point = one(page, ".point.baseline")
    assert not one(page, ".tip").is_displayed()
    ActionChains(page).scroll_to_element(point).move_to_element(point.find_element(By.CSS_SELECTOR, ".mark")).perform()
    assert one(page, ".tip").text.split("\n") == [
        "tile average",
        "AbsRel 0.6000",
        "95 % interval 0.5500–0.6500",
        "not separable from coarse only",
        "9.5 s per image",
    ]


def test_labels_of_the_plot_lie_apart(page):
    script = "return [...document.querySelectorAll('.point text')].map(text => text.getBoundingClientRect().toJSON())"
    boxes = page.execute_script(script)
    assert len(boxes) == 3
    for index, one_box in enumerate(boxes):
        for other in boxes[index + 1 :]:
            beside = one_box["right"] <= other["left"] or other["right"] <= one_box["left"]
            assert beside or one_box["bottom"] <= other["top"] or other["bottom"] <= one_box["top"]


def test_at_first_the_reference_and_the_first_that_is_no_baseline(page):
    title = ROWS[2].title
    assert [alt for alt, _ in sources(page)] == [
        *("photo of first", "ground truth of first", "depth of coarse only", "relative error of coarse only"),
        *(f"depth of {title}", f"relative error of {title}"),
    ]


def test_rows_depths_and_errors_are_chosen(page):
    one(page, '#rows input[value="average"]').click()
    assert [alt for alt, _ in sources(page)][4:6] == ["depth of tile average", "relative error of tile average"]
    for key in ("coarse", "poisson"):
        one(page, f'#rows input[value="{key}"]').click()
    one(page, "#errors").click()
    assert [alt for alt, _ in sources(page)] == ["photo of first", "depth of tile average", "ground truth of first"]


def test_colours_of_errors_are_explained_while_there_are_some(page):
    scale = one(page, "#scale")
    assert scale.text.split() == ["0", "50%", "or", "more"]
    # From viridis' dark violet to its yellow.
    colors = one(page, "#scale i").value_of_css_property("background-image")
    assert colors.startswith("linear-gradient(to right, rgb(68, 1, 84)") and "231, 37)" in colors
    one(page, "#errors").click()
    assert not scale.is_displayed()


def test_images_are_chosen(page):
    first = sources(page)
    assert not one(page, "#previous").is_enabled()
    one(page, "#next").click()
    second = sources(page)
    assert second[0][0] == "photo of second" and one(page, "#count").text == "2 of 2"
    assert all(before[1] != after[1] for before, after in zip(first, second))
    assert not one(page, "#next").is_enabled()
    one(page, '#image option[value="0"]').click()
    assert sources(page) == first


def test_all_panes_zoom_and_move_as_one(page):
    pane = all_of(page, ".pane")[3]
    ActionChains(page).scroll_to_element(pane).perform()
    assert transform(page)[0] == 1
    ActionChains(page).scroll_from_origin(ScrollOrigin.from_element(pane, 30, 20), 0, -400).perform()
    scale, before = transform(page)
    assert scale == pytest.approx(np.exp(0.8), rel=1e-3)
    # What was under the pointer stays there.
    middle = np.array([pane.size["width"], pane.size["height"]]) / 2
    assert before == pytest.approx((middle + (30, 20)) * (1 - scale), abs=2)
    ActionChains(page).drag_and_drop_by_offset(pane, -40, -25).perform()
    assert transform(page)[1] - before == pytest.approx([-40, -25], abs=1)
    ActionChains(page).double_click(pane).perform()
    assert transform(page)[0] == 1


def test_two_fingers_zoom(page):
    def touch(kind, *places):
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    pane = all_of(page, ".pane")[2]
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", pane)
    script = "const box = arguments[0].getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]"
    x, y = page.execute_script(script, pane)
    page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
    touch("touchStart", (x - 20, y), (x + 20, y))
    for reach in (30, 40, 50, 60):
        touch("touchMove", (x - reach, y), (x + reach, y))
    touch("touchEnd")
    page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    # Touches arrive when the browser has time for them.
    WebDriverWait(page, 10).until(lambda _: transform(page)[0] == pytest.approx(3, rel=0.05))


def test_zoom_from_buttons_and_keyboard(page):
    one(page, "#in").click()
    assert transform(page)[0] == 1.5 and one(page, "#reset").text == "1.5×"
    page.execute_script("document.querySelector('#panes').focus()")
    ActionChains(page).send_keys("+", Keys.ARROW_RIGHT).perform()
    assert transform(page)[0] == pytest.approx(2.25)
    one(page, "#out").click()
    one(page, "#reset").click()
    assert transform(page)[0] == 1 and not one(page, "#out").is_enabled()


def test_pixels_are_shown_as_such_when_enlarged(page):
    rendering = "return getComputedStyle(document.querySelector('.pane img')).imageRendering"
    # Pictures of 96 pixels in panes of several hundred.
    assert page.execute_script(rendering) == "pixelated"


def test_a_phone_shows_all_without_scrolling_sideways(browser, written):
    open_page(browser, written, width=400)
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth && innerWidth === 400")
    assert one(browser, ".names").text.split("\n") == [row.title for row in ROWS[:3]]


def test_dark_where_the_reader_wants_it(page):
    background = "return getComputedStyle(document.body).backgroundColor"
    light = page.execute_script(background)
    wanted = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", wanted)
    dark = page.execute_script(background)
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    brightness = [sum(map(int, re.findall(r"\d+", colour))) for colour in (light, dark)]
    assert brightness[0] > 700 and brightness[1] < 100


def test_a_report_of_numbers_alone(browser, tmp_path):
    report = make_report(tmp_path)
    bare = replace(report, measures=MEASURES[:1], pictures=[], tables={"own": report.tables["own"]})
    open_page(browser, write_page(bare, tmp_path))
    assert [section.get_attribute("id") for section in all_of(browser, "section")] == ["tables"]
    assert column(browser, "abs_rel") == ["0.4000", "0.6000", "0.3000"]
    assert browser.get_log("browser") == []


def test_images_that_were_left_out_are_named(browser, tmp_path):
    report = replace(make_report(tmp_path), left_out={"torn": "is damaged", "flat": "has no pixel that counts"})
    open_page(browser, write_page(report, tmp_path))
    assert [block.text for block in all_of(browser, ".failed")][1:] == [
        "2 images left out\ntorn: is damaged\nflat: has no pixel that counts"
    ]


def test_images_without_ground_truth(browser, tmp_path):
    report = make_report(tmp_path)
    bare = [replace(picture, truth=None, errors={}) for picture in report.pictures]
    open_page(browser, write_page(replace(report, pictures=bare), tmp_path))
    assert [alt for alt, _ in sources(browser)] == [
        *("photo of first", "depth of coarse only", f"depth of {ROWS[2].title}"),
    ]
    assert not one(browser, "#scale").is_displayed()
    assert browser.get_log("browser") == []


def test_every_block_of_data_is_strict_json(written):
    def refuse(word):
        raise ValueError(word)

    blocks = re.findall(r'<script type="application/json" id="([\w-]+)">(.*?)</script>', written.read_text("utf-8"))
    assert [name for name, _ in blocks] == ["report", "picture-0", "picture-1"]
    data = json.loads(blocks[0][1], parse_constant=refuse)
    assert data["data"] == HOSTILE and data["options"]["limit"] is None
    assert data["tables"]["own"]["coarse"]["seam"]["mean"] is None
    assert data["records"] == []


def test_a_picture_that_is_not_there_is_named_and_leaves_no_page(tmp_path):
    report = make_report(tmp_path)
    (tmp_path / "second-poisson-depth.jpg").unlink()
    with pytest.raises(ImageError, match=r"cannot read .*second-poisson-depth\.jpg.*No such file"):
        write_page(report, tmp_path)
    assert not list(tmp_path.glob("*.html")) and not list(tmp_path.glob(".*"))
