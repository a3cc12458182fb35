"""A jam partner: it hears a MIDI keyboard over a 12-bar blues and answers in time."""

import os

__version__ = "0.1.0"

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
"""Before anything of ours imports onnxruntime, which otherwise calls its makers and keeps a number for them."""
