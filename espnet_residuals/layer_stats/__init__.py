"""What passes the sublayers of an encoder, and what it is called in event files.

The command ``probe`` measures an encoder once, :class:`~espnet_residuals.callbacks.\
LayerStats` and :mod:`espnet_residuals.bin.asr_train` while it trains; both take their
measures from here.
"""
