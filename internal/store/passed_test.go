package store

import (
	"reflect"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestSharedFindingsHaveOneColumn checks that rows are the same whether the column of passed rules is
// remembered or not, and that it is remembered once for rulings with the same list of findings.
func TestSharedFindingsHaveOneColumn(t *testing.T) {
	var shared rules.Memory
	var remembered passedTexts
	for _, x := range []*wire.Exchange{good("/a"), bad("/a"), good("/b"), good("/c"), bad("/b")} {
		r := rules.Classify(rules.Case{X: x, Memory: &shared})
		got, err1 := exchangeRow(r, &remembered)
		want, err2 := exchangeRow(r, nil)
		if err1 != nil || err2 != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v, %v: got %v, want %v", err1, err2, got, want)
		}
	}
	if n := len(remembered.all); n != 1 {
		t.Errorf("%d columns are remembered, want 1", n)
	}
}
