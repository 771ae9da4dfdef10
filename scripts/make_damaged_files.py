#!/usr/bin/env python3
"""Files that are small and ask for more than any machine has: some of tests/damaged. For HDF5 see
make_damaged_hdf5.py beside this.

Needs h5py 3. The fuzzer does not find these: it takes more than a change of bytes to make them.
"""
import struct
import tempfile
import zlib
from pathlib import Path

import h5py

DAMAGED = Path(__file__).parent.parent / "tests" / "damaged"


def zeros(n, before=b""):
    """Deflated bytes, then `n` of 0; a thousandth of them is left."""
    packer = zlib.compressobj(9)
    piece = bytes(1 << 20)
    parts = [packer.compress(before)]
    while n > 0:
        parts.append(packer.compress(piece[:n]))
        n -= len(piece)
    return b"".join(parts) + packer.flush()


def npy_of_brackets():
    """A header whose brackets are left open: each doubled the time of the parser."""
    text = "{'descr': '<f8', 'fortran_order': False, 'shape': " + "[" * 15 + "1," * 300 + "}"
    text = text.encode() + b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(8)


def element(kind, data):
    """A data element of MAT v5."""
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def mat_of_zeros(n):
    """`feat`, 1 x n numbers that are stored in a byte each: 8 n bytes when read."""
    head = element(6, struct.pack("<II", 6, 0))
    head += element(5, struct.pack("<ii", 1, n))
    head += element(1, b"feat") + struct.pack("<II", 2, n)
    packed = zeros(n, struct.pack("<II", 14, len(head) + n) + head)
    start = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H2s", 0x0100, b"IM")
    return start + struct.pack("<II", 15, len(packed)) + packed


def hdf5_file(fill):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.h5"
        with h5py.File(path, "w", libver=("earliest", "v108")) as file:
            fill(file)
        return bytearray(path.read_bytes())


def chunked(file, shape, most, chunk, n_deflates):
    """`feat` in chunks that are written as they are."""
    space = h5py.h5s.create_simple(shape, most)
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk(chunk)
    for _ in range(n_deflates):
        plist.set_deflate(6)
    return h5py.h5d.create(file.id, b"feat", h5py.h5t.IEEE_F32LE, space, plist)


def deflated_thrice(n):
    """One number, in a chunk of n that was deflated three times."""
    packed = zlib.compress(zlib.compress(zeros(4 * n), 9), 9)

    def fill(file):
        unlimited = (h5py.h5s.UNLIMITED,)
        chunked(file, (1,), unlimited, (n,), 3).write_direct_chunk((0,), packed)

    return hdf5_file(fill)


def one_chunk_for_all(n, length):
    """n numbers, each in a chunk of `length`, and all chunks at one place."""
    packed = zeros(4 * length)
    places = []

    def fill(file):
        most = (n, h5py.h5s.UNLIMITED)
        array = chunked(file, (n, 1), most, (1, length), 1)
        array.write_direct_chunk((0, 0), packed)
        for row in range(1, n):
            array.write_direct_chunk((row, 0), b"%08d" % row)
        places.extend(array.get_chunk_info(row) for row in range(n))

    file = hdf5_file(fill)

    def key(info, place):
        return struct.pack("<IIQQQQ", info.size, 0, place.chunk_offset[0], 0, 0, info.byte_offset)

    first = next(info for info in places if info.chunk_offset == (0, 0))
    for info in places:
        at = file.find(key(info, info))
        assert at > 0
        file[at : at + 40] = key(first, info)
    return file


def wide_tiles(width, height):
    """A TIFF of 1 x height pixels in tiles of width x 1, all at one place."""
    packed = zeros(width)
    packed += bytes(len(packed) % 2)
    offsets = struct.pack(f"<{height}I", *[8] * height)
    counts = struct.pack(f"<{height}I", *[len(packed)] * height)
    at = 8 + len(packed)
    tags = [(256, 4, 1, 1), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 1)]
    tags += [(322, 4, 1, width), (323, 4, 1, 1), (324, 4, height, at), (325, 4, height, at + 4 * height)]
    table = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    head = b"II*\x00" + struct.pack("<I", at + 8 * height)
    return head + packed + offsets + counts + table


for name, content in {
    "npy/brackets.npy": npy_of_brackets(),
    "mat_v5/zeros.mat": mat_of_zeros(250_000_000),
    "mat_v73/deflated_thrice.mat": deflated_thrice(1 << 29),
    "mat_v73/one_chunk_for_all.mat": one_chunk_for_all(800, 4 << 20),
    "image/wide_tiles.tif": wide_tiles(1 << 23, 1000),
}.items():
    (DAMAGED / name).write_bytes(content)
    print(f"{name}: {len(content)} bytes")
