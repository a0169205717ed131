#!/bin/sh
# $1 is "remove" of a deb and 0 of an rpm, unless this is an upgrade.
set -e
if [ -d /run/systemd/system ] && { [ "$1" = remove ] || [ "$1" = 0 ]; }; then
	systemctl disable --now interlock.service || true
fi
