package prep

import (
	"fmt"
	"math"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/features/label"
	"github.com/pcapline/pcapline/transform/schema"
)

// scan is the first reading: it fills rows, state, classes and captures.
func (p *preparation) scan() error {
	ps := newPositions(p)
	p.positions = ps
	if err := p.reserve(); err != nil {
		return err
	}
	if p.opt.Split.ByHosts() && !p.has(p.kind.src) {
		return fmt.Errorf("split %s by host: the tables have none of the columns %v", p.opt.Split.Kind, p.kind.src)
	}
	p.newest = math.MinInt64
	for i, s := range p.sources {
		ps.source = i
		before := len(p.state)
		if err := p.read(s, ps.columns(), p.scanBatch); err != nil {
			return err
		}
		s.rows = int64(len(p.state) - before)
	}
	p.ledger.In = int64(len(p.state))
	return ps.sortClasses()
}

// has reports whether the tables have one of the columns.
func (p *preparation) has(columns []string) bool {
	for _, c := range columns {
		if p.schema.Index(c) >= 0 {
			return true
		}
	}
	return false
}

// reserve makes room for all rows at once: what grows bit by bit is in memory
// twice while it is copied. A CSV file is read once more to count its rows.
func (p *preparation) reserve() error {
	total := int64(0)
	for _, s := range p.sources {
		n := s.rows
		if n < 0 {
			n = 0
			err := p.read(s, []string{"file_id"}, func(b *schema.Batch) error {
				n += int64(b.Rows)
				return nil
			})
			if err != nil {
				return err
			}
		}
		total += n
	}
	if total > math.MaxInt32 {
		return fmt.Errorf("the tables have %d rows; a dataset has up to %d", total, math.MaxInt32)
	}
	p.rows, p.state = make([]features.Position, 0, total), make([]rowState, 0, total)
	return nil
}

func (p *preparation) scanBatch(b *schema.Batch) error {
	ps := p.positions
	if err := ps.bind(b); err != nil {
		return err
	}
	for row := range b.Rows {
		pos, labelled, err := ps.at(row)
		if err != nil {
			return err
		}
		p.newest = max(p.newest, pos.Start, pos.End)
		if !labelled {
			p.state = append(p.state, unknown)
			if string(ps.class(row)) == label.Attack.String() {
				p.ledger.Attempted++
			} else {
				p.ledger.Unknown++
			}
			continue
		}
		if p.opt.Split.ByHosts() {
			pos.Group = ps.host(row, &pos)
		}
		p.state = append(p.state, 0)
		p.rows = append(p.rows, pos)
	}
	return nil
}
