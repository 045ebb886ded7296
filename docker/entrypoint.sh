#!/bin/sh
# Flags are those of Beam's container contract and go to its boot program; all else is a command.
set -eu
boot=/opt/apache/beam/boot
case "${1:-}" in
  --*) ;;
  *) exec "$@" ;;
esac
if [ -x "$boot" ]; then
  exec "$boot" "$@"
fi
if [ "$1" = --worker_pool ]; then
  # What the boot program would start; without it the pool runs workers by itself.
  exec python -P -m apache_beam.runners.worker.worker_pool_main --service_port=50000
fi
echo "$boot is not in this image: build it without --target worker" >&2
exit 2
