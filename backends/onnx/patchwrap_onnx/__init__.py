"""Any depth model that was exported to ONNX, as a patchwrap backend."""
