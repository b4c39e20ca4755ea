"""Interactive widgets: explorers, the training view and the drawing pad; each is imported when it is first used."""

from __future__ import annotations

from importlib import import_module

_MODULES = {
    "drawing_pad": "pad",
    "explore_confusion": "confusion",
    "explore_digits": "digits",
    "explore_gradient_descent": "gradient_descent",
    "explore_kernel": "kernel",
    "explore_one_hot": "one_hot",
    "explore_parameters": "parameters",
    "explore_preprocessing": "preprocessing",
    "show_training_progress": "training",
    "upload_photo": "photo",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
