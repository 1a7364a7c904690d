package transform

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

// A corpus may be decoded in shards, each by a process or machine of its own.
// A shard writes a file of its packets' digests ([flow.DigestEncoder]) in
// place of tables; the run that has the files of all shards replays them in
// order through one flow table. So a flow that goes from a shard to the next
// is one flow, and the table has the bytes that one run over all captures
// would have given it.

// digestHeader begins a shard's file. All shards must agree on what is not
// their own.
type digestHeader struct {
	Version  string   `json:"version"` // of the tool
	Filter   string   `json:"filter"`
	Captures []string `json:"captures"` // of all shards
	Number   int      `json:"shard"`
	Count    int      `json:"shards"`
	First    int      `json:"first"` // index of the shard's first capture
}

// digestTrailer ends it.
type digestTrailer struct {
	Ledger *Ledger `json:"ledger"`
	Inputs []Input `json:"inputs"`
}

// digestSink writes a shard's file. It is a sink, so that the file appears
// when it is whole, as tables do.
type digestSink struct {
	w       io.Writer
	encoder *flow.DigestEncoder
	trailer []byte
	buf     []byte
}

var errNotATable = errors.New("digests are no table")

func (s *digestSink) NewEncoder() sink.Encoder    { return nil }
func (s *digestSink) Commit(sink.Piece) error     { return errNotATable }
func (s *digestSink) SetMetadata(_, value string) { s.trailer = []byte(value) }
func (s *digestSink) Close() error                { return s.write(s.encoder.Trailer(s.buf[:0], s.trailer)) }
func (s *digestSink) add(digests []flow.Digest) error {
	if len(digests) == 0 {
		return nil
	}
	return s.write(s.encoder.Encode(s.buf[:0], digests))
}

func (s *digestSink) write(b []byte) error {
	s.buf = b
	_, err := s.w.Write(b)
	return err
}

// digestFile is a shard's file on its way.
type digestFile struct {
	*sink.File
	sink *digestSink
}

func newDigestFile(opt Options, h digestHeader) (*digestFile, error) {
	head, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	encoder, err := flow.NewDigestEncoder()
	if err != nil {
		return nil, err
	}
	s := &digestSink{encoder: encoder}
	format := sink.Format{New: func(w io.Writer, _ schema.Schema, _ sink.Options) (sink.Sink, error) {
		s.w = w
		return s, s.write(encoder.Header(nil, head))
	}}
	f, err := sink.Create(opt.Digests, format, nil, sink.Options{})
	return &digestFile{f, s}, err
}

// finish writes what is known at the end.
func (f *digestFile) finish(t digestTrailer) error {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	f.SetMetadata("", string(text))
	return f.File.Finish()
}

// shardFile is a shard's file to be read.
type shardFile struct {
	path   string
	file   *os.File
	reader *flow.DigestReader
	header digestHeader
}

func openShard(path string) (*shardFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s := &shardFile{path: path, file: f}
	if s.reader, err = flow.NewDigestReader(bufio.NewReaderSize(f, 1<<20)); err == nil {
		err = json.Unmarshal(s.reader.Header, &s.header)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (s *shardFile) close() {
	s.reader.Close()
	s.file.Close()
}

// openShards opens the files of all shards of a run and puts them in order.
func openShards(paths []string) ([]*shardFile, error) {
	var shards []*shardFile
	err := func() error {
		for _, path := range paths {
			s, err := openShard(path)
			if err != nil {
				return err
			}
			shards = append(shards, s)
		}
		slices.SortStableFunc(shards, func(a, b *shardFile) int { return a.header.Number - b.header.Number })
		return checkShards(shards)
	}()
	if err != nil {
		closeShards(shards)
		return nil, err
	}
	return shards, nil
}

func closeShards(shards []*shardFile) {
	for _, s := range shards {
		s.close()
	}
}

// checkShards verifies that the files are all shards of one run.
func checkShards(shards []*shardFile) error {
	first := shards[0].header
	for i, s := range shards {
		h := s.header
		switch {
		case h.Version != first.Version:
			return fmt.Errorf("%s was made by version %s, %s by %s", shards[0].path, first.Version, s.path, h.Version)
		case h.Count != first.Count || h.Filter != first.Filter || !slices.Equal(h.Captures, first.Captures):
			return fmt.Errorf("%s and %s are shards of different runs", shards[0].path, s.path)
		case i > 0 && h.Number == shards[i-1].header.Number:
			return fmt.Errorf("%s and %s are the same shard, %d/%d", shards[i-1].path, s.path, h.Number, h.Count)
		}
	}
	for n := 1; n <= first.Count; n++ {
		if n > len(shards) || shards[n-1].header.Number != n {
			return fmt.Errorf("shard %d/%d is missing", n, first.Count)
		}
	}
	return nil
}

// replay is run for the files of shards in place of captures.
func (r *runner) replay(ctx context.Context) error {
	shards, err := openShards(r.opt.FromDigests)
	if err != nil {
		return err
	}
	defer closeShards(shards)
	g, ctx := errgroup.WithContext(ctx)
	r.encodeFlows(ctx, g)
	g.Go(func() error {
		for _, s := range shards {
			if err := r.replayShard(ctx, s); err != nil {
				return fmt.Errorf("%s: %w", s.path, err)
			}
		}
		return r.endFlows()
	})
	return g.Wait()
}

func (r *runner) replayShard(ctx context.Context, s *shardFile) error {
	for {
		digests, err := s.reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := r.flows.add(digests, r.opt.Placed); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.opt.Progress != nil {
			r.opt.Progress(Progress{Packets: r.flows.tracker.Stats().Packets})
		}
	}
	var t digestTrailer
	if err := json.Unmarshal(s.reader.Trailer, &t); err != nil {
		return fmt.Errorf("trailer: %w", err)
	}
	r.ledger.Add(t.Ledger)
	r.addInputs(s.header.First, t.Inputs)
	return nil
}

// addInputs notes what a shard read: captures from number first on, the first
// of which may be one that the shard before began.
func (r *runner) addInputs(first int, inputs []Input) {
	for i, in := range inputs {
		if first+i < len(r.inputs) {
			r.inputs[first+i].Packets += in.Packets
			continue
		}
		r.inputs = append(r.inputs, in)
	}
}
