import improv as improv  # before whatever may import onnxruntime: see there
