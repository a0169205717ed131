"""echo_client.py URL: sends a text and a binary message, wants them back as they were, and closes."""

import asyncio
import sys

import websockets


async def main(url):
    async with websockets.connect(url) as ws:
        for message in ("grüße", bytes(range(256)) * 64):
            await ws.send(message)
            echo = await ws.recv()
            assert echo == message, "the echo is not what was sent"
    assert ws.close_code == 1000, ws.close_code
    print("ok")


asyncio.run(main(sys.argv[1]))
