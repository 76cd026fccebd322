"""Which encoder reads speakers whom nobody heard, and what its state space adds.

A *cell* is one configuration with one seed and one fold of test speakers. ``plan``
lists all cells, ``run_cell`` trains and scores one, ``schedule`` runs the missing ones,
``rates`` chooses the learning rates that the plan goes on with, ``pairs`` compares the
errors by speaker, ``tables`` and ``figures`` show them in RESULTS.md.
``python -m evidence --help`` lists the commands.
"""
