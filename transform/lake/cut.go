package lake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"strings"

	"github.com/pcapline/pcapline/pcapio"
)

// What a capture costs is estimated in bytes of plain captures: opening one
// costs about as much as decoding openCost bytes, and compressed ones hold
// about expansion times their size (measured on the lab's captures).
const (
	openCost  = 64 << 10
	expansion = 4
)

// cut shares the work of a stream out to shards of about the same cost.
func (p *Plan) cut(ctx context.Context, stream int) error {
	s := &p.Streams[stream]
	size, err := p.Config.shardBytes()
	if err != nil {
		return err
	}
	total := int64(0)
	for _, in := range s.Inputs {
		total += in.cost()
	}
	shards := max(1, (total+size-1)/size)
	c := cutter{plan: p, stream: stream, target: max(total/shards, minShard)}
	for i := range s.Inputs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.add(i, size); err != nil {
			return fmt.Errorf("%s: %w", s.Inputs[i].Path, err)
		}
	}
	return nil
}

func (in *Capture) cost() int64 {
	switch strings.ToLower(path.Ext(in.Name)) {
	case ".gz", ".zst", ".zstd", ".xz", ".lz4":
		return openCost + expansion*in.Bytes
	}
	return openCost + in.Bytes
}

// cutter makes the shards of a stream.
type cutter struct {
	plan   *Plan
	stream int
	target int64
	made   int
}

// add shares out a capture: whole, or in ranges where it is far larger than a shard.
func (c *cutter) add(input int, size int64) error {
	in := &c.plan.Streams[c.stream].Inputs[input]
	if in.Bytes <= size+size/2 || in.Store != "" {
		c.part(Part{Input: input}, in.cost())
		return nil
	}
	ranges, file, err := pcapio.Cuts(in.Path, size, pcapio.Options{})
	if len(ranges) < 2 { // also where it is damaged or compressed: a shard will say so
		if err != nil && !isFormat(err) {
			return err
		}
		c.part(Part{Input: input}, in.cost())
		return nil
	}
	sums, whole, err := rangeDigests(in.Path, ranges)
	if err != nil {
		return err
	}
	in.Cut = &Cut{SHA256: whole, Lost: file.Dropped}
	for i, g := range ranges {
		to := g.To
		if to == 0 {
			to = in.Bytes
		}
		c.part(Part{Input: input, Range: g, SHA256: sums[i]}, to-g.From)
	}
	return nil
}

// isFormat says whether the file is to blame, not who reads it.
func isFormat(err error) bool {
	var f *pcapio.FormatError
	return errors.As(err, &f) || errors.Is(err, pcapio.ErrNotCut) || errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission)
}

// part gives a part to the shard at hand, or to a new one.
func (c *cutter) part(part Part, cost int64) {
	p := c.plan
	if c.made > 0 {
		last := &p.Shards[len(p.Shards)-1]
		if last.Parts[len(last.Parts)-1].Input != part.Input && last.Cost+cost/2 <= c.target {
			last.Parts, last.Cost = append(last.Parts, part), last.Cost+cost
			return
		}
	}
	c.made++
	p.Shards = append(p.Shards, Shard{Stream: c.stream, Number: c.made, Parts: []Part{part}, Cost: cost})
}

// rangeDigests gives the SHA-256 of each range of a file, and of all of it.
func rangeDigests(file string, ranges []pcapio.Range) (sums []string, whole string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	all := sha256.New()
	for _, g := range ranges {
		h := sha256.New()
		n := int64(1 << 62)
		if g.To > 0 {
			n = g.To - g.From
		}
		if _, err := io.Copy(io.MultiWriter(all, h), io.LimitReader(f, n)); err != nil {
			return nil, "", err
		}
		sums = append(sums, sumText(h))
	}
	return sums, sumText(all), nil
}

func sumText(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// checkRange verifies that a range's bytes are those that were planned.
func checkRange(file string, part Part) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	n := int64(1 << 62)
	if part.Range.To > 0 {
		n = part.Range.To - part.Range.From
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f, part.Range.From, n)); err != nil {
		return err
	}
	if sumText(h) != part.SHA256 {
		return fmt.Errorf("%s: %w", file, ErrChanged)
	}
	return nil
}

// ErrChanged says that a capture is not what it was when the run was planned.
var ErrChanged = errors.New("the capture has changed since the run was planned; plan anew")
