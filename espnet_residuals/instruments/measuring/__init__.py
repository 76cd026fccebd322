"""Measure an encoder before it trains.

``probing`` goes from a training YAML to the profiles of its encoder: ``sites`` finds
where to measure, ``measure`` takes the readings of which a ``profile`` is made, and
``quantities`` and ``frames`` are the formulas. ``closed_form`` needs no encoder.
"""
