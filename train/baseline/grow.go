package baseline

// sums are those of a leaf's or a bin's rows.
type sums struct {
	grad, hess float64
	n          int32
}

func (s *sums) add(o sums) { s.grad += o.grad; s.hess += o.hess; s.n += o.n }
func (s *sums) sub(o sums) { s.grad -= o.grad; s.hess -= o.hess; s.n -= o.n }

// value is what a leaf adds to the log-odds: a Newton step at the rate.
func (s sums) value() float64 { return -boostRate * s.grad / (s.hess + 1e-12) }

// gain is what a leaf takes off the loss, but for a factor of 2.
func (s sums) gain() float64 { return s.grad * s.grad / (s.hess + 1e-12) }

// histogram is the sums of every bin of every column: cols × 256.
type histogram []sums

// grower grows one tree after another in the same memory.
type grower struct {
	bins       *binned
	grad, hess []float32
	rows       []int32 // row numbers; each leaf owns a stretch
	spare      []int32
	gains      []float64
	pool       []histogram
}

// leaf is a node that may still be split.
type leaf struct {
	node     int32
	from, to int // its stretch of rows
	total    sums
	hist     histogram
	best     split
}

type split struct {
	gain   float64
	column int
	bin    int // rows of this bin and lower go left
	left   sums
}

// grow makes a tree for the current gradients and adds its values to raw.
func (g *grower) grow(raw []float64) tree {
	var total sums
	for i := range g.rows {
		g.rows[i] = int32(i)
		total.add(sums{float64(g.grad[i]), float64(g.hess[i]), 1})
	}
	root := &leaf{from: 0, to: len(g.rows), total: total, hist: g.take()}
	g.fill(root)
	g.search(root)
	t := tree{{column: -1}}
	leaves := []*leaf{root}
	for len(leaves) < boostLeaves {
		at := 0
		for i, l := range leaves { // the first of the best
			if l.best.gain > leaves[at].best.gain {
				at = i
			}
		}
		l := leaves[at]
		if l.best.gain <= 0 {
			break
		}
		left, right := g.split(l, &t)
		leaves[at] = left
		leaves = append(leaves, right)
	}
	for _, l := range leaves {
		v := l.total.value()
		t[l.node].value = float32(v)
		for _, r := range g.rows[l.from:l.to] {
			raw[r] += float64(float32(v))
		}
		g.pool = append(g.pool, l.hist)
	}
	return t
}

// split parts a leaf in two. The smaller half's histogram is counted, the
// larger's is what remains of the parent's.
func (g *grower) split(l *leaf, t *tree) (left, right *leaf) {
	b := l.best
	g.gains[b.column] += b.gain
	mid := g.partition(l)
	first := int32(len(*t))
	*t = append(*t, node{column: -1}, node{column: -1})
	(*t)[l.node] = node{column: int32(b.column), left: first, right: first + 1, threshold: g.bins.upper[b.column][b.bin]}
	rest := l.total
	rest.sub(b.left)
	left = &leaf{node: first, from: l.from, to: mid, total: b.left}
	right = &leaf{node: first + 1, from: mid, to: l.to, total: rest}
	small, large := left, right
	if right.total.n < left.total.n {
		small, large = right, left
	}
	small.hist, large.hist = g.take(), l.hist
	g.fill(small)
	each(g.bins.cols, func(c int) {
		for i := c * 256; i < (c+1)*256; i++ {
			large.hist[i].sub(small.hist[i])
		}
	})
	g.search(left)
	g.search(right)
	return left, right
}

// partition moves the rows that go left to the front of the leaf's stretch
// and keeps their order; it returns where the right ones begin.
func (g *grower) partition(l *leaf) int {
	col := g.bins.bin[l.best.column*g.bins.rows:]
	at, away := l.from, 0
	for _, r := range g.rows[l.from:l.to] {
		if int(col[r]) <= l.best.bin {
			g.rows[at] = r
			at++
		} else {
			g.spare[away] = r
			away++
		}
	}
	copy(g.rows[at:], g.spare[:away])
	return at
}

// take returns a histogram to be overwritten.
func (g *grower) take() histogram {
	if n := len(g.pool); n > 0 {
		h := g.pool[n-1]
		g.pool = g.pool[:n-1]
		return h
	}
	return make(histogram, g.bins.cols*256)
}

// fill counts a leaf's rows; each column is one goroutine's, in row order, so
// that the sums are always the same.
func (g *grower) fill(l *leaf) {
	rows := g.rows[l.from:l.to]
	each(g.bins.cols, func(c int) {
		h := l.hist[c*256 : (c+1)*256]
		clear(h)
		col := g.bins.bin[c*g.bins.rows : (c+1)*g.bins.rows]
		for _, r := range rows {
			s := &h[col[r]]
			s.grad += float64(g.grad[r])
			s.hess += float64(g.hess[r])
			s.n++
		}
	})
}

// search finds the leaf's best split; ties go to the first column and bin.
func (g *grower) search(l *leaf) {
	best := make([]split, g.bins.cols)
	each(g.bins.cols, func(c int) { best[c] = g.searchColumn(l, c) })
	l.best = split{}
	for _, b := range best {
		if b.gain > l.best.gain {
			l.best = b
		}
	}
}

func (g *grower) searchColumn(l *leaf, c int) (best split) {
	var left sums
	whole := l.total.gain()
	for bin := range g.bins.upper[c] {
		left.add(l.hist[c*256+bin])
		right := l.total
		right.sub(left)
		if left.n < boostMinLeaf || left.hess < minHessian {
			continue
		}
		if right.n < boostMinLeaf || right.hess < minHessian {
			break
		}
		if gain := left.gain() + right.gain() - whole; gain > best.gain {
			best = split{gain: gain, column: c, bin: bin, left: left}
		}
	}
	return best
}
