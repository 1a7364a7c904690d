package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
	"github.com/pcapline/pcapline/transform/source"
)

// Retention says which runs are deleted.
type Retention struct {
	Keep int  // the last so many runs stay; 0: all
	Dry  bool // only say what would be deleted
}

// GC deletes what killed runs left, and old runs. The manifests of deleted runs
// are kept, so that their captures are not taken again. A run whose open flows
// the next one is to go on with stays. It gives the runs deleted.
func (l *Lake) GC(r Retention) ([]string, error) {
	held, err := l.lock()
	if err != nil {
		return nil, err
	}
	defer held.Close()
	runs, err := l.Runs()
	if err != nil {
		return nil, err
	}
	d, err := l.done()
	if err != nil {
		return nil, err
	}
	var old []string
	for i, run := range runs {
		needed := slices.Contains(mapValues(d.states), run)
		if r.Keep > 0 && i < len(runs)-r.Keep && !needed {
			old = append(old, run)
		}
	}
	if r.Dry {
		return old, nil
	}
	for _, run := range old {
		if err := l.expire(run); err != nil {
			return nil, err
		}
	}
	return old, l.tidy()
}

func mapValues(m map[string]string) (v []string) {
	for _, s := range m {
		v = append(v, s)
	}
	return v
}

// expire deletes a run: its manifest is kept first, then the folder goes out of
// sight at once.
func (l *Lake) expire(run string) error {
	manifest, err := os.ReadFile(filepath.Join(l.Dir(run), ManifestName))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(l.Root, expiredDir), 0o750); err != nil {
		return err
	}
	if err := sink.WriteFile(filepath.Join(l.Root, expiredDir, run+".json"), manifest); err != nil {
		return err
	}
	hidden := filepath.Join(l.Root, "."+runPrefix+run+".old.part") // tidied up after a kill
	if err := os.Rename(l.Dir(run), hidden); err != nil {
		return err
	}
	return errors.Join(sink.SyncDir(l.Root), os.RemoveAll(hidden))
}

// Compact joins the packets files of a run, of which each shard wrote its own,
// to one for each date and sensor. Row groups are copied as they are, and the
// run is changed at once, which only Linux can.
func (l *Lake) Compact(ctx context.Context, run string) (*Manifest, error) {
	held, err := l.lock()
	if err != nil {
		return nil, err
	}
	defer held.Close()
	if err := l.tidy(); err != nil {
		return nil, err
	}
	m, err := ReadManifest(filepath.Join(l.Dir(run), ManifestName))
	if err != nil || m.Compacted {
		return m, err
	}
	folder, err := sink.NewPendingFolder(filepath.Join(l.Root, "."+runPrefix+run+".new.part"))
	if err != nil {
		return nil, err
	}
	defer folder.Abort()
	if err := l.compact(ctx, m, folder.Hidden()); err != nil {
		return nil, err
	}
	if err := folder.Close(); err != nil {
		return nil, err
	}
	if err := exchange(folder.Path(), l.Dir(run)); err != nil {
		return nil, err
	}
	return m, errors.Join(sink.SyncDir(l.Root), os.RemoveAll(folder.Path()))
}

// compact fills dir with the run, joined, and changes m to it.
func (l *Lake) compact(ctx context.Context, m *Manifest, dir string) error {
	var outputs []File
	for _, group := range byFolder(m.Outputs) {
		if group[0].Table() != transform.PacketsTable || len(group) == 1 {
			for _, f := range group {
				if err := l.link(m.Run, f.Path, dir); err != nil {
					return err
				}
			}
			outputs = append(outputs, group...)
			continue
		}
		f, err := l.concat(ctx, m.Run, group, dir)
		if err != nil {
			return err
		}
		outputs = append(outputs, f)
	}
	slices.SortFunc(outputs, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	m.Outputs, m.Compacted = outputs, true
	for _, s := range m.Sensors {
		if s.State != nil {
			if err := l.link(m.Run, s.State.Path, dir); err != nil {
				return err
			}
		}
	}
	if err := l.link(m.Run, timingsName, dir); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, ManifestName), m)
}

// byFolder groups files that lie in one folder; they are sorted by path.
func byFolder(files []File) (groups [][]File) {
	for _, f := range files {
		n := len(groups)
		if n > 0 && filepath.Dir(groups[n-1][0].Path) == filepath.Dir(f.Path) {
			groups[n-1] = append(groups[n-1], f)
			continue
		}
		groups = append(groups, []File{f})
	}
	return groups
}

// link takes a file over as it is.
func (l *Lake) link(run, path, dir string) error {
	to := filepath.Join(dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
		return err
	}
	return os.Link(filepath.Join(l.Dir(run), filepath.FromSlash(path)), to)
}

// concat joins files of one folder. What they said of their own shards, such as
// its ledger, is left out: the manifest has that of all.
func (l *Lake) concat(ctx context.Context, run string, group []File, dir string) (out File, err error) {
	out = File{Path: filepath.ToSlash(filepath.Join(filepath.Dir(group[0].Path), "part-0.parquet")), SchemaHash: group[0].SchemaHash}
	path := filepath.Join(dir, filepath.FromSlash(out.Path))
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return out, err
	}
	first, err := source.Open(filepath.Join(l.Dir(run), filepath.FromSlash(group[0].Path)))
	if err != nil {
		return out, err
	}
	columns, meta := first.Schema(), map[string]string{}
	for _, k := range []string{transform.MetaTable, transform.MetaVersion, transform.MetaSchema, transform.MetaInputs} {
		meta[k] = first.Metadata()[k]
	}
	if err := first.Close(); err != nil {
		return out, err
	}
	f, err := sink.Create(path, parquetFormat, columns, sink.Options{Metadata: meta})
	if err != nil {
		return out, err
	}
	defer f.Abort()
	for _, in := range group {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		path := filepath.Join(l.Dir(run), filepath.FromSlash(in.Path))
		if sum, _, err := pcapio.Digest(path); err != nil || sum != in.SHA256 {
			return out, errors.Join(err, fmt.Errorf("%s is not what the manifest says; nothing was joined", path))
		}
		if err := appendFile(f, path, columns); err != nil {
			return out, err
		}
		out.Rows += in.Rows
	}
	if err := f.Close(); err != nil {
		return out, err
	}
	out.SHA256, out.Bytes, err = pcapio.Digest(path)
	return out, err
}

// appendFile copies the row groups of a file.
func appendFile(to *sink.File, path string, columns schema.Schema) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return err
	}
	g, err := sink.OpenGrown(in, st.Size(), columns)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for i := range g.Groups() {
		p, err := g.Piece(i, nil)
		if err != nil {
			return err
		}
		if err := to.Commit(p); err != nil {
			return err
		}
	}
	return nil
}
