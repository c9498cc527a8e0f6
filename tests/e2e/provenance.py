#!/usr/bin/env python3
"""What provenance.sh looks at in the files beside an image, and the images it makes.

    provenance.py sbom OUT PURL...           OUT.cdx.json has exactly these packages
    provenance.py source OUT NAME VERSION FILE SHA256
    provenance.py incomplete OUT             it says that it is incomplete
    provenance.py statement OUT KIND CHANNEL VERSION [WORD...]
    provenance.py manifest OUT FILE          the statement has FILE, and no channel, no word
    provenance.py other-manifest FROM TO OLD NEW  NEW for OLD in its text, and its digest anew
    provenance.py oci OUT ARCHIVE            the digests are those of the archive's blobs
    provenance.py cose OUT CERT              OUT.intoto.cose, by another implementation
    provenance.py flip FROM TO AFTER         a bit of one of the bytes after that text
    provenance.py images FOLDER
"""
import hashlib
import io
import json
import os
import re
import sys
import tarfile


def load(path):
    """JSON without duplicate keys, in ASCII, with a final newline."""
    def pairs(items):
        assert len(dict(items)) == len(items), "a key comes twice"
        return dict(items)
    text = open(path, encoding="ascii").read()
    assert text.endswith("}\n")
    return json.loads(text, object_pairs_hook=pairs)


def digests(path):
    data = open(path, "rb").read()
    return hashlib.sha256(data).hexdigest(), hashlib.sha384(data).hexdigest()


# --- CycloneDX 1.5: the members that we write, and their types by its schema -----------
TYPES = {"application", "framework", "library", "container", "platform", "operating-system", "device",
         "device-driver", "firmware", "file", "machine-learning-model", "data"}


def check_component(c):
    assert set(c) <= {"type", "bom-ref", "name", "version", "hashes", "licenses", "purl", "properties"}, c
    assert c["type"] in TYPES and c["name"] and c["bom-ref"]
    for h in c.get("hashes", []):
        size = {"SHA-256": 64, "SHA-384": 96}[h["alg"]]
        assert re.fullmatch("[0-9a-f]{%d}" % size, h["content"]) and set(h) == {"alg", "content"}
    for choice in c.get("licenses", []):
        assert set(choice) == {"license"} and set(choice["license"]) == {"name"}
    for p in c.get("properties", []):
        assert set(p) == {"name", "value"}
    if "purl" in c:
        assert re.fullmatch(r"pkg:[a-z]+/[!-~]+@[!-~]+", c["purl"]), c["purl"]


def load_sbom(out):
    bom = load(out + ".cdx.json")
    want = ["bomFormat", "specVersion", "serialNumber", "version", "metadata", "components", "dependencies"]
    assert list(bom)[:7] == want and list(bom)[7:] in ([], ["compositions"]), list(bom)
    assert (bom["bomFormat"], bom["specVersion"], bom["version"]) == ("CycloneDX", "1.5", 1)
    assert re.fullmatch("urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bom["serialNumber"])
    about = bom["metadata"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", about["timestamp"])
    assert about["tools"]["components"][0]["name"] == "casemate-image"
    for c in [about["component"]] + about["tools"]["components"][:0] + bom["components"]:
        check_component(c)
    assert [h["content"] for h in about["component"]["hashes"]] == list(digests(out + ".eif"))
    refs = [c["bom-ref"] for c in bom["components"]]
    root = about["component"]["bom-ref"]
    assert len(set(refs + [root])) == len(refs) + 1, "a bom-ref comes twice"
    assert bom["dependencies"] == [{"ref": root, "dependsOn": refs}]
    for c in bom.get("compositions", []):
        assert c == {"aggregate": "incomplete", "assemblies": [root]}
    return bom


def sbom(out, *purls):
    bom = load_sbom(out)
    is_ = [c["purl"] for c in bom["components"] if "purl" in c and not c["purl"].startswith("pkg:generic/")]
    assert is_ == list(purls), is_
    assert "compositions" not in bom


def source(out, name, version, file, sha256):
    found = [c for c in load_sbom(out)["components"] if c["name"] == name]
    assert len(found) == 1
    assert found[0]["version"] == version
    assert found[0]["hashes"] == [{"alg": "SHA-256", "content": sha256}]
    assert found[0]["properties"] == [{"name": "casemate:source", "value": file}]
    assert found[0]["purl"].endswith("?checksum=sha256:" + sha256)


def incomplete(out):
    assert "compositions" in load_sbom(out)


# --- in-toto, SLSA ------------------------------------------------------------------------
def parts_of(eif):
    """The sections of an EIF, and the files of its second ramdisk."""
    data = open(eif, "rb").read()
    sections, at = [], 548
    while at < len(data):
        size = int.from_bytes(data[at + 4:at + 12], "big")
        sections.append(data[at + 12:at + 12 + size])
        at += 12 + size
    files, at, app = {}, 0, sections[4]
    while at < len(app):
        size, name = int(app[at + 54:at + 62], 16), int(app[at + 94:at + 102], 16)
        start = at + 110 + name + -(110 + name) % 4
        files[app[at + 110:at + 110 + name - 1].decode()] = app[start:start + size]
        at = start + size + -size % 4
    return sections, files


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def statement(out, kind, channel, version, *words):
    s = load(out + ".intoto.json")
    assert list(s) == ["_type", "subject", "predicateType", "predicate"]
    assert s["_type"] == "https://in-toto.io/Statement/v1"
    assert s["predicateType"] == "https://slsa.dev/provenance/v1"
    subjects = {x["name"]: x["digest"] for x in s["subject"]}
    assert len(subjects) == len(s["subject"])
    measured = json.load(open(out + ".measurements.json"))["Measurements"]
    want = {k: {"sha384": v} for k, v in measured.items() if k.startswith("PCR")}
    want[os.path.basename(out) + ".eif"] = dict(zip(("sha256", "sha384"), digests(out + ".eif")))
    assert subjects == want, subjects
    build = s["predicate"]["buildDefinition"]
    asked = build["externalParameters"]
    assert (asked["source"], asked["channel"], asked["version"], asked["command"]) == (
        kind, channel, version, list(words)), asked
    assert asked["manifest"] is None
    needs = {x["name"]: x["digest"]["sha256"] for x in build["resolvedDependencies"]}
    sections, files = parts_of(out + ".eif")
    assert needs["kernel"] == sha256(sections[0]) and needs["cmdline"] == sha256(sections[1])
    assert needs["ramdisk0"] == sha256(sections[3])
    if kind == "folder":
        assert needs["root.erofs"] == sha256(files["root.erofs"])
    assert len(needs) == {"folder": 4, "docker": 4, "oci": 5}[kind]
    assert set(s["predicate"]) == {"buildDefinition", "runDetails"}
    assert ":" in build["buildType"] and ":" in s["predicate"]["runDetails"]["builder"]["id"]


def manifest(out, file):
    data = open(file, "rb").read()
    asked = load(out + ".intoto.json")["predicate"]["buildDefinition"]["externalParameters"]
    assert asked["manifest"] == {"digest": {"sha256": sha256(data)}, "text": data.decode()}, asked
    assert asked["channel"] is None and asked["command"] == []


def other_manifest(source_, target, old, new):
    s = json.load(open(source_))
    it = s["predicate"]["buildDefinition"]["externalParameters"]["manifest"]
    assert old in it["text"]
    it["text"] = it["text"].replace(old, new)
    it["digest"]["sha256"] = sha256(it["text"].encode())
    json.dump(s, open(target, "w"))


def oci(out, archive):
    needs = {x["name"]: x["digest"]["sha256"] for x in
             load(out + ".intoto.json")["predicate"]["buildDefinition"]["resolvedDependencies"]}
    with tarfile.open(archive) as tar:
        index = json.load(tar.extractfile("index.json"))
        manifest = tar.extractfile("blobs/sha256/" + needs["oci-manifest"]).read()
        assert index["manifests"][0]["digest"] == "sha256:" + sha256(manifest)
        assert json.loads(manifest)["config"]["digest"] == "sha256:" + needs["config"]


def cose(out, cert):
    import cbor2
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, utils
    protected, unprotected, payload, sig = cbor2.load(open(out + ".intoto.cose", "rb"))
    certificate = x509.load_pem_x509_certificate(open(cert, "rb").read())
    der = certificate.public_bytes(serialization.Encoding.DER)
    assert cbor2.loads(protected) == {1: -35, 3: "application/vnd.in-toto+json", 33: der}
    assert unprotected == {} and payload == open(out + ".intoto.json", "rb").read()
    r, s = (int.from_bytes(sig[i:i + 48], "big") for i in (0, 48))
    certificate.public_key().verify(utils.encode_dss_signature(r, s),
                                    cbor2.dumps(["Signature1", protected, b"", payload]),
                                    ec.ECDSA(hashes.SHA384()))


def flip(source_, target, after):
    data = bytearray(open(source_, "rb").read())
    at = data.index(after.encode()) + len(after)
    if after.startswith('"'):
        at = data.index(b'"sha384": "', at) + 11
        data[at] = ord("0") if data[at] != ord("0") else ord("1")
    else:
        data[at - 1] ^= 1
    open(target, "wb").write(data)


# --- container images -------------------------------------------------------------------------
def tar_of(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            if data.startswith("->"):
                info.type, info.linkname = tarfile.SYMTYPE, data[2:]
                archive.addfile(info)
            else:
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data.encode()))
    return out.getvalue()


def write_tar(path, files):
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def image(folder, name, cmd):
    status = "Package: curl\nStatus: install ok installed\nVersion: %s\nArchitecture: amd64\n\n"
    layers = [tar_of([("usr/lib/os-release", "ID=debian\nVERSION_ID=12\n"),
                      ("etc/os-release", "->../usr/lib/os-release"),
                      ("var/lib/dpkg/status", status % "7.0-1"),
                      ("var/lib/dpkg/status.d/gone", "Package: gone\nVersion: 1\n")]),
              tar_of([("var/lib/dpkg/status", status % "8.0-1"),
                      ("var/lib/dpkg/status.d/.wh.gone", ""),
                      ("var/lib/dpkg/status.d/extra", "Package: extra\nVersion: 1\n"),
                      ("var/lib/dpkg/status.d/extra.md5sums", "no package\n")])]
    config = json.dumps({"os": "linux", "architecture": "amd64", "config": {"Cmd": [cmd]}, "rootfs": {
        "type": "layers", "diff_ids": ["sha256:" + sha256(x) for x in layers]}}).encode()
    kind = "application/vnd.oci.image."

    def descriptor(media, data, **more):
        return dict(mediaType=kind + media, digest="sha256:" + sha256(data), size=len(data), **more)
    manifest = json.dumps({"schemaVersion": 2, "config": descriptor("config.v1+json", config),
                           "layers": [descriptor("layer.v1.tar", x) for x in layers]}).encode()
    index = json.dumps({"schemaVersion": 2, "manifests": [descriptor(
        "manifest.v1+json", manifest, annotations={"org.opencontainers.image.ref.name": "it"})]}).encode()
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": index}
    files.update({"blobs/sha256/" + sha256(x): x for x in layers + [config, manifest]})
    write_tar(os.path.join(folder, name + ".tar"), files)
    return config, layers


def images(folder):
    config, layers = image(folder, "it", "/bin/one")
    image(folder, "other", "/bin/two")
    files = {sha256(config) + ".json": config}
    files.update({"%d/layer.tar" % i: x for i, x in enumerate(layers)})
    files["manifest.json"] = json.dumps([{"Config": sha256(config) + ".json", "RepoTags": ["it:1"],
                                          "Layers": ["0/layer.tar", "1/layer.tar"]}]).encode()
    write_tar(os.path.join(folder, "save.tar"), files)


if __name__ == "__main__":
    functions = sbom, source, incomplete, statement, manifest, other_manifest, oci, cose, flip, images
    {f.__name__.replace("_", "-"): f for f in functions}[sys.argv[1]](*sys.argv[2:])
