"""What the course changes in JupyterLab itself."""

from .lesson import notebook_of


def test_closing_a_notebook_ends_its_kernel(lab, lesson, page):
    lesson.open(notebook_of("answer = 42"))
    assert len(lab.ask("api/kernels")) == 1
    page.locator("#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current .lm-TabBar-tabCloseIcon").click()
    kernels = f"(await (await fetch('{lab.address}/api/kernels?token={lab.token}')).json())"
    page.wait_for_function(f"async () => {kernels}.length === 0")
