package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// several is a number and what it is of.
func several[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(int64(n)) + " " + noun + "s"
}

// thousands is a number as people write it, such as 1,234.
func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// clip is text from the wire in printable ASCII, cut where it is long.
func clip(text string, most int) string {
	return cut(wire.Escape([]byte(text[:min(len(text), most)])), most)
}

// cut is printable ASCII, cut where it is long.
func cut(text string, most int) string {
	if len(text) > most {
		return text[:most-1] + "~"
	}
	return text
}

// clean is what a rule says was seen, or the name of something, in printable ASCII. Unlike wire.Escape it leaves backslashes
// alone: what is quoted in there is escaped already.
func clean(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; ' ' <= c && c <= '~' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

// cited are the references of a finding.
func cited(refs []rules.Ref) string {
	all := make([]string, 0, len(refs))
	for _, r := range refs {
		all = append(all, r.String())
	}
	return strings.Join(all, ", ")
}

// fault is who is at fault, and who else may be.
func fault(f *rules.Finding) string {
	if f.Attribution != "" {
		return clean(f.Attribution)
	}
	return f.Party.String()
}

// answered is the status that came, or what came instead.
func answered(x *wire.Exchange) string {
	if x.Response != nil {
		return strconv.Itoa(x.Response.Status)
	}
	return string(x.Outcome)
}

// more is the command that tells everything about a rule.
func more(r *rules.Rule) string { return "interlock rules " + r.ID }

// flat is a text of a rule in one line.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }
