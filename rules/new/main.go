// Command new starts a rule: it writes a block into the file of the rule's family, and two transcripts
// that fail until they and the block are filled in.
//
//	go run ./rules/new -file rules/method.go UPGRADE-METHOD-LENGTH
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

func main() {
	if err := run(".", os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "rules/new:", err)
		os.Exit(2)
	}
}

// run starts a rule in the module in that directory. Invalid arguments change nothing.
func run(dir string, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("rules/new", flag.ContinueOnError)
	family := flags.String("file", "", "file of the rule's family, such as rules/method.go; it is created if there is none")
	if err := flags.Parse(args); err != nil {
		return err
	}
	id := flags.Arg(0)
	switch {
	case flags.NArg() != 1 || *family == "":
		return errors.New("say the file of the family and the ID: go run ./rules/new -file rules/method.go UPGRADE-METHOD-LENGTH")
	case !regexp.MustCompile(`^[A-Z][A-Z0-9]*(-[A-Z0-9]+)+$`).MatchString(id):
		return fmt.Errorf("%q is not an ID: capitals and digits in words with - between them, such as UPGRADE-METHOD-LENGTH", id)
	case rules.Find(id) != nil:
		return fmt.Errorf("there is a rule %s already: an ID is never used twice", id)
	case filepath.Dir(filepath.Clean(*family)) != "rules" || !strings.HasSuffix(*family, ".go") || strings.HasSuffix(*family, "_test.go"):
		return fmt.Errorf("%q cannot hold a rule: name a file such as rules/method.go", *family)
	}
	text, err := os.ReadFile(filepath.Join(dir, *family))
	if errors.Is(err, os.ErrNotExist) {
		text, err = []byte("package rules\n"), nil
	}
	if err != nil {
		return err
	}
	folder := filepath.Join("rules", "testdata", id)
	if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
		return fmt.Errorf("begin the transcripts: %w", err)
	}
	for _, f := range []struct{ name, text string }{
		{filepath.Join(folder, "broken.wire"), fill(broken, id)},
		{filepath.Join(folder, "kept.wire"), fill(kept, id)},
		{*family, string(text) + fill(block, id)},
	} {
		if err := os.WriteFile(filepath.Join(dir, f.name), []byte(f.text), 0o644); err != nil {
			return err
		}
		fmt.Fprintln(out, "wrote", f.name)
	}
	fmt.Fprintln(out, "Fill in the rule and both transcripts until go test ./rules -run 'TestTranscripts|TestEveryRuleIsSeen' passes,\nthen run go test ./rules -update and read the diff.")
	return nil
}

func fill(template, id string) string { return strings.ReplaceAll(template, "RULE-ID", id) }

// block is a rule that never applies and has no texts, so the tests of the catalogue fail on it.
const block = `
var _ = register(Rule{
	ID: "RULE-ID", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: High}, Since: "",
	Title: "A server ...",
	Problem: Problems{
		Switched: "Server accepted ... %s",
		Refused:  "Client sent ... %s",
	},
	Label: "...",
	Refs: []Ref{
		{"9110", "7.8", ""},
	},
	Why:  ` + "``" + `,
	Fix:  ` + "``" + `,
	When: func(*Case) bool { return false },
	Show: func(c *Case, _ Result) Shown { return seen(c.inRequest("Upgrade"), requestValues(c, "Upgrade")) },
})
`

// head is a valid handshake to start from.
const head = `
> GET /chat HTTP/1.1\r\n
> Host: staging.test:8080\r\n
> Connection: Upgrade\r\n
> Upgrade: websocket\r\n
> Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n
> Sec-WebSocket-Version: 13\r\n
> \r\n
< HTTP/1.1 101 Switching Protocols\r\n
< Upgrade: websocket\r\n
< Connection: Upgrade\r\n
< Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n
< \r\n
`

// The transcripts want a finding of the rule, so they fail as long as it does not apply.
const (
	broken = "want: fail RULE-ID\n" + head
	kept   = "want: pass RULE-ID\n" + head
)
