package filter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
)

// matchWhy wants a diagnosis; any will do for any and for *. A misspelt ID is an error, since nothing
// would match it.
func matchWhy(value string) (Match, error) {
	value = whyGlob(value)
	if !strings.ContainsAny(value, "*?") && diagnose.Find(value) == nil {
		return nil, unknownWhy(value)
	}
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

// unknownWhy names the diagnoses that are close to an ID that there is not.
func unknownWhy(id string) error {
	var ids []string
	for _, k := range diagnose.All() {
		ids = append(ids, k.ID)
	}
	if near := rules.Nearest(id, ids); len(near) > 0 {
		return fmt.Errorf("why:%s is not a diagnosis; did you mean why:%s?", printed.Start(id, maxQuoted), near[0])
	}
	return fmt.Errorf("why:%s is not a diagnosis; the page Diagnoses lists them", printed.Start(id, maxQuoted))
}
