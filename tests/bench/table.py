"""The table in net/README.md, between two marks, the first with a digest of what stands
between them: whoever changes a number by hand is told so by `./build.sh lint`."""
import hashlib
import json
import re
import sys

from common import BUILD

README = "net/README.md"
BEGIN, END = "<!-- bench: {} -->", "<!-- bench end -->"
BLOCK = re.compile(r"^<!-- bench: ([0-9a-f]{64}) -->\n(.*?)^<!-- bench end -->$", re.M | re.S)
# Columns: way and what it is compared with, as rows are named.
COLUMNS = [("user mode", "raw vsock"), ("TUN mode", "raw vsock"), ("gvproxy", "raw vsock"),
           ("user mode", "gvproxy"), ("TUN mode", "gvproxy")]


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def is_good(readme):
    """One block, and its digest is that of its text."""
    blocks = BLOCK.findall(readme)
    return len(blocks) == 1 and readme.count("<!-- bench") == 2 and \
        blocks[0][0] == digest(blocks[0][1])


def shown(ratio):
    return "" if ratio is None else f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"


def table(rows):
    ratios, measures, counts = {}, [], []
    for r in rows:
        what, _, rest = r["name"].rpartition(", ")
        way, _, other = rest.partition("/")
        if r["name"].startswith("switch, "):
            counts.append(r)
        elif way in ("raw vsock", "user mode", "TUN mode", "gvproxy"):
            ratios[what, way, other or "raw vsock"] = r["ratio"]
            measures += [] if what in measures else [what]
    lines = ["| | " + " | ".join(f"{a} / {b}" for a, b in COLUMNS) + " |", "|-" * 6 + "|"]
    for what in measures:
        cells = [shown(ratios.get((what, *c))) for c in COLUMNS]
        if any(cells):
            lines.append(f"| {what} | " + " | ".join(cells) + " |")
    if counts:
        lines += ["", "| instructions a packet, budget | |", "|-|-|"]
        lines += [f"| {r['name']} | {r['reference']} |" for r in counts]
    return "\n".join(lines) + "\n"


def table_main(write):
    with open(README) as f:
        readme = f.read()
    if not write:
        if not is_good(readme):
            print(f"{README}: the bench's table is not as the bench made it; "
                  "tests/bench/run --readme makes it anew", file=sys.stderr)
        return 0 if is_good(readme) else 1
    with open(f"{BUILD}/bench.json") as f:
        text = table(json.load(f))
    new, n = BLOCK.subn(lambda _: f"{BEGIN.format(digest(text))}\n{text}{END}", readme)
    if n != 1:
        print(f"{README}: not one block between <!-- bench: DIGEST --> and {END}", file=sys.stderr)
        return 1
    with open(README, "w") as f:
        f.write(new)
    return 0
