"""Follow a training: what passes the sublayers of an encoder, step by step.

:class:`~espnet_residuals.callbacks.LayerStats` (ESPnet3) and ``espnet2`` (ESPnet2) log
what ``watch`` measures, under the names of ``names``; ``event_files`` reads it again,
for the report and the figure of the command ``history``.
"""
