package main

import (
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

func verifyProof(arguments []string) error {
	flags := flag.NewFlagSet("verify-proof", flag.ExitOnError)
	vkey := flags.String("vkey", "", "the log's key")
	entryPath := flags.String("entry", "", "the file with the entry")
	path := parse(flags, arguments)

	entry, err := os.ReadFile(*entryPath)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	index, proof, checkpoint, err := parseProof(string(text))
	if err != nil {
		return fmt.Errorf("proof: %w", err)
	}
	tree, err := openCheckpoint([]byte(checkpoint), *vkey)
	if err != nil {
		return err
	}
	passed("checkpoint", "%d entries, root %v", tree.N, tree.Hash)
	if index >= tree.N {
		return fmt.Errorf("inclusion: entry %d of %d", index, tree.N)
	}
	err = tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
	if err != nil {
		return fmt.Errorf("inclusion: %w", err)
	}
	passed("inclusion", "entry %d", index)
	return nil
}

// parseProof reads what c2sp.org/tlog-proof describes.
func parseProof(text string) (int64, tlog.RecordProof, string, error) {
	head, checkpoint, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != "c2sp.org/tlog-proof@v1" {
		return 0, nil, "", fmt.Errorf("this is none")
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		if _, err := base64.StdEncoding.Strict().DecodeString(lines[0][len("extra "):]); err != nil {
			return 0, nil, "", fmt.Errorf("extra: %w", err)
		}
		lines = lines[1:]
	}
	if len(lines) == 0 {
		return 0, nil, "", fmt.Errorf("it has no index")
	}
	decimal, _ := strings.CutPrefix(lines[0], "index ")
	index, err := strconv.ParseInt(decimal, 10, 64)
	if err != nil || index < 0 || "index "+strconv.FormatInt(index, 10) != lines[0] {
		return 0, nil, "", fmt.Errorf("`%s` is no index", lines[0])
	}
	var proof tlog.RecordProof
	for _, line := range lines[1:] {
		// tlog.ParseHash ignores some bits of the last digit.
		hash, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(hash) != tlog.HashSize {
			return 0, nil, "", fmt.Errorf("`%s` is no hash", line)
		}
		proof = append(proof, tlog.Hash(hash))
	}
	return index, proof, checkpoint, nil
}
