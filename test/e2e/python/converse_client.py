"""converse_client.py URL: sends messages of all kinds, one of them in fragments, and a ping, wants them back, and
closes: to URL?plain without compression, then to URL?deflate with it."""

import asyncio
import sys

import websockets


async def returns(ws, message):
    """waits for an echo. Servers that do not join fragments send several."""
    echo = await ws.recv()
    while len(echo) < len(message):
        echo += await ws.recv()
    assert echo == message, "the echo is not what was sent"


async def converse(url, compression):
    async with websockets.connect(url, compression=compression) as ws:
        for message in ("grüße, 你好", b"\x00\xff\xfe\x80 no text", "", bytes(range(256)) * 64):
            await ws.send(message)
            await returns(ws, message)
        parts = ["in ", "fragments", ", 你", "好"]
        await ws.send(parts)
        await returns(ws, "".join(parts))
        await asyncio.wait_for(await ws.ping(b"there?"), 60)
        await ws.close(1000, "done")
    assert ws.close_code == 1000, ws.close_code


async def main(url):
    await converse(url + "?plain", None)
    await converse(url + "?deflate", "deflate")
    print("ok")


asyncio.run(main(sys.argv[1]))
