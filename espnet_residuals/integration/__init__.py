"""How the package becomes known to ESPnet, without touching ESPnet's files."""
