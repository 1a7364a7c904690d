package features

import (
	"cmp"
	"slices"
)

// byFold deals groups out to folds, the largest first, each to the fold that
// has the fewest rows of the group's class so far, then the fewest rows. So
// each class is spread over the folds as evenly as its groups allow. Groups of
// one size go in an order that the seed decides.
//
// Source: the greedy rule is that of scikit-learn's StratifiedGroupKFold,
// with the class of a group in place of its distribution of classes.
func (sp *Split) byFold(us *units) {
	sp.Folds = make([]uint8, len(us.rows))
	var list []id
	us.each(func(n id) { list = append(list, n) })
	sp.shuffle(list, func(n id) uint64 { return uint64(us.at(n).first) })
	slices.SortStableFunc(list, func(a, b id) int { return cmp.Compare(us.at(b).rows, us.at(a).rows) })
	d := dealer{folds: sp.Spec.Folds, byClass: map[int32][]int64{}, all: make([]int64, sp.Spec.Folds)}
	folds := make([]uint8, len(us.grouped))
	for _, n := range list {
		u := us.at(n)
		fold := d.next(u.class, int64(u.rows))
		us.put(n, sp.foldPart(fold))
		if n < 0 {
			folds[-1-n] = uint8(fold)
		} else {
			sp.Folds[n] = uint8(fold)
		}
	}
	for i, j := range us.of {
		if j >= 0 {
			sp.Folds[i] = folds[j]
		}
	}
}

// foldPart is what a fold is used for.
func (sp *Split) foldPart(fold int) Part {
	switch fold {
	case sp.Spec.Fold:
		return Test
	case (sp.Spec.Fold + 1) % sp.Spec.Folds:
		return Valid
	}
	return Train
}

// dealer knows how many rows each fold has.
type dealer struct {
	folds   int
	byClass map[int32][]int64
	all     []int64
}

func (d *dealer) next(class int32, rows int64) (fold int) {
	own := d.byClass[class]
	if own == nil {
		own = make([]int64, d.folds)
		d.byClass[class] = own
	}
	for f := range d.folds {
		if cmp.Or(cmp.Compare(own[f], own[fold]), cmp.Compare(d.all[f], d.all[fold])) < 0 {
			fold = f
		}
	}
	own[fold] += rows
	d.all[fold] += rows
	return fold
}
