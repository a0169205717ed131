// Shape prints how a checkout is built, as a table: the size of the command, the largest types,
// loops that copy bytes, arrows that run back up, private nouns and direct dependencies. Two
// checkouts stand side by side:
//
//	go run ./test/shape . ../before
//
// With -v it names what it counts.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	verbose := flag.Bool("v", false, "name what is counted")
	flag.Parse()
	dirs := flag.Args()
	if len(dirs) == 0 {
		dirs = []string{"."}
	}
	var columns [][]figure
	for _, dir := range dirs {
		figures, err := measure(dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, "shape:", err)
			os.Exit(1)
		}
		columns = append(columns, figures)
	}
	for i, f := range columns[0] {
		fmt.Print("| ", f.name)
		for _, c := range columns {
			fmt.Print(" | ", c[i].value)
		}
		fmt.Println(" |")
		for _, c := range columns {
			for _, each := range c[i].each {
				if *verbose {
					fmt.Println("   ", each)
				}
			}
		}
	}
}

// measure counts what is in a checkout.
func measure(dir string) ([]figure, error) {
	c, err := read(dir)
	if err != nil {
		return nil, err
	}
	return c.figures()
}
