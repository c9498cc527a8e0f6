#!/usr/bin/env python3
"""A client of its own that judges attestation documents: python3-cbor2 and
python3-cryptography, nothing of ours.

  attest_client.py verify DOC --root PEM [--time UNIX] [--nonce HEX] [--spki FILE]
                   [--log FILE] [--measurements FILE [--untouched]]
  attest_client.py fetch HOST:PORT DIR [--nonce HEX]
  attest_client.py split DOC DIR
  attest_client.py touches DIR | pcr17 DIR

verify exits 0 when the document is to be believed, 1 with the reason when not.
--measurements is what `casemate-image eif describe` printed; what a document says
of touches is the word of the code that runs, so --untouched needs it.
fetch gets everything a verifier needs over one TLS connection: DIR/doc, DIR/spki
(of the certificate this connection was made with), DIR/log (all pages of /touch),
DIR/nonce; touches says what of that is about touches and
refuses it when it does not fit together (nothing is signed in the emulator), pcr17
prints that register. split writes what openssl's command line needs: DIR/tbs (the
Sig_structure), DIR/signature (DER), DIR/leaf.pem, DIR/chain.pem, DIR/spki."""
import argparse
import base64
import datetime
import hashlib
import io
import json
import os
import sys
import time

import cbor2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from web import Web  # noqa: E402

FIELDS = {'module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle',
          'public_key', 'user_data', 'nonce'}


class Refused(Exception):
    pass


def demand(true, why):
    if not true:
        raise Refused(why)


def decode(raw, what):
    """One item and nothing behind it."""
    stream = io.BytesIO(raw)
    try:
        value = cbor2.CBORDecoder(stream).decode()
    except (cbor2.CBORDecodeError, UnicodeDecodeError, ValueError) as e:
        raise Refused(f'{what}: {e}') from e
    demand(stream.tell() == len(raw), f'{what}: bytes behind its end')
    return value


def unsigned(args):
    """The payload of DIR/doc, whoever signed it: the emulator's nobody has."""
    with open(os.path.join(args.dir, 'doc'), 'rb') as f:
        return decode(decode(f.read(), 'document')[2], 'payload')


def take_apart(raw):
    """(protected, signature, payload bytes, payload) of a COSE_Sign1."""
    sign1 = decode(raw, 'document')
    if isinstance(sign1, cbor2.CBORTag):
        demand(sign1.tag == 18, f'tag {sign1.tag} is not COSE_Sign1')
        sign1 = sign1.value
    demand(isinstance(sign1, (list, tuple)) and len(sign1) == 4, 'not four fields')
    protected, unprotected, body, signature = sign1
    demand(isinstance(protected, bytes) and isinstance(body, bytes) and
           isinstance(signature, bytes) and len(signature) == 96, 'fields of wrong types')
    demand(decode(protected, 'protected header') == {1: -35}, 'algorithm is not ES384')
    demand(unprotected == {}, 'something in the unprotected header')
    doc = decode(body, 'payload')
    demand(isinstance(doc, dict) and set(doc) == FIELDS, 'payload has other fields')
    return protected, signature, body, doc


def signed_bytes(protected, body):
    return cbor2.dumps(['Signature1', protected, b'', body])


def signature_der(signature):
    return utils.encode_dss_signature(int.from_bytes(signature[:48], 'big'),
                                      int.from_bytes(signature[48:], 'big'))


def certificate(der):
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError as e:
        raise Refused(f'certificate: {e}') from e


def check_issued(cert, issuer, depth):
    """depth: how many CA certificates lie between cert and the leaf."""
    demand(cert.issuer == issuer.subject, 'chain: names do not meet')
    try:
        issuer.public_key().verify(cert.signature, cert.tbs_certificate_bytes,
                                   ec.ECDSA(cert.signature_hash_algorithm))
    except InvalidSignature as e:
        raise Refused('chain: a signature is wrong') from e
    basic = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    demand(basic.ca and usage.key_cert_sign, 'chain: an issuer is no CA')
    demand(basic.path_length is None or basic.path_length >= depth, 'chain: too long')


def check_chain(doc, root_der, now):
    demand(isinstance(doc['cabundle'], list) and doc['cabundle'], 'no cabundle')
    demand(doc['cabundle'][0] == root_der, 'the root is another')
    chain = [certificate(der) for der in doc['cabundle'] + [doc['certificate']]]
    for cert in chain:
        begin, end = (t.replace(tzinfo=datetime.timezone.utc).timestamp() for t in
                      (cert.not_valid_before, cert.not_valid_after))
        demand(begin <= now <= end, 'chain: a certificate is not valid at this time')
    for i, cert in enumerate(chain):
        check_issued(cert, chain[max(i - 1, 0)], max(len(chain) - 1 - max(i, 1), 0))
    return chain[-1].public_key()


def check_code(doc, measurements):
    """The code that runs is the one expected; in debug mode it is not known."""
    with open(measurements, encoding='ascii') as f:
        wanted = json.load(f)['Measurements']
    for i in range(3):
        demand(doc['pcrs'][i] != bytes(48), f'PCR{i} is zero: debug mode')
        demand(doc['pcrs'][i].hex() == wanted[f'PCR{i}'], f'PCR{i} is another')


def check_touches(doc, log):
    """user_data, PCR17 and, when it is at hand, the log must say the same."""
    claims = decode(doc['user_data'], 'user_data')
    demand(isinstance(claims, dict) and claims.get(1) == 1 and claims.get(2) == 'tls',
           'user_data is not for tls')
    touches, head = claims[3], claims[4]
    pcr17 = doc['pcrs'].get(17)
    demand((pcr17 is not None) == (touches > 0), f'PCR17 and {touches} touches disagree')
    demand(touches > 0 or head == bytes(48), 'untouched and yet a head')
    if log is None:
        return touches
    chain, number = bytes(48), 0
    for page in log:
        for r in page['records']:
            raw = bytes.fromhex(r['record_hex'])
            number += 1
            record = decode(raw, 'record')
            demand(record[1] == number == r['number'], 'log: a record is missing')
            demand(record[3] == r['operation'] and record[5].hex() == r['digest'],
                   'log: JSON and record disagree')
            chain = hashlib.sha384(chain + raw).digest()
            if number == 1:
                demand(pcr17 == hashlib.sha384(bytes(48) + chain).digest(),
                       'log: its first record is not what PCR17 was extended with')
            if number == touches:
                demand(chain == head, 'log: it does not recompute to the head')
    demand(number >= touches, 'log: shorter than the document says')
    return touches


def verify(args):
    with open(args.doc, 'rb') as f:
        protected, signature, body, doc = take_apart(f.read())
    with open(args.root, 'rb') as f:
        root = x509.load_pem_x509_certificate(f.read()).public_bytes(serialization.Encoding.DER)
    now = args.time if args.time is not None else int(time.time())
    demand(doc['digest'] == 'SHA384', 'digest is not SHA384')
    demand(all(isinstance(k, int) and 0 <= k < 32 and len(v) == 48
               for k, v in doc['pcrs'].items()), 'a PCR of wrong size')
    demand(doc['pcrs'].keys() >= {0, 1, 2}, 'no PCR0-2')
    key = check_chain(doc, root, now)
    demand(isinstance(key.curve, ec.SECP384R1), 'the leaf is not on P-384')
    try:
        key.verify(signature_der(signature), signed_bytes(protected, body),
                   ec.ECDSA(hashes.SHA384()))
    except InvalidSignature as e:
        raise Refused('signature is wrong') from e
    demand(abs(now - doc['timestamp'] / 1000) < 300, 'document is not of now')
    if args.measurements:
        check_code(doc, args.measurements)
    demand(args.measurements or not args.untouched,
           'untouched is the word of code that is not known')
    demand(args.spki or not args.untouched, 'untouched is said to the holder of a TLS key')
    if args.nonce is not None:
        demand(doc['nonce'] == bytes.fromhex(args.nonce), 'nonce is another')
    if args.spki:
        with open(args.spki, 'rb') as f:
            demand(doc['public_key'] == f.read(), 'TLS key is another')
        log = None
        if args.log:
            with open(args.log, encoding='ascii') as f:
                log = json.load(f)
        touches = check_touches(doc, log)
        demand(not (args.untouched and touches), f'touched {touches} times')
        print(f'accepted: {touches} touches')
    else:
        print('accepted')


def touches(args):
    with open(os.path.join(args.dir, 'log'), encoding='ascii') as f:
        n = check_touches(unsigned(args), json.load(f))
    print(f'{n} touches, ' + ('PCR17 is of the log' if n else 'no PCR17'))


def pcr17(args):
    print(unsigned(args)['pcrs'][17].hex())


def fetch(args):
    nonce = args.nonce or os.urandom(32).hex()
    web = Web(args.at)
    status, headers, body = web.get(f'/attestation?nonce={nonce}')
    if status != 200 or headers.get('content-type') != 'application/cose':
        sys.exit(f'attest_client: /attestation gave {status}: {body[:200]!r}')
    pages, start = [], 1
    while start:
        page = web.json(f'/touch?from={start}')
        for r in page['records']:
            r['record_hex'] = base64.b64decode(r['record'], validate=True).hex()
        pages.append(page)
        start = page['next']
    for name, data in (('doc', body), ('spki', web.spki()), ('nonce', nonce.encode()),
                       ('log', json.dumps(pages).encode())):
        with open(os.path.join(args.dir, name), 'wb') as f:
            f.write(data)


def split(args):
    with open(args.doc, 'rb') as f:
        protected, signature, body, doc = take_apart(f.read())
    pem = [certificate(der).public_bytes(serialization.Encoding.PEM)
           for der in doc['cabundle'][1:] + [doc['certificate']]]
    for name, data in (('tbs', signed_bytes(protected, body)), ('leaf.pem', pem[-1]),
                       ('signature', signature_der(signature)), ('chain.pem', b''.join(pem[:-1])),
                       ('nonce', (doc['nonce'] or b'').hex().encode()),
                       ('spki', doc['public_key'] or b'')):
        with open(os.path.join(args.dir, name), 'wb') as f:
            f.write(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    p = verbs.add_parser('verify')
    p.set_defaults(run=verify)
    p.add_argument('doc')
    p.add_argument('--root', required=True)
    p.add_argument('--time', type=int)
    p.add_argument('--nonce')
    p.add_argument('--spki')
    p.add_argument('--log')
    p.add_argument('--measurements')
    p.add_argument('--untouched', action='store_true')
    p = verbs.add_parser('fetch')
    p.set_defaults(run=fetch)
    p.add_argument('at')
    p.add_argument('dir')
    p.add_argument('--nonce')
    p = verbs.add_parser('split')
    p.set_defaults(run=split)
    p.add_argument('doc')
    p.add_argument('dir')
    for name in (touches, pcr17):
        p = verbs.add_parser(name.__name__)
        p.set_defaults(run=name)
        p.add_argument('dir')
    args = parser.parse_args()
    try:
        args.run(args)
    except Refused as e:
        print(f'refused: {e}')
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
