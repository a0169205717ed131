package proxy

import (
	"fmt"
	"log"
	"regexp"
	"strings"

	"github.com/rs/zerolog"
)

// goproxyLog takes apart what goproxy logs, which has level and session in its text, and leaves out what only says that
// somebody closed a connection.
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
