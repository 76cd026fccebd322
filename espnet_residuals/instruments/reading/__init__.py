"""Read what a user gives: a training YAML, a checkpoint, recordings.

``yaml_file`` reads one file, ``defaults`` those that it builds on, ``training_yaml``
what they say of the encoder. ``encoder`` builds it, ``checkpoint`` gives it weights,
and ``features`` makes the batch that it is given.
"""
