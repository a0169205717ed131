package audit

import (
	"fmt"
	"testing"
)

func TestKeysAreRememberedForAWhile(t *testing.T) {
	var k keys
	first, again, elsewhere := k.seenElsewhere("a", "1"), k.seenElsewhere("a", "1"), k.seenElsewhere("a", "2")
	if first || again || !elsewhere {
		t.Error("a key of another exchange is one that was seen, and no other is")
	}
	for i := range 2 * maxKeys {
		k.seenElsewhere(fmt.Sprint("key", i), "3")
	}
	if len(k.first) != maxKeys || len(k.last) != maxKeys {
		t.Errorf("%d and %d keys are remembered", len(k.first), len(k.last))
	}
	if k.seenElsewhere("a", "2") {
		t.Error("the oldest key is still known")
	}
}
