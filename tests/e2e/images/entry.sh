#!/bin/sh
# An entrypoint as images have them: says what it was given, on standard output by
# its name, starts the server that serves it, and ends it when it is told to end.
echo "entry: $(id -un) serves $1 on port $PORT" >/dev/stdout
trap 'kill "$server"; wait "$server"; echo "entry: ended as told"; exit 0' TERM
httpd -f -v -p "127.0.0.1:$PORT" -h "$1" &
server=$!
wait "$server"
