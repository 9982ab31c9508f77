#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads app packages for Microsoft Teams with Python's own zipfile and zlib.

    teams_package.py QUESTIONS ANSWERS

QUESTIONS has archives in base64 under `packages`, and byte strings in base64 under `checksums`;
ANSWERS gets under the same names what is in the archives, and [CRC-32, Adler-32].
"""
import base64
import io
import json
import struct
import sys
import zipfile
import zlib


def package(text):
    """Names, the manifest and the pictures of an archive, or what is wrong with it."""
    try:
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(text))) as archive:
            if archive.testzip() is not None:
                return {"problem": f"{archive.testzip()}: wrong checksum"}
            methods = {info.compress_type for info in archive.infolist()}
            if methods != {zipfile.ZIP_STORED}:
                return {"problem": f"methods {methods}"}
            return {"names": archive.namelist(),
                    "manifest": json.loads(archive.read("manifest.json")),
                    "color": picture(archive.read("color.png")),
                    "outline": picture(archive.read("outline.png"))}
    except Exception as error:  # whatever is wrong is the answer
        return {"problem": f"{type(error).__name__}: {error}"}


def picture(data):
    """Size of a PNG, and the colours in it: how many, and at the corner and in all."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError("no PNG")
    chunks, at = [], 8
    while at < len(data):
        length, = struct.unpack(">I", data[at:at + 4])
        name, content = data[at + 4:at + 8], data[at + 8:at + 8 + length]
        checksum, = struct.unpack(">I", data[at + 8 + length:at + 12 + length])
        if zlib.crc32(name + content) != checksum:
            raise ValueError(f"{name}: wrong checksum")
        chunks.append((name, content))
        at += 12 + length
    if [name for name, _ in chunks] != [b"IHDR", b"IDAT", b"IEND"]:
        raise ValueError(f"chunks {chunks}")
    width, height, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    if rest != [8, 6, 0, 0, 0]:
        raise ValueError(f"header {rest}")
    rows = zlib.decompress(chunks[1][1])
    if len(rows) != height * (1 + 4 * width):
        raise ValueError(f"{len(rows)} bytes")
    pixels = []
    for y in range(height):
        row = rows[y * (1 + 4 * width):(y + 1) * (1 + 4 * width)]
        if row[0] != 0:
            raise ValueError(f"filter {row[0]}")
        pixels += [tuple(row[1 + 4 * x:5 + 4 * x]) for x in range(width)]
    return {"width": width, "height": height, "corner": list(pixels[0]),
            "center": list(pixels[(height // 2) * width + width // 2]),
            "opaque": all(p[3] == 255 for p in pixels),
            "white": all(p[:3] == (255, 255, 255) for p in pixels),
            "inked": sum(p[:3] == (255, 255, 255) and p[3] == 255 for p in pixels)}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        questions = json.load(file)
    raw = [base64.b64decode(text) for text in questions.get("checksums", [])]
    answers = {"packages": [package(text) for text in questions.get("packages", [])],
               "checksums": [[zlib.crc32(data), zlib.adler32(data)] for data in raw]}
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(answers, file)


if __name__ == "__main__":
    main()
