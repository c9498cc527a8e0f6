#!/usr/bin/env python3
"""What is beyond the gateway: the servers of network.sh, on every address that is
named, in a network namespace of their own; and clients from there.

    serve FOLDER ADDRESS...   says "ready" and serves until it is ended
    client KIND ADDRESS PORT [NUMBER...]

FOLDER has the certificate (far.pem) and the names; a file FOLDER/go lets those read
that wait. The ports:

    7    TCP and UDP: echo         9    TCP: says how many bytes came, at the end
    10   as 9, but reads nothing before FOLDER/go is there
    11   says bye and closes       12   a byte for a byte, and closes at once
    13   says who connected        14   as many bytes as the first line says
    53   UDP: names                80   HTTP         443  HTTPS
"""
import asyncio
import os
import socket
import ssl
import struct
import sys

FOLDER = ''
NAMES = {
    # As the resolver must have asked: lower case.
    'name.example': ('203.0.113.10', '2001:db8:3::10'),
    'a.wild.example': ('203.0.113.11', '2001:db8:3::11'),
    'b.a.wild.example': ('203.0.113.11', '2001:db8:3::11'),
    'wild.example': ('203.0.113.14', '2001:db8:3::14'),
    'secure.example': ('203.0.113.12', '2001:db8:3::12'),
    'web.example': ('192.0.2.2', '2001:db8:1::2'),
    'denied.example': ('203.0.113.13', '2001:db8:3::13'),
    'near.example': ('127.0.0.1', '::1'),
    'meta.example': ('169.254.169.254', 'fd00:ec2::254'),
}


def byte_of(flow, at):
    x = (at * 2654435761 + flow * 40503) & 0xffffffff
    return (x >> 24 ^ x >> 9) & 0xff


def pattern(flow, size):
    return bytes(byte_of(flow, i) for i in range(size))


# --- streams ------------------------------------------------------------------------

async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def count(reader, writer):
    size, good = 0, True
    while data := await reader.read(65536):
        # Every byte where the flow is short, else each hundredth.
        for i in range(0, len(data), 1 if size < 100000 else 101):
            good = good and data[i] == byte_of(0, size + i)
        size += len(data)
    writer.write(b'%d %s\n' % (size, b'right' if good else b'wrong'))


async def late(reader, writer):
    while not os.path.exists(FOLDER + '/go'):
        await asyncio.sleep(0.02)
    await count(reader, writer)


async def bye(_, writer):
    writer.write(b'bye')


async def meet(reader, writer):
    writer.write(b'y')
    await reader.readexactly(1)


async def who(_, writer):
    writer.write(writer.get_extra_info('peername')[0].encode() + b'\n')


async def source(reader, writer):
    size = int(await reader.readline())
    block = pattern(0, min(size, 1 << 20))
    assert size <= 1 << 20
    writer.write(block)
    await writer.drain()


async def http(reader, writer):
    while (await reader.readline()).strip():
        pass
    writer.write(b'HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nfar\n')


STREAMS = {7: echo, 9: count, 10: late, 11: bye, 12: meet, 13: who, 14: source, 80: http, 443: http}


def served(handler):
    async def one(reader, writer):
        try:
            await handler(reader, writer)
            writer.close()
            await writer.wait_closed()
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
    return one


# --- datagrams ----------------------------------------------------------------------

class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


def dns_answer(question):
    """A whole answer to a question, as an honest server gives it."""
    at, labels = 12, []
    while question[at]:
        labels.append(question[at + 1:at + 1 + question[at]])
        at += 1 + question[at]
    kind = struct.unpack('>H', question[at + 1:at + 3])[0]
    name = b'.'.join(labels).decode().lower()
    found, records = NAMES.get(name), b''
    if found and kind in (1, 28):
        family = socket.AF_INET if kind == 1 else socket.AF_INET6
        data = socket.inet_pton(family, found[kind == 28])
        records = struct.pack('>HHHIH', 0xc00c, kind, 1, 60, len(data)) + data
    head = question[:2] + struct.pack('>HHHHH', 0x8580 | (0 if found else 3), 1, bool(records), 0, 0)
    return head + question[12:at + 5] + records


class Names(Echo):
    def datagram_received(self, data, addr):
        self.transport.sendto(dns_answer(data), addr)


async def serve(addresses):
    loop = asyncio.get_running_loop()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if 53 not in SKIP:
        tls.load_cert_chain(FOLDER + '/far.pem')
    for address in addresses:
        for port, handler in STREAMS.items():
            if port == 443 and 53 in SKIP:
                continue
            await asyncio.start_server(served(handler), address, port, backlog=2000,
                                       ssl=tls if port == 443 else None)
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        for port, protocol in ((7, Echo), (53, Names)):
            if port in SKIP:
                continue
            s = socket.socket(family, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            s.bind((address, port))
            await loop.create_datagram_endpoint(protocol, sock=s)
    print('ready', flush=True)
    await asyncio.Event().wait()


# --- clients ------------------------------------------------------------------------

def dial(address, port):
    return socket.create_connection((address, int(port)), timeout=60)


def client_who(address, port):
    with dial(address, port) as s:
        return s.makefile().readline().strip()


def client_echo(address, port, size):
    size, got = int(size), b''
    with dial(address, port) as s:
        s.sendall(pattern(1, size))
        s.shutdown(socket.SHUT_WR)
        while data := s.recv(65536):
            got += data
    return f'echoed {size}' if got == pattern(1, size) else 'other bytes'


def client_udp(address, port, size):
    with socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(60)
        s.connect((address, int(port)))
        s.send(pattern(2, int(size)))
        return f'echoed {size}' if s.recv(65536) == pattern(2, int(size)) else 'other bytes'


def client_hold(address, port):
    s = dial(address, port)
    s.sendall(b'x')
    assert s.recv(1) == b'x'
    print('held', flush=True)
    s.settimeout(None)
    return 'end' if not s.recv(1) else 'a byte'


def client_http(address, port):
    with dial(address, port) as s:
        s.sendall(b'GET / HTTP/1.0\r\n\r\n')
        return s.makefile().read().splitlines()[-1]


def client_many(address, port, number, size):
    """NUMBER connections at once, all bytes compared."""
    size = int(size)

    async def one(n):
        reader, writer = await asyncio.open_connection(address, int(port))
        mine = pattern(n, size)
        writer.write(mine)
        writer.write_eof()
        got = await reader.read(-1)
        writer.close()
        return got == mine

    async def all_of_them():
        return await asyncio.gather(*(one(n) for n in range(int(number))))
    done = asyncio.run(all_of_them())
    return f'{len(done)} flows of {size}' if all(done) else 'other bytes'


def client(kind, *args):
    try:
        print(globals()['client_' + kind](*args), flush=True)
    except OSError as e:
        print(e.__class__.__name__, flush=True)


def main():
    global FOLDER, SKIP
    if sys.argv[1] == 'client':
        return client(*sys.argv[2:])
    FOLDER = sys.argv[2]
    # Of the gateway's own host: no names, no certificates.
    SKIP = {53} if sys.argv[1] == 'serve-loopback' else set()
    asyncio.run(serve(sys.argv[3:]))


if __name__ == '__main__':
    main()
