"""The button of lesson 09 that uploads a photo."""

from __future__ import annotations

from ipywidgets import Box, FileUpload

from course_utils.widgets.display import display_widget


def upload_photo() -> FileUpload:
    """Display a button that uploads a photo, and return it for `course_utils.photo.read_photo`."""
    upload = FileUpload(accept="image/*")
    # The style in `display_widget` sees the button by this class. Without a kernel, ipywidgets would show an error.
    frame = Box([upload]).add_class("course-widget")
    display_widget(frame, "A button to upload a photo (interactive in JupyterLab).")
    return upload
