//go:build e2e && world && linux

package e2e

import (
	"testing"
	"time"
)

// TestWorldClientsDoNotWaitUnderLoad is TestClientsDoNotWaitUnderLoad for ten minutes.
func TestWorldClientsDoNotWaitUnderLoad(t *testing.T) { clientsDoNotWait(t, 10*time.Minute) }

// TestWorldHalfHeadsAtTheGuard opens as many connections as the test's descriptors allow. Each
// needs two descriptors here and two in the program.
func TestWorldHalfHeadsAtTheGuard(t *testing.T) { halfHeadsAtTheGuard(t, 8_000) }
