// SPDX-License-Identifier: Apache-2.0

// The referee verifies what an Exequatur log hands out with somebody else's code: the signed notes
// and transparency log packages of Go's checksum database (golang.org/x/mod/sumdb). It shares no
// line with the implementation it judges.
//
//	referee evidence FILE...   JSON: one object, or an array of objects, see `evidence` below
//	referee log DIR            a whole log as static files: log.vkey, checkpoint, tile/…
//
// Prints `ok` and exits 0 when everything verifies, else says on standard error what does not and
// exits 1.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// evidence is one thing to verify. A leaf needs a proof; an older checkpoint needs a consistency
// proof (empty for equal sizes); a checkpoint may stand alone.
type evidence struct {
	VKey        string   `json:"vkey"`
	Checkpoint  string   `json:"checkpoint"`  // signed note; by default the one inside the proof
	Leaf        *string  `json:"leaf"`        // hex of the entry's bytes
	Proof       string   `json:"proof"`       // c2sp.org/tlog-proof@v1 text
	Older       string   `json:"older"`       // signed note of an earlier checkpoint
	Consistency []string `json:"consistency"` // base64 hashes from `older` to `checkpoint`
}

func main() {
	if len(os.Args) < 3 {
		fail(errors.New("usage: referee evidence FILE... | referee log DIR"))
	}
	count := 0
	for _, path := range os.Args[2:] {
		var n int
		var err error
		switch os.Args[1] {
		case "evidence":
			n, err = verifyEvidenceFile(path)
		case "log":
			n, err = verifyLog(path)
		default:
			err = fmt.Errorf("unknown command `%s`: use evidence or log", os.Args[1])
		}
		if err != nil {
			fail(fmt.Errorf("%s: %w", path, err))
		}
		count += n
	}
	fmt.Printf("ok (%d verified)\n", count)
}

func fail(err error) {
	fmt.Fprintf(os.Stderr, "refused: %v\n", err)
	os.Exit(1)
}

func verifyEvidenceFile(path string) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	var items []evidence
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '[' {
		err = strictJSON(data, &items)
	} else {
		items = make([]evidence, 1)
		err = strictJSON(data, &items[0])
	}
	if err != nil {
		return 0, err
	}
	if len(items) == 0 {
		return 0, errors.New("nothing to verify")
	}
	for i, item := range items {
		if err := item.verify(); err != nil {
			return 0, fmt.Errorf("item %d: %w", i, err)
		}
	}
	return len(items), nil
}

func strictJSON(data []byte, into interface{}) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func (e evidence) verify() error {
	verifier, err := note.NewVerifier(e.VKey)
	if err != nil {
		return fmt.Errorf("vkey: %w", err)
	}
	var proof logProof
	if e.Proof != "" {
		if proof, err = parseProof(e.Proof); err != nil {
			return fmt.Errorf("proof: %w", err)
		}
		if e.Checkpoint == "" {
			e.Checkpoint = proof.checkpoint
		}
		if e.Checkpoint != proof.checkpoint {
			return errors.New("the proof is under another checkpoint")
		}
		if e.Leaf == nil {
			return errors.New("a proof without a leaf")
		}
	}
	tree, err := openCheckpoint(e.Checkpoint, verifier)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if e.Leaf != nil {
		leaf, err := hex.DecodeString(*e.Leaf)
		if err != nil {
			return fmt.Errorf("leaf: %w", err)
		}
		if e.Proof == "" {
			return errors.New("a leaf without a proof")
		}
		err = tlog.CheckRecord(proof.hashes, tree.N, tree.Hash, proof.index, tlog.RecordHash(leaf))
		if err != nil {
			return fmt.Errorf("inclusion: %w", err)
		}
	}
	if e.Older == "" {
		return nil
	}
	older, err := openCheckpoint(e.Older, verifier)
	if err != nil {
		return fmt.Errorf("older checkpoint: %w", err)
	}
	hashes, err := parseHashes(e.Consistency)
	if err != nil {
		return fmt.Errorf("consistency: %w", err)
	}
	if err := tlog.CheckTree(hashes, tree.N, tree.Hash, older.N, older.Hash); err != nil {
		return fmt.Errorf("consistency: %w", err)
	}
	return nil
}

// openCheckpoint verifies the log's signature and that the checkpoint names the log.
func openCheckpoint(text string, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[len(lines)-1] != "" {
		return tlog.Tree{}, errors.New("fewer than three lines")
	}
	if lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("origin %q is not the key's name %q", lines[0], verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, fmt.Errorf("size %q", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tlog.Tree{}, err
	}
	return tlog.Tree{N: size, Hash: root}, nil
}

type logProof struct {
	index      int64
	hashes     []tlog.Hash
	checkpoint string
}

func parseProof(text string) (logProof, error) {
	head, checkpoint, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != "c2sp.org/tlog-proof@v1" {
		return logProof{}, errors.New("not a c2sp.org/tlog-proof@v1")
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		if _, err := base64.StdEncoding.Strict().DecodeString(lines[0][6:]); err != nil {
			return logProof{}, err
		}
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return logProof{}, errors.New("no index line")
	}
	index, err := strconv.ParseInt(lines[0][6:], 10, 64)
	if err != nil || index < 0 || strconv.FormatInt(index, 10) != lines[0][6:] {
		return logProof{}, fmt.Errorf("index %q", lines[0][6:])
	}
	hashes, err := parseHashes(lines[1:])
	return logProof{index, hashes, checkpoint}, err
}

func parseHashes(lines []string) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, 0, len(lines))
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, fmt.Errorf("hash %q: %w", line, err)
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

// verifyLog checks every leaf of a tiled log (c2sp.org/tlog-tiles): each tile up to the signed
// root, and each entry of the bundles against its leaf hash. Bundles may be absent altogether.
func verifyLog(dir string) (int, error) {
	vkey, err := os.ReadFile(filepath.Join(dir, "log.vkey"))
	if err != nil {
		return 0, err
	}
	verifier, err := note.NewVerifier(strings.TrimSuffix(string(vkey), "\n"))
	if err != nil {
		return 0, fmt.Errorf("log.vkey: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return 0, err
	}
	tree, err := openCheckpoint(string(text), verifier)
	if err != nil {
		return 0, fmt.Errorf("checkpoint: %w", err)
	}
	if tree.N == 0 {
		return 0, nil
	}
	// The reader authenticates every tile it returns hashes from against the signed root.
	reader := tlog.TileHashReader(tree, tiles(dir))
	for first := int64(0); first < tree.N; first += 256 {
		width := tree.N - first
		if width > 256 {
			width = 256
		}
		indexes := make([]int64, width)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
		}
		leaves, err := reader.ReadHashes(indexes)
		if err != nil {
			return 0, fmt.Errorf("tile of entry %d: %w", first, err)
		}
		if err := verifyBundle(dir, first/256, leaves); err != nil {
			return 0, fmt.Errorf("bundle %d: %w", first/256, err)
		}
	}
	return int(tree.N), nil
}

func verifyBundle(dir string, n int64, leaves []tlog.Hash) error {
	path := filepath.Join(dir, "tile", "entries", tileName(n, len(leaves)))
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		if _, missing := os.Stat(filepath.Join(dir, "tile", "entries")); os.IsNotExist(missing) {
			return nil
		}
	}
	if err != nil {
		return err
	}
	for i, leaf := range leaves {
		if len(data) < 2 {
			return fmt.Errorf("ends before entry %d", i)
		}
		length := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+length {
			return fmt.Errorf("ends inside entry %d", i)
		}
		if tlog.RecordHash(data[2:2+length]) != leaf {
			return fmt.Errorf("entry %d does not hash to its leaf", i)
		}
		data = data[2+length:]
	}
	if len(data) != 0 {
		return fmt.Errorf("%d bytes after the last entry", len(data))
	}
	return nil
}

// tiles reads tiles of height 8 by their C2SP names, which differ from the checksum database's.
type tiles string

func (dir tiles) Height() int { return 8 }

func (dir tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		path := filepath.Join(string(dir), "tile", strconv.Itoa(tile.L), tileName(tile.N, tile.W))
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (dir tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func tileName(n int64, width int) string {
	name := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		name = fmt.Sprintf("x%03d/%s", n%1000, name)
	}
	if width < 256 {
		name += fmt.Sprintf(".p/%d", width)
	}
	return name
}
