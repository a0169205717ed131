package config

import (
	"slices"
	"testing"
)

// TestEveryKeyIsDescribed compares the descriptions with the configuration's fields.
func TestEveryKeyIsDescribed(t *testing.T) {
	if missing := undescribed(); len(missing) > 0 {
		t.Errorf("keys without a description: %q", missing)
	}
	var paths []string
	for _, k := range Keys() {
		if slices.Contains(paths, k.Path) || k.Text == "" {
			t.Errorf("%s is described twice, or not at all", k.Path)
		}
		paths = append(paths, k.Path)
	}
}
