"""Speed and memory beside ESPnet: ``python -m benchmarks``; see the README here."""
