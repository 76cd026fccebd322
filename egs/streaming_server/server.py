"""Speech to text for many browsers at once: a page, and a websocket for each.

A client of ``/stream`` gets ``{"rate": 16000}``, sends raw samples (one channel,
signed, 16 bits, little-endian, so many a second) in messages of any size, and any text
at the end. It gets the text of the line so far whenever more has been read::

    {"settled": "what stays ", "open": "what may change", "ends": false}

``ends`` says that the line is complete: after a pause, or with the end of the stream,
behind which the server closes the websocket.
"""

import argparse
import asyncio
import logging
from pathlib import Path
from typing import Any, AsyncIterator

import numpy as np
import torch
from aiohttp import WSMsgType, web

from espnet_residuals.inference import Speech2TextStreaming
from espnet_residuals.streaming.many_streams import ManyStreams, Stream

logger = logging.getLogger(__name__)

PAGE = Path(__file__).with_name("page.html")
# Seconds that a client may send ahead of what has been read.
MOST_AHEAD = 10.0


class Server:
    """Read what all clients say, on the thread that runs the event loop.

    Args:
        speech2text (Speech2TextStreaming): What reads.
        chunk (float): Seconds that are read at a time.
        pause (float): Seconds without a word that end a line.
    """

    def __init__(
        self, speech2text: Speech2TextStreaming, chunk: float = 0.32, pause: float = 2.0
    ) -> None:
        self._streams = ManyStreams(speech2text, chunk)
        self._rate = speech2text.acoustic_model.sampling_rate
        self._pause = pause
        self._texts: dict[Stream, asyncio.Queue[dict[str, Any]]] = {}
        self._news = asyncio.Event()

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_get("/stream", self._listen)
        app.cleanup_ctx.append(self._reading)
        return app

    async def _page(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(PAGE)

    async def _listen(self, request: web.Request) -> web.WebSocketResponse:
        """Take the samples of one client."""
        socket = web.WebSocketResponse(heartbeat=20)
        await socket.prepare(request)
        await socket.send_json({"rate": self._rate})
        stream = self._streams.begin()
        self._texts[stream] = asyncio.Queue()
        sending = asyncio.create_task(self._send(socket, stream))
        try:
            async for message in socket:
                if message.type != WSMsgType.BINARY:
                    stream.end()
                    self._news.set()
                    await sending
                    break
                samples = np.frombuffer(message.data, "<i2")
                stream.push(samples.astype(np.float32) / 32768)
                self._news.set()
                while stream.n_waiting > MOST_AHEAD * self._rate:
                    await asyncio.sleep(0.1)
        finally:
            sending.cancel()
            self._streams.drop(stream)
            del self._texts[stream]
        return socket

    async def _send(self, socket: web.WebSocketResponse, stream: Stream) -> None:
        """Send the texts of one client until its stream is over."""
        texts = self._texts[stream]
        while not (stream.is_over and texts.empty()):
            await socket.send_json(await texts.get())

    async def _reading(self, app: web.Application) -> AsyncIterator[None]:
        reading = asyncio.create_task(self._read())
        reading.add_done_callback(stop_if_failed)
        yield
        reading.cancel()

    async def _read(self) -> None:
        """Read a chunk of every client that has sent one, again and again."""
        while True:
            self._news.clear()
            streams = self._streams.run()
            for stream in streams:
                self._texts[stream].put_nowait(self._text(stream))
            if streams:
                await asyncio.sleep(0)
            else:
                await self._news.wait()

    def _text(self, stream: Stream) -> dict[str, Any]:
        text, settled = stream.results[0].text or "", stream.settled_text or ""
        ends = stream.is_over or stream.pause >= self._pause
        if ends:
            stream.new_segment()
            settled = text
        return {"settled": settled, "open": text[len(settled) :], "ends": ends}


def stop_if_failed(reading: asyncio.Task[None]) -> None:
    """Stop the server if nobody is read any more, rather than let all clients wait."""
    error = None if reading.cancelled() else reading.exception()
    if error is not None:
        logger.error("reading has failed", exc_info=error)
        raise web.GracefulExit


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="folder of an experiment, packed model or tag")
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--beam", type=int, default=1, help="texts that are kept")
    parser.add_argument(
        "--chunk", type=float, default=0.32, help="seconds that are read at a time"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        speech2text = Speech2TextStreaming.from_pretrained(
            arguments.model, beam_size=arguments.beam
        )
    except Exception as error:  # of ESPnet, espnet_model_zoo, torch
        parser.error(f"cannot load the model {arguments.model}: {error}")
    server = Server(speech2text, arguments.chunk)
    web.run_app(server.app(), host=arguments.host, port=arguments.port)


if __name__ == "__main__":
    main()
