#!/usr/bin/env python3
"""Writes container images, most of them hostile, and VERDICTS.tsv into a folder.

    make.py FOLDER

VERDICTS.tsv: file, what casemate-image says ("ok", or an extended regular expression
of the refusal), further options. The bytes are the same at every run.
"""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

OCI, DOCKER = "application/vnd.oci.image.", "application/vnd.docker."
verdicts = []


# --- tar archives -----------------------------------------------------------------
def entry(name, kind=tarfile.REGTYPE, data=b"", link="", pax=None, **more):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    info.pax_headers = pax or {}
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def folder(name, **more):
    return entry(name, tarfile.DIRTYPE, mode=0o755, **more)


def tar(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def record(key, value):
    """A pax record of bytes, as tarfile does not write it."""
    rest = b" " + key + b"=" + value + b"\n"
    size = len(rest)
    while len(str(size)) + len(rest) != size:
        size = len(str(size)) + len(rest)
    return str(size).encode() + rest


def with_pax(records, info, data=b""):
    """An archive with one entry that has these records."""
    body = b"".join(record(k, v) for k, v in records)
    head = tarfile.TarInfo("x")
    head.type, head.size = tarfile.XHDTYPE, len(body)
    blocks = head.tobuf(tarfile.USTAR_FORMAT) + body + bytes(-len(body) % 512)
    blocks += info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512)
    return blocks + bytes(1024)


# --- images -----------------------------------------------------------------------
def sha(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def text(value):
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


def descriptor(media, data, **more):
    return dict({"mediaType": media, "digest": sha(data), "size": len(data)}, **more)


class Image:
    """The parts of a good image; what is wrong is changed before it is written."""

    def __init__(self, *layers, run=None, media="layer.v1.tar", pack=lambda b: b, arch="amd64"):
        self.blobs, self.extra = {}, {}
        self.plain = layers or (GOOD,)
        self.packed = [pack(layer) for layer in self.plain]
        self.config = {"architecture": arch, "os": "linux", "config": run or {},
                       "rootfs": {"type": "layers", "diff_ids": [sha(x) for x in self.plain]}}
        media = media if "/" in media else OCI + media
        self.layers = [descriptor(media, x) for x in self.packed]
        self.manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json"}
        self.index = {"schemaVersion": 2}
        self.layout = {"imageLayoutVersion": "1.0.0"}
        self.platform = {}
        self.config_more, self.manifest_more = {}, {}

    def blob(self, data):
        self.blobs[sha(data)[7:]] = data
        return data

    def entry(self, **more):
        """Its blobs, and the descriptor of its manifest."""
        for layer in self.packed:
            self.blob(layer)
        config = self.blob(text(self.config))
        self.manifest.setdefault("config", dict(descriptor(OCI + "config.v1+json", config),
                                                **self.config_more))
        self.manifest.setdefault("layers", self.layers)
        manifest = self.blob(text(self.manifest))
        return dict(descriptor(OCI + "manifest.v1+json", manifest, **more), **self.manifest_more)

    def files(self, *entries):
        """The archive's members; entries: the index's, by default only this image."""
        entries = entries or (self.entry(**self.platform),)
        self.index.setdefault("manifests", list(entries))
        found = {"oci-layout": text(self.layout), "index.json": text(self.index)}
        found.update(("blobs/sha256/" + name, data) for name, data in sorted(self.blobs.items()))
        found.update(self.extra)
        return {name: data for name, data in found.items() if data is not None}


def archive(files):
    return tar(*(x if isinstance(x, tuple) else entry(name, data=x) for name, x in files.items()))


def put(name, data, verdict, *options):
    with open(name, "wb") as out:
        out.write(data)
    verdicts.append("\t".join([name, verdict, *options]))


def image(name, verdict, *layers, options=(), edit=lambda i: None, **more):
    made = Image(*layers, **more)
    edit(made)
    put(name + ".tar", archive(made.files()), verdict, *options)


def one(name, verdict, *entries, **more):
    """A layer with a good file in front of what is tried."""
    image(name, verdict, tar(entry("first", data=b"1"), *entries), **more)


GOOD = tar(folder("etc"), entry("etc/passwd", data=b"root:x:0:0::/:/bin/sh\napp:x:7:8::/:\n"),
           entry("etc/group", data=b"root:x:0:\napp:x:8:\n"), entry("hello", data=b"hello\n"))


def names():
    link, hard = tarfile.SYMTYPE, tarfile.LNKTYPE
    one("name-absolute", "'/etc/x': its name is absolute", entry("/etc/x"))
    one("name-dotdot", r"'a/\.\./\.\./x': '\.\.' in its name", entry("a/../../x"))
    one("name-dotdot-end", r"'a/\.\./': '\.\.' in its name", folder("a/.."))
    one("name-long", "its name is longer than 4095 bytes", entry("x/" * 2500 + "x"))
    one("name-component-long", "a name in its path is longer than 255 bytes", entry("y" * 256))
    one("device-char", "'dev/null': is a device",
        entry("dev/null", tarfile.CHRTYPE, devmajor=1, devminor=3))
    one("device-block", "'dev/sda': is a device", entry("dev/sda", tarfile.BLKTYPE))
    one("device-whiteout", "'gone': is a device", entry("gone", tarfile.CHRTYPE))
    one("hardlink-missing", "'h': is a hard link to 'no', which is not there",
        entry("h", hard, link="no"))
    one("hardlink-outside", "'h': its target is no name within the image",
        entry("h", hard, link="../../../../etc/passwd"))
    one("hardlink-folder", "'h': is a hard link to a folder", folder("d"), entry("h", hard, link="d"))
    one("symlink-loop", "too many symbolic links in its path", entry("a", link, link="b"),
        entry("b", link, link="a"), entry("a/x"))
    one("symlink-empty", "its target is empty", entry("a", link, link=""))
    one("below-a-file", "'first' in its path is not a folder", entry("first/x"))
    one("root-file", "the root is not a folder", entry("."))
    one("whiteout-nothing", "a whiteout of no name", entry(".wh."))
    one("whiteout-dotdot", "a whiteout of no name", entry("a/.wh..."))
    one("whiteout-aufs", "a whiteout of no name", entry(".wh..wh.plnk"))
    one("whiteout-folder", "a whiteout must be a file", folder(".wh.a"))
    one("whiteout-above", "a folder's name begins with '.wh.'", entry(".wh.a/b"))
    one("owner-negative", "its owner is no number of 32 bits", entry("x", uid=-1))
    one("good-symlink-out", "ok", entry("out", link, link="../../../../tmp"), entry("out/pwned"))
    one("good-symlink-absolute", "ok", entry("out", link, link="/etc"), entry("out/pwned"))
    one("good-same-twice", "ok", entry("first", data=b"2"))
    one("good-fifo", "ok", entry("pipe", tarfile.FIFOTYPE))


def attributes():
    x = tarfile.TarInfo("x")
    for name, verdict, records in (
            ("xattr-acl", "'x': has a POSIX ACL", [(b"SCHILY.acl.access", b"user::rw-,group::r--,other::---,user:app:rw-,mask::rw-")]),
            ("xattr-posix-acl", "'x': has a POSIX ACL", [(b"SCHILY.xattr.system.posix_acl_access", b"\2\0\0\0")]),
            ("xattr-many", "'x': has too many attributes",
             [(b"SCHILY.xattr.user.%d" % i, b"v") for i in range(65)]),
            ("xattr-long", "'x': has more than 64 KiB of attributes",
             [(b"SCHILY.xattr.user.a", b"v" * 40000), (b"SCHILY.xattr.user.b", b"v" * 30000)]),
            ("owner-large", "its owner is no number of 32 bits", [(b"uid", b"4294967295")]),
            ("name-not-utf8", "Pathname", [(b"path", b"a\xffb")]),
            ("good-name-nul", "ok", [(b"path", b"x\0../../y")]),
            ("good-xattr", "ok", [(b"SCHILY.xattr.user.a", b"\0\n="), (b"SCHILY.xattr.security.selinux", b"s")]),
            ("good-time-before-1970", "ok", [(b"mtime", b"-1.5")]),
            ("good-name-latin1", "ok", []),
            ("good-name-utf8", "ok", [(b"path", "größe/日本".encode())])):
        x.name = "gr\udcf6\udcdfe" if name == "good-name-latin1" else "x"
        image(name, verdict, with_pax(records, x))
    x.type, x.name = tarfile.SYMTYPE, "link"
    image("link-in-pax-alone", "its target is empty", with_pax([(b"linkpath", b"nowhere/at/all")], x))
    x.type, x.name = tarfile.REGTYPE, "x"
    sparse = [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", b"x"),
              (b"GNU.sparse.realsize", b"1099511627776")]
    holes = b"1\n0\n0\n".ljust(512, b"\0")
    x.size = len(holes)
    image("bomb-sparse", "unpacks to more than --max-size", with_pax(sparse, x, holes))


def layers():
    gz = lambda b: gzip.compress(b, 9, mtime=0)
    zipped = {"media": "layer.v1.tar+gzip", "pack": gz}
    image("good", "ok")
    image("good-gzip", "ok", **zipped)
    image("good-docker-types", "ok", media=DOCKER + "image.rootfs.diff.tar.gzip", pack=gz)
    image("good-empty-layer", "ok", GOOD, tar())
    image("good-gzip-two-members", "ok", media="layer.v1.tar+gzip", pack=lambda b: gz(b[:700]) + gz(b[700:]))
    image("good-after-the-end", "ok", GOOD + b"more" * 4096)
    image("layer-truncated", "runcated", GOOD[:1500])
    image("layer-header-cut", "runcated", GOOD[:1100])
    image("layer-garbage", "nrecognized", b"this is no archive" * 99)
    image("layer-nothing", "nrecognized|end of file", b"")
    image("layer-bad-checksum", "amaged|nrecognized", GOOD[:1540] + b"9" + GOOD[1541:])
    image("layer-gzip-inside", "nrecognized", gz(GOOD))
    image("gzip-twice", "nrecognized", media="layer.v1.tar+gzip", pack=lambda b: gz(gz(b)))
    image("gzip-truncated", "runcated", media="layer.v1.tar+gzip", pack=lambda b: gz(b)[:-20])
    image("gzip-garbage", "not compressed as its media type says", media="layer.v1.tar+gzip",
          pack=lambda b: b"\0" + gz(b))
    image("gzip-is-tar", "not compressed as its media type says", media="layer.v1.tar+gzip")
    image("zstd-is-gzip", "not compressed as its media type says", media="layer.v1.tar+zstd", pack=gz)
    image("bomb-gzip", "unpacks to more than --max-size", tar(entry("big", data=bytes(5 << 20))), **zipped)
    image("bomb-after-the-end", "unpacks to more than --max-size", GOOD + bytes(5 << 20), **zipped)
    image("bomb-many-layers", "unpacks to more than --max-size",
          *(tar(entry("big", data=bytes(1 << 20))) for _ in range(5)), **zipped)

    def set_layer(**fields):
        return lambda i: i.layers[0].update(fields)

    other = sha(b"other")
    image("layer-missing", "layer 1 of 1 .*: is not there", edit=set_layer(digest=other))
    image("layer-longer", "is longer than its descriptor says", edit=set_layer(size=10000))
    image("layer-shorter", "is shorter than its descriptor says", edit=set_layer(size=1 << 20))

    def swap_layer(i):
        i.extra["blobs/sha256/" + sha(i.packed[0])[7:]] = tar(entry("evil", data=b"x" * 3000), entry("y"))
        i.layers[0]["size"] = len(list(i.extra.values())[0])
    image("layer-digest", "its content has another digest", edit=swap_layer)
    image("layer-diff-id", "its unpacked content is not the config's diff_id",
          edit=lambda i: i.config["rootfs"].update(diff_ids=[other]))
    for name, media in (("encrypted", "layer.v1.tar+gzip+encrypted"), ("foreign", "layer.nondistributable.v1.tar"),
                        ("unknown", "layer.v2"), ("config", "config.v1+json")):
        image("layer-type-" + name, "layer 1 is a '.*', which is not known", media=media)


def descriptors():
    def member(**fields):
        return lambda i: i.manifest_more.update(fields)
    image("digest-sha512", "is not sha256", edit=member(digest="sha512:" + "0" * 128))
    image("digest-upper", "is not sha256", edit=member(digest="sha256:" + "A" * 64))
    image("digest-path", "is not sha256", edit=member(digest="sha256:../../../../etc/passwd"))
    image("digest-number", "is not sha256", edit=member(digest=7))
    image("size-negative", "is not a number", edit=member(size=-1))
    image("size-text", "is not a number", edit=member(size="9"))
    image("size-huge", "is said to be longer than 4 MiB", edit=member(size=1 << 62))
    image("size-over", "not JSON", edit=member(size=1 << 64))
    image("manifest-size", "is not as long as its descriptor says", edit=member(size=5))
    image("manifest-missing", "is not there", edit=member(digest=sha(b"none")))
    image("manifest-type-missing", "a descriptor without mediaType", edit=member(mediaType=None))
    image("manifest-none", "has no image", edit=member(mediaType="application/x"))
    image("config-size", "is not as long as its descriptor says", edit=lambda i: i.config_more.update(size=5))
    image("config-artifact", "its config is a 'application/x', not an image's",
          edit=lambda i: i.config_more.update(mediaType="application/x"))

    def swap(i):
        data = text(i.config)
        i.extra["blobs/sha256/" + sha(data)[7:]] = data.replace(b"amd64", b"arm64")
    image("config-digest", "its content has another digest", edit=swap)


def manifests():
    def manifest(**fields):
        return lambda i: i.manifest.update(fields)
    image("manifest-schema", "its schemaVersion is not 2", edit=manifest(schemaVersion=1))
    image("manifest-is-index", "is another than it was announced as", edit=manifest(mediaType=OCI + "index.v1+json"))
    image("manifest-layers", "layers has more than 256 elements",
          edit=lambda i: i.manifest.update(layers=i.layers * 257))
    image("manifest-no-layers", "layers is missing or not an array", edit=manifest(layers=None))
    image("index-schema", "its schemaVersion is not 2", edit=lambda i: i.index.update(schemaVersion=3))
    image("index-empty", "has no image", edit=lambda i: i.index.update(manifests=[]))
    image("index-array", "not an object", edit=lambda i: setattr(i, "layout", i.layout) or i.extra.update({"index.json": b"[]"}))
    image("json-garbage", "index.json: not JSON", edit=lambda i: i.extra.update({"index.json": b"{"}))
    image("json-twice", "not JSON.*duplicate", edit=lambda i: i.extra.update({"index.json": b'{"a":1,"a":1}'}))
    image("json-trailing", "not JSON", edit=lambda i: i.extra.update({"index.json": b"{} {}"}))
    image("json-deep", "not JSON", edit=lambda i: i.extra.update({"index.json": b"[" * 100000}))
    image("json-long", "longer than 4194304 bytes", edit=lambda i: i.extra.update({"index.json": b" " * (4 << 20) + b"{}"}),
          options=("--max-size", "32M"))
    image("layout-version", "imageLayoutVersion is not 1.0.0", edit=lambda i: i.layout.update(imageLayoutVersion="2"))
    image("layout-no-index", "index.json: is not there", edit=lambda i: i.extra.update({"index.json": None}))


def choices():
    def several(name, verdict, *images, options=()):
        """images: (image, what its entry in the index says besides)."""
        first, entries = Image(), []
        for made, more in images:
            entries.append(made.entry(**more))
            first.blobs.update(made.blobs)
        put(name + ".tar", archive(first.files(*entries)), verdict, *options)

    def ref(name):
        return {"annotations": {"org.opencontainers.image.ref.name": name}}

    def platform(arch, system="linux"):
        return {"platform": {"architecture": arch, "os": system}}

    amd, arm = Image(), Image(arch="arm64")
    other = Image(tar(entry("other")))
    proof = Image(tar(entry("proof")))
    several("several-refs", r"several images fit; choose with --ref: one, two", (amd, ref("one")), (other, ref("two")))
    several("good-ref", "ok", (amd, ref("one")), (other, ref("two")), options=("--ref", "two"))
    several("good-ref-digest", "ok", (amd, ref("one")), (other, {}), options=("--ref", sha(text(amd.manifest))))
    several("ref-unknown", "has no image named 'three'", (amd, ref("one")), (other, ref("two")), options=("--ref", "three"))
    several("good-same-twice-named", "ok", (amd, ref("one")), (amd, ref("two")))
    several("good-platform", "ok", (arm, platform("arm64")), (amd, platform("amd64")))
    several("good-platform-other", "ok", (arm, platform("arm64")), (amd, platform("amd64")), options=("--arch", "aarch64"))
    several("good-attestation", "ok", (amd, platform("amd64")), (proof, platform("unknown", "unknown")))
    several("platform-none", "has no image for linux/amd64, only for others", (arm, platform("arm64")))
    several("platform-lies", "the image is for linux/arm64, not linux/amd64", (arm, platform("amd64")))
    image("platform-config", "the image is for linux/arm64, not linux/amd64", arch="arm64")
    image("platform-os", "the image is for windows/amd64", edit=lambda i: i.config.update(os="windows"))

    # an index in the index
    for name, verdict, wrong in (("good-nested", "ok", {}), ("nested-digest", "is not there", {"digest": sha(b"x")})):
        made = Image()
        inner = made.blob(text({"schemaVersion": 2, "manifests": [made.entry(**platform("amd64"))]}))
        outer = dict(descriptor(OCI + "index.v1+json", inner, **ref("it")), **wrong)
        put(name + ".tar", archive(made.files(outer)), verdict, "--ref", "it")


def configs():
    for name, verdict, run in (
            ("user-absent", "the User 'nobody': no such user", {"User": "nobody"}),
            ("group-absent", "the User 'app:none': no such group", {"User": "app:none"}),
            ("user-malformed", "the User ':'", {"User": ":"}),
            ("env-no-value", "the variable 'A' is not NAME=VALUE", {"Env": ["A"]}),
            ("env-no-name", "the variable '=b' is not NAME=VALUE", {"Env": ["=b"]}),
            ("env-nul", "not JSON", {"Env": ["A=b\0c"]}),
            ("cwd-relative", "the WorkingDir 'a' is not an absolute path", {"WorkingDir": "a"}),
            ("port", "the exposed port '65536/tcp' is not", {"ExposedPorts": {"65536/tcp": {}}}),
            ("port-sctp", "the exposed port '1/sctp' is not", {"ExposedPorts": {"1/sctp": {}}}),
            ("signal", "the StopSignal 'SIGNONE' is not known", {"StopSignal": "SIGNONE"}),
            ("entrypoint-text", "Entrypoint is of the wrong type", {"Entrypoint": "sh"}),
            ("cmd-numbers", "Cmd has an element that is not a string", {"Cmd": [1]}),
            ("cmd-many", "Cmd has more than 1024 elements", {"Cmd": ["x"] * 1025}),
            ("cmd-words", "the command has more than 64 words", {"Cmd": ["x"] * 65}),
            ("cmd-long", "longer than 4096 bytes", {"Cmd": ["x" * 5000]})):
        image("config-" + name, verdict, run=run)
    image("good-config", "ok", run={"User": "app:root", "Env": ["A=b=c"], "WorkingDir": "/etc", "Cmd": None,
                                    "ExposedPorts": {"80": {}, "53/udp": {}}, "StopSignal": "SIGRTMIN+3",
                                    "Entrypoint": ["/hello"], "Volumes": {"/x": {}}, "Labels": {"a": "b"}})
    image("config-diff-ids", "1 layers, but 2 diff_ids in the config",
          edit=lambda i: i.config["rootfs"].update(diff_ids=[sha(b"1"), sha(b"2")]))
    image("config-diff-id", "the diff_id '7' is not sha256", edit=lambda i: i.config["rootfs"].update(diff_ids=["7"]))
    image("config-rootfs", "the type of its rootfs is not 'layers'", edit=lambda i: i.config["rootfs"].update(type="x"))
    image("config-array", "config: not an object", edit=lambda i: setattr(i, "config", []))


def saves():
    made = Image()
    config = text(made.config)

    def save(name, verdict, *options, files=None, **fields):
        listed = dict({"Config": sha(config)[7:] + ".json", "RepoTags": ["it:1"], "Layers": ["a/layer.tar"]}, **fields)
        members = {"a/layer.tar": GOOD, sha(config)[7:] + ".json": config,
                   "manifest.json": text([listed])}
        members.update(files or {})
        put(name + ".tar", archive({n: d for n, d in members.items() if d is not None}), verdict, *options)

    link = lambda name, to, kind=tarfile.SYMTYPE: entry(name, kind, link=to)
    save("save-good", "ok")
    save("save-good-tag", "ok", "--ref", "it:1")
    save("save-good-gzip", "ok", files={"a/layer.tar": gzip.compress(GOOD, 9, mtime=0)})
    save("save-gzip-twice", "nrecognized", files={"a/layer.tar": gzip.compress(gzip.compress(GOOD, 9, mtime=0), 9, mtime=0)})
    save("save-good-link", "ok", files={"b/layer.tar": GOOD, "a/layer.tar": link("a/layer.tar", "../b/layer.tar")})
    save("save-good-hardlink", "ok", files={"a/layer.tar": GOOD, "b": link("b", "a/layer.tar", tarfile.LNKTYPE)}, Layers=["b"])
    save("save-tag", "has no image named 'it:2'", "--ref", "it:2")
    save("save-layer-missing", "is not there", Layers=["b/layer.tar"])
    save("save-layer-outside", "is not there", Layers=["../../../../../../etc/passwd"])
    save("save-layer-absolute", "is not there", Layers=["/etc/passwd"])
    save("save-config-outside", "is not there", Config="/etc/passwd")
    save("save-config-digest", "its content has another digest", files={sha(config)[7:] + ".json": config + b" "})
    save("save-layer-other", "is not the config's diff_id", files={"a/layer.tar": tar(entry("x"))})
    save("save-layers", "0 layers, but 1 diff_ids", Layers=[])
    save("save-link-outside", "a link that leads out of the archive", files={"a/layer.tar": link("a/layer.tar", "../../etc/passwd")})
    save("save-link-loop", "is not there", files={"a/layer.tar": link("a/layer.tar", "layer.tar")})
    save("save-member-outside", "'..' in a member's name", files={"../evil": b"x"})
    save("save-no-config", "an image without Config", Config=None)
    save("save-empty", "no image in it", files={"manifest.json": b"[]"})
    save("save-object", "no image in it", files={"manifest.json": b"{}"})
    save("save-garbage", "manifest.json: not JSON", files={"manifest.json": b"nonsense"})
    save("save-other-archive", "neither an OCI image layout", files={"manifest.json": None})
    save("save-many-members", "more than 4096 members", files={"f%d" % i: b"" for i in range(4100)})


def archives():
    good = archive(Image().files())
    put("good-zipped.tar.gz", gzip.compress(good, 9, mtime=0), "ok")
    put("outer-bomb.tar.gz", gzip.compress(good + bytes(5 << 20), 9, mtime=0), "unpacks to more than --max-size")
    put("outer-zipped-twice.tar.gz", gzip.compress(gzip.compress(good, 9, mtime=0), 9, mtime=0), "nrecognized")
    put("outer-truncated.tar", good[:2000], "runcated|Damaged")
    put("outer-truncated.tar.gz", gzip.compress(good, 9, mtime=0)[:-30], "runcated")
    put("outer-garbage.tar", b"no archive at all\0" * 100, "nrecognized")
    put("outer-text.tar", b"no archive at all " * 100, "text, and neither a folder nor an archive")
    put("outer-empty.tar", b"", "nrecognized")


def main():
    os.chdir(sys.argv[1])
    for part in (names, attributes, layers, descriptors, manifests, choices, configs, saves, archives):
        part()
    with open("VERDICTS.tsv", "w", encoding="ascii") as out:
        out.write("\n".join(verdicts) + "\n")


main()
