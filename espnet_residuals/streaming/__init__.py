"""From samples to words, as they come.

The way of a stream, one file each: :mod:`~espnet_residuals.streaming.windows` cuts
samples into the windows of an STFT, :mod:`~espnet_residuals.streaming.frontend` makes
features of them, :mod:`~espnet_residuals.streaming.acoustic_model` CTC posteriors, and
:mod:`~espnet_residuals.streaming.greedy` or
:mod:`~espnet_residuals.streaming.prefix_beam` tokens.
:class:`espnet_residuals.inference.Speech2TextStreaming` is all of it in one object, and
:class:`~espnet_residuals.streaming.many_streams.ManyStreams` reads many users at once.
"""
