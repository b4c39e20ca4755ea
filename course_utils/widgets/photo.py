"""The button of lesson 09 that uploads a photo."""

from __future__ import annotations

from ipywidgets import Box, FileUpload

from course_utils.widgets.display import display_widget


def upload_photo() -> FileUpload:
    """Display a button that uploads a photo, and return it for `course_utils.photo.read_photo`."""
    upload = FileUpload(accept="image/*")
    # By this class `display_widget` tells that it is there; without a kernel ipywidgets alone shows an error.
    frame = Box([upload]).add_class("course-widget")
    display_widget(frame, "A button to upload a photo (interactive in JupyterLab).")
    return upload
