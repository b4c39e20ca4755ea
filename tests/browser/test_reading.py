"""Navigation and the messages of checks, as a student sees them on a computer and on a phone."""

from playwright.sync_api import expect

from course_utils.course import lesson_file
from tools.editions import read_lessons, student_notebook

START, CHECK = "exercise-count-white-pixels-start", "exercise-count-white-pixels-check"


def test_checks_are_boxes_that_fit_and_progress_leads_to_other_lessons(lesson):
    lesson.open(student_notebook(read_lessons()[lesson_file("02")]))
    lesson.run_all()
    expect(lesson.outputs("load").first).to_contain_text("⚠ This is not MNIST")
    expect(lesson.outputs(CHECK)).to_contain_text("○ Not attempted yet: 02.1")
    for answer, words in (
        ("(train_vectors == 0).sum()", "✗ Wrong: 02.1"),
        ("(train_vectors.max(axis=0) == 0).sum()", "✓ Right: 02.1"),
        ("(train_vectors == 0", "The cell above did not run to the end (SyntaxError), so num_white_pixels may"),
    ):
        lesson.write(START, f"num_white_pixels = {answer}")
        lesson.run_cell(START)
        lesson.run_cell(CHECK)
        expect(lesson.outputs(CHECK)).to_contain_text(words)
    lesson.page.keyboard.press("ControlOrMeta+b")  # the file browser makes way, as on a phone
    for width in (1400, 1024, 390):
        lesson.page.set_viewport_size({"width": width, "height": 844})
        for cell in ("load", CHECK, "progress"):
            assert lesson.outputs(cell).first.evaluate("node => node.scrollWidth <= node.clientWidth"), (width, cell)
    lesson.page.set_viewport_size({"width": 1280, "height": 900})
    lesson.page.keyboard.press("ControlOrMeta+b")
    lesson.run_cell("progress")
    expect(lesson.outputs("progress")).to_contain_text("02 (1 of 2)")
    lesson.outputs("progress").get_by_role("link", name="03").click()
    expect(lesson.page.locator("#jp-main-dock-panel .lm-mod-current")).to_contain_text(lesson_file("03"))


def test_a_long_lesson_leads_to_its_sections_and_neighbours(lesson):
    lesson.open("04")
    for name in ("Where do 535,818 parameters come from?", "Softmax: from sums to probabilities"):
        lesson.cell("title").get_by_role("link", name=name).click()
        expect(lesson.page.get_by_role("heading", name=name, exact=True)).to_be_in_viewport()
    lesson.cell("navigation").get_by_role("link", name="05 See how it learns →").click()
    expect(lesson.page.locator("#jp-main-dock-panel .lm-mod-current")).to_contain_text(lesson_file("05"))
