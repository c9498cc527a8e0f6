#!/usr/bin/env python3
"""Writes the images of this folder and VERDICTS.tsv, with a writer of its own.

Run in this folder. signed.eif is kept, not made: its key was thrown away; the
images derived from it are made here.
"""
import json
import struct
import zlib

KERNEL, CMDLINE, RAMDISK, SIGNATURE, METADATA = 1, 2, 3, 4, 5
META = json.dumps({
    "ImageName": "vector", "ImageVersion": "1.0",
    "BuildMetadata": {"BuildTime": "1970-01-01T00:00:00Z", "BuildTool": "make.py",
                      "BuildToolVersion": "1", "OperatingSystem": "Linux", "KernelVersion": "0"},
    "DockerInfo": None, "CustomMetadata": {"AppVersion": "3.2"},
}, separators=(",", ":")).encode()
GOOD = [(KERNEL, b"kernel bytes"), (CMDLINE, b"console=ttyS0"), (METADATA, META),
        (RAMDISK, b"first ramdisk"), (RAMDISK, b"second")]
verdicts = []


def image(sections, **header):
    """The file's bytes; header overrides: magic, version, flags, reserved, count, unused."""
    offsets, sizes, body = [0] * 32, [0] * 32, b""
    for i, (kind, data) in enumerate(sections):
        if i < 32:
            offsets[i], sizes[i] = 548 + len(body), len(data)
        body += struct.pack(">HHQ", kind, 0, len(data)) + data
    head = struct.pack(">4sHHQQHH", header.get("magic", b".eif"), header.get("version", 4),
                       header.get("flags", 0), 1 << 30, 2, header.get("reserved", 0),
                       header.get("count", len(sections)))
    head += struct.pack(">64Q", *offsets, *sizes) + struct.pack(">I", header.get("unused", 0))
    return with_crc(head + bytes(4) + body)


def with_crc(data):
    crc = zlib.crc32(data[548:], zlib.crc32(data[:544]))
    return data[:544] + struct.pack(">I", crc) + data[548:]


def patched(data, *changes):
    """changes: (offset, format, value); the CRC is made right afterwards."""
    data = bytearray(data)
    for offset, fmt, value in changes:
        struct.pack_into(fmt, data, offset, value)
    return with_crc(bytes(data))


def sections_of(data):
    """[(type, data)] of a good image."""
    out, at = [], 548
    while at < len(data):
        kind, _, size = struct.unpack_from(">HHQ", data, at)
        out.append((kind, data[at + 12:at + 12 + size]))
        at += 12 + size
    return out


def put(name, data, verdict):
    with open(name, "wb") as f:
        f.write(data)
    verdicts.append((name, verdict))


def layout():
    good = image(GOOD)
    kernel_size, meta_size = 284, 284 + 16
    meta_head = 548 + 12 + 12 + 12 + 13
    put("good.eif", good, "ok")
    put("good-aarch64.eif", image(GOOD, flags=1), "ok")
    put("bad-empty.eif", b"", "truncated")
    put("bad-magic.eif", image(GOOD, magic=b".elf"), "magic")
    put("bad-header-only.eif", good[:547], "truncated")
    put("bad-truncated.eif", good[:-1], "truncated")
    put("bad-version.eif", image(GOOD, version=3), "unknown version")
    put("bad-flags.eif", image(GOOD, flags=2), "unknown flags")
    put("bad-reserved.eif", image(GOOD, reserved=1), "reserved")
    put("bad-unused.eif", image(GOOD, unused=1), "reserved")
    put("bad-count-1.eif", image(GOOD, count=1), "fewer than 2 sections")
    put("bad-count-4.eif", image(GOOD, count=4), "unused entry")
    put("bad-count-33.eif", image(GOOD + [(RAMDISK, b"")] * 28), "more than 32 sections")
    put("bad-overlap.eif", patched(good, (28 + 8, ">Q", 560)), "section 1: overlap")
    put("bad-gap.eif", patched(good, (kernel_size, ">Q", 1), (552, ">Q", 1)), "section 1: gap")
    put("bad-size-table.eif", patched(good, (meta_size, ">Q", len(META) - 1)), "disagree")
    put("bad-size-section.eif", patched(good, (meta_head + 4, ">Q", len(META) + 1)), "disagree")
    put("bad-size-wraps.eif", patched(good, (kernel_size, ">Q", 2**64 - 12)), "truncated")
    put("bad-section-type.eif", patched(good, (548, ">H", 6)), "unknown section type")
    put("bad-section-flags.eif", patched(good, (550, ">H", 1)), "unknown section flags")
    put("bad-two-kernels.eif", image([GOOD[0]] + GOOD), "a second section")
    put("bad-order.eif", image([GOOD[1], GOOD[0]] + GOOD[2:]), "out of order")
    put("bad-no-kernel.eif", image(GOOD[1:]), "no kernel")
    put("bad-no-cmdline.eif", image(GOOD[:1] + GOOD[2:]), "no command line")
    put("bad-no-metadata.eif", image(GOOD[:2] + GOOD[3:]), "no metadata")
    put("bad-no-ramdisk.eif", image(GOOD[:3]), "no ramdisk")
    put("bad-trailing.eif", with_crc(good + b"\0"), "bytes after the last section")
    put("bad-crc.eif", good[:-1] + b"D", "CRC")
    put("bad-metadata-json.eif", image(GOOD[:2] + [(METADATA, META[:-1])] + GOOD[3:]), "not JSON")
    put("bad-metadata-member.eif",
        image(GOOD[:2] + [(METADATA, META.replace(b"ImageVersion", b"ImageRevision"))] + GOOD[3:]),
        "ImageVersion is missing")


def signatures():
    with open("signed.eif", "rb") as f:
        signed = f.read()
    parts = sections_of(signed)
    section = parts[-1][1]
    verdicts.append(("signed.eif", "ok"))
    put("bad-signed-ramdisk.eif", image(parts[:3] + [(RAMDISK, parts[3][1] + b"x")] + parts[4:]),
        "another PCR0")
    # The last integer of the array is the last byte of s.
    last = section[-1] ^ 1
    put("bad-signed-bit.eif", image(parts[:-1] + [(SIGNATURE, section[:-1] + bytes([last]))]),
        "does not verify")
    put("bad-signed-short.eif", image(parts[:-1] + [(SIGNATURE, section[:-1])]), "signature: it is not one")
    put("bad-signed-trailing.eif", image(parts[:-1] + [(SIGNATURE, section + b"\0")]),
        "signature: it is not one")
    put("bad-signed-twice.eif", image(parts + [parts[-1]]), "a second section")
    put("bad-signed-first.eif", image(parts[:3] + [parts[-1]] + parts[3:-1]), "out of order")
    put("bad-signed-long.eif", image(parts[:-1] + [(SIGNATURE, bytes(32769))]), "longer than 32768")


layout()
signatures()
with open("VERDICTS.tsv", "w", encoding="ascii") as f:
    for name, verdict in sorted(verdicts):
        f.write(f"{name}\t{verdict}\n")
