"""What the lessons of the digit course import: one module for each step that the data takes.

``data → preprocessing → model → training → evaluation → plotting → widgets``; a module imports only modules to its
left. Importing this package imports none of them, and no TensorFlow.
"""

import os

# TensorFlow and Keras read these when they are first imported; a lesson imports this package before them.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# On processors with VNNI TensorFlow 2.21 switches to operations of oneDNN and says so on stderr, at any log level.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
# The memory allocator of oneDNN, which TensorFlow uses on CPUs, never returns memory: 200 MB more in lesson 06.
os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")
