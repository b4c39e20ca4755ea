"""Sphinx's settings for the site; `tools.site.build` prepares its files."""

project = "The digit course"
html_title = project
copyright = "its authors, under the MIT licence"
extensions = ["myst_nb"]
html_theme = "furo"
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("widgets.js", {"defer": "defer"})]
html_copy_source = False
html_show_sphinx = False
html_use_index = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#00588c", "color-brand-content": "#00588c"},
    "dark_css_variables": {"color-brand-primary": "#7cc4f2", "color-brand-content": "#7cc4f2"},
}
myst_html_meta = {
    "description": "From raw pixels to a neural network that classifies handwritten digits: read, move, draw."
}
nb_execution_mode = "off"
nb_merge_streams = True
myst_heading_anchors = 4
myst_heading_slug_func = "tools.site.build.anchor"
