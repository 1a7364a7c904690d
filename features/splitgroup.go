package features

import (
	"cmp"
	"slices"
)

// byUnit deals units out: within each stratum they are put in an order that
// the seed decides, and the first share is for training, the next for
// validation, the rest for the test. A stratum is a class in a capture; of
// ByHost all attackers, or all others; of Random everything.
func (sp *Split) byUnit(us *units) {
	type stratum struct{ capture, class int32 }
	strata := make(map[stratum][]id)
	var order []stratum
	us.each(func(n id) {
		u := us.at(n)
		k := stratum{u.capture, u.class}
		switch sp.Spec.Kind {
		case ByHost:
			k = stratum{0, min(u.class, 1)}
		case Random:
			k = stratum{}
		}
		if strata[k] == nil {
			order = append(order, k)
		}
		strata[k] = append(strata[k], n)
	})
	for _, k := range order {
		list := strata[k]
		sp.shuffle(list, func(n id) uint64 { return uint64(us.at(n).first) })
		for i, n := range list {
			us.put(n, sp.share(i, len(list)))
		}
	}
}

// byCapture deals captures out, each of which is a unit.
func (sp *Split) byCapture(us *units) {
	var list []id
	us.each(func(n id) { list = append(list, n) })
	sp.shuffle(list, func(n id) uint64 { return uint64(us.at(n).capture) })
	for i, n := range list {
		us.put(n, sp.share(i, len(list)))
	}
}

// shuffle puts a list in an order that depends on the seed alone.
func (sp *Split) shuffle(list []id, key func(id) uint64) {
	place := func(n id) uint64 { return Mix(Mix(sp.Spec.Seed) ^ Mix(key(n))) }
	slices.SortFunc(list, func(a, b id) int { return cmp.Compare(place(a), place(b)) })
}

// share says which part the i-th of n is for, so that each part gets its share
// of them. Of two, one is for the test; of three or more, each part gets one.
func (sp *Split) share(i, n int) Part {
	s := sp.Spec
	train := int(s.Train*float64(n) + 0.5)
	test := n - int((s.Train+s.Valid)*float64(n)+0.5)
	if s.Test > 0 && test == 0 && n >= 2 {
		test = 1
	}
	if s.Valid > 0 && train+test >= n && n >= 3 {
		train = n - test - 1
	}
	train = max(1, min(train, n-test))
	switch {
	case i < train:
		return Train
	case i < n-test:
		return Valid
	}
	return Test
}

// Mix is the finaliser of SplitMix64: a number that looks random and is not.
// Source: Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014).
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
