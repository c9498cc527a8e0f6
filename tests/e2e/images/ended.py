"""Whether a service ended as it should when its enclave was stopped, by what
`casemate events` saw.   usage: ended.py SERVICE LAST EVENTS

It was told to stop, said LAST after that, and exited with status 0: nobody had to
kill it."""
import json
import sys

service, last, path = sys.argv[1:]
seen = [e for e in map(json.loads, open(path)) if e["service"] == service]
for e in seen:
    print(e["event"], e["text"].strip())
told = [i for i, e in enumerate(seen) if e["event"] == "stopping"]
assert len(told) == 1, "it was not told to stop"
after = seen[told[0]:]
said = "".join(e["text"] for e in after if e["event"] == "log")
assert last in said, f"it did not say '{last}'"
ends = [e["text"] for e in after if e["event"] == "ended"]
assert len(ends) == 1 and "status 0" in ends[0], f"it ended so: {ends}"
