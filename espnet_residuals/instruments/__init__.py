"""See how signal and gradient travel through the depth of an encoder.

At the top are the commands of ``espnet-residuals``, one file each: ``list``, ``show``,
``probe`` and ``history``. Their work is done in four rooms, each of which knows only
those before it:

- ``reading``: a configuration, a checkpoint, recordings become an encoder and features;
- ``measuring``: the numbers of an encoder, before it trains;
- ``showing``: findings in words, tables, figures and files;
- ``following``: a training as it goes, and what it logged.
"""
