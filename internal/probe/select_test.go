package probe

import (
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
)

func TestSelection(t *testing.T) {
	for _, c := range []struct {
		only, skip, want, not string
	}{
		{only: "UPGRADE-POST", want: "UPGRADE-POST", not: "UPGRADE-POST-CL0"},
		{only: "comp-upgrade-post", want: "UPGRADE-POST", not: "CTRL-WS"},
		{only: "*-method-*", want: "UPGRADE-METHOD-PUT", not: "UPGRADE-POST"},
		{skip: "COMP-UPGRADE-METHOD-*", want: "UPGRADE-POST", not: "UPGRADE-METHOD-PUT"},
		{only: "upgrade-*", skip: "upgrade-post", want: "UPGRADE-POST-CL0", not: "UPGRADE-POST"},
	} {
		got, err := Select(rules.Probes(), patterns(c.only), patterns(c.skip))
		var ids []string
		for _, p := range got {
			ids = append(ids, p.ID)
		}
		text := " " + strings.Join(ids, " ") + " "
		if err != nil || !strings.Contains(text, " "+c.want+" ") || strings.Contains(text, " "+c.not+" ") {
			t.Errorf("%+v: got%s, %v", c, text, err)
		}
	}
	for _, c := range []struct{ only, skip, want string }{
		{only: "UPGRADE-PSOT", want: "--only: no probe \"UPGRADE-PSOT\"; did you mean UPGRADE-POST?"},
		{skip: "upgrade-psot*", want: "did you mean UPGRADE-POST"},
		{only: "nothing-like-it", want: "interlock probe --list lists them"},
		{only: "[", want: "is not a glob"},
		{only: "UPGRADE-POST", skip: "UPGRADE-P*", want: "leave no probe"},
	} {
		if _, err := Select(rules.Probes(), patterns(c.only), patterns(c.skip)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}

func patterns(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}
