package terminal

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/rs/zerolog"
)

// PlainLog is a log that writes each line as its message and its error, without its other facts.
func PlainLog(w io.Writer) zerolog.Logger {
	return zerolog.New(plainWriter(w, func(facts map[string]any) {
		text := sentence(facts)
		clear(facts)
		facts[zerolog.MessageFieldName] = text
	}))
}

// log writes a line that is not an event: the time, the message and its error, then the other
// facts.
func (c *Console) log() zerolog.Logger {
	w := plainWriter(c.w, func(facts map[string]any) {
		text := sentence(facts)
		if facts[zerolog.LevelFieldName] == zerolog.LevelErrorValue {
			text = c.paint("31", "error: "+text)
		}
		facts[zerolog.MessageFieldName] = " " + clock() + " " + text
	})
	w.FormatFieldName = func(name any) string { return c.paint("dim", fmt.Sprintf("  %s=", name)) }
	return zerolog.New(w)
}

// plainWriter renders the lines of a log as text after prepare has settled their message.
func plainWriter(w io.Writer, prepare func(facts map[string]any)) zerolog.ConsoleWriter {
	return zerolog.ConsoleWriter{
		Out: w, NoColor: true, PartsOrder: []string{zerolog.MessageFieldName},
		FormatMessage: func(text any) string { return fmt.Sprint(text) },
		FormatPrepare: func(facts map[string]any) error {
			prepare(facts)
			return nil
		},
	}
}

// sentence is the message of a line and its error, which it takes out of the facts.
func sentence(facts map[string]any) string {
	text := fmt.Sprint(facts[zerolog.MessageFieldName])
	for _, name := range []string{"err", zerolog.ErrorFieldName} {
		if err, ok := facts[name]; ok {
			text += ": " + fmt.Sprint(err)
			delete(facts, name)
		}
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}
