"""Residual connections by name, and an S4 encoder that uses them, for ESPnet."""
