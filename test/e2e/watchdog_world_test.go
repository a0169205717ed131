//go:build e2e && world && linux

package e2e

import (
	"testing"
	"time"
)

// TestWorldNobodyWaitsUnderLoad watches for ten minutes.
func TestWorldNobodyWaitsUnderLoad(t *testing.T) { nobodyWaits(t, 10*time.Minute) }

// TestWorldHalfHeadsAtTheGuard has as many as the descriptors of a test allow: each takes two here and two in the program.
func TestWorldHalfHeadsAtTheGuard(t *testing.T) { halfHeadsAtTheGuard(t, 8_000) }
