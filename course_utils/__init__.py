"""What the lessons of the digit course import: one module per step of the way, in the order data takes.

``data → preprocessing → model → training → evaluation → plotting``; a module imports only rooms before its own.
Importing this package loads none of them, and no TensorFlow.
"""

import os

# TensorFlow reads these once, when it is first imported, and the first import of a lesson is this package.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
