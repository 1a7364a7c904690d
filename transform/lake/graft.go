package lake

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/layer"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

// grafter makes the published packets files of a stream's shards: it is told
// each packet's place in its flow, in order, and adds these columns to the row
// groups that the shards wrote.
type grafter struct {
	columns schema.Schema // of the published table
	output  transform.Output
	inputs  string                              // the captures that file_id counts, as metadata has them
	place   func(date string, shard int) string // where a file goes
	path    func(Object) string
	shards  []graftShard
	at      int   // of the shard whose packets come
	seen    int64 // packets of it
	day     int64 // of the last packet, and its date
	date    string
	open    map[string]*graftFile
	made    map[string]int64 // rows of the files that are whole, by path
}

// graftShard is a shard as the grafter needs it.
type graftShard struct {
	number  int // in the plan
	packets int64
	files   []Object
}

// graftFile is a file of one date on its way.
type graftFile struct {
	path    string
	in      *os.File
	grown   *sink.Grown
	out     *sink.File
	group   int
	rows    int   // of the group, placed so far
	total   int64 // of the groups before
	stream  layer.Stream
	batch   *schema.Batch
	added   *schema.Batch // the chosen columns of it
	encoder sink.Encoder
}

// batchRows is how many places are encoded at once.
const batchRows = 8192

var parquetFormat = sink.Formats[0]

// byDate is how the tables are cut into files.
var byDate = func() sink.Partition {
	p, err := sink.PartitionByName("date")
	if err != nil {
		panic(err) // it is in the list
	}
	return p
}()

// Placed takes the next packet's place.
func (g *grafter) Placed(d *flow.Digest, m flow.Member) error {
	if err := g.next(); err != nil {
		return err
	}
	g.seen++
	const day = 86_400_000_000_000
	if n := d.Time / day; g.date == "" || n != g.day || d.Time < 0 {
		g.day, g.date = n, byDate.Value(schema.Micros(floorDiv(d.Time, 1000)))
	}
	f := g.open[g.date]
	if f == nil {
		return fmt.Errorf("shard %d has a packet of %s and no rows of that day", g.shards[g.at].number, g.date)
	}
	return f.take(&m)
}

// floorDiv rounds towards the past, as ts does.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// next goes to the shard that the next packet is of.
func (g *grafter) next() error {
	for g.open == nil || g.seen == g.shards[g.at].packets {
		if g.open != nil {
			if err := g.end(); err != nil {
				return err
			}
			g.at++
		}
		if g.at == len(g.shards) {
			return fmt.Errorf("more packets than the receipts of all shards say")
		}
		if err := g.begin(&g.shards[g.at]); err != nil {
			return err
		}
	}
	return nil
}

// finish ends the last shard, and those behind it that have no packet.
func (g *grafter) finish() error {
	if g.open == nil {
		return nil
	}
	if err := g.end(); err != nil {
		return err
	}
	for _, s := range g.shards[g.at+1:] {
		if s.packets > 0 {
			return fmt.Errorf("shard %d has %d packets, none was replayed", s.number, s.packets)
		}
	}
	return nil
}

// begin opens a shard's files.
func (g *grafter) begin(s *graftShard) error {
	g.open, g.seen, g.date = make(map[string]*graftFile), 0, ""
	for _, o := range s.files {
		f, err := g.file(o, g.place(o.Date, s.number))
		if err != nil {
			return err
		}
		g.open[o.Date] = f
	}
	return nil
}

func (g *grafter) file(o Object, path string) (f *graftFile, err error) {
	f = &graftFile{path: path}
	if f.in, err = os.Open(g.path(o)); err != nil {
		return nil, err
	}
	if f.grown, err = sink.OpenGrown(f.in, o.Bytes, g.columns); err != nil {
		f.abort()
		return nil, fmt.Errorf("%s: %w", f.in.Name(), err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		f.abort()
		return nil, err
	}
	opt := sink.Options{Compression: g.output.Compression, Metadata: f.grown.Metadata()}
	opt.Metadata[transform.MetaInputs] = g.inputs
	opt.Metadata[transform.MetaSchema] = g.columns.Hash()
	if f.out, err = sink.Create(path, sink.Format{}, g.columns, opt); err != nil {
		f.abort()
		return nil, err
	}
	opt.Bloom = only(g.output.Bloom, f.grown.Missing().Names())
	return f, f.begin(opt)
}

// only gives those names that are among which.
func only(names, which []string) (out []string) {
	for _, n := range names {
		if slices.Contains(which, n) {
			out = append(out, n)
		}
	}
	return out
}

// begin makes what encodes the columns that are to be added.
func (f *graftFile) begin(opt sink.Options) (err error) {
	missing := f.grown.Missing()
	if len(missing) == 0 {
		return nil
	}
	f.batch = schema.Of(&f.stream)
	if f.added, err = f.batch.Select(missing.Names()); err != nil {
		f.abort()
		return err
	}
	s, err := parquetFormat.New(io.Discard, f.added.Schema(), opt)
	if err != nil {
		f.abort()
		return err
	}
	f.encoder = s.NewEncoder()
	return nil
}

// take notes the place of the next row.
func (f *graftFile) take(m *flow.Member) error {
	if f.group == f.grown.Groups() {
		return fmt.Errorf("%s: more packets than rows", f.in.Name())
	}
	f.rows++
	if f.added != nil {
		f.stream.Place(f.batch.Rows, m)
		if f.batch.Rows++; f.batch.Rows == batchRows {
			if err := f.encode(); err != nil {
				return err
			}
		}
	}
	if f.rows < f.grown.Rows(f.group) {
		return nil
	}
	return f.endGroup()
}

func (f *graftFile) encode() error {
	if f.batch.Rows == 0 {
		return nil
	}
	f.batch.Finish()
	f.added.Rows = f.batch.Rows
	err := f.encoder.Encode(f.added)
	f.batch.Reset()
	return err
}

func (f *graftFile) endGroup() (err error) {
	var added sink.Piece
	if f.added != nil {
		if err := f.encode(); err != nil {
			return err
		}
		if added, err = f.encoder.Flush(); err != nil {
			return err
		}
	}
	piece, err := f.grown.Piece(f.group, added)
	if err != nil {
		return fmt.Errorf("%s: %w", f.in.Name(), err)
	}
	f.group, f.rows, f.total = f.group+1, 0, f.total+int64(f.rows)
	return f.out.Commit(piece)
}

// end closes the files of the shard at hand.
func (g *grafter) end() error {
	if g.seen != g.shards[g.at].packets {
		return fmt.Errorf("shard %d: %d of %d packets were replayed", g.shards[g.at].number, g.seen, g.shards[g.at].packets)
	}
	var dates []string
	for d := range g.open {
		dates = append(dates, d)
	}
	slices.Sort(dates)
	for _, d := range dates {
		f := g.open[d]
		if f.group != f.grown.Groups() {
			return fmt.Errorf("%s: %d of %d row groups were placed", f.in.Name(), f.group, f.grown.Groups())
		}
		if err := f.out.Close(); err != nil {
			return err
		}
		if err := f.in.Close(); err != nil {
			return err
		}
		g.made[f.path] = f.total
	}
	return nil
}

// abort closes what is open after an error.
func (g *grafter) abort() {
	for _, f := range g.open {
		f.abort()
	}
}

func (f *graftFile) abort() {
	if f.out != nil {
		f.out.Abort()
	}
	if f.in != nil {
		_ = f.in.Close() // it was only read
	}
}
