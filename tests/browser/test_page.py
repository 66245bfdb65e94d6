"""The page with a generator, opened from a file without a network: mouse, touch and keyboard."""

import re
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from pix2pix_utils.data.pairs import signed_colors, to_signed, to_uint8
from pix2pix_utils.data.palette import CITYSCAPES
from pix2pix_utils.data.streets import draw_street
from pix2pix_utils.errors import UserError
from pix2pix_utils.export.runs import encode_runs
from pix2pix_utils.models import build_generator

SIZE = 64
PATIENCE = 120  # seconds until the network has started, or painted
HOSTILE = "train<img src=x onerror=\"document.title='run'\">"
PALETTE = replace(
    CITYSCAPES,
    classes=tuple(HOSTILE if name == "train" else name for name in CITYSCAPES.classes),
)


@pytest.fixture(scope="module")
def networks():
    """Two untrained generators with strong colours."""
    found = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        network = build_generator(
            "unet-resize", SIZE, 8, "one-hot+coordinates", signed_colors(PALETTE)
        ).eval()
        with torch.no_grad():
            for value in network.parameters():
                if value.dim() == 4:  # of a convolution
                    value.mul_(4)
        found.append(network)
    return found


@pytest.fixture(scope="module")
def page_file(chromium, networks, cache_folder, tmp_path_factory):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    from pix2pix_utils.export.onnx_format import onnx_model
    from pix2pix_utils.export.runtime import load_runtime
    from pix2pix_utils.export.web import PageModel, write_page
    from pix2pix_utils.training.experiments import configure
    from pix2pix_utils.training.trained_generator import TrainedGenerator

    path = tmp_path_factory.mktemp("page") / "page.html"
    config = configure("best-look", "smoke", settings=[f"image_size={SIZE}"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIX2PIX_CACHE", str(cache_folder))
        try:
            runtime = load_runtime()
        except UserError as error:
            pytest.skip(str(error))
        models = [
            PageModel(
                title,
                onnx_model(TrainedGenerator(network, PALETTE, config, None), half=True).content,
                PALETTE,
                SIZE,
                "no pair at all",
            )
            for title, network in zip(("one", HOSTILE), networks, strict=True)
        ]
        write_page(models, path, runtime)
    return path


class Page:
    """The page in a browser."""

    def __init__(self, page, address, ready):
        self.page = page
        self.problems = []  # errors, and requests that go anywhere
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on(
            "console",
            lambda said: self.problems.append(said.text) if said.type == "error" else None,
        )
        page.on(
            "request",
            lambda request: (
                self.problems.append(request.url)
                if request.url.split(":")[0] not in ("file", "blob")
                else None
            ),
        )
        page.on("dialog", lambda dialog: self.problems.append(dialog.message))
        page.goto(address)
        page.locator("#engine", has_text=ready).wait_for()
        self.map = page.locator(".map")
        self.status = page.locator(".street-studio .status")

    def pixels(self, selector):
        """The RGB of a canvas, (S, S, 3) uint8."""
        values = self.page.evaluate(
            """(selector) => {
                 const canvas = document.querySelector(selector);
                 const { data } = canvas.getContext("2d").getImageData(
                   0, 0, canvas.width, canvas.height);
                 return [...data];
               }""",
            selector,
        )
        return np.array(values, np.uint8).reshape(SIZE, SIZE, 4)[..., :3]

    def class_map(self):
        return PALETTE.decode(self.pixels(".map"))

    def until(self, holds):
        """Wait for something to hold; the page's policy forbids Playwright's own waiting."""
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, self.status.inner_text()
            time.sleep(0.05)

    def settled(self):
        root = self.page.locator(".street-studio")
        self.until(lambda: root.get_attribute("data-busy") != "true")

    def photo(self):
        self.settled()
        return self.pixels(".photos canvas")

    def at(self, row, column):
        """The middle of a pixel of the label map, in the page's coordinates."""
        self.map.scroll_into_view_if_needed()
        box = self.map.bounding_box()
        pixel = box["width"] / SIZE
        return box["x"] + (column + 0.5) * pixel, box["y"] + (row + 0.5) * pixel

    def choose(self, index):
        self.page.locator(f".classes label[data-class='{index}']").click()


@pytest.fixture
def open_page(chromium, page_file):
    contexts = []

    def open_it(fragment="", before="", ready="with WebAssembly", **options):
        settings = {"viewport": {"width": 1300, "height": 1000}, "offline": True} | options
        context = chromium.new_context(**settings)
        contexts.append(context)
        context.set_default_timeout(1000 * PATIENCE)
        context.add_init_script(before)
        return Page(context.new_page(), f"{page_file.as_uri()}{fragment}", ready)

    yield open_it
    for context in contexts:
        context.close()


def fragment_of(page, class_map):
    """The fragment of a link to a class map."""
    total = 0x811C9DC5
    for value in class_map.ravel().tolist():
        total = (total ^ value) * 0x01000193 % (1 << 32)
    identity = page.page.evaluate("JSON.parse(document.getElementById('page').text).identity")
    return f"#street={SIZE}.{identity}.{total:x}.{encode_runs(class_map)}"


def torch_photo(network, class_map):
    with torch.no_grad():
        return to_uint8(network(to_signed(PALETTE.encode(class_map))[None])[0])


def difference(one, other):
    """The largest difference of two pictures, in levels of 0 to 255."""
    return np.abs(one.astype(int) - other.astype(int)).max()


def test_ten_streets_are_painted_as_torch_paints_them(open_page, networks):
    page = open_page()
    for index in range(10):
        street = draw_street(index, size=SIZE)[0]
        fragment = fragment_of(page, street)
        page.page.evaluate("(fragment) => { location.hash = fragment; }", fragment)
        page.until(lambda street=street: np.array_equal(page.class_map(), street))
        photo = page.photo()
        assert difference(photo, torch_photo(networks[0], street)) <= 1
        assert photo.std() > 10
    page.page.get_by_role("group", name="Model").get_by_text("train").click()
    expected = torch_photo(networks[1], street)
    page.until(lambda: difference(page.photo(), expected) <= 1)
    assert difference(expected, photo) > 10
    assert not page.problems


def test_mouse_keyboard_undo_and_a_link(open_page, networks):
    page = open_page()
    keyboard = page.page.keyboard
    start, first_photo = page.class_map(), page.photo()
    assert difference(first_photo, torch_photo(networks[0], start)) <= 1

    train = PALETTE.index(HOSTILE)
    page.choose(train)
    page.page.mouse.move(*page.at(20, 10))
    page.page.mouse.down()
    page.page.mouse.move(*page.at(20, 40), steps=5)
    page.page.mouse.up()
    drawn = page.class_map()
    assert (drawn[20, 10:41] == train).all()
    page.until(lambda: difference(page.photo(), torch_photo(networks[0], drawn)) <= 1)
    assert page.page.locator(".under").inner_text() == f"{HOSTILE}, row 20, column 40"

    page.map.focus()
    keyboard.press("Control+z")
    np.testing.assert_array_equal(page.class_map(), start)
    page.until(lambda: difference(page.photo(), first_photo) == 0)

    keyboard.press("f")  # fill, at row 20, column 40
    keyboard.press("Space")
    filled = page.class_map()
    assert filled[20, 40] == train and (filled != start).any()
    page.until(lambda: difference(page.photo(), torch_photo(networks[0], filled)) <= 1)

    page.page.get_by_role("button", name="Share").click()
    page.settled()
    assert "The link is" in page.status.inner_text()
    link = page.page.evaluate("location.hash")
    assert link == fragment_of(page, filled)
    other = open_page(link)
    np.testing.assert_array_equal(other.class_map(), filled)
    assert difference(other.photo(), torch_photo(networks[0], filled)) <= 1
    assert not page.problems and not other.problems


def test_touch_on_a_phone(open_page, networks, finger):
    page = open_page(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.map.bounding_box()["width"] >= 240
    page.page.locator(".classes label[data-class='1']").tap()
    page.map.scroll_into_view_if_needed()
    touch = finger(page.page, page.at)
    touch("touchStart", 12, 8)
    for row in range(13, 31):
        touch("touchMove", row, 8)
    touch("touchEnd")
    page.until(lambda: (page.class_map()[12:31, 8] == 1).all())
    drawn = page.class_map()
    page.until(lambda: difference(page.photo(), torch_photo(networks[0], drawn)) <= 1)
    assert not page.problems


def test_saved_pictures_are_those_on_the_screen(open_page):
    page = open_page()
    for button, name, selector in (
        ("Save photo", "photo.png", ".photos canvas"),
        ("Save label map", "label-map.png", ".map"),
    ):
        with page.page.expect_download() as download:
            page.page.get_by_role("button", name=button).click()
        assert download.value.suggested_filename == name
        saved = np.array(Image.open(download.value.path()).convert("RGB"))
        np.testing.assert_array_equal(saved, page.pixels(selector))
    assert not page.problems


@pytest.mark.parametrize(
    ("exchange", "sentence"),
    [
        ((r"\.[\w-]+$", ".AAAA"), "is damaged"),
        (("=64", "=128"), "not 64 x 64 pixels"),
        ((r"=64\.\w+", "=64.00000000"), "other classes"),
    ],
)
def test_a_link_that_does_not_fit_is_refused(open_page, exchange, sentence):
    page = open_page()
    start = page.class_map()
    other = np.roll(start, 5)
    fragment = re.sub(*exchange, fragment_of(page, other))
    page.page.evaluate("(fragment) => { location.hash = fragment; }", fragment)
    page.until(lambda: sentence in page.status.inner_text())
    np.testing.assert_array_equal(page.class_map(), start)
    opened = open_page(fragment)
    assert sentence in opened.status.inner_text()
    np.testing.assert_array_equal(opened.class_map(), start)
    assert not page.problems and not opened.problems


def test_a_hostile_class_name_is_text(open_page):
    page = open_page()
    labels = page.page.locator(".classes label", has_text=HOSTILE)
    assert labels.count() == 1
    assert page.page.locator("img").count() == 0
    assert page.page.title() == "Paint a street"
    page.page.get_by_text("About the models").click()
    assert page.page.locator("dt", has_text=HOSTILE).is_visible()
    assert not page.problems


def test_a_browser_that_cannot_run_the_network_says_so(open_page):
    page = open_page(before="delete window.Worker;", ready="cannot run the network")
    page.choose(1)
    page.page.mouse.click(*page.at(20, 10))
    page.settled()
    assert page.class_map()[20, 10] == 1
    page.page.get_by_role("button", name="Save photo").click()
    page.until(lambda: "no photo" in page.status.inner_text())
    assert not page.problems


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1300, "light")])
def test_axe_finds_no_fault(open_page, axe, width, scheme):
    page = open_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    for summary in page.page.locator("summary").all():
        summary.click()
    page.page.evaluate(axe)
    found = page.page.evaluate("() => axe.run()")
    assert found["passes"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
