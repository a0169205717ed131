package filter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rulings are about exchanges that differ in everything a filter can ask for.
func rulings() (all []*rules.Ruling) {
	for i, c := range []struct{ method, target, upgrade, answer, probe, run string }{
		{"GET", "/chat?token=x", "websocket", "101 Switching Protocols", "", ""},
		{"POST", "/chat", "websocket", "101 Switching Protocols", "", ""},
		{"POST", "/chat", "websocket", "101 Switching Protocols", "UPGRADE-POST", "R1"},
		{"GET", "/ws/12345", "websocket", "403 Forbidden", "", ""},
		{"GET", "/", "h2c", "200 OK", "", ""},
		{"GET", "/x,y", "foo", "426 Upgrade Required", "", ""},
		{"GET", "/ws", "websocket", "", "", ""},
	} {
		q := "%s %s HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: %s\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
		x := &wire.Exchange{
			ID: fmt.Sprintf("X%d", i), Final: true, Complete: true, BodyDone: true, Origin: wire.OriginLive, Probe: c.probe, Route: "default",
			Client: fmt.Sprintf("127.0.0.%d:1000", i), Backend: "10.0.0.1:80", Time: time.Date(2026, 11, 20, 9, i, 0, 0, time.UTC), Outcome: wire.Closed,
			Request: wire.ReadRequest(fmt.Appendf(nil, q, c.method, c.target, c.upgrade)),
		}
		if c.probe != "" {
			x.Origin = wire.OriginProbe
		}
		if c.answer != "" {
			head := "HTTP/1.1 " + c.answer + "\r\nConnection: Upgrade\r\nUpgrade: " + c.upgrade + "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
			x.Response = wire.ReadResponse([]byte(head))
			x.Outcome = map[byte]wire.Outcome{'1': wire.Switched, '2': wire.Ignored, '4': wire.Refused}[c.answer[0]]
		}
		r := rules.Classify(rules.Case{X: x, Options: &rules.Options{}})
		r.Endpoint, r.Instance, r.Run = rules.EndpointOf(x), "a1", c.run
		for i := range r.Findings {
			r.Findings[i].State = rules.StateNew
		}
		switch c.target {
		case "/":
			r.Diagnoses = []rules.Diagnosis{{ID: "offer-h2c"}}
		case "/ws/12345":
			r.Diagnoses = []rules.Diagnosis{{ID: "rejected-403"}, {ID: "rejected-401"}}
		}
		all = append(all, r)
	}
	return all
}

func wanted(t *testing.T, text string, among []*rules.Ruling) (ids []string) {
	t.Helper()
	terms, err := splitTerms(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for _, r := range among {
		ok := true
		for _, term := range terms {
			m, err := term.match()
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			ok = ok && m(r)
		}
		if ok {
			ids = append(ids, r.X.ID)
		}
	}
	return ids
}

// TestTheStoreAndTheRestAgree holds that it does not matter which part of a filter the store answers.
func TestTheStoreAndTheRestAgree(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	s, err := store.Open(ctx, "memory", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := &store.Writer{Store: s, Drain: time.Minute}
	all := rulings()
	for _, r := range all {
		w.Write(r)
	}
	stop()
	if err := w.Run(ctx); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                                  "X0 X1 X2 X3 X4 X5 X6",
		"proto:websocket status:101":        "X0 X1 X2",
		"proto:ws -status:101":              "X3 X6",
		"verdict:fail":                      "X1 X2 X3 X4 X5",
		"-verdict:fail":                     "X0 X6",
		"rule:UPGRADE-POST":                 "X1 X2",
		"rule:upgrade-p?s*":                 "X1 X2",
		"-rule:*POST":                       "X0 X3 X4 X5 X6",
		"why:rejected-403":                  "X3",
		"why:Rejected-*":                    "X3",
		"why:rejected-403 why:rejected-4*1": "X3",
		"why:any":                           "X3 X4",
		"why:* -why:offer-h2c":              "X3",
		"-why:*":                            "X0 X1 X2 X5 X6",
		"why:rejected-404,offer-h2c":        "X4",
		"path:/ws*":                         "X3 X6",
		"path:/ws/777":                      "X3",
		"path:*ws*,/chat":                   "X0 X1 X2 X3 X6",
		`path:"/x,y"`:                       "X5",
		"status:4xx":                        "X3 X5",
		"status:none,200":                   "X4 X6",
		"is:unsafe -is:probe":               "X1",
		"-is:live":                          "X2",
		"run:R1":                            "X2",
		"origin:probe probe:UPGRADE-*":      "X2",
		"method:POST method:P*":             "X1 X2",
		"outcome:closed,refused":            "X3 X5 X6",
		"client:127.0.0.3:*":                "X3",
		"since:2026-11-20T09:05:00Z":        "X5 X6",
		"until:2026-11-20T09:01:00Z":        "X0",
		"until:2026-11-20 route:default":    "",
		"id:X4 instance:a1 backend:10.*":    "X4",
		"is:new -is:accepted verdict:fail":  "X1 X2 X3 X4 X5",
		"verdict:fail verdict:pass":         "",
		"chat":                              "X0 X1 X2",
		"Chat -upgrade-post":                "X0",
		"127.0.0.3:1000":                    "X3",
		`"/x,y"`:                            "X5",
		"/ws -status:none":                  "X3",
		"wS*345":                            "X3",
		"path:/chat path:*t status:101 status:1xx is:unsafe is:live": "X1",
	} {
		if got := strings.Join(wanted(t, text, all), " "); got != want {
			t.Errorf("%q matches %q, want %q", text, got, want)
		}
		got := ask(t, s, text)
		if got != want {
			t.Errorf("%q: the store has %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"is:benign", "-is:benign"} {
		if got, want := ask(t, s, text), strings.Join(wanted(t, text, all), " "); got != want || got == "" {
			t.Errorf("%q: the store has %q, want %q", text, got, want)
		}
	}
}

func ask(t *testing.T, s *store.Store, text string) string {
	t.Helper()
	q, match, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var ids []string
	err = s.Rulings(t.Context(), q, func(r *rules.Ruling) error {
		if match == nil || match(r) {
			ids = append(ids, r.X.ID)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(ids, " ")
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	for text, want := range map[string]string{
		"verdict:fail -":            `character 14: a word or a term is missing after the minus sign`,
		"colour:red":                `character 1: unknown key "colour"; the keys are proto, `,
		`"chat"x`:                   `character 7: a closing quote`,
		`""`:                        `character 1: the quotes are empty`,
		"status:101 verdict:bad":    `character 12: verdict:bad is none of`,
		"why:striped-upgrade":       `why:striped-upgrade is not a diagnosis; did you mean why:stripped-upgrade?`,
		"why:zzzzzzzzzz":            `why:zzzzzzzzzz is not a diagnosis; the page Diagnoses lists them`,
		"status:1":                  `status:1 is no status`,
		"proto:":                    `character 7: a value is missing after proto:`,
		"proto:h2c,":                `character 11: a value is missing after proto:`,
		`path:"/x`:                  `character 6: the quote that begins here does not end`,
		`path:"/x"y`:                `character 10: a closing quote`,
		`path:/x"y"`:                `character 8: quotes go around a whole value`,
		`path:"\n"`:                 `character 7: after a backslash`,
		`path:""`:                   `a value is missing`,
		"proto:\x00":                `character 7: control characters`,
		"-":                         `is missing after the minus sign`,
		"since:yesterday":           `is no date`,
		"is:good":                   `is:good is none of`,
		strings.Repeat("x", 3000):   `longer than`,
		strings.Repeat("is:x ", 40): `more than 32 terms`,
	} {
		_, _, err := Parse(text)
		var wrong *Error
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) || wrong.At < 0 || wrong.At > len(text) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
	}
	for text, ok := range map[string]bool{
		"rule:UPGRADE-* path:/ws* verdict:fail,warn is:unsafe is:live": true, "proto:websocket": false, "-verdict:fail": false, "is:benign": false, "rule:A rule:B": false,
	} {
		if _, err := ParseFindings(text); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
	if !slices.Contains(Keys(), "proto") {
		t.Error("proto is missing")
	}
}

// FuzzParse holds that every filter is understood or refused in one line at a place that is in it, and that what is understood
// can be asked.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"proto:websocket status:101 verdict:fail rule:UPGRADE-* path:/ws* -is:benign", `path:"a\"b",c -x:1`, "since:90m until:2026-11-20", "\x00", "path:*a*b?*"} {
		f.Add(text)
	}
	all := rulings()
	f.Fuzz(func(t *testing.T, text string) {
		_, match, err := Parse(text)
		if err != nil {
			var wrong *Error
			if !errors.As(err, &wrong) || wrong.At < 0 || wrong.At > len(text) || strings.ContainsAny(err.Error(), "\n\r\x1b") {
				t.Fatalf("%q", err)
			}
			return
		}
		if match != nil {
			for _, r := range all {
				match(r)
			}
		}
	})
}
