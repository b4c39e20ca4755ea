"""Lessons and widgets as a student meets them, in JupyterLab and a real browser: `make test-browser`."""
