// H2spec sends the cases of h2spec (github.com/summerwind/h2spec) to a server and prints a line for each
// case: whether it passed, its name and what it does. What h2spec itself prints goes to standard error.
//
// The arguments are a port of 127.0.0.1 that speaks HTTP/2, a path, "tls" or "plain", and the names of
// the cases to send; without names, all are sent.
package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"
)

func main() {
	port, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	overTLS := os.Args[3] == "tls"
	c := &config.Config{
		Host: "127.0.0.1", Port: port, Path: os.Args[2], TLS: overTLS, Insecure: overTLS, Strict: true, Sections: os.Args[4:],
		Timeout: 2 * time.Second, MaxHeaderLen: 4000, // the defaults of h2spec
	}
	stdout := os.Stdout
	os.Stdout = os.Stderr
	for _, group := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		group.Test(c)
		show(stdout, group)
	}
}

// show prints the results of a group and of those in it.
func show(to *os.File, group *spec.TestGroup) {
	for _, each := range slices.Concat(group.Tests, group.StrictTests) {
		r := each.Result
		if r == nil {
			continue
		}
		outcome := "passed"
		if r.Failed {
			outcome = "failed"
		} else if r.Skipped {
			outcome = "skipped"
		}
		fmt.Fprintf(to, "%s %s/%d %s\n", outcome, group.ID(), r.Sequence, each.Desc)
	}
	for _, each := range group.Groups {
		show(to, each)
	}
}
