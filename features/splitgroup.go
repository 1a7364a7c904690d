package features

import (
	"cmp"
	"slices"
)

// byFlow deals units out: within each capture and class (of Random: among
// all) they are put in an order that the seed decides, and the first share is
// for training, the next for validation, the rest for the test.
func (sp *Split) byFlow(units [][]unit) {
	type stratum struct {
		capture int
		class   int32
	}
	strata := make(map[stratum][]*unit)
	var order []stratum
	for c := range units {
		for i := range units[c] {
			u := &units[c][i]
			k := stratum{c, u.class}
			if sp.Spec.Kind == Random {
				k = stratum{}
			}
			if strata[k] == nil {
				order = append(order, k)
			}
			strata[k] = append(strata[k], u)
		}
	}
	for _, k := range order {
		sp.deal(strata[k])
	}
}

// byCapture deals captures out.
func (sp *Split) byCapture(units [][]unit) {
	var whole []*unit
	for c := range units {
		if len(units[c]) > 0 {
			whole = append(whole, &unit{order: uint64(c)})
		}
	}
	sp.deal(whole)
	for _, w := range whole {
		for i := range units[w.order] {
			units[w.order][i].part = w.part
		}
	}
}

// deal gives units their parts, so that each part's share of units is as wanted.
func (sp *Split) deal(units []*unit) {
	place := func(u *unit) uint64 { return mix(mix(sp.Spec.Seed) ^ mix(u.order)) }
	slices.SortFunc(units, func(a, b *unit) int { return cmp.Compare(place(a), place(b)) })
	n := float64(len(units))
	train := int(sp.Spec.Train*n + 0.5)
	valid := int((sp.Spec.Train+sp.Spec.Valid)*n + 0.5)
	for i, u := range units {
		switch {
		case i < train:
			u.part = Train
		case i < valid:
			u.part = Valid
		default:
			u.part = Test
		}
	}
}

// mix is the finaliser of SplitMix64: a number that looks random and is not.
// Source: Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
