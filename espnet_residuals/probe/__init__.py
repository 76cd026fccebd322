"""See how signal and gradient travel through the depth of an encoder.

``espnet-residuals`` is the command line of this package. One file reads the YAML, one
builds the encoder, one measures it, one says in plain words what that means, and one
each writes the table, the JSON and the figure.
"""
