#!/usr/bin/env python3
"""The verifier on public vectors; prints "ok NAME" or "not ok NAME: why" a case.

    verify.py documents VECTORS CASEMATE WORK   through the tool, at every instant
    verify.py wycheproof|cose|cbor VECTORS VERIFIER
"""
import base64
import hashlib
import json
import pathlib
import subprocess
import sys

# What AWS publishes of its root certificate G1.
ROOT_SHA256 = "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b"
failed = False


def check(name, good, why=""):
    global failed
    failed |= not good
    print(f"ok {name}" if good else f"not ok {name}: {why}")


class Tool:
    def __init__(self, path):
        self.path = path

    def verify(self, document, *options):
        """(accepted, reasons, what it said)."""
        run = subprocess.run([self.path, "verify", str(document), "--json", *options],
                             capture_output=True, text=True)
        if run.returncode not in (0, 1):
            return None, None, f"status {run.returncode}: {run.stderr.strip()}"
        result = json.loads(run.stdout)
        if result["accepted"] != (run.returncode == 0) or result["accepted"] != (result["reasons"] == []):
            return None, None, f"status {run.returncode} for {run.stdout.strip()}"
        return result["accepted"], result["reasons"], result


def fields_differ(said, meta):
    """The fields a document's .json lists and the tool tells otherwise."""
    wrong = [k for k in ("module_id",) if said[k] != meta[k]]
    wrong += ["timestamp"] if said["timestamp_ms"] != meta["timestamp"] else []
    wrong += ["pcrs"] if said["pcrs"] != meta["pcrs"] else []
    wrong += [k for k in ("public_key", "user_data", "nonce") if said[k] != (meta[k] or "")]
    return wrong


def why_of(verdict):
    """The reason that must be among ours, for "REJECT (chain expired)" and so on."""
    return {"not yet valid": "not-yet-valid", "chain expired": "expired"}[verdict.split("(")[1].rstrip(")")]


def genuine(tool, path, meta, other_root):
    name = path.stem.split("-")[0]
    expected = meta["expected"]
    at = str(meta["timestamp"] // 1000)
    for instant, verdict in expected["at_unix"].items():
        options = ["--time", instant, "--max-age", "4000000000", "--allow-debug"]
        accepted, reasons, said = tool.verify(path, *options)
        if verdict == "ACCEPT":
            check(f"{name}-at-{instant}-accepted", accepted is True, said)
            check(f"{name}-fields", accepted is not None and fields_differ(said, meta) == [], fields_differ(said, meta))
        else:
            check(f"{name}-at-{instant}-refused", accepted is False and why_of(verdict) in reasons
                  and set(reasons) <= {why_of(verdict), "future"}, said)
    accepted, reasons, said = tool.verify(path, "--time", at)
    check(f"{name}-without-debug", accepted == (expected["policy_no_debug"] == "ACCEPT")
          and reasons == (["debug"] if meta["debug_zero_pcrs"] else []), said)
    accepted, reasons, said = tool.verify(path, "--time", at, "--allow-debug", "--root", other_root)
    check(f"{name}-wrong-root", accepted is False and reasons == ["root"], said)
    accepted, reasons, said = tool.verify(path, "--time", str(int(at) + 301), "--allow-debug")
    check(f"{name}-stale", accepted is False and reasons == ["stale"], said)
    pcr = f"0={meta['pcrs']['0']}"
    accepted, _, said = tool.verify(path, "--time", at, "--allow-debug", "--pcr", pcr)
    check(f"{name}-pcr0", accepted is True, said)
    accepted, reasons, said = tool.verify(path, "--time", at, "--allow-debug", "--pcr", "4=" + "5a" * 48)
    check(f"{name}-wrong-pcr4", accepted is False and reasons == ["pcr"], said)
    accepted, reasons, said = tool.verify(path, "--time", at, "--allow-debug", "--nonce", "00" * 16)
    check(f"{name}-wrong-nonce", accepted is False and reasons == ["nonce"], said)


def negative(tool, folder, own_root):
    known = {"n01": ["malformed"], "n03": ["signature"], "n05": ["root"]}
    for path in sorted(folder.glob("*.json")):
        meta = json.loads(path.read_text())
        name = path.stem.split("-")[0]
        at = str(meta.get("timestamp", 0) // 1000)
        accepted, reasons, said = tool.verify(path.with_suffix(".cbor"), "--time", at, "--allow-debug")
        check(f"{name}-refused", accepted is False and reasons == known[name], said)
        under = meta["expected"].get("under_its_own_root_fp")
        if under:
            accepted, _, said = tool.verify(path.with_suffix(".cbor"), "--time", at, "--allow-debug", "--root", own_root)
            check(f"{name}-under-its-own-root", accepted == (under["verdict"] == "ACCEPT"), said)


def derived(tool, folder):
    for case in json.loads((folder / "VERDICTS.json").read_text()):
        name = case["file"].split("-")[0]
        accepted, reasons, said = tool.verify(folder / case["file"], "--time", str(case["check_at_unix"]))
        wanted = case["expected"] != "REJECT"  # of POLICY ours is to accept: it is legal COSE
        check(f"{name}-{'accepted' if wanted else 'refused'}", accepted is wanted, said)


def read_head(b, i):
    """Major type, value and next index of a CBOR head; None: indefinite."""
    kind, a, i = b[i] >> 5, b[i] & 31, i + 1
    if a < 24:
        return kind, a, i
    if a == 31:
        return kind, None, i
    n = 1 << (a - 24)
    return kind, int.from_bytes(b[i:i + n], "big"), i + n


def options(tool, path, meta, work):
    """What else can be expected of a document, by file."""
    name, at = path.stem.split("-")[0], str(meta["timestamp"] // 1000)
    work = pathlib.Path(work)

    def verify(*more):
        return tool.verify(path, "--time", at, *more)

    def measurements(pcr0, **members):
        file = work / "measurements.json"
        pcrs = {"PCR0": pcr0, "PCR1": meta["pcrs"]["1"], "PCR2": meta["pcrs"]["2"]}
        file.write_text(json.dumps({"Measurements": {"HashAlgorithm": "Sha384 { ... }", **pcrs}, **members}))
        return str(file)

    accepted, _, said = verify("--measurements", measurements(meta["pcrs"]["0"], EifVersion=4))
    check(f"{name}-measurements", accepted is True and said["code"] == "expected", said)
    accepted, reasons, said = verify("--measurements", measurements("00" * 48))
    check(f"{name}-wrong-measurements", accepted is False and reasons == ["pcr"], said)
    (work / "key").write_bytes(bytes.fromhex(meta["public_key"]))
    accepted, _, said = verify("--public-key", str(work / "key"))
    check(f"{name}-public-key", accepted is True and said["code"] == "not compared", said)
    (work / "key").write_bytes(b"another")
    accepted, reasons, said = verify("--public-key", str(work / "key"))
    check(f"{name}-wrong-public-key", accepted is False and reasons == ["public-key"], said)
    accepted, reasons, said = verify("--untouched")
    check(f"{name}-untouched-is-not-known", accepted is False and reasons == ["touch-unproved"], said)
    for what, text in (("broken-pem", "-----BEGIN PUBLIC KEY-----\nAA\n"),
                       ("pem-with-bad-base64", "-----BEGIN PUBLIC KEY-----\nAAAA:\n-----END PUBLIC KEY-----\n"),
                       ("empty-pem", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"),
                       ("broken-certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
                       ("private-key", "text\n-----BEGIN EC PRIVATE KEY-----\nAAAA\n"), ("empty-key", "")):
        (work / "key").write_text(text)
        accepted, _, said = verify("--public-key", str(work / "key"))
        check(f"verify-{what}-is-misuse", accepted is None and said.startswith("status 2"), said)
    for what, wrong in (("pcr-32", ["--pcr", "32=" + "00" * 48]), ("short-pcr", ["--pcr", "0=00"]),
                        ("two-pcr0", ["--pcr", "0=" + "00" * 48, "--pcr", "0=" + "01" * 48]),
                        ("odd-nonce", ["--nonce", "000"]), ("no-number", ["--max-age", "1h"]),
                        ("no-root", ["--root", str(path)]), ("no-measurements", ["--measurements", str(path)]),
                        ("no-file", ["--public-key", str(work / "none")])):
        accepted, _, said = verify(*wrong)
        check(f"verify-{what}-is-misuse", accepted is None and said.startswith("status 2"), said)


def first_certificate(document):
    """The first of a document's cabundle, found by its key."""
    i = document.index(b"\x68cabundle") + 9
    _, _, i = read_head(document, i)
    _, n, i = read_head(document, i)
    return document[i:i + n]


def documents(vectors, casemate, work):
    tool = Tool(casemate)
    base = pathlib.Path(vectors) / "attestation"
    private = next((base / "negative").glob("n05*.cbor"))
    own_root = pathlib.Path(work) / "own-root.der"
    own_root.write_bytes(first_certificate(private.read_bytes()))
    pem = (base / "roots" / "aws-nitro-root-g1.pem").read_text()
    der = base64.b64decode("".join(pem.split("-----")[2].split()))
    check("root-is-the-published-one", hashlib.sha256(der).hexdigest() == ROOT_SHA256)
    paths = sorted((base / "genuine").glob("*.cbor"))
    check("genuine-documents-are-there", len(paths) >= 20, len(paths))
    for path in paths:
        genuine(tool, path, json.loads(path.with_suffix(".json").read_text()), str(own_root))
    root = str(base / "roots" / "aws-nitro-root-g1.pem")
    at = str(json.loads(paths[-1].with_suffix(".json").read_text())["timestamp"] // 1000)
    check("the-root-given-as-pem", tool.verify(paths[-1], "--time", at, "--root", root)[0] is True)
    keyed = next((base / "genuine").glob("g074-*.cbor"))
    options(tool, keyed, json.loads(keyed.with_suffix(".json").read_text()), work)
    negative(tool, base / "negative", str(own_root))
    derived(tool, base / "derived")


def answers(verifier, verb, lines):
    run = subprocess.run([verifier, verb], input="\n".join(lines) + "\n", capture_output=True, text=True)
    got = run.stdout.splitlines()
    if len(got) != len(lines):
        check(f"{verb}-answers", False, f"{len(got)} of {len(lines)}: {run.stderr.strip()}")
        sys.exit(1)
    return got


def wycheproof(vectors, verifier):
    for curve, name in (("P-384", "ecdsa_secp384r1_sha384"), ("P-256", "ecdsa_secp256r1_sha256")):
        data = json.loads((pathlib.Path(vectors) / "wycheproof" / f"{name}_p1363_test.json").read_text())
        tests = [(g, t) for g in data["testGroups"] for t in g["tests"]]
        lines = [f"{curve} {g['publicKey']['uncompressed']} {t['msg'] or '-'} {t['sig'] or '-'}" for g, t in tests]
        wrong = [t["tcId"] for (_, t), got in zip(tests, answers(verifier, "ecdsa", lines))
                 if got != ("1" if t["result"] == "valid" else "0")]
        check(f"wycheproof-{curve}", len(tests) == data["numberOfTests"] and wrong == [], f"wrong: {wrong}")


def cose(vectors, verifier):
    curves = {"P-256": -7, "P-384": -35}
    for case in json.loads((pathlib.Path(vectors) / "cose" / "SIGN1_INDEX.json").read_text()):
        name = "cose-" + pathlib.Path(case["file"]).stem
        key = case["key"]
        point = "04" + (key["x"] or "") + (key["y"] or "") if key["crv"] in curves else "-"
        got = answers(verifier, "cose", [f"{key['crv']} {point} {case['external'] or '-'} {case['hex']}"])[0]
        algorithm, good = got.split()
        # Curves and pairs of curve and hash that we do not have are refused; an
        # algorithm that nobody signed (0: none in the protected header) is the
        # caller's to refuse, the signature is good.
        ours = key["crv"] in curves and int(algorithm) in (curves[key["crv"]], 0) if algorithm != "rc" else False
        wanted = case["expected"] == "ACCEPT" and ours
        check(name, (algorithm != "rc" and good == "1" and ours) == wanted, got)
        if case["expected"] == "ACCEPT":
            check(f"{name}-is-parsed", algorithm != "rc", got)


def cbor(vectors, verifier):
    def ours(hexed):
        """Not for tags, floats, simple values and strings in chunks, which we refuse."""
        def walk(b, i):
            kind, n, j = read_head(b, i)
            if kind == 6 or (kind == 7 and b[i] not in (0xf4, 0xf5, 0xf6, 0xf7)) or (kind in (2, 3) and n is None):
                return None
            if kind in (2, 3):
                return j + n
            if kind in (4, 5):
                left = None if n is None else n * (kind - 3)
                while left != 0 and not (left is None and b[j] == 0xff):
                    j = walk(b, j)
                    if j is None:
                        return None
                    left = left if left is None else left - 1
                return j + (n is None)
            return j
        return walk(bytes.fromhex(hexed), 0) is not None
    folder = pathlib.Path(vectors) / "cbor"
    good = [t["hex"] for t in json.loads((folder / "appendix_a.json").read_text())]
    got = answers(verifier, "cbor", good)
    wrong = [h for h, g in zip(good, got) if (g == "0") != ours(h)]
    check("cbor-appendix-a", len(good) >= 82 and wrong == [] and got.count("0") >= 40, f"{got.count('0')} taken, wrong: {wrong}")
    bad = json.loads((folder / "rfc8949_appendix_f_not_well_formed.json").read_text())["vectors"]
    bad = [t["hex"] if isinstance(t, dict) else t for t in bad]
    got = answers(verifier, "cbor", [h or "-" for h in bad])
    check("cbor-appendix-f", len(bad) >= 94 and "0" not in got, [h for h, g in zip(bad, got) if g == "0"])


if __name__ == "__main__":
    {"documents": documents, "wycheproof": wycheproof, "cose": cose, "cbor": cbor}[sys.argv[1]](*sys.argv[2:])
    sys.exit(failed)
