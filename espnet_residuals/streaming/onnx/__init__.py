"""A model that streams as one ONNX graph of fixed shapes."""
