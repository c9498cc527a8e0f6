"""An enclave that lies about touches, for attest_hostile.py: documents like the
emulator's, which nobody signs, over its own TLS key, and logs to go with them.
"""
import base64
import hashlib
import json
import time
import urllib.parse

ZEROS = bytes(48)
PCR = b"\x01" * 48  # 0, 1 and 2: the code that is expected
PAGE = 64


def head(major, n):
    for size, code in ((1, 24), (2, 25), (4, 26), (8, 27)):
        if n < 24:
            return bytes([major << 5 | n])
        if n < 1 << (8 * size):
            return bytes([major << 5 | code]) + n.to_bytes(size, "big")


def cbor(v):
    """Deterministic, for keys that come in order."""
    if isinstance(v, int):
        return head(0, v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, str):
        return head(3, len(v)) + v.encode()
    if isinstance(v, list):
        return head(4, len(v)) + b"".join(map(cbor, v))
    return head(5, len(v)) + b"".join(cbor(k) + cbor(x) for k, x in v.items())


def chain(before, record):
    return hashlib.sha384(before + record).digest()


def make_log(n):
    """Records 1 to n, and the chain's heads 0 to n."""
    records = [cbor({1: i, 2: 1, 3: "exec", 4: "open", 5: ZEROS, 6: f"number {i}"}) for i in range(1, n + 1)]
    heads = [ZEROS]
    for r in records:
        heads.append(chain(heads[-1], r))
    return records, heads


class Liar:
    def __init__(self, key, touches=3, first=1, base=None, records=None, claimed=None, other_pcr17=False,
                 marked=True, debug=False, purpose="tls", answer=None):
        self.key, self.first, self.base, self.debug, self.purpose = key, first, base, debug, purpose
        self.records, self.heads = make_log(touches)
        self.shown = self.records if records is None else records
        self.touches = touches if claimed is None else claimed
        self.pcr17 = chain(ZEROS, b"another" if other_pcr17 else self.heads[min(1, touches)])
        self.marked = marked
        self.answer = answer  # to /touch, instead of a page; empty: ends the connection

    def document(self, nonce):
        pcrs = {i: ZEROS if self.debug else PCR for i in range(3)}
        if self.marked:
            pcrs[17] = self.pcr17
        claims = {1: 1, 2: self.purpose, 3: self.touches, 4: self.heads[-1]}
        if self.purpose != "tls":
            claims[6] = ZEROS
        payload = {"module_id": "i-1234-enc5678", "digest": "SHA384", "timestamp": int(time.time() * 1000),
                   "pcrs": pcrs, "certificate": bytes(64), "cabundle": [bytes(64)], "public_key": self.key,
                   "user_data": cbor(claims), "nonce": nonce}
        return 200, cbor([b"\xa1\x01\x20", {}, cbor(payload), bytes(64)])

    def page(self, start):
        if self.answer is not None:
            return self.answer
        start = max(start, self.first)
        end = min(start + PAGE, len(self.shown) + 1)
        base = self.heads[start - 1] if self.base is None else self.base
        return 200, json.dumps({
            "touches": self.touches, "head": self.heads[-1].hex(), "first": start, "base": base.hex(),
            "records": [{"record": base64.b64encode(r).decode()} for r in self.shown[start - 1:end - 1]],
            "next": end if end <= self.touches else None}).encode()

    def get(self, target):
        """(status, body); None: no answer."""
        url = urllib.parse.urlsplit(target)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/attestation":
            return self.document(bytes.fromhex(query["nonce"]))
        return self.page(int(query["from"]))


def liars(key):
    full = make_log(3)[0]
    return {
        "log-honest": Liar(key),
        "log-left-out": Liar(key, first=4),
        "log-half": Liar(key, first=3),
        "log-base": Liar(key, base=PCR),
        "log-none": Liar(key, records=[]),
        "log-other": Liar(key, records=[full[0], full[1], make_log(9)[0][8]]),
        "log-other-pcr17": Liar(key, other_pcr17=True),
        "log-malformed": Liar(key, answer=(200, b"{}")),
        "log-503": Liar(key, answer=(503, b"later")),
        "log-closes": Liar(key, answer=()),
        "log-dropped": Liar(key, touches=2100, first=2100 - 2046 + 1),
        "log-dropped-more": Liar(key, touches=2100, first=200),
        "touches-most": Liar(key, claimed=(1 << 63) - 1),
        "touches-too-many": Liar(key, claimed=1 << 63),
        "purpose-app": Liar(key, purpose="app"),
        "clean": Liar(key, touches=0, marked=False),
        "clean-debug": Liar(key, touches=0, marked=False, debug=True),
    }
