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

from wire import dial


def pump(source, sink):
    """What source says, to sink (or nobody), to its end. What sink does not take is
    read all the same: of a connection that is closed with bytes unread the device
    tells its guest nothing."""
    try:
        while data := source.recv(1 << 16):
            try:
                if sink:
                    sink.sendall(data)
            except OSError:
                sink = end(sink)
    except OSError:
        pass
    end(sink)


def end(sock):
    """An end of this side is one of both to the device."""
    try:
        if sock:
            sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(near, to, port):
    try:
        far = dial(to, port, None)
    except OSError:
        far = end(near)
    other = threading.Thread(target=pump, args=(far, near), daemon=True)
    if far:
        other.start()
    pump(near, far)
    if far:
        other.join()
        far.close()
    near.close()


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
