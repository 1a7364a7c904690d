package lake

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pcapline/pcapline/pcapio/spool"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/sink"
)

// The names in a lake's folder.
const (
	runPrefix    = "run="
	tablePrefix  = "table="
	ManifestName = "manifest.json"
	timingsName  = "timings.json"
	stateDir     = "state"
	workDir      = ".work"
	expiredDir   = ".expired"
	planName     = "plan.json"
)

// Lake is a folder of runs.
type Lake struct {
	Root string

	states *Lake // whose runs left the flows that plans go on with; nil: its own
}

// Labelling gives the tables of one sensor their labels; see transform.Options.
type Labelling struct {
	Annotate func() transform.Annotator
	Describe transform.Describe
	Report   func() any // how they fit, for the manifest; after the flows were made
}

// Labeller reads the rules that a configuration names, for the captures that
// file_id counts. It gives nil where no labels are asked for.
type Labeller func(c *Config, captures []string) (*Labelling, error)

// ErrBusy says that another program plans or publishes in the lake.
var ErrBusy = errors.New("another batch is at work in this lake")

// Create makes the folder if it is not there.
func Create(root string) (*Lake, error) {
	for _, dir := range []string{root, filepath.Join(root, workDir)} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return nil, err
		}
	}
	return &Lake{Root: root}, nil
}

// Open finds a lake that is there.
func Open(root string) (*Lake, error) {
	if _, err := os.Stat(filepath.Join(root, workDir)); err != nil {
		return nil, fmt.Errorf("%s is no lake: %w", root, err)
	}
	return &Lake{Root: root}, nil
}

// lock holds the lake for one program.
func (l *Lake) lock() (io.Closer, error) {
	held, err := spool.Lock(l.Root)
	if errors.Is(err, spool.ErrLocked) {
		return nil, fmt.Errorf("%s: %w", l.Root, ErrBusy)
	}
	return held, err
}

// Runs lists the names of the published runs, oldest first.
func (l *Lake) Runs() ([]string, error) {
	entries, err := os.ReadDir(l.Root)
	if err != nil {
		return nil, err
	}
	var runs []string
	for _, e := range entries {
		if name, ok := strings.CutPrefix(e.Name(), runPrefix); ok && e.IsDir() {
			runs = append(runs, name)
		}
	}
	slices.Sort(runs)
	return runs, nil
}

// Dir is the folder of a run.
func (l *Lake) Dir(run string) string { return filepath.Join(l.Root, runPrefix+run) }

// work is where a run that is not published yet is made.
func (l *Lake) work(run string) string { return filepath.Join(l.Root, workDir, run) }

// Manifests reads the manifests of all runs, those of deleted ones first.
func (l *Lake) Manifests() ([]*Manifest, error) {
	var list []*Manifest
	expired, err := filepath.Glob(filepath.Join(l.Root, expiredDir, "*.json"))
	if err != nil {
		return nil, err
	}
	runs, err := l.Runs()
	if err != nil {
		return nil, err
	}
	for _, run := range runs {
		path := filepath.Join(l.Dir(run), ManifestName)
		expired = slices.DeleteFunc(expired, func(p string) bool { return filepath.Base(p) == run+".json" })
		m, err := ReadManifest(path)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	for i, path := range expired {
		m, err := ReadManifest(path)
		if err != nil {
			return nil, err
		}
		m.Expired = true
		list = slices.Insert(list, i, m)
	}
	slices.SortStableFunc(list, func(a, b *Manifest) int { return strings.Compare(a.Run, b.Run) })
	return list, nil
}

// tidy removes what a killed run left beside the published ones. The lock is held.
func (l *Lake) tidy() error {
	left, err := filepath.Glob(filepath.Join(l.Root, ".*.part"))
	if err == nil { // and what others keep below, as models
		var more []string
		more, err = filepath.Glob(filepath.Join(l.Root, "*", ".*.part"))
		left = append(left, more...)
	}
	if err != nil {
		return err
	}
	for _, path := range left {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// writeJSON puts v at path, whole or not at all.
func writeJSON(path string, v any) error {
	text, err := marshal(v)
	if err != nil {
		return err
	}
	return sink.WriteFile(path, text)
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// digestOf is the SHA-256 of what v is as JSON.
func digestOf(v any) (string, error) {
	text, err := marshal(v)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}
