package features

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/pcapline/pcapline/transform/schema"
)

// Encoder learns an [Encoding] from the training rows of a table, batch by
// batch, in memory that does not grow with the rows.
type Encoder struct {
	spec    EncodeSpec
	columns []*columnStats
	dropped []Dropped
	asked   []Asked
	row     uint64 // rows seen, of all parts
	train   int64
	sample  sample
}

// The bounds of what an encoder remembers.
const (
	defaultCategories = 32
	countedCategories = 4096 // distinct values counted in a column; those first seen later are "other"
	sampleRows        = 8192 // training rows from which medians are taken
)

// columnStats is what is learned of one column.
type columnStats struct {
	field    *schema.Field
	how      string
	values   int64
	missing  int64
	lo, hi   float64
	sum      float64
	pattern  uint64 // hash of where values are missing
	counts   map[string]int64
	overflow bool      // more distinct values than are counted
	sampled  []float64 // by slot of the sample; NaN: missing
	text     []byte
}

// NewEncoder prepares to learn from a table.
func NewEncoder(s schema.Schema, spec EncodeSpec) (*Encoder, error) {
	if err := spec.Check(); err != nil {
		return nil, err
	}
	if spec.MaxCategories <= 0 {
		spec.MaxCategories = defaultCategories
	}
	if spec.Categorical == nil {
		spec.Categorical = codes[:]
	} else if err := known(s, spec.Categorical); err != nil {
		return nil, err
	}
	for _, list := range [][]string{spec.Include, spec.Add, spec.Exclude} {
		if err := known(s, list); err != nil {
			return nil, err
		}
	}
	e := &Encoder{spec: spec, sample: sample{limit: sampleRows}}
	for _, f := range s {
		how, reason := spec.choose(f)
		if reason != "" {
			e.dropped = append(e.dropped, Dropped{f.Name, reason})
			continue
		}
		if f.Role != schema.Feature {
			e.asked = append(e.asked, Asked{f.Name, string(f.Role)})
		}
		c := &columnStats{field: f, how: how, lo: math.Inf(1), hi: math.Inf(-1)}
		if how == Category {
			c.counts = make(map[string]int64)
		} else {
			c.sampled = make([]float64, sampleRows)
		}
		e.columns = append(e.columns, c)
	}
	return e, nil
}

// Check reports what is wrong with the specification, whatever the table is.
func (spec EncodeSpec) Check() error {
	if spec.HashBuckets < 0 || spec.HashBuckets > 1<<16 {
		return fmt.Errorf("features: %d hash buckets; there are up to 65536", spec.HashBuckets)
	}
	switch spec.Impute {
	case "", "median", "mean":
		return nil
	}
	if v, err := strconv.ParseFloat(spec.Impute, 64); err != nil || !finite(v) {
		return fmt.Errorf("features: missing numbers are filled with the median, the mean or a number, not %q", spec.Impute)
	}
	return nil
}

// impute is what fills a missing number of the column.
func (e *Encoder) impute(c *columnStats) float64 {
	switch e.spec.Impute {
	case "", "median":
		return c.median(e.sample.len())
	case "mean":
		return c.sum / float64(c.values)
	}
	v, _ := strconv.ParseFloat(e.spec.Impute, 64) // Check has seen it
	return v
}

// codes are the numeric columns that name something rather than count it.
var codes = [...]string{
	"ether_type", "eth_type", "ip_proto", "ipv6_next", "icmp_type", "icmp_code",
	"icmpv6_type", "icmpv6_code", "arp_opcode", "dns_first_qtype", "dns_qry_type", "dns_rcode",
}

func known(s schema.Schema, names []string) error {
	for _, n := range names {
		if s.Index(n) < 0 {
			return fmt.Errorf("features: the table has no column %q", n)
		}
	}
	return nil
}

// choose says how a column is encoded, or why it is not.
func (spec *EncodeSpec) choose(f *schema.Field) (how, reason string) {
	asked := slices.Contains(spec.Include, f.Name) || slices.Contains(spec.Add, f.Name)
	switch {
	case slices.Contains(spec.Exclude, f.Name):
		return "", "excluded"
	case len(spec.Include) > 0 && !asked:
		return "", "not included"
	case f.Role != schema.Feature && !asked:
		return "", "role " + string(f.Role)
	case f.List:
		return "", "lists have no encoding"
	case slices.Contains(spec.Categorical, f.Name) || f.Kind == schema.String:
		return Category, ""
	case f.Kind == schema.Bool:
		return Flag, ""
	case f.Kind.Numeric():
		return Number, ""
	}
	return "", f.Kind.String() + " has no encoding"
}

// SourceColumns are the columns that Observe reads; a batch may lack others.
func (e *Encoder) SourceColumns() []string {
	names := make([]string, len(e.columns))
	for i, c := range e.columns {
		names[i] = c.field.Name
	}
	return names
}

// Observe learns from the rows of a finished batch that are training rows;
// parts has the part of each row.
func (e *Encoder) Observe(b *schema.Batch, parts []Part) {
	picked := e.sample.pick(e.row, parts[:b.Rows])
	for _, p := range parts[:b.Rows] {
		if p == Train {
			e.train++
		}
	}
	for _, c := range e.columns {
		c.observe(b.Column(c.field.Name), parts[:b.Rows], picked)
	}
	e.row += uint64(b.Rows)
}

func (c *columnStats) observe(col schema.Column, parts []Part, picked []pick) {
	p := col.Presence()
	k, next := 0, 0
	for row, part := range parts {
		has := p.Has(row)
		i := k
		if has {
			k++
		}
		if part != Train {
			continue
		}
		v := math.NaN()
		if has {
			v = c.value(col, i)
		}
		missing := uint64(0)
		if v != v {
			c.missing++
			missing = 1
		}
		c.pattern = (c.pattern ^ missing) * 0x100000001b3
		for ; next < len(picked) && picked[next].row == row; next++ {
			if c.sampled != nil {
				c.sampled[picked[next].slot] = v
			}
		}
	}
}

// value notes value i of the column and returns it; NaN counts as missing.
func (c *columnStats) value(col schema.Column, i int) float64 {
	if c.counts != nil {
		c.text = col.AppendText(c.text[:0], i)
		c.values++
		if _, known := c.counts[string(c.text)]; known || len(c.counts) < countedCategories {
			c.counts[string(c.text)]++
		} else {
			c.overflow = true
		}
		return 0
	}
	v := numberAt(col, i)
	if !finite(v) {
		return math.NaN()
	}
	c.values++
	c.sum += v
	c.lo, c.hi = min(c.lo, v), max(c.hi, v)
	return v
}

// Encoding ends the learning.
func (e *Encoder) Encoding() (*Encoding, error) {
	if e.train == 0 {
		return nil, fmt.Errorf("features: there are no training rows to learn from")
	}
	out := &Encoding{Version: EncodingVersion, Columns: []ColumnEncoding{}, Dropped: e.dropped, Asked: e.asked}
	patterns := make(map[uint64]bool)
	for _, c := range e.columns {
		ce, reason := c.encoding(e)
		if c.missing > 0 && c.values > 0 && !patterns[c.pattern] {
			patterns[c.pattern] = true
			ce.Missing = true
		}
		if reason != "" {
			out.Dropped = append(out.Dropped, Dropped{c.field.Name, reason})
			ce.How, ce.Categories, ce.Buckets, ce.Other, ce.Impute = "", nil, 0, false, 0
		}
		if ce.How != "" || ce.Missing {
			out.Columns = append(out.Columns, ce)
		}
	}
	if len(out.Columns) == 0 {
		return nil, fmt.Errorf("features: no column is left to learn from")
	}
	return out, nil
}

// encoding gives the column's encoding, and why it is no feature if it is none.
func (c *columnStats) encoding(e *Encoder) (ce ColumnEncoding, reason string) {
	ce = ColumnEncoding{Column: c.field.Name, Type: c.field.Type(), How: c.how}
	if c.values == 0 {
		return ce, "no value in training"
	}
	if c.how == Category {
		if n := e.spec.HashBuckets; n > 0 && (c.overflow || len(c.counts) > e.spec.MaxCategories) {
			ce.How, ce.Buckets = Hashed, n
			return ce, ""
		}
		ce.Categories = c.frequent(e.spec.MaxCategories)
		ce.Other = c.overflow || len(c.counts) > len(ce.Categories)
		if len(c.counts) == 1 && !e.spec.KeepConstant {
			return ce, "constant in training"
		}
		if c.overflow && c.counts[ce.Categories[0]]*10 < c.values {
			return ce, fmt.Sprintf("more than %d values, none of them frequent", countedCategories)
		}
		return ce, ""
	}
	if c.lo == c.hi {
		ce.Impute = c.lo
		if !e.spec.KeepConstant {
			return ce, "constant in training"
		}
		return ce, ""
	}
	ce.Impute = e.impute(c)
	return ce, ""
}

// frequent lists the most frequent values, then in order of spelling.
func (c *columnStats) frequent(n int) []string {
	values := slices.Collect(maps.Keys(c.counts))
	slices.SortFunc(values, func(a, b string) int {
		return cmp.Or(cmp.Compare(c.counts[b], c.counts[a]), cmp.Compare(a, b))
	})
	values = values[:min(n, len(values))]
	slices.Sort(values)
	return values
}

// median is that of the sampled values that are not missing: the lower one of
// two in the middle, so that it is a value which occurs.
func (c *columnStats) median(n int) float64 {
	var v []float64
	for _, x := range c.sampled[:n] {
		if x == x {
			v = append(v, x)
		}
	}
	if len(v) == 0 {
		return c.lo // values are rarer than one in the sample
	}
	slices.Sort(v)
	return v[(len(v)-1)/2]
}
