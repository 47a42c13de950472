package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
)

// folder reads tiles of height 8 from a directory (c2sp.org/tlog-tiles), each once.
type folder struct {
	root string
	read map[tlog.Tile][]byte
}

func newFolder(root string) *folder {
	return &folder{root: root, read: make(map[tlog.Tile][]byte)}
}

func (f *folder) Height() int { return height }

// SaveTiles is told which tiles are of the tree; they need not be read again.
func (f *folder) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, tile := range tiles {
		f.read[tile] = data[i]
	}
}

func (f *folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for i, tile := range tiles {
		if data, ok := f.read[tile]; ok {
			all[i] = data
			continue
		}
		data, err := f.readFile(tile)
		if err != nil {
			return nil, err
		}
		if whole := width * tlog.HashSize; len(data) == whole {
			data = data[:tile.W*tlog.HashSize]
		}
		all[i] = data
	}
	return all, nil
}

// readFile reads a tile or a bundle; the full one where a partial one has made room for it.
func (f *folder) readFile(tile tlog.Tile) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(f.root, path(tile)))
	if errors.Is(err, fs.ErrNotExist) && tile.W < width {
		full := tile
		full.W = width
		if data, err := os.ReadFile(filepath.Join(f.root, path(full))); err == nil {
			return data, nil
		}
	}
	return data, err
}

// path says where a tile is: tlog's own layout has the height in it, and calls entries data.
func path(tile tlog.Tile) string {
	own := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	if rest, ok := strings.CutPrefix(own, "data/"); ok {
		own = "entries/" + rest
	}
	return "tile/" + own
}

// tileAt is the inverse of path; false if the file is not a tile.
func tileAt(path string) (tlog.Tile, bool) {
	own, ok := strings.CutPrefix(path, "tile/")
	if !ok {
		return tlog.Tile{}, false
	}
	if rest, ok := strings.CutPrefix(own, "entries/"); ok {
		own = "data/" + rest
	}
	tile, err := tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s", height, own))
	return tile, err == nil
}

// widthIn says how many hashes or entries the tile at this place has in a tree; 0 if it is beyond.
func widthIn(tree tlog.Tree, tile tlog.Tile) int {
	level := max(tile.L, 0)
	have := tree.N>>uint(level*height) - tile.N*width
	return int(min(max(have, 0), width))
}

// entries reads the bundle of the tree that begins with this entry.
func (f *folder) entries(first int64, tree tlog.Tree) ([][]byte, error) {
	tile := tlog.Tile{H: height, L: -1, N: first / width}
	tile.W = widthIn(tree, tile)
	data, err := f.readFile(tile)
	if err != nil {
		return nil, err
	}
	entries, err := split(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path(tile), err)
	}
	if len(entries) == width {
		entries = entries[:tile.W]
	}
	if len(entries) != tile.W {
		return nil, fmt.Errorf("%s: %d entries", path(tile), len(entries))
	}
	return entries, nil
}

// split reads a bundle: each entry after its length in two bytes.
func split(bundle []byte) ([][]byte, error) {
	var entries [][]byte
	for len(bundle) > 0 {
		if len(bundle) < 2 {
			return nil, errors.New("ends within a length")
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		if len(bundle) < end {
			return nil, errors.New("ends within an entry")
		}
		entries = append(entries, bundle[2:end])
		bundle = bundle[end:]
	}
	return entries, nil
}

// checkOlder compares each partial tile and bundle that an older checkpoint needed, and that is
// still there, with the beginning of what the tree has in its place. What is beyond the tree is
// for a checkpoint that is still to come.
func (f *folder) checkOlder(tree tlog.Tree) (int, error) {
	count := 0
	visit := func(full string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(f.root, full)
		if err != nil {
			return err
		}
		older, ok := tileAt(filepath.ToSlash(relative))
		newer := older
		newer.W = widthIn(tree, older)
		if !ok || older.W >= newer.W {
			return nil
		}
		count++
		return f.checkPrefix(older, newer)
	}
	err := filepath.WalkDir(filepath.Join(f.root, "tile"), visit)
	if errors.Is(err, fs.ErrNotExist) && tree.N == 0 {
		err = nil
	}
	return count, err
}

func (f *folder) checkPrefix(older, newer tlog.Tile) error {
	beginning, err := f.readFile(older)
	if err != nil {
		return err
	}
	all, err := f.readFile(newer)
	if err != nil {
		return err
	}
	have := len(beginning) / tlog.HashSize
	if older.L < 0 {
		entries, err := split(beginning)
		if err != nil {
			return fmt.Errorf("%s: %w", path(older), err)
		}
		have = len(entries)
	}
	if have != older.W || !bytes.HasPrefix(all, beginning) {
		return fmt.Errorf("%s is not the beginning of %s", path(older), path(newer))
	}
	return nil
}
