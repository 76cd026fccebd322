"""What encoders, layers and state-space models build on: dropout, padding, activations.

Nothing in here knows a residual function, a layer or an encoder.
"""
