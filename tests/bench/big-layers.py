#!/usr/bin/env python3
"""big-layers.py FOLDER - writes six layer tars, about 707 MB, 460 MiB once packed with gzip.

Deterministic: the same bytes on every machine. A mix as in real images: many
small text files, libraries of some hundred kilobytes, a few large binaries.
"""
import io
import os
import random
import sys
import tarfile

# MB of each layer: a base, a runtime, packages, an application.
LAYERS_MB = (73, 30, 137, 22, 283, 146)
# (share of the bytes, smallest, largest file)
KINDS = ((0.14, 200, 9_000), (0.34, 20_000, 900_000), (0.52, 2_000_000, 24_000_000))
# How much of a file does not compress; chosen so that the sum packs to 460 MiB.
NOISE = {0: 0.12, 1: 0.44, 2: 0.54}


def words(source):
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ["".join(source.choices(letters, k=source.randint(2, 11))) for _ in range(4000)]


def text(source, vocabulary, size):
    block = " ".join(source.choices(vocabulary, k=min(size // 6 + 1, 20_000))).encode()
    return (block * (size // len(block) + 1))[:size]


def content(source, vocabulary, kind, size):
    noise = int(size * NOISE[kind])
    return source.randbytes(noise) + text(source, vocabulary, size - noise)


def add(tar, name, data, mode):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = mode
    info.mtime = 1700000000
    tar.addfile(info, io.BytesIO(data))


def add_folder(tar, name):
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE
    info.mode = 0o755
    info.mtime = 1700000000
    tar.addfile(info)


def write_layer(path, number, size):
    source = random.Random(number)
    vocabulary = words(source)
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        add_folder(tar, f"layer{number}")
        for kind, (share, smallest, largest) in enumerate(KINDS):
            left, count = int(size * share), 0
            while left > 0:
                if count % 50 == 0:
                    folder = f"layer{number}/kind{kind}/{count // 50:04d}"
                    add_folder(tar, folder)
                length = min(source.randint(smallest, largest), left)
                add(tar, f"{folder}/file{count}", content(source, vocabulary, kind, length),
                    0o755 if kind else 0o644)
                left -= length
                count += 1


def main():
    for number, size in enumerate(LAYERS_MB, 1):
        write_layer(os.path.join(sys.argv[1], f"big{number}.tar"), number, size * 1_000_000)


if __name__ == "__main__":
    main()
