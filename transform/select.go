package transform

import (
	"sync"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/filter"
)

// skippedByFilter is the ledger's reason for packets that Options.Filter
// does not match.
const skippedByFilter = "filter"

// programs compiles Options.Filter for each link type that comes, once for
// all workers, so that names in it are looked up once. The first error stays.
type programs struct {
	expr   string
	mu     sync.Mutex
	byLink map[pcapio.LinkType]*filter.Program
}

func (p *programs) get(t pcapio.LinkType) (*filter.Program, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.byLink[t]; c != nil {
		return c, nil
	}
	c, err := filter.Compile(p.expr, filter.Options{LinkType: t})
	if err != nil {
		return nil, &OptionError{err}
	}
	if p.byLink == nil {
		p.byLink = make(map[pcapio.LinkType]*filter.Program)
	}
	p.byLink[t] = c
	return c, nil
}

// chooser says which packets a worker decodes: those that the filter matches.
// The others are no rows, belong to no flow, and are counted.
type chooser struct {
	all  *programs // nil: every packet
	link pcapio.LinkType
	last *filter.Program // for link
}

func (c *chooser) wants(p *pcapio.Packet) (bool, error) {
	if c.all == nil {
		return true, nil
	}
	if c.last == nil || p.LinkType != c.link {
		program, err := c.all.get(p.LinkType)
		if err != nil {
			return false, err
		}
		c.link, c.last = p.LinkType, program
	}
	return c.last.Match(p.Data, int(p.WireLen)), nil
}
