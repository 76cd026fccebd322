"""Which residual function, at which depth: many small trainings and what they show.

A *cell* is one configuration with one seed. ``plan`` lists all cells, ``cell`` trains
and scores one (with ``data``, ``model`` and ``training``), ``schedule`` runs those that
are missing, ``results`` reads what they left, ``tables`` and ``figures`` show it in
RESULTS.md. ``python -m evidence --help`` lists the commands.
"""
