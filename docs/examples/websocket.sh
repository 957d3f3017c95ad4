#!/bin/sh
# Opens a WebSocket and prints what the tenant says first. The token goes to curl through a pipe: every user of the
# machine can read arguments.
set -eu
# The tenant keeps the connection open, so that curl ends by its time; what came before is what counts.
{
  printf 'header = "Authorization: Bearer '
  printf '%s' "$CANARY_TOKEN" | sed 's/[\\"]/\\&/g'
  printf '"\n'
} | curl --config - --silent --show-error --include --http1.1 --no-buffer --max-time 1 \
  --header 'Connection: Upgrade' --header 'Upgrade: websocket' --header 'Sec-WebSocket-Version: 13' \
  --header 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' "$1" | tr -d '\000-\010\016-\037\200-\377'
