package sink

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/pcapline/pcapline/transform/schema"
)

// Partition cuts a table into files, each in a folder named key=value as Hive,
// Spark, DuckDB and pyarrow read them. It is a row of [Partitions].
type Partition struct {
	Name   string // the key, and what --partition takes
	Column string // the column that it follows from; the table must have it
	Doc    string // one line for help
	value  func(schema.Micros) string
}

// Partitions lists the ways in which a table can be cut.
var Partitions = []Partition{
	{Name: "date", Column: "ts", Doc: "the UTC day of ts, as date=2018-01-29", value: func(t schema.Micros) string {
		return time.UnixMicro(int64(t)).UTC().Format(time.DateOnly)
	}},
}

// Value gives the key's value of a row whose column has that time.
func (p Partition) Value(t schema.Micros) string { return p.value(t) }

// PartitionByName returns the partition of that name.
func PartitionByName(name string) (Partition, error) {
	for _, p := range Partitions {
		if p.Name == name {
			return p, nil
		}
	}
	return Partition{}, fmt.Errorf("unknown partition %q; known: date", name)
}

// maxFolders bounds the files that are open at once.
const maxFolders = 1000

// Folder is a sink that writes a file for each value of a partition's key:
// path/date=2018-01-29/part-0.parquet. Rows keep their order within a file.
// As with [File], nothing is visible before it is whole: all files appear at
// once.
type Folder struct {
	pending   *PendingFolder
	format    Format
	schema    schema.Schema
	opt       Options
	partition Partition
	column    int

	mu    sync.Mutex // of files: encoders open them, too
	files map[string]*File

	metadata [][2]string
}

// CreateFolder begins a table that Close will put into the folder path, which
// must be empty or not there.
func CreateFolder(path string, p Partition, format Format, s schema.Schema, opt Options) (*Folder, error) {
	f := &Folder{format: format, schema: s, opt: opt, partition: p, files: map[string]*File{}}
	if f.column = s.Index(p.Column); f.column < 0 {
		return nil, fmt.Errorf("partition by %s needs the column %s", p.Name, p.Column)
	}
	var err error
	if f.pending, err = NewPendingFolder(path); err != nil {
		return nil, fmt.Errorf("create table: %w", err)
	}
	return f, nil
}

// file gives the file for a value of the key.
func (f *Folder) file(value string) (*File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t := f.files[value]; t != nil {
		return t, nil
	}
	if len(f.files) == maxFolders {
		return nil, fmt.Errorf("%s: more than %d values of %s", f.Path(), maxFolders, f.partition.Name)
	}
	dir := filepath.Join(f.pending.Hidden(), f.partition.Name+"="+value)
	if err := os.Mkdir(dir, 0o750); err != nil {
		return nil, err
	}
	t, err := Create(filepath.Join(dir, "part-0"+f.format.Extensions[0]), f.format, f.schema, f.opt)
	if err != nil {
		return nil, err
	}
	f.files[value] = t
	return t, nil
}

// Path is the folder.
func (f *Folder) Path() string { return f.pending.Path() }

// SetMetadata adds a key-value pair to every file.
func (f *Folder) SetMetadata(key, value string) {
	f.metadata = append(f.metadata, [2]string{key, value})
}

// sorted lists the values of the key in order.
func (f *Folder) sorted() []string { return slices.Sorted(maps.Keys(f.files)) }

// Finish does all of Close that can fail for want of room.
func (f *Folder) Finish() error {
	for _, v := range f.sorted() {
		for _, kv := range f.metadata {
			f.files[v].SetMetadata(kv[0], kv[1])
		}
		if err := f.files[v].Finish(); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the table and gives the folder its name.
func (f *Folder) Close() error {
	if err := f.Finish(); err != nil {
		return err
	}
	for _, v := range f.sorted() {
		if err := f.files[v].Close(); err != nil {
			return err
		}
	}
	return f.pending.Close()
}

// Abort removes what was written, unless Close succeeded.
func (f *Folder) Abort() {
	for _, t := range f.files {
		t.Abort()
	}
	f.pending.Abort()
}

// Commit writes a piece's rows behind those before them in each file.
func (f *Folder) Commit(p Piece) error {
	piece, ok := p.(*folderPiece)
	if !ok {
		return fmt.Errorf("%s: commit of a %T", f.Path(), p)
	}
	for i, v := range piece.values {
		t, err := f.file(v)
		if err != nil {
			return err
		}
		if err := t.Commit(piece.pieces[i]); err != nil {
			return err
		}
	}
	return nil
}

// folderPiece is a piece for each value of the key, in order.
type folderPiece struct {
	values []string
	pieces []Piece
}

func (p *folderPiece) Rows() int  { return p.sum(Piece.Rows) }
func (p *folderPiece) Bytes() int { return p.sum(Piece.Bytes) }

func (p *folderPiece) sum(of func(Piece) int) (n int) {
	for _, piece := range p.pieces {
		n += of(piece)
	}
	return n
}

// NewEncoder makes an encoder for the use of one goroutine.
func (f *Folder) NewEncoder() Encoder {
	return &folderEncoder{folder: f, byValue: map[string]*fileEncoder{}, part: schema.FromFields(f.schema)}
}

// folderEncoder has an encoder of the file for each value of the key that
// came since the last Flush but one.
type folderEncoder struct {
	folder  *Folder
	byValue map[string]*fileEncoder
	part    *schema.Batch // rows of one value, where a batch has several
	rows    []string      // each row's value
}

type fileEncoder struct {
	Encoder
	used bool // since the last Flush
}

func (e *folderEncoder) Encode(b *schema.Batch) error {
	e.valuesOf(b)
	values := slices.Compact(slices.Sorted(slices.Values(e.rows)))
	for _, v := range values {
		enc, err := e.encoder(v)
		if err != nil {
			return err
		}
		from := b
		if len(values) > 1 {
			from = e.rowsOf(b, v)
		}
		if err := enc.Encode(from); err != nil {
			return err
		}
	}
	return nil
}

// valuesOf notes each row's value of the key.
func (e *folderEncoder) valuesOf(b *schema.Batch) {
	e.rows = e.rows[:0]
	day, text := int64(0), ""
	for _, t := range b.Columns[e.folder.column].Data().([]schema.Micros) {
		const us = 86_400_000_000
		d := int64(t) / us
		if text == "" || d != day || t < 0 {
			day, text = d, e.folder.partition.value(t)
		}
		e.rows = append(e.rows, text)
	}
}

// rowsOf copies the rows with one value of the key. Disordered captures around
// midnight need it, no others.
func (e *folderEncoder) rowsOf(b *schema.Batch, value string) *schema.Batch {
	e.part.Reset()
	keep := func(row int) bool { return e.rows[row] == value }
	for i, c := range b.Columns {
		schema.CopyRows(e.part.Columns[i], c, b.Rows, keep)
	}
	for row := range b.Rows {
		if keep(row) {
			e.part.Rows++
		}
	}
	e.part.Finish()
	return e.part
}

func (e *folderEncoder) encoder(value string) (Encoder, error) {
	enc := e.byValue[value]
	if enc == nil {
		t, err := e.folder.file(value)
		if err != nil {
			return nil, err
		}
		enc = &fileEncoder{Encoder: t.NewEncoder()}
		e.byValue[value] = enc
	}
	enc.used = true
	return enc, nil
}

func (e *folderEncoder) Flush() (Piece, error) {
	p := new(folderPiece)
	for _, v := range slices.Sorted(maps.Keys(e.byValue)) {
		enc := e.byValue[v]
		if !enc.used {
			delete(e.byValue, v) // its day is over
			continue
		}
		enc.used = false
		piece, err := enc.Flush()
		if err != nil {
			return nil, err
		}
		p.values, p.pieces = append(p.values, v), append(p.pieces, piece)
	}
	return p, nil
}
