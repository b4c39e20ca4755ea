"""A photo is uploaded in lesson 09, and its digits are kept for a test set of one's own."""

import nbformat
import numpy as np
from playwright.sync_api import expect

from course_utils.course import NOTEBOOKS, lesson_file
from course_utils.data import _embedded_digits
from course_utils.handwriting import prepare_drawing
from tests.robustness.photos import CONDITIONS, take_photo

from .lesson import notebook_of
from .test_pad import LOAD

IMAGES = np.array([prepare_drawing(image) for image in _embedded_digits().test_images[:12]])
IMPORTS = """
import matplotlib.pyplot as plt
from course_utils.photo import find_digits
from course_utils.plotting import ORANGE, show_figure
from course_utils.preprocessing import preprocess_images
"""


def test_a_photo_is_uploaded_and_its_digits_are_kept(lesson):
    cells = {cell.id: cell.source for cell in nbformat.read(NOTEBOOKS / lesson_file("09"), as_version=4).cells}
    start = LOAD + IMPORTS + cells["photo-boxes"]
    lesson.open(notebook_of(start, cells["photo-upload"], cells["photo-own"]))
    lesson.run_cell(0)
    lesson.run_cell(1)

    def upload(name, content):
        with lesson.page.expect_file_chooser() as chooser:
            lesson.outputs(1).get_by_role("button").click()
        chooser.value.set_files({"name": name, "mimeType": "image/jpeg", "buffer": content})
        expect(lesson.outputs(1)).to_contain_text("Upload (1)")
        lesson.run_cell(2)

    content, _ = take_photo(IMAGES.reshape(2, 6, 28, 28), CONDITIONS["12 megapixels"], 9)
    upload("IMG_0001.jpg", content)
    lesson.check()
    expect(lesson.outputs(2).get_by_role("img")).to_be_visible()
    lesson.keep_picture("photo-own", lesson.cell(2))
    assert len(lesson.evaluate("my_found.boxes and my_found.images")) == 12
    lesson.execute(cells["photo-keep"].replace("[]", "[*range(10), 0, 1]"))
    assert lesson.evaluate("load_my_digits().labels") == [*range(10), 0, 1]

    upload("page.pdf", b"%PDF-1.7")
    expect(lesson.outputs(2)).to_contain_text("Convert it to JPEG")
    lesson.keep_picture("photo-wrong", lesson.cell(2))
