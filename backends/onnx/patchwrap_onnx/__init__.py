"""Any depth model that somebody exported to ONNX, as a patchwrap backend."""
