"""A process that builds encoders and runs them, with its time and memory measured."""

import multiprocessing
import re
import resource
import time
import traceback
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, Optional

import torch
from espnet2.asr.ctc import CTC
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import (
    TooShortUttError,
)

from espnet_residuals import S4Encoder
from espnet_residuals.config import ConfigError
from tests.fuzz.configurations import Case

GIB = 2**30
# What protects the computer, in address space; the test allows less.
MOST_MEMORY = 4 * GIB
PATIENCE = 60  # seconds


class Outcome(NamedTuple):
    """What came of a case.

    Attributes:
        said (str): Nothing if it ran or was refused; else what went wrong.
        key (Optional[str]): The key path of a ConfigError.
        seconds (float): Time of the processor.
        memory (float): Growth of the process at its peak, in GiB.
    """

    said: str
    key: Optional[str]
    seconds: float
    memory: float


class Worker:
    """The process; it is started again where it does not answer."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        assert self._connection.recv() == "ready"

    def run(self, case: Case) -> Outcome:
        """Build the encoder of a case and train it on the batch."""
        self._connection.send(case)
        said = f"no answer within {PATIENCE} s"
        try:
            if self._connection.poll(PATIENCE):
                outcome: Outcome = self._connection.recv()
                return outcome
        except EOFError:
            said = "the process died"
        self.close()
        self._start()
        return Outcome(said, None, PATIENCE, 0.0)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def _serve(connection: Connection) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    limit = _status("VmSize") + MOST_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    connection.send("ready")
    while True:
        connection.send(_measured(connection.recv()))


def _measured(case: Case) -> Outcome:
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, start = _status("VmRSS"), time.process_time()
    said, key = "", None
    try:
        said = _train(case)
    except ConfigError as error:
        key = error.key
    except TooShortUttError:
        pass
    except BaseException:
        said = traceback.format_exc(limit=-4)
    seconds = time.process_time() - start
    return Outcome(said, key, seconds, (_status("VmHWM") - before) / GIB)


def _status(entry: str) -> int:
    """Return an entry of the process' status, in bytes."""
    found = re.search(rf"{entry}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def _train(case: Case) -> str:
    """Run forward and backward; return what is not finite."""
    torch.manual_seed(0)
    encoder = S4Encoder(case.input_size, **case.encoder_conf)
    ctc = _condition(encoder)
    ys, olens, _ = encoder(*_batch(encoder, case), ctc=ctc)
    outputs = [ys] if isinstance(ys, torch.Tensor) else [ys[0], *(y for _, y in ys[1])]
    sum((y * torch.randn_like(y)).sum() for y in outputs).backward()
    tensors: dict[str, Any] = {f"output {i}": y for i, y in enumerate(outputs)}
    for name, parameter in encoder.named_parameters():
        if parameter.grad is not None:
            tensors[f"gradient of {name}"] = parameter.grad
    broken = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    return f"not finite: {', '.join(broken)}" if broken else ""


def _condition(encoder: S4Encoder) -> Optional[CTC]:
    """Do what ESPnet's model does for self-conditioning."""
    if not encoder.interctc_use_conditioning:
        return None
    encoder.conditioning_layer = torch.nn.Linear(5, encoder.output_size())
    return CTC(odim=5, encoder_output_size=encoder.output_size())


def _batch(encoder: S4Encoder, case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    lengths = torch.tensor(case.lengths)
    shape = len(lengths), max(case.lengths) + case.padding
    if encoder.embed.reads_symbols:
        return torch.randint(case.input_size, shape), lengths
    x = torch.randn(*shape, case.input_size)
    for row, length in zip(x, case.lengths):
        row[length:] = case.fill
    return x, lengths
