"""One file per measurement; each states its targets beside what it measures."""

from benchmarks.measurement import Measurement
from benchmarks.measurements.decay import Decay
from benchmarks.measurements.encoders import Encoders
from benchmarks.measurements.floor import Floor
from benchmarks.measurements.frames import Frames
from benchmarks.measurements.imports import Imports
from benchmarks.measurements.kernel import Kernel
from benchmarks.measurements.layer_stats import LayerStats
from benchmarks.measurements.layers import Layers
from benchmarks.measurements.stack import Stack
from benchmarks.measurements.streaming import Streaming
from benchmarks.measurements.sublayers import Sublayers
from benchmarks.measurements.users import Users

FULL: dict[str, Measurement] = {
    "kernel": Kernel(),
    "stack": Stack(),
    "encoders": Encoders(),
    "layers": Layers(),
    "sublayers": Sublayers(),
    "frames": Frames(),
    "floor": Floor(),
    "decay": Decay(),
    "streaming": Streaming(),
    "users": Users(),
    "layer_stats": LayerStats(),
    "imports": Imports(),
}

# The same at sizes that take seconds: to see that everything runs, not for figures.
QUICK: dict[str, Measurement] = {
    "kernel": Kernel(lengths=(100,), d_model=32),
    "stack": Stack(lengths=(50,), num_blocks=1, d_model=32),
    "encoders": Encoders(cases=((50, 1),)),
    "layers": Layers(lengths=(50,), batch=1),
    "sublayers": Sublayers(lengths=(50,), batch=1),
    "frames": Frames(short=50, long=100),
    "floor": Floor(cases=((50, 1),)),
    "decay": Decay(shape=(2, 50, 32)),
    "streaming": Streaming(chunks=(64,), minute=2, hour=4),
    "users": Users(counts=(2,), chunks=(0.32,)),
    "layer_stats": LayerStats(widths=(16,), num_blocks=1, length=50),
    "imports": Imports(rounds=1),
}
