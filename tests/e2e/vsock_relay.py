#!/usr/bin/env python3
"""What a hypervisor does between two of its guests, for vsock.sh.

  vsock_relay.py FROM TO PORT...

Connections that come to FROM_PORT, which is where vhost-device-vsock brings what
the guest behind FROM dials at CID 2, go to PORT of the guest behind the hybrid
socket TO. An end of either side ends both, after what was on its way. Prints
"ready" when it listens."""
import socket
import sys
import threading


def pump(source, sink):
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
    except OSError:
        pass
    for end in source, sink:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(near, to, port):
    far = socket.socket(socket.AF_UNIX)
    try:
        far.connect(to)
        far.sendall(b'CONNECT %d\n' % port)
        line = b''
        while not line.endswith(b'\n'):
            byte = far.recv(1)
            if not byte:
                raise OSError('nobody there')
            line += byte
    except OSError:
        near.close()
        return
    other = threading.Thread(target=pump, args=(far, near), daemon=True)
    other.start()
    pump(near, far)
    other.join()
    near.close()
    far.close()


def accept(listener, to, port):
    while True:
        near, _ = listener.accept()
        threading.Thread(target=serve, args=(near, to, port), daemon=True).start()


def main():
    threads = []
    for port in map(int, sys.argv[3:]):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f'{sys.argv[1]}_{port}')
        listener.listen(64)
        threads.append(threading.Thread(target=accept, args=(listener, sys.argv[2], port)))
    for thread in threads:
        thread.start()
    print('ready', flush=True)


main()
