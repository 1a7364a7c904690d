package prep

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform/schema"
)

// Two rows are taken for equal when the 64-bit hashes of their features are.
// Among 10 million rows the chance that any two differ none the less is about
// 3 in a million.

// Policy says what becomes of rows whose features another row has, too.
type Policy string

// The policies. Loopback twins are left out by all but Keep.
const (
	// OneSide leaves validation rows out that a training row equals, and test
	// rows that a training or validation row equals.
	OneSide Policy = "one-side"
	// Drop is OneSide, and of equal rows of one class in one part only the
	// first stays.
	Drop Policy = "drop"
	// Keep leaves all rows where they are, and counts them.
	Keep Policy = "keep"
)

// Check reports a policy that there is not.
func (p Policy) Check() error {
	if p != OneSide && p != Drop && p != Keep {
		return fmt.Errorf("duplicates: %q is none of one-side, drop, keep", p)
	}
	return nil
}

// hashed is a row's features, 16 bytes.
type hashed struct {
	hash  uint64
	row   int32 // of all rows
	class uint16
	part  features.Part
}

// hashRow hashes features; 0 and −0 are equal.
func hashRow(row []float32) uint64 {
	h := uint64(len(row))
	for _, v := range row {
		h = (h ^ uint64(math.Float32bits(v+0))) * 0x9e3779b97f4a7c15
		h ^= h >> 32
	}
	h *= 0xd6e8feb86659fd93
	return h ^ h>>32
}

// findDuplicates counts rows whose features are equal and does with them what
// the policy says.
func (p *preparation) findDuplicates() error {
	list := make([]hashed, 0, len(p.class))
	at, k := 0, 0
	err := p.encode(func(_ *schema.Batch, m *features.Matrix, state []rowState) error {
		for i, s := range state {
			if s == unknown || s == twin {
				continue
			}
			if s.part() != features.Purged {
				list = append(list, hashed{hashRow(m.Row(i)), int32(at + i), p.class[k], s.part()})
			}
			k++
		}
		at += len(state)
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b hashed) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.part, b.part), cmp.Compare(a.row, b.row))
	})
	p.dup.Policy = string(p.opt.Duplicates)
	for i := 0; i < len(list); {
		j := i + 1
		for j < len(list) && list[j].hash == list[i].hash {
			j++
		}
		p.duplicates(list[i:j])
		i = j
	}
	return nil
}

// duplicates takes rows that are equal, in the order of their parts.
func (p *preparation) duplicates(same []hashed) {
	first := same[0]
	differ := false
	for i, h := range same[1:] {
		differ = differ || h.class != first.class
		switch h.part {
		case features.Train:
			p.dup.Train++
		case features.Valid:
			if first.part == features.Train {
				p.dup.Valid++
			}
		case features.Test:
			if first.part != features.Test {
				p.dup.Test++
			}
		}
		again := h.part == first.part && slices.ContainsFunc(same[:i+1], func(e hashed) bool { return e.class == h.class })
		if p.opt.Duplicates != Keep && h.part != first.part || p.opt.Duplicates == Drop && again {
			p.state[h.row] = dropped
		}
	}
	if differ {
		p.dup.Conflicting += int64(len(same))
	}
}

// encode reads the columns of the encoding and gives each batch with its
// features, which are valid until visit returns.
func (p *preparation) encode(visit func(b *schema.Batch, m *features.Matrix, state []rowState) error) error {
	var a applier
	return p.each(p.encoding.SourceColumns(), func(b *schema.Batch, state []rowState) error {
		m, err := a.apply(p, b)
		if err != nil {
			return err
		}
		return visit(b, m, state)
	})
}

// applier encodes batches; it is bound again when another table's batch comes.
type applier struct {
	batch *schema.Batch
	bound *features.Applier
}

func (a *applier) apply(p *preparation, b *schema.Batch) (m *features.Matrix, err error) {
	if a.batch != b {
		pipeline := features.Pipeline{Encoding: p.encoding}
		if a.bound, err = pipeline.Bind(b); err != nil {
			return nil, err
		}
		a.batch = b
	}
	return a.bound.Apply()
}
