package source

import (
	"io"
	"strconv"
	"time"

	"github.com/pcapline/pcapline/transform/schema"
)

// infer reads all rows and says what the columns are: the first of int64,
// float64, bool, timestamp and string that all cells with a value fit. A
// column without any value is float64, as pandas has it. Addresses stay
// strings: a text that looks like one need not be one.
func (t *csvTable) infer(names []string) (schema.Schema, error) {
	guesses := make([]guess, len(names))
	for {
		record, err := t.row()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		for i, c := range record {
			guesses[i].see(c)
		}
	}
	s := make(schema.Schema, len(names))
	for i, g := range guesses {
		k := g.kind()
		// Programs that quote every cell also quote their nulls.
		null := g.null || !g.seen || g.empty && k != schema.String
		s[i] = &schema.Field{Name: names[i], Kind: k, Nullable: null}
	}
	return s, nil
}

// candidate is a kind that a column may have.
type candidate struct {
	kind schema.Kind
	fits func(s string) bool
}

var candidates = [...]candidate{
	{schema.Int64, isInt},
	{schema.Float64, isFloat},
	{schema.Bool, isBool},
	{schema.Timestamp, isTime},
}

// guess is what the cells of a column so far allow.
type guess struct {
	seen  bool // a value
	null  bool
	empty bool                  // a quoted cell with nothing in it
	out   [len(candidates)]bool // no longer possible
}

func (g *guess) see(c cell) {
	if len(c.text) == 0 {
		g.null = g.null || !c.quoted
		g.empty = g.empty || c.quoted
		return
	}
	g.narrow(string(c.text))
}

// narrow takes out the kinds that s does not fit.
func (g *guess) narrow(s string) {
	g.seen = true
	for i := range candidates {
		if !g.out[i] && !candidates[i].fits(s) {
			g.out[i] = true
		}
	}
}

func (g *guess) kind() schema.Kind {
	if !g.seen && !g.empty {
		return schema.Float64
	}
	for i, c := range candidates {
		if g.seen && !g.out[i] {
			return c.kind
		}
	}
	return schema.String
}

// isInt accepts int64 in decimal. Leading zeros are left to strings: they are
// part of an identifier or of hexadecimal bytes.
func isInt(s string) bool {
	if zeros(s) {
		return false
	}
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil
}

// isFloat accepts decimal numbers. An integer too long for int64 is none: a
// float64 would lose digits of it.
func isFloat(s string) bool {
	if zeros(s) || s[0] == 'i' || s[0] == 'I' { // "inf" may be a name
		return false
	}
	if _, err := strconv.ParseFloat(s, 64); err != nil {
		return false
	}
	if _, err := strconv.ParseInt(s, 10, 64); err != nil && err.(*strconv.NumError).Err == strconv.ErrRange {
		return false
	}
	return true
}

func zeros(s string) bool {
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	return len(s) > 1 && s[0] == '0' && s[1] >= '0' && s[1] <= '9'
}

func isBool(s string) bool {
	switch s {
	case "true", "false", "True", "False", "TRUE", "FALSE":
		return true
	}
	return false
}

func isTime(s string) bool {
	t, err := time.Parse(time.RFC3339Nano, s)
	return err == nil && t.Nanosecond()%1000 == 0
}
