#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Say of each named process when and how it ends. Usage: watch.py NAME...

A name is a file: asyncio waits for it as for a pipe, without a thread.
"""
import asyncio
import sys


async def record_of(name):
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), open(name, "rb", buffering=0))
    record = await reader.read()
    transport.close()
    return record.decode().splitlines()


async def watch(name):
    outcome, *facts = await record_of(name)
    usage = dict(fact.split() for fact in facts)
    print(f"{name}: {outcome} after {usage['utime_usec']} us of user time", flush=True)


async def main():
    await asyncio.gather(*(watch(name) for name in sys.argv[1:]))


asyncio.run(main())
