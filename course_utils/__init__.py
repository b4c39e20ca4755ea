"""What the lessons of the digit course import: one module per step of the way, in the order data takes.

``data → preprocessing → model → training → evaluation → plotting → widgets``; a module imports only rooms before its
own. Importing this package loads none of them, and no TensorFlow.
"""

import os

from course_utils import tensorflow_import

# Read once, when TensorFlow and Keras are first imported; a lesson imports this package before them.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# The allocator that TensorFlow's CPU kernels have of their own never gives memory back: 200 MB more in lesson 05.
os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")
tensorflow_import.install()
