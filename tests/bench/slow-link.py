#!/usr/bin/env python3
"""slow-link.py HOST:PORT MILLISECONDS - a link to HOST:PORT on which everything arrives later.

Prints its own port. Each piece of data arrives half of MILLISECONDS after it was
sent, in both directions, in order; to open a connection takes MILLISECONDS. As in
TCP a connection starts with ten packets under way and doubles that with each round
trip, up to 4 MB.
"""
import asyncio
import sys

FIRST_WINDOW, LARGEST_WINDOW = 10 * 1460, 4 << 20


class Direction:
    """What one side of a connection sends to the other."""

    def __init__(self, reader, writer, delay):
        self.reader, self.writer, self.delay = reader, writer, delay
        self.window, self.under_way = FIRST_WINDOW, 0
        self.acknowledged = asyncio.Event()
        self.queue = asyncio.Queue()

    def acknowledge(self, length):
        self.under_way -= length
        self.window = min(self.window + length, LARGEST_WINDOW)
        self.acknowledged.set()

    async def deliver(self):
        loop = asyncio.get_running_loop()
        while True:
            due, data = await self.queue.get()
            await asyncio.sleep(max(0, due - loop.time()))
            if not data:
                break
            self.writer.write(data)
            loop.call_later(self.delay, self.acknowledge, len(data))
            await self.writer.drain()
        self.writer.close()

    async def take(self):
        loop = asyncio.get_running_loop()
        while True:
            while self.under_way >= self.window:
                self.acknowledged.clear()
                await self.acknowledged.wait()
            data = await self.reader.read(min(self.window - self.under_way, 65536))
            self.under_way += len(data)
            self.queue.put_nowait((loop.time() + self.delay, data))
            if not data:
                return

    async def carry(self):
        try:
            await asyncio.gather(self.take(), self.deliver())
        except ConnectionError:
            self.writer.close()


async def main():
    host, port = sys.argv[1].rsplit(":", 1)
    delay = float(sys.argv[2]) / 2000

    async def connected(reader, writer):
        await asyncio.sleep(2 * delay)
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(Direction(reader, far_writer, delay).carry(),
                             Direction(far_reader, writer, delay).carry())

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
