package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// duration is a length of time, written as 10s, 5m or 30d.
type duration struct{ time.Duration }

func seconds(n int) duration { return duration{time.Duration(n) * time.Second} }

// UnmarshalYAML reads a duration.
func (d *duration) UnmarshalYAML(b []byte) (err error) {
	d.Duration, err = parseDuration(unquoted(b))
	return err
}

// String is the duration without units that are 0, such as 5m for five minutes.
func (d duration) String() string {
	text := d.Duration.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

var inDays = regexp.MustCompile(`^([0-9]{1,5})d$`)

// parseDuration reads a duration with its unit; days are those of 24 hours.
func parseDuration(text string) (time.Duration, error) {
	if m := inDays.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1])
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

// size is a number of bytes, written as such or with a unit: 64MiB, 500 kB.
type size int64

// UnmarshalYAML reads a size.
func (s *size) UnmarshalYAML(b []byte) (err error) {
	*s, err = parseSize(unquoted(b))
	return err
}

// String is the size in the largest unit that fits without a rest.
func (s size) String() string {
	for _, u := range []struct {
		name  string
		bytes size
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if s != 0 && s%u.bytes == 0 {
			return fmt.Sprintf("%d%s", int64(s/u.bytes), u.name)
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

var sizeForm = regexp.MustCompile(`^(-?[0-9]+(?:\.[0-9]+)?) ?(|B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$`)

// parseSize reads a size.
func parseSize(text string) (size, error) {
	m := sizeForm.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("%q is not a size", text)
	}
	unit := map[string]float64{
		"": 1, "B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
		"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}[m[2]]
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil || math.Abs(n*unit) > 1<<62 {
		return 0, fmt.Errorf("%q is too large", text)
	}
	return size(n * unit), nil
}

// unquoted is a scalar of YAML without quotes and comments.
func unquoted(b []byte) string {
	text := strings.TrimSpace(string(b))
	if text != "" && (text[0] == '"' || text[0] == '\'') {
		text, _, _ = strings.Cut(text[1:], text[:1])
		return text
	}
	text, _, _ = strings.Cut(text, " #")
	return strings.TrimSpace(text)
}
