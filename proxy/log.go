package proxy

import (
	"errors"
	"fmt"
	"log"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// The events of sessions.
const (
	eventAnswered     = "answered in place of the backend"
	eventBlocked      = "blocked request"
	eventDefaultRoute = "default route chosen"
	eventNotEarly     = "backend not reached before the first byte"
	eventSealed       = "tunnel not audited"
	eventStays        = "client did not end its side"
	eventTimedOut     = "connection timed out"
)

// say logs what a session has to say; what may come often, but rarely.
func (r *Relay) say(s *session, n notice) {
	client := func(e *zerolog.Event) *zerolog.Event { return e.Str("client", s.common.Client) }
	switch n.event {
	case eventAnswered:
		r.rare.log(string(n.cause), r.Log.Error().Str("cause", string(n.cause)).Str("backend", s.common.Backend).Str("err", n.text), n.event)
	case eventBlocked:
		r.rare.log("blocked", client(r.Log.Warn()).Str("err", n.text), n.event)
	case eventDefaultRoute:
		r.rare.log("chosen "+n.text, client(r.Log.Info()).Str("route", s.common.Route).Str("reason", n.text), n.event)
	case eventNotEarly:
		r.Log.Debug().Str("route", s.common.Route).Err(errors.New(n.text)).Msg(n.event)
	case eventSealed:
		r.rare.log("closed", client(r.Log.Info()).Str("target", n.text), n.event)
	case eventStays:
		client(r.Log.Debug()).Msg(n.event)
	case eventTimedOut:
		client(r.Log.Info()).Str("err", n.text).Msg(n.event)
	}
}

// moved warns when the backend sends clients to its own address: what they do there is not seen.
func (r *Relay) moved(location string) {
	for _, scheme := range []string{"http://", "ws://"} {
		if rest, ok := strings.CutPrefix(location, scheme); ok {
			authority, _, _ := strings.Cut(rest, "/")
			if r.routes.Load().backend.is(withPort(authority)) {
				r.rare.log("moved", r.Log.Warn().Str("backend", r.Backend.String()), "backend redirects clients past this proxy")
			}
		}
	}
}

// limitedLog lets one line through each minute for each key. Its keys are constants of the program.
type limitedLog struct {
	mu   sync.Mutex
	last map[string]time.Time
}

func (l *limitedLog) log(key string, e *zerolog.Event, message string) {
	l.mu.Lock()
	now := time.Now()
	due := now.Sub(l.last[key]) >= time.Minute
	if due {
		if l.last == nil {
			l.last = map[string]time.Time{}
		}
		l.last[key] = now
	}
	l.mu.Unlock()
	if due {
		e.Msg(message)
	} else {
		e.Discard().Send()
	}
}

// goproxyLog takes apart what goproxy logs, which has level and session in its text, and leaves out
// what only says that somebody closed a connection.
type goproxyLog struct{ log zerolog.Logger }

var goproxyLine = regexp.MustCompile(`^\[(\d+)\] (INFO|WARN): ?(.*)$`)

// Printf is what goproxy calls.
func (l goproxyLog) Printf(format string, v ...any) {
	text := strings.TrimSpace(fmt.Sprintf(format, v...))
	level, session := zerolog.DebugLevel, ""
	if m := goproxyLine.FindStringSubmatch(text); m != nil {
		session, text = m[1], m[3]
		if m[2] == "WARN" && !strings.Contains(text, "use of closed network connection") && !strings.Contains(text, "reset by peer") {
			level = zerolog.WarnLevel
		}
	}
	if level == zerolog.DebugLevel {
		text = "" // it names whole targets, which may carry secrets
	}
	l.log.WithLevel(level).Str("session", session).Str("err", text).Msg("goproxy")
}

// serverLog brings what net/http has to say into the same stream.
func serverLog(l zerolog.Logger) *log.Logger {
	return log.New(writerFunc(func(p []byte) (int, error) {
		l.Debug().Str("err", strings.TrimSpace(string(p))).Msg("http server")
		return len(p), nil
	}), "", 0)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
