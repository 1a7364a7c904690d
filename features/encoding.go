package features

import (
	"fmt"

	"github.com/pcapline/pcapline/transform/schema"
)

// EncodeSpec says what becomes a feature. The zero value takes every column
// whose role is schema.Feature and that can be encoded.
type EncodeSpec struct {
	Include       []string `json:"include"`        // columns to take whatever their role is; then only those
	Add           []string `json:"add"`            // columns to take besides the features
	Exclude       []string `json:"exclude"`        // columns to leave out
	Categorical   []string `json:"categorical"`    // numeric columns that are codes: one-hot encoded; nil: protocol numbers, ICMP types and their like
	MaxCategories int      `json:"max_categories"` // of a string or code; 0: 32. Rarer ones are "other", or hashed
	HashBuckets   int      `json:"hash_buckets"`   // a column of more categories becomes so many features by a hash of the value; 0: never
	Impute        string   `json:"impute"`         // what fills a missing number: "median" (""), "mean", or a number
	KeepConstant  bool     `json:"keep_constant"`  // keep columns that are constant in training
}

// The ways to encode a column.
const (
	Number   = "number"   // as it is
	Flag     = "flag"     // a boolean as 0 and 1
	Category = "category" // one-hot
	Hashed   = "hash"     // one-hot by a hash of the value
)

// EncodingVersion is that of the JSON form of [Encoding].
const EncodingVersion = 1

// Encoding turns columns into features. It is made by an [Encoder] and is not
// changed afterwards.
type Encoding struct {
	Version int              `json:"version"`
	Columns []ColumnEncoding `json:"columns"`
	Dropped []Dropped        `json:"dropped"`         // columns that are no features, and why
	Asked   []Asked          `json:"asked,omitempty"` // columns that are features only because somebody asked
}

// ColumnEncoding says how one column becomes features.
type ColumnEncoding struct {
	Column     string   `json:"column"`
	Type       string   `json:"type"` // of the schema
	How        string   `json:"how"`  // [Number], [Flag], [Category], [Hashed]; "" for the missing indicator alone
	Impute     float64  `json:"impute"`
	Missing    bool     `json:"missing"`              // a feature <column>_missing says where there was no value
	Categories []string `json:"categories,omitempty"` // in the order of their features
	Buckets    int      `json:"buckets,omitempty"`    // of Hashed: FNV-1a (64 bits) of the value, modulo this
	Other      bool     `json:"other,omitempty"`      // rarer training values share a feature <column>=other; without, an unknown value sets no feature
}

// Asked is a column that was taken against its role.
type Asked struct {
	Column string `json:"column"`
	Role   string `json:"role"`
}

// Warnings says what a reader of figures should know of the columns.
func (e *Encoding) Warnings() []string {
	var w []string
	for _, a := range e.Asked {
		w = append(w, fmt.Sprintf("column %s is a feature because it was asked for: its role is %s, and a model that sees it may learn the recording", a.Column, a.Role))
	}
	return w
}

// Dropped is a column that is no feature.
type Dropped struct {
	Column string `json:"column"`
	Reason string `json:"reason"`
}

// Names are the features' names in order: <column>, <column>=<category>,
// <column>=other, <column>#<bucket>, <column>_missing.
func (e *Encoding) Names() []string {
	var names []string
	for i := range e.Columns {
		c := &e.Columns[i]
		switch c.How {
		case Number, Flag:
			names = append(names, c.Column)
		case Category:
			for _, v := range c.Categories {
				names = append(names, c.Column+"="+v)
			}
			if c.Other {
				names = append(names, c.Column+"=other")
			}
		case Hashed:
			for k := range c.Buckets {
				names = append(names, fmt.Sprintf("%s#%d", c.Column, k))
			}
		}
		if c.Missing {
			names = append(names, c.Column+"_missing")
		}
	}
	return names
}

// Sources gives for each of Names the column that it was made of.
func (e *Encoding) Sources() []string {
	var out []string
	for i := range e.Columns {
		one := Encoding{Columns: e.Columns[i : i+1]}
		for range one.Names() {
			out = append(out, e.Columns[i].Column)
		}
	}
	return out
}

// SourceColumns are the columns of the table that are read.
func (e *Encoding) SourceColumns() []string {
	names := make([]string, len(e.Columns))
	for i := range e.Columns {
		names[i] = e.Columns[i].Column
	}
	return names
}

// Check compares the encoding with a table's schema. It fails when a column
// is missing or of another type: such a table was made by another version.
func (e *Encoding) Check(s schema.Schema) error {
	if e.Version != EncodingVersion {
		return fmt.Errorf("encoding has version %d, this program reads %d", e.Version, EncodingVersion)
	}
	for i := range e.Columns {
		c := &e.Columns[i]
		at := s.Index(c.Column)
		if at < 0 {
			return fmt.Errorf("the table has no column %s", c.Column)
		}
		if got := s[at].Type(); got != c.Type {
			return fmt.Errorf("column %s has type %s, the encoding was made for %s", c.Column, got, c.Type)
		}
	}
	return nil
}

// Binding applies an encoding to the batches of one table. It belongs to one
// goroutine.
type Binding struct {
	enc    *Encoding
	batch  *schema.Batch
	lookup []map[string]int // for categories: offset of the feature
	NaN    int64            // values that were NaN and were imputed
	Inf    int64            // values that were infinite and were imputed
	in     map[string]int64 // both, by column
	text   []byte
}

// Bind prepares to encode the rows of b, which is filled anew between calls
// of [Binding.Fill].
func (e *Encoding) Bind(b *schema.Batch) (*Binding, error) {
	if err := e.Check(b.Schema()); err != nil {
		return nil, err
	}
	bd := &Binding{enc: e, batch: b, lookup: make([]map[string]int, len(e.Columns)), in: make(map[string]int64)}
	for i := range e.Columns {
		if e.Columns[i].How != Category {
			continue
		}
		bd.lookup[i] = make(map[string]int)
		for k, v := range e.Columns[i].Categories {
			bd.lookup[i][v] = k
		}
	}
	return bd, nil
}

// Fill writes the rows of the batch, which must be finished, into m from row
// first on. m has the columns of [Encoding.Names] and enough rows, all zeros.
func (bd *Binding) Fill(m *Matrix, first int) {
	at := 0
	for i := range bd.enc.Columns {
		c := &bd.enc.Columns[i]
		col := bd.batch.Column(c.Column)
		out := strided{m.Data[first*m.Cols():], m.Cols(), at}
		switch c.How {
		case Number, Flag:
			nan, inf := fillNumbers(col, bd.batch.Rows, out, float32(c.Impute))
			if nan+inf > 0 {
				bd.NaN, bd.Inf = bd.NaN+nan, bd.Inf+inf
				bd.in[c.Column] += nan + inf
			}
			at++
		case Category:
			other := -1
			at += len(c.Categories)
			if c.Other {
				other = len(c.Categories)
				at++
			}
			bd.fillCategories(col, out, func(v []byte) int {
				if k, known := bd.lookup[i][string(v)]; known {
					return k
				}
				return other
			})
		case Hashed:
			at += c.Buckets
			bd.fillCategories(col, out, func(v []byte) int { return int(fnv1a(v) % uint64(c.Buckets)) })
		}
		if c.Missing {
			fillMissing(col, bd.batch.Rows, strided{out.data, out.stride, at})
			at++
		}
	}
}

// strided is a column of a matrix.
type strided struct {
	data       []float32
	stride, at int
}

func (s strided) set(row int, v float32) { s.data[row*s.stride+s.at] = v }

// fillCategories sets one feature of each row that has a value, the one that
// at says, or none if that is negative.
func (bd *Binding) fillCategories(c schema.Column, out strided, at func(value []byte) int) {
	k := 0
	p := c.Presence()
	for row := range bd.batch.Rows {
		if !p.Has(row) {
			continue
		}
		bd.text = c.AppendText(bd.text[:0], k)
		k++
		if i := at(bd.text); i >= 0 {
			out.data[row*out.stride+out.at+i] = 1
		}
	}
}

// fnv1a is the 64-bit FNV-1a hash.
// Source: Fowler, Noll, Vo, Eastlake: The FNV Non-Cryptographic Hash Algorithm.
func fnv1a(b []byte) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, c := range b {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	return h
}

// fillMissing sets 1 where there is no value that can be used: a null, NaN or
// infinite number.
func fillMissing(c schema.Column, rows int, out strided) {
	p := c.Presence()
	numbers, _ := c.Data().([]float64)
	k := 0
	for row := range rows {
		if !p.Has(row) {
			out.set(row, 1)
			continue
		}
		if numbers != nil && !finite(numbers[k]) {
			out.set(row, 1)
		}
		k++
	}
}
