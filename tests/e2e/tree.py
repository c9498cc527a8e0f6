#!/usr/bin/env python3
"""Trees for the end to end tests: made from a seed, and compared in everything
the channel promises to keep.

  tree.py make DIR SEED FILES      a tree of every kind, with odd names
  tree.py compare A B              exit 1 and one line a difference
  tree.py small DIR COUNT SIZE     COUNT files of SIZE bytes, 100 a folder
"""
import hashlib
import os
import random
import stat
import sys


def describe(path):
    """Everything of one entry that must arrive."""
    st = os.lstat(path)
    mode = stat.S_IMODE(st.st_mode)
    if stat.S_ISLNK(st.st_mode):
        # a link's own mode means nothing on Linux
        return ('link', os.readlink(path), st.st_mtime_ns)
    if stat.S_ISDIR(st.st_mode):
        return ('dir', mode, st.st_mtime_ns)
    if stat.S_ISREG(st.st_mode):
        digest = hashlib.sha256()
        with open(path, 'rb') as f:
            while chunk := f.read(1 << 20):
                digest.update(chunk)
        return ('file', mode, st.st_mtime_ns, st.st_size, digest.hexdigest())
    return ('other', stat.S_IFMT(st.st_mode))


def walk(top):
    top = os.fsencode(top)
    found = {b'.': describe(top)}
    for folder, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, top)] = describe(path)
    return found


def compare(a, b):
    left, right = walk(a), walk(b)
    wrong = 0
    for name in sorted(left.keys() | right.keys()):
        if left.get(name) != right.get(name):
            wrong += 1
            if wrong <= 5:
                print(f'{name!r}: {left.get(name)} there, {right.get(name)} here')
    return 1 if wrong else 0


ODD = [b'with space', b'-dash', b'new\nline', b'tab\t', b'\xff\xfebytes', b'*?[', b'\xc3\xa4',
       b'quote\'"', b'back\\slash', b'.hidden', b'..dots', b'a' * 255, b'\x01\x1b[31m', b'~', b'$HOME']


def write(path, data, mode, mtime):
    with open(path, 'wb') as f:
        f.write(data)
    os.chmod(path, mode)
    os.utime(path, ns=(mtime, mtime))


def make(top, seed, files):
    rng = random.Random(seed)
    top = os.fsencode(top)
    os.makedirs(top)
    folders = [top]
    for i in range(max(3, files // 10)):
        parent = rng.choice(folders)
        path = os.path.join(parent, b'd%d' % i)
        os.mkdir(path)
        folders.append(path)
    os.mkdir(os.path.join(top, b'empty'))
    for i in range(files):
        path = os.path.join(rng.choice(folders), b'f%d' % i)
        size = rng.choice([0, 1, rng.randrange(5000), rng.randrange(200000)])
        write(path, rng.randbytes(size), rng.choice([0o644, 0o600, 0o755, 0o400, 0o666, 0o1644]),
              rng.randrange(0, 2_000_000_000 * 10**9))
    for i, name in enumerate(ODD):
        write(os.path.join(top, name), name * i, 0o644, 1 + i)
    for i, target in enumerate([b'f0', b'../..', b'/etc/passwd', b'nowhere', b'.', b'x' * 4000]):
        path = os.path.join(rng.choice(folders), b'l%d' % i)
        os.symlink(target, path)
        os.utime(path, ns=(i + 5, i + 7), follow_symlinks=False)
    sparse = os.path.join(top, b'sparse')
    with open(sparse, 'wb') as f:
        f.truncate(40 << 20)
        f.seek(10 << 20)
        f.write(b'island')
    os.utime(sparse, ns=(9, 9))
    for path in sorted(folders, key=len, reverse=True) + [os.path.join(top, b'empty')]:
        os.chmod(path, rng.choice([0o755, 0o700, 0o1777]))
        stamp = rng.randrange(0, 10**18)
        os.utime(path, ns=(stamp, stamp))


def small(top, count, size):
    os.makedirs(top)
    for i in range(count):
        folder = os.path.join(top, f'{i // 100:03}')
        if i % 100 == 0:
            os.mkdir(folder)
        with open(os.path.join(folder, f'{i % 100:02}'), 'wb') as f:
            f.write(os.urandom(size))


def main(argv):
    if argv[1:2] == ['make'] and len(argv) == 5:
        make(argv[2], int(argv[3]), int(argv[4]))
        return 0
    if argv[1:2] == ['compare'] and len(argv) == 4:
        return compare(argv[2], argv[3])
    if argv[1:2] == ['small'] and len(argv) == 5:
        small(argv[2], int(argv[3]), int(argv[4]))
        return 0
    print(__doc__, file=sys.stderr)
    return 2


sys.exit(main(sys.argv))
