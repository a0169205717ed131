#!/bin/sh
# The service is neither enabled nor started here. An upgrade restarts it if it runs.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	systemctl try-restart interlock.service || true
fi
# $1 is "configure" and the version before of a deb, and the number of installed versions of an rpm.
if [ "$1" = 1 ] || { [ "$1" = configure ] && [ -z "$2" ]; }; then
	echo "interlock: set the backend in /etc/interlock/interlock.yaml, then: systemctl enable --now interlock"
fi
