"""What the course changes in JupyterLab itself."""

from .lesson import notebook_of


def test_closing_a_notebook_ends_its_kernel(lab, lesson, page):
    lesson.open(notebook_of("answer = 42"))
    assert len(lab.ask("api/kernels")) == 1
    lesson.save()  # or JupyterLab asks before it closes the tab
    with page.expect_response(lambda response: response.request.method == "DELETE"):
        page.locator("#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current .lm-TabBar-tabCloseIcon").click()
    assert lab.ask("api/kernels") == []
