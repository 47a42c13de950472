package main

import (
	"flag"
	"fmt"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
)

// How many entries are proved to be in the tree, spread over all of it.
const proofs = 64

func verifyLog(arguments []string) error {
	flags := flag.NewFlagSet("verify-log", flag.ExitOnError)
	vkey := flags.String("vkey", "", "the log's key")
	var older []string
	flags.Func("old", "a checkpoint known from before", func(path string) error {
		older = append(older, path)
		return nil
	})
	root := parse(flags, arguments)

	tree, err := openCheckpointFile(filepath.Join(root, "checkpoint"), *vkey)
	if err != nil {
		return err
	}
	passed("checkpoint", "%d entries, root %v", tree.N, tree.Hash)
	log := newFolder(root)
	reader := tlog.TileHashReader(tree, log)
	if err := checkTiles(tree, reader); err != nil {
		return fmt.Errorf("tiles: %w", err)
	}
	if err := checkEntries(tree, log, reader); err != nil {
		return fmt.Errorf("entries: %w", err)
	}
	count, err := log.checkOlder(tree)
	if err != nil {
		return fmt.Errorf("older tiles: %w", err)
	}
	passed("older tiles", "%d", count)
	for _, path := range older {
		if err := checkConsistency(path, *vkey, tree, reader); err != nil {
			return fmt.Errorf("consistency: %w", err)
		}
	}
	if err := checkInclusion(tree, reader); err != nil {
		return fmt.Errorf("inclusion: %w", err)
	}
	return nil
}

// checkConsistency verifies that a tree that was signed before is the beginning of this one.
func checkConsistency(path, vkey string, tree tlog.Tree, reader tlog.HashReader) error {
	old, err := openCheckpointFile(path, vkey)
	if err != nil {
		return err
	}
	if old.N > tree.N {
		return fmt.Errorf("%d entries were signed before, now there are %d", old.N, tree.N)
	}
	// An empty tree is the beginning of any; tlog has no proof for it.
	if old.N > 0 {
		proof, err := tlog.ProveTree(tree.N, old.N, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			return fmt.Errorf("%d entries: %w", old.N, err)
		}
	}
	passed("consistency", "with %d entries", old.N)
	return nil
}

// checkTiles authenticates every tile of every level; tlog does so with the tiles of what it reads.
func checkTiles(tree tlog.Tree, reader tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += width {
		if _, err := leaves(tree, reader, first); err != nil {
			return err
		}
	}
	passed("tiles", "all of %d entries", tree.N)
	return nil
}

// leaves reads the authenticated hashes of a bundle's entries.
func leaves(tree tlog.Tree, reader tlog.HashReader, first int64) ([]tlog.Hash, error) {
	var indexes []int64
	for index := first; index < min(first+width, tree.N); index++ {
		indexes = append(indexes, tlog.StoredHashIndex(0, index))
	}
	return reader.ReadHashes(indexes)
}

func checkInclusion(tree tlog.Tree, reader tlog.HashReader) error {
	step := max(tree.N/proofs, 1)
	count := 0
	for index := int64(0); index < tree.N; index += step {
		at := index
		if index+step >= tree.N {
			at = tree.N - 1 // the last one too, whatever the step
		}
		leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, at)})
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(tree.N, at, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, at, leaf[0]); err != nil {
			return fmt.Errorf("entry %d: %w", at, err)
		}
		count++
	}
	passed("inclusion", "%d proofs", count)
	return nil
}

// checkEntries hashes every entry, compares it with its leaf, and builds the tree again from the
// entries alone.
func checkEntries(tree tlog.Tree, log *folder, reader tlog.HashReader) error {
	var stored []tlog.Hash
	storage := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	for first := int64(0); first < tree.N; first += width {
		expected, err := leaves(tree, reader, first)
		if err != nil {
			return err
		}
		entries, err := log.entries(first, tree)
		if err != nil {
			return err
		}
		for i, entry := range entries {
			if tlog.RecordHash(entry) != expected[i] {
				return fmt.Errorf("entry %d is not the one in the tree", first+int64(i))
			}
			hashes, err := tlog.StoredHashes(first+int64(i), entry, storage)
			if err != nil {
				return err
			}
			stored = append(stored, hashes...)
		}
	}
	root, err := tlog.TreeHash(tree.N, storage)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return fmt.Errorf("they make the root %v", root)
	}
	passed("entries", "all %d make the root", tree.N)
	return nil
}
