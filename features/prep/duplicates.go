package prep

import (
	"math"
	"slices"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform/schema"
)

// Two rows are taken for equal when the 64-bit hashes of their features are.
// Among 10 million rows the chance that any two differ none the less is about
// 3 in a million.

// hashed is a row's features and class.
type hashed struct {
	hash  uint64
	class int32
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

// dropDuplicates purges, where it is asked for, validation and test rows that
// equal a training row.
func (p *preparation) dropDuplicates() error {
	if !p.opt.DropDuplicates {
		return nil
	}
	hashes := make([]uint64, 0, len(p.rows))
	err := p.encode(func(_ *schema.Batch, m *features.Matrix, state []rowState) error {
		for i := range m.Rows {
			if state[i] != unknown {
				hashes = append(hashes, hashRow(m.Row(i)))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var train []uint64
	k := 0
	for _, s := range p.state {
		if s == unknown {
			continue
		}
		if s == rowState(features.Train) {
			train = append(train, hashes[k])
		}
		k++
	}
	slices.Sort(train)
	k = 0
	for i, s := range p.state {
		if s == unknown {
			continue
		}
		if s == rowState(features.Valid) || s == rowState(features.Test) {
			if _, found := slices.BinarySearch(train, hashes[k]); found {
				p.state[i] = dropped
			}
		}
		k++
	}
	return nil
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

// countDuplicates counts among the rows that were written.
func countDuplicates(rows []hashed) (d features.Duplicates) {
	slices.SortFunc(rows, func(a, b hashed) int {
		switch {
		case a.hash < b.hash:
			return -1
		case a.hash > b.hash:
			return 1
		}
		return 0
	})
	for i := 0; i < len(rows); {
		j, differ := i, false
		var n [len(features.Parts)]int64
		for ; j < len(rows) && rows[j].hash == rows[i].hash; j++ {
			n[rows[j].part]++
			differ = differ || rows[j].class != rows[i].class
		}
		if train := n[features.Train]; train > 0 {
			d.Train += train - 1
			d.Valid += n[features.Valid]
			d.Test += n[features.Test]
		}
		if differ {
			d.Conflicting += int64(j - i)
		}
		i = j
	}
	return d
}
