#!/bin/sh
# The store and what was set in /etc/interlock are removed only by purge.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
if [ "$1" = purge ]; then
	rm -rf /var/lib/interlock /var/lib/private/interlock
	rmdir /etc/interlock 2>/dev/null || true
fi
