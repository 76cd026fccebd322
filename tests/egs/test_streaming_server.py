"""The server reads for many clients what each would read alone."""

import asyncio
import shutil
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, AsyncIterator

import numpy as np
import pytest
import soundfile

from espnet_residuals.inference import Speech2TextStreaming
from espnet_residuals.streaming.many_streams import ManyStreams
from tests.streaming.models import build_model

aiohttp: Any = pytest.importorskip("aiohttp", reason="the extra `server` is missing")
from aiohttp.test_utils import TestServer  # noqa: E402
from aiohttp.web import GracefulExit  # noqa: E402

from egs.streaming_server.server import Server  # noqa: E402

RATE, CHROMIUM = 8_000, shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def speech2text() -> Speech2TextStreaming:
    model, args = build_model()
    return Speech2TextStreaming(asr_model=model, asr_train_args=args, dtype="float64")


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[Any]:
    async with TestServer(server.app(), host="127.0.0.1") as started:
        yield started


def recording(seed: int, seconds: float) -> Any:
    noise = np.random.default_rng(seed).standard_normal(int(seconds * RATE))
    return (noise * 4_000).clip(-32_768, 32_767).astype("<i2")


async def dictate(url: Any, samples: Any, size: int) -> list[dict[str, Any]]:
    """Send a recording in pieces; return what comes back."""
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        assert await socket.receive_json() == {"rate": RATE}
        for start in range(0, len(samples), size):
            await socket.send_bytes(samples[start : start + size].tobytes())
            await asyncio.sleep(0.001)
        await socket.send_str("end")
        return [message.json() async for message in socket]


def text_of(messages: list[dict[str, Any]]) -> str:
    assert messages[-1]["ends"]
    return "".join(message["settled"] for message in messages if message["ends"])


def test_two_clients_at_once_get_the_texts_that_each_gets_alone(
    speech2text: Speech2TextStreaming,
) -> None:
    samples = recording(0, 3.0), recording(1, 2.1)

    async def both() -> Any:
        async with running(Server(speech2text)) as server:
            url = server.make_url("/stream")
            return await asyncio.gather(
                dictate(url, samples[0], 700), dictate(url, samples[1], 2_000)
            )

    for messages, each in zip(asyncio.run(both()), samples):
        (alone,) = speech2text(each.astype(np.float32) / 32_768)
        assert alone.text and text_of(messages) == alone.text
        assert len(messages) > 5


def test_client_who_leaves_without_an_end_stops_nobody(
    speech2text: Speech2TextStreaming,
) -> None:
    samples = recording(0, 1.0)

    async def dictate_after_another_has_left() -> list[dict[str, Any]]:
        async with running(Server(speech2text)) as server:
            url = server.make_url("/stream")
            async with aiohttp.ClientSession() as session:
                async with session.ws_connect(url) as socket:
                    await socket.send_bytes(samples.tobytes())
                async with session.ws_connect(url) as socket:
                    await socket.send_bytes(b"odd")
            return await dictate(url, samples, 500)

    (alone,) = speech2text(samples.astype(np.float32) / 32_768)
    assert text_of(asyncio.run(dictate_after_another_has_left())) == alone.text


def test_server_stops_when_reading_has_failed(
    speech2text: Speech2TextStreaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(streams: ManyStreams) -> None:
        raise RuntimeError("no memory")

    async def run() -> None:
        async with running(Server(speech2text)):
            await asyncio.sleep(1)

    monkeypatch.setattr(ManyStreams, "run", fail)
    with pytest.raises(GracefulExit):
        asyncio.run(run())


def test_line_ends_after_a_pause() -> None:
    model, args = build_model()
    speech2text = Speech2TextStreaming(asr_model=model, asr_train_args=args)

    async def with_no_patience() -> list[dict[str, Any]]:
        async with running(Server(speech2text, pause=0.0)) as server:
            return await dictate(server.make_url("/stream"), recording(0, 2.0), 500)

    messages = asyncio.run(with_no_patience())
    assert all(message["ends"] for message in messages)
    (alone,) = speech2text(recording(0, 2.0).astype(np.float32) / 32_768)
    assert text_of(messages) == alone.text


@pytest.mark.long
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the PATH")
def test_page_sends_what_the_microphone_hears_and_shows_what_is_read(
    speech2text: Speech2TextStreaming, tmp_path: Path
) -> None:
    playwright = pytest.importorskip(
        "playwright.async_api", reason="playwright is not installed"
    )
    wav = tmp_path / "speech.wav"
    soundfile.write(wav, recording(0, 3.0), RATE)
    sent: list[Any] = []

    def listen(socket: Any) -> None:
        socket.on("framesent", lambda message: sent.append(message))

    async def speak() -> str:
        async with (
            running(Server(speech2text)) as server,
            playwright.async_playwright() as driver,
        ):
            browser = await driver.chromium.launch(
                executable_path=CHROMIUM,
                args=[
                    "--no-sandbox",
                    "--use-fake-ui-for-media-stream",
                    "--use-fake-device-for-media-stream",
                    f"--use-file-for-fake-audio-capture={wav}",
                ],
            )
            page = await browser.new_page()
            page.on("websocket", listen)
            await page.goto(str(server.make_url("/")))
            await page.get_by_role("button", name="Start").click()
            heard = page.locator("#text p span").first
            await playwright.expect(heard).not_to_be_empty(timeout=30_000)
            await page.get_by_role("button", name="Stop").click()
            start = page.get_by_role("button", name="Start")
            await playwright.expect(start).to_be_visible()
            text = await page.locator("#text").text_content()
            await browser.close()
            return str(text).strip()

    shown = asyncio.run(speak())
    assert sent.pop() == "end"
    samples = np.frombuffer(b"".join(sent), "<i2").astype(np.float32) / 32_768
    assert samples.std() > 0.01
    assert shown == speech2text(samples)[0].text
