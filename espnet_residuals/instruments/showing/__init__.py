"""Show what was measured: in words, tables and figures.

``report`` is what ``probe`` prints, with ``findings`` in words; ``catalogue`` is what
``list`` prints. Figures have the style of ``plot_style``, and ``output`` writes files.
"""
