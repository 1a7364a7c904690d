package prep

import (
	"slices"

	"github.com/pcapline/pcapline/features"
)

// sample leaves out training rows of classes that have more than was asked
// for. Which ones stay is drawn by the split's seed and nothing else:
// validation and test rows keep the shares that the captures have.
func (p *preparation) sample() error {
	limit := p.opt.MaxPerClass
	if limit <= 0 {
		return nil
	}
	draws := make([][]uint64, len(p.classes))
	p.eachTraining(func(row, k int) { draws[p.class[k]] = append(draws[p.class[k]], p.draw(row)) })
	highest := make([]uint64, len(draws))
	for c, d := range draws {
		highest[c] = ^uint64(0)
		if int64(len(d)) > limit {
			slices.Sort(d)
			highest[c] = d[limit-1]
		}
	}
	p.eachTraining(func(row, k int) {
		if p.draw(row) > highest[p.class[k]] {
			p.state[row] = sampledOut
		}
	})
	return nil
}

// draw gives each row another number.
func (p *preparation) draw(row int) uint64 {
	return features.Mix(features.Mix(p.opt.Split.Seed^0x5a) ^ features.Mix(uint64(row)))
}

// eachTraining visits training rows by their indices in all rows and in those
// that were split.
func (p *preparation) eachTraining(visit func(row, k int)) {
	k := 0
	for row, s := range p.state {
		if s == unknown || s == twin {
			continue
		}
		if s == rowState(features.Train) {
			visit(row, k)
		}
		k++
	}
}
