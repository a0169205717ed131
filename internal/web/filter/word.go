package filter

import "github.com/interlock-proxy/interlock/rules"

// matchWord matches a text in the target, host, client or rules of an exchange, in any case.
func matchWord(value string) (Match, error) {
	pattern := "*" + lower(value) + "*"
	return func(r *rules.Ruling) bool {
		host, _ := r.X.Request.Host()
		for _, text := range append(r.Broken(), r.Target(), host, r.X.Client, r.X.Probe) {
			if glob(pattern, lower(text)) {
				return true
			}
		}
		return false
	}, nil
}

// lower is a text with its ASCII letters in lower case.
func lower(text string) string {
	b := []byte(text)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
