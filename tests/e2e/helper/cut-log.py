#!/usr/bin/env python3
"""What a disk may hold when the power is cut, from a log of everything written to it.

    cut-log.py LOG BASE MARKS CUTS SEED COMMAND [ARG]...

LOG is in the format of dm-log-writes (also written by QEMU's blklogwrites), BASE
the disk before the first write. MARKS has a line "BYTES" for each change that
was acknowledged: the length of LOG at that moment. CUTS moments are chosen, the
same for the same SEED; for each COMMAND is run with the path of the image of the
disk at that moment and the number of changes acknowledged before it.

A disk with a cache may lose any of the writes that came after the last flush:
every second cut loses some of them. What was written with FUA stays.
"""
import os
import random
import struct
import subprocess
import sys

FLUSH, FUA, DISCARD = 1, 2, 4
MAGIC = 0x6A736677736872


def read_log(path):
    """Yields (end offset in the log, flags, place, length, offset of the data in the log)."""
    with open(path, "rb") as log:
        magic, version, _, sector_bytes = struct.unpack("<QQQI", log.read(28))
        if magic != MAGIC or version != 1:
            sys.exit(f"{path}: not a log of writes")
        log.seek(0, os.SEEK_END)
        size = log.tell()
        position = sector_bytes
        while position + sector_bytes <= size:
            log.seek(position)
            sector, sectors, flags, _ = struct.unpack("<QQQQ", log.read(32))
            data = position + sector_bytes
            position = data + (0 if flags & DISCARD else sectors * sector_bytes)
            if position > size:
                return
            yield position, flags, sector * sector_bytes, sectors * sector_bytes, data


def apply(log, image, entry):
    """Writes one entry to the image; a discard reads as zeros afterwards."""
    _, flags, place, length, data = entry
    if flags & DISCARD:
        content = bytes(length)
    else:
        log.seek(data)
        content = log.read(length)
    image.seek(place)
    image.write(content)


def copy(source, target):
    """Holes stay holes."""
    subprocess.run(["cp", "--sparse=always", source, target], check=True)


def write_cut(log, flushed, pending, lose, path):
    """The disk as of its last flush, with what came since, or a part of that."""
    copy(flushed, path)
    with open(path, "r+b") as image:
        for entry in pending:
            if not lose or entry[1] & FUA or lose.random() < 0.5:
                apply(log, image, entry)


def main():
    log_path, base, marks_path, count, seed = sys.argv[1:6]
    command = sys.argv[6:]
    chance = random.Random(int(seed))
    entries = list(read_log(log_path))
    with open(marks_path, encoding="ascii") as file:
        marks = [int(line) for line in file]
    count = min(int(count), len(entries))
    cuts = sorted(chance.sample(range(len(entries)), count))
    print(f"{len(entries)} writes, {len(marks)} changes, {count} cuts", flush=True)
    flushed, cut = base + ".flushed", base + ".cut"
    copy(base, flushed)
    pending = []
    with open(log_path, "rb") as log, open(flushed, "r+b") as disk:
        for number, entry in enumerate(entries):
            if entry[1] & FLUSH:
                for earlier in pending:
                    apply(log, disk, earlier)
                disk.flush()
                pending = []
            pending.append(entry)
            if number in cuts:
                lose = chance if cuts.index(number) % 2 else None
                write_cut(log, flushed, pending, lose, cut)
                done = sum(mark <= entry[0] for mark in marks)
                result = subprocess.run([*command, cut, str(done)], check=False)
                if result.returncode != 0:
                    sys.exit(f"cut after write {number}, change {done}"
                             f"{', some lost' if lose else ''}: status {result.returncode}")


main()
