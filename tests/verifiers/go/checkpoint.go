package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// openCheckpoint verifies the signature of a checkpoint, and that it is of the log that the key is
// named after (c2sp.org/tlog-checkpoint). tlog.ParseTree reads another first line.
func openCheckpoint(signed []byte, vkey string) (tlog.Tree, error) {
	var tree tlog.Tree
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tree, fmt.Errorf("key: %w", err)
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tree, fmt.Errorf("signature: %w", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[len(lines)-1] != "" {
		return tree, fmt.Errorf("checkpoint: %d lines", len(lines)-1)
	}
	if lines[0] != verifier.Name() {
		return tree, fmt.Errorf("origin: `%s` is not `%s`", lines[0], verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return tree, fmt.Errorf("checkpoint: `%s` is no size", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tree, fmt.Errorf("checkpoint: `%s` is no root", lines[2])
	}
	if size == 0 && root != sha256.Sum256(nil) {
		return tree, fmt.Errorf("checkpoint: the root of an empty tree is not %v", root)
	}
	return tlog.Tree{N: size, Hash: root}, nil
}

// openCheckpointFile is openCheckpoint of a file.
func openCheckpointFile(path, vkey string) (tlog.Tree, error) {
	signed, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("checkpoint: %w", err)
	}
	return openCheckpoint(signed, vkey)
}
