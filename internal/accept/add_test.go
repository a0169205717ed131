package accept

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// clients returns the entry that these tests add.
func clients() Written {
	return Written{Rule: "UPGRADE-POST", Endpoint: "/chat/{id}", Reason: `they say "2019": gone by spring`, Until: "2999-01-31"}
}

// added has the lines of that entry, unindented.
const added = `- rule: UPGRADE-POST
  endpoint: "/chat/{id}"
  reason: "they say \"2019\": gone by spring"
  until: 2999-01-31
`

func TestAddKeepsAllElseAsItIs(t *testing.T) {
	indented := "  " + strings.ReplaceAll(strings.TrimRight(added, "\n"), "\n", "\n  ") + "\n"
	for _, c := range []struct{ name, before, after, want string }{
		{"an empty file", "", "", "accept:\n" + added},
		{"only comments", "# nothing yet\n", "", "\naccept:\n" + added},
		{"no list", "# mine\nbackend: http://127.0.0.1:3000 # staging\nrules:\n  off: []\n", "", "\naccept:\n" + added},
		{"no line end", "backend: http://a", "", "\n\naccept:\n" + added},
		{"an empty list", "listen: \"127.0.0.1:1\"\n", "\n# after\nexpect: []\n", "accept: # none\n" + added},
		{"at the margin", "accept:\n# first\n- rule: UPGRADE-POST\n  reason: a # why\n\n- {fingerprint: 66cd92fec342c8d6cedf94a4fd596509, reason: b}\n", "# about expect\nexpect: []\n", added},
		{"indented, last", "accept:\n  # first\n  - reason: |\n      # no comment\n\n      - no element\n    rule: UPGRADE-POST\n    # of the element\n", "", indented},
		{"text over lines", "expect: []\naccept:\n- rule: UPGRADE-POST\n  reason: \"a\n   b: - c\"\n", "\n\nadmin: 127.0.0.1:1\n", added},
	} {
		t.Run(c.name, func(t *testing.T) {
			was, want := c.before+c.after, c.before+c.want+c.after
			if strings.HasPrefix(c.want, "accept: #") {
				was = c.before + "accept: [] # none\n" + c.after
			}
			for _, end := range []string{"\n", "\r\n"} {
				file := filepath.Join(t.TempDir(), "interlock.yaml")
				if err := os.WriteFile(file, []byte(strings.ReplaceAll(was, "\n", end)), 0o640); err != nil {
					t.Fatal(err)
				}
				a, err := Add(file, clients())
				if err != nil {
					t.Fatalf("%q: %v", end, err)
				}
				if text := contents(t, file); text != strings.ReplaceAll(was, "\n", end) {
					t.Errorf("Add has written %q", text)
				}
				if err := a.Write(); err != nil {
					t.Fatal(err)
				}
				if end == "\r\n" && !strings.Contains(was, "\n") {
					end = "\n" // the default, since the file has no line ends
				}
				if got := contents(t, file); got != strings.ReplaceAll(want, "\n", end) {
					t.Errorf("got\n%q, want\n%q", got, want)
				}
				if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
					t.Errorf("%v, %v", info.Mode(), err)
				}
			}
		})
	}
}

func contents(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAddMakesAFileAndShowsIt adds to a file that does not exist, and then through a symbolic link,
// which stays a link.
func TestAddMakesAFileAndShowsIt(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "accept.yaml"), filepath.Join(dir, "link.yaml")
	a, err := Add(file, Written{Rule: "UPGRADE-POST", Reason: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if want := "--- /dev/null\n+++ accept.yaml\n@@ -0,0 +1,3 @@\n+accept:\n+- rule: UPGRADE-POST\n+  reason: \"a\"\n"; a.Diff != want {
		t.Errorf("got\n%s, want\n%s", a.Diff, want)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is there before Write: %v", err)
	}
	if err := a.Write(); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("accept.yaml", link); err != nil {
		t.Fatal(err)
	}
	if a, err = Add(link, clients()); err != nil {
		t.Fatal(err)
	}
	if want := " accept:\n - rule: UPGRADE-POST\n   reason: \"a\"\n+- rule: UPGRADE-POST\n+  endpoint: \"/chat/{id}\"\n"; !strings.HasPrefix(a.Diff, "--- link.yaml\n+++ link.yaml\n@@ -1,3 +1,7 @@\n"+want) {
		t.Errorf("got\n%s, want\n%s", a.Diff, want)
	}
	if err := a.Write(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 || !strings.Contains(contents(t, file), "spring") {
		t.Errorf("the link: %v %v", info, err)
	}
	if err := a.Write(); !errors.Is(err, ErrChanged) {
		t.Errorf("a second time: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestAddRefuses(t *testing.T) {
	for _, c := range []struct {
		name, text string
		entry      Written
		want       error
	}{
		{"no reason", "", Written{Rule: "UPGRADE-POST"}, ErrFaulty},
		{"no such rule", "", Written{Rule: "UPGRADE-PSOT", Reason: "a"}, ErrFaulty},
		{"a date of another land", "", Written{Rule: "UPGRADE-POST", Reason: "a", Until: "31.12.2999"}, ErrFaulty},
		{"accepted already", "accept:\n- {rule: UPGRADE-POST, endpoint: \"/chat/{id}\", reason: another}\n", clients(), ErrAccepted},
		{"in one line", "accept: [{rule: UPGRADE-POST, reason: a}]\n", clients(), ErrForm},
		{"all in one line", "{backend: a, accept: []}\n", clients(), ErrForm},
		{"a quoted key", "\"accept\":\n- {rule: UPGRADE-POST, reason: a}\n", clients(), ErrForm},
		{"two documents", "backend: a\n---\nbackend: b\n", clients(), ErrForm},
		{"a key within a text", "reason: |\n a\n\n b\n...\naccept:\n", clients(), ErrForm},
		{"no YAML", "accept:\n- {\n", clients(), ErrForm},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "interlock.yaml")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Add(file, c.entry); !errors.Is(err, c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	expired := filepath.Join(t.TempDir(), "interlock.yaml")
	if err := os.WriteFile(expired, []byte("accept:\n- {rule: UPGRADE-POST, endpoint: \"/chat/{id}\", reason: a, until: 2026-01-31}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Add(expired, clients()); err != nil {
		t.Errorf("what has expired is in the way: %v", err)
	}
	if a, err := Add(filepath.Join(t.TempDir(), "no", "such"), clients()); err != nil || a.Write() == nil {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// FuzzAdd checks that any text in an entry is read back unchanged and changes nothing else in the
// file.
func FuzzAdd(f *testing.F) {
	f.Add("b", "/chat", "UPGRADE-*")
	f.Add("- b\n\x00\xff: #", "/{id}", "*")
	f.Add("\u2028'\"\\", "*: &a", "UPGRADE-POST")
	const text = "# mine\naccept:\n  - {rule: UPGRADE-POST, reason: a}\n# after\nexpect: []\n"
	f.Fuzz(func(t *testing.T, reason, endpoint, probe string) {
		w := Written{Rule: "UPGRADE-POST", Probe: probe, Endpoint: endpoint, Reason: reason}
		file := filepath.Join(t.TempDir(), "interlock.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := Add(file, w)
		if err != nil {
			if errors.Is(err, ErrForm) && utf8.ValidString(reason+endpoint) && !strings.ContainsFunc(reason+endpoint, unicode.IsControl) {
				t.Fatalf("%q: %v", w, err)
			}
			return
		}
		before, after, _ := strings.Cut(text, "# after")
		if got := string(a.is); !strings.HasPrefix(got, before) || !strings.HasSuffix(got, "# after"+after) {
			t.Errorf("got %q", got)
		}
	})
}
