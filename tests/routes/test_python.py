"""A program that imports ESPnet alone decodes with our encoder."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.routes.conftest import Routes
from tests.routes.page import block

HEADINGS = ("From files", "From a packed model", "From a web address")


@pytest.fixture()
def address(packed: Path) -> Iterator[str]:
    """Serve the packed model on this machine."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=packed.parent)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{packed.name}"
        server.shutdown()


@pytest.mark.long
def test_every_way_to_open_a_model_decodes_the_recording(
    routes: Routes, address: str
) -> None:
    blocks = [block(heading, "python") for heading in HEADINGS]
    program = routes.folder / "decode.py"
    program.write_text("\n".join([f"address = {address!r}", *blocks]))
    printed = routes.environment.run(
        "python decode.py 2>messages", routes.folder, no_proxy="127.0.0.1"
    )
    right = "ELEVEN SEVENTEEN FIFTY ONE"
    assert printed.splitlines() == [right, f"['{right}', 'GO']", right, right]
