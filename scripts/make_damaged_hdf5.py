#!/usr/bin/env python3
"""HDF5 files that are small, and ask for more than any machine has: tests/damaged/mat_hdf5.

Needs h5py 3. Each is a file of h5py in which bytes were changed; the fuzzer does not find these by itself.
"""
import struct
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np


def written(fill, **options):
    """Bytes of a new file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.h5"
        with h5py.File(path, "w", **options) as file:
            fill(file)
        return bytearray(path.read_bytes())


def lookup3(data):
    """Bob Jenkins' checksum, as HDF5 puts it behind its newer headers."""
    mask = 0xFFFFFFFF

    def rot(x, k):
        return ((x << k) | (x >> (32 - k))) & mask

    a = b = c = (0xDEADBEEF + len(data)) & mask
    data = bytes(data)
    while len(data) > 12:
        x, y, z = struct.unpack("<III", data[:12])
        a, b, c = (a + x) & mask, (b + y) & mask, (c + z) & mask
        a = ((a - c) & mask) ^ rot(c, 4); c = (c + b) & mask
        b = ((b - a) & mask) ^ rot(a, 6); a = (a + c) & mask
        c = ((c - b) & mask) ^ rot(b, 8); b = (b + a) & mask
        a = ((a - c) & mask) ^ rot(c, 16); c = (c + b) & mask
        b = ((b - a) & mask) ^ rot(a, 19); a = (a + c) & mask
        c = ((c - b) & mask) ^ rot(b, 4); b = (b + a) & mask
        data = data[12:]
    if data:
        x, y, z = struct.unpack("<III", data.ljust(12, b"\0"))
        a, b, c = (a + x) & mask, (b + y) & mask, (c + z) & mask
        c = ((c ^ b) - rot(b, 14)) & mask
        a = ((a ^ c) - rot(c, 11)) & mask
        b = ((b ^ a) - rot(a, 25)) & mask
        c = ((c ^ b) - rot(b, 16)) & mask
        a = ((a ^ c) - rot(c, 4)) & mask
        b = ((b ^ a) - rot(a, 14)) & mask
        c = ((c ^ b) - rot(b, 24)) & mask
    return c


def types_in_types():
    """An array of lists of lists of …, 7,000 deep."""
    fields = np.dtype([(f"f{i:04d}", "<f8") for i in range(1000)])
    file = written(lambda f: f.create_dataset("feat", shape=(1,), dtype=fields))
    start = file.index(b"f0000\0") - 8
    (length,) = struct.unpack_from("<H", file, start - 6)
    levels = (length - 16) // 8
    assert struct.unpack_from("<H", file, start - 8) == (3,) and levels > 6000, (length, levels)
    nested = struct.pack("<BBBBI", 0x19, 0, 0, 0, 16) * levels + struct.pack("<BBBBIHH", 0x10, 8, 0, 0, 4, 0, 32)
    file[start:start + len(nested)] = nested
    return file


def headers_in_headers():
    """A header whose 31 pieces name the next one ten times each."""
    file = written(lambda f: f.create_dataset("feat", data=np.ones(3)))
    begin = len(file)
    piece = 10 * 24
    message = struct.pack("<HHBBBB", 0x10, 16, 0, 0, 0, 0)
    for level in range(31):
        head = struct.pack("<BBHIII", 1, 0, 10, 1, piece, 0) if level == 0 else b""
        after = begin + 16 + (level + 1) * piece
        file += head + (message + struct.pack("<QQ", after, piece)) * 10
    file += bytes(piece)
    struct.pack_into("<Q", file, 64, begin)
    struct.pack_into("<Q", file, 40, len(file))
    return file


def chunks_without_a_list():
    """A terabyte of chunks of a byte, of which the file need not say where they are."""
    def fill(file):
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_chunk((1,))
        layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        space = h5py.h5s.create_simple((7,))
        h5py.h5d.create(file.id, b"feat", h5py.h5t.STD_U8LE, space, dcpl=layout)

    file = written(fill, libver=("v110", "v110"))
    # A shape of one axis, and the same as its limit.
    was, now = struct.pack("<BBBBQQ", 2, 1, 1, 1, 7, 7), struct.pack("<BBBBQQ", 2, 1, 1, 1, 1 << 40, 1 << 40)
    if was not in file:
        was, now = struct.pack("<BBBBQ", 2, 1, 0, 1, 7), struct.pack("<BBBBQ", 2, 1, 0, 1, 1 << 40)
    place = file.index(was)
    file[place:place + len(was)] = now
    start = file.rindex(b"OHDR", 0, place)
    flags = file[start + 5]
    size_at = start + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    size = int.from_bytes(file[size_at:size_at + width], "little")
    end = size_at + width + size
    struct.pack_into("<I", file, end, lookup3(file[start:end]))
    return file


def texts_on_each_other():
    """An attribute of 3,901 texts of 700 kB, which are one: 2.7 GB."""
    def fill(file):
        data = file.create_dataset("feat", data=np.ones((2, 3), np.int16))
        texts = np.array(["x" * 700_000] + ["y"] * 3900, dtype=object)
        data.attrs.create("MATLAB_class", texts, dtype=h5py.string_dtype())

    file = written(fill)
    place = file.index(struct.pack("<I", 700_000))
    for at in range(place, place + 3901 * 16, 16):
        file[at:at + 16] = file[place:place + 16]
    return file


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "tests/damaged/mat_hdf5"
    for make in [types_in_types, headers_in_headers, chunks_without_a_list, texts_on_each_other]:
        (folder / f"{make.__name__}.mat").write_bytes(make())
        print(make.__name__)
