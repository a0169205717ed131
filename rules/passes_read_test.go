package rules

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// TestPassesAreReadTheSameAgain reads a ruling twice, the second time from what was kept of the first.
func TestPassesAreReadTheSameAgain(t *testing.T) {
	text, err := Classify(transcribed(t, "UPGRADE-101-UNSOLICITED/offered.wire")).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	first, err1 := ReadRuling(text)
	second, err2 := ReadRuling(text)
	if err1 != nil || err2 != nil || len(first.Findings) == 0 || !reflect.DeepEqual(first, second) {
		t.Errorf("got %+v and %+v, %v, %v", first, second, err1, err2)
	}
}

// TestFewPassesAreKept fills the store of passes with others.
func TestFewPassesAreKept(t *testing.T) {
	var kept findingsRead
	f := Finding{Verdict: Pass}
	for i := range maxPassesRead + 10 {
		kept.keep(fmt.Appendf(nil, "%d", i), &f)
	}
	long := []byte(strings.Repeat("x", maxPassText+1))
	if kept.keep(long, &f); len(kept.byText) != maxPassesRead {
		t.Errorf("%d are kept", len(kept.byText))
	}
	if _, known := (&findingsRead{}).find(long); known {
		t.Error("a finding is known that was not kept")
	}
}
