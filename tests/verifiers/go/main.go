// A verifier of transparency logs made of Google's own code: golang.org/x/mod/sumdb, with which
// the go command verifies its checksum database. It knows nothing of Countersign.
//
//	verify verify-log --vkey V [--old CHECKPOINT]... DIR
//	verify verify-proof --vkey V --entry FILE PROOF.tlog-proof
//
// It prints a line for each check that passed. If one fails, it says `refused: ` and why, and
// exits 1; 64 is wrong usage.
package main

import (
	"flag"
	"fmt"
	"os"
)

const (
	exitRefused = 1
	exitUsage   = 64
)

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	var run func([]string) error
	switch os.Args[1] {
	case "verify-log":
		run = verifyLog
	case "verify-proof":
		run = verifyProof
	default:
		usage()
	}
	if err := run(os.Args[2:]); err != nil {
		fmt.Printf("refused: %v\n", err)
		os.Exit(exitRefused)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: verify verify-log --vkey V [--old CHECKPOINT]... DIR\n"+
		"       verify verify-proof --vkey V --entry FILE PROOF")
	os.Exit(exitUsage)
}

// parse takes the flags, and gives back the one argument that follows them.
func parse(flags *flag.FlagSet, arguments []string) string {
	flags.Usage = usage
	if flags.Parse(arguments) != nil || flags.NArg() != 1 {
		usage()
	}
	return flags.Arg(0)
}

// passed says that a check has passed.
func passed(check, format string, details ...any) {
	fmt.Printf("%s: %s\n", check, fmt.Sprintf(format, details...))
}
