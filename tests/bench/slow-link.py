#!/usr/bin/env python3
"""slow-link.py HOST:PORT MILLISECONDS - a link to HOST:PORT on which everything arrives later.

Prints its own port. Each piece of data arrives half of MILLISECONDS after it was
sent, in both directions, in order, and so does the opening of a connection: a
request and its answer take MILLISECONDS more than without it. How much is under
way at once is not limited.
"""
import asyncio
import sys


async def carry(reader, writer, delay):
    queue = asyncio.Queue()
    loop = asyncio.get_running_loop()

    async def deliver():
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0, due - loop.time()))
            if not data:
                break
            writer.write(data)
            await writer.drain()
        writer.close()

    task = asyncio.create_task(deliver())
    try:
        while data := await reader.read(65536):
            queue.put_nowait((loop.time() + delay, data))
    except ConnectionError:
        pass
    queue.put_nowait((loop.time() + delay, b""))
    try:
        await task
    except ConnectionError:
        pass


async def main():
    host, port = sys.argv[1].rsplit(":", 1)
    delay = float(sys.argv[2]) / 2000

    async def connected(reader, writer):
        await asyncio.sleep(2 * delay)  # the handshake that a real link would have taken
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(carry(reader, far_writer, delay), carry(far_reader, writer, delay))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
