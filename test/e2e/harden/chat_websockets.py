import asyncio
import sys

from websockets.legacy.server import serve

@{recipe "websockets"}@

async def echo(connection):
    async for message in connection:
        await connection.send(message)

async def main():
    async with serve(echo, "127.0.0.1", int(sys.argv[1]), process_request=@{if guarded}@strict@{else}@None@{end}@):
        await asyncio.Future()

asyncio.run(main())
