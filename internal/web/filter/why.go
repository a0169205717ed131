package filter

import (
	"slices"

	"github.com/interlock-proxy/interlock/rules"
)

// matchWhy wants a diagnosis; any will do for any and for *.
func matchWhy(value string) (Match, error) {
	value = whyGlob(value)
	return func(r *rules.Ruling) bool {
		return slices.ContainsFunc(r.Diagnoses, func(d rules.Diagnosis) bool { return glob(value, d.ID) })
	}, nil
}

// whyGlob is a glob of diagnoses as their IDs are written.
func whyGlob(value string) string {
	if value = lower(value); value == "any" {
		return "*"
	}
	return value
}
