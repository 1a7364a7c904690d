package source

import (
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pcapline/pcapline/transform/schema"
)

func csvFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestInference: what the columns of a CSV file are taken for, and what their
// cells are then.
func TestInference(t *testing.T) {
	cases := []struct {
		name  string
		cells []string
		typ   string // with ? when nullable
		want  []string
	}{
		{"integers", []string{"1", "-5", "0"}, "int64", []string{"1", "-5", "0"}},
		{"nulls", []string{"1", "", "3"}, "int64?", []string{"1", "∅", "3"}},
		{"pandas floats", []string{"65495.0", "", "3269735087.0"}, "float64?", []string{"65495", "∅", "3.269735087e+09"}},
		{"mixed numbers", []string{"1", "2.5", "1e3"}, "float64", []string{"1", "2.5", "1000"}},
		{"nan", []string{"nan", "NaN", "1"}, "float64", []string{"NaN", "NaN", "1"}},
		{"bools", []string{"True", "false", ""}, "bool?", []string{"true", "false", "∅"}},
		{"times", []string{"2018-01-29T13:36:35Z", "2018-01-29T13:36:35.000001Z", "2018-01-29T14:36:35+01:00"}, "timestamp",
			[]string{"2018-01-29T13:36:35.000000Z", "2018-01-29T13:36:35.000001Z", "2018-01-29T13:36:35.000000Z"}},
		{"nanoseconds", []string{"2018-01-29T13:36:35.000000001Z", "", ""}, "string?", []string{"2018-01-29T13:36:35.000000001Z", "∅", "∅"}},
		{"texts", []string{"1", "a", ""}, "string?", []string{"1", "a", "∅"}},
		{"empty texts", []string{"a", `""`, ""}, "string?", []string{"a", "", "∅"}},
		{"quoted nulls", []string{`"1"`, `""`, `"3"`}, "int64?", []string{"1", "∅", "3"}},
		{"nothing", []string{"", "", ""}, "float64?", []string{"∅", "∅", "∅"}},
		{"leading zeros", []string{"001122", "1", "2"}, "string", []string{"001122", "1", "2"}},
		{"too long", []string{"18446744073709551615", "1", "2"}, "string", []string{"18446744073709551615", "1", "2"}},
		{"hexadecimal", []string{"0x0a", "1", "2"}, "string", []string{"0x0a", "1", "2"}},
		{"addresses", []string{"10.0.0.1", "::1", ""}, "string?", []string{"10.0.0.1", "::1", "∅"}},
		{"quotes", []string{`"a,b"`, `"say ""x"""`, "\"two\nlines\""}, "string", []string{"a,b", `say "x"`, "two\nlines"}},
	}
	for _, c := range cases {
		for _, end := range []string{"\n", "\r\n"} {
			text := "\uFEFFid,c" + end
			for _, x := range c.cells {
				text += "7," + x + end
			}
			tab, err := Open(csvFile(t, strings.TrimSuffix(text, end)))
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			f := tab.Schema()[1]
			typ := f.Type()
			if f.Nullable {
				typ += "?"
			}
			if typ != c.typ || tab.Schema()[0].Name != "id" {
				t.Errorf("%s: %s, want %s", c.name, typ, c.typ)
			}
			b := schema.FromFields(tab.Schema())
			if err := tab.Next(b); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			var got []string
			for row, at := 0, 0; row < b.Rows; row++ {
				if !b.Columns[1].Presence().Has(row) {
					got = append(got, "∅")
					continue
				}
				got = append(got, string(b.Columns[1].AppendText(nil, at)))
				at++
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
			tab.Close()
		}
	}
}

func TestBadCSV(t *testing.T) {
	s := schema.Schema{{Name: "a", Kind: schema.Uint8}, {Name: "b", Kind: schema.String, Nullable: true}}
	cases := map[string]struct{ text, want string }{
		"few cells":     {"a,b\n1,x\n2\n", "line 3: 1 cells, the header has 2"},
		"many cells":    {"a,b\n1,x,y\n", "line 2: 3 cells, the header has 2"},
		"open quote":    {"a,b\n1,x\n2,\"y\n\n", "line 3: a quoted cell is not closed"},
		"stray quote":   {"a,b\n1,x\"y\n", "line 2: a quote inside a cell"},
		"after a quote": {"a,b\n1,\"x\"y\n", "line 2: a quote inside a cell"},
		"bad number":    {"a,b\n\n1,\"two\nlines\"\n256,x\n", "line 5: column a"},
		"null":          {"a,b\n,x\n", "line 2: column a is empty"},
		"unknown":       {"a,c\n1,x\n", `column "c" is not in the schema`},
	}
	for name, c := range cases {
		path := csvFile(t, c.text)
		tab, err := OpenWith(path, Options{Schema: s})
		if err == nil {
			err = tab.Next(schema.FromFields(tab.Schema()))
			tab.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

// TestBlankLines: a blank line is nothing in a table of several columns, and
// a null where there is one.
func TestBlankLines(t *testing.T) {
	for text, want := range map[string]int{"a,b\n1,2\n\n3,4\n\n": 2, "a\n1\n\n3\n": 3} {
		tab, err := Open(csvFile(t, text))
		if err != nil {
			t.Fatal(err)
		}
		b := schema.FromFields(tab.Schema())
		if err := tab.Next(b); err != nil || b.Rows != want {
			t.Errorf("%q: %d rows, want %d (%v)", text, b.Rows, want, err)
		}
		tab.Close()
	}
}

// TestAntiNex reads the AntiNex datasets, when they lie beside the checkout.
func TestAntiNex(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "data", "antinex")
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*.csv"))
	more, _ := filepath.Glob(filepath.Join(dir, "*", "*", "*.csv"))
	if files = append(files, more...); len(files) == 0 {
		t.Skip("no AntiNex datasets in ../shared/data/antinex beside the checkout")
	}
	for _, path := range files {
		tab, err := Open(path)
		if err != nil {
			t.Error(err)
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := csv.NewReader(f).ReadAll()
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		rows, nulls, empty := 0, 0, 0
		b := schema.FromFields(tab.Schema())
		for {
			err := tab.Next(b)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			rows += b.Rows
			for _, c := range b.Columns {
				nulls += b.Rows - c.Len()
			}
		}
		for _, record := range want[1:] {
			for _, cell := range record {
				if cell == "" {
					empty++
				}
			}
		}
		if rows != len(want)-1 || nulls != empty || len(b.Columns) != len(want[0]) {
			t.Errorf("%s: %d rows, %d nulls, %d columns; want %d, %d, %d", path, rows, nulls, len(b.Columns), len(want)-1, empty, len(want[0]))
		}
		if i := tab.Schema().Index("tcp_seq"); i >= 0 && !tab.Schema()[i].Kind.Numeric() {
			t.Errorf("%s: tcp_seq is %s", path, tab.Schema()[i].Type())
		}
		tab.Close()
	}
}

// FuzzCSV compares with encoding/csv, which reads the same where both read.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "a\n\"x\"\"y\"\n", "\"a\nb\",c\r\n1,\"\"\r\n", "a,b\n1,\n,2", "a\n\"", "\n\n", "a,b\n\"1\"\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "t.csv")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		tab, err := Open(path)
		if err != nil {
			return
		}
		defer tab.Close()
		rows := 0
		b := schema.FromFields(tab.Schema())
		for {
			err := tab.Next(b)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("inference passed, reading fails: %v", err)
			}
			rows += b.Rows
		}
		r := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(data), "\uFEFF")))
		want, err := r.ReadAll()
		if err == nil && len(b.Columns) > 1 && len(want)-1 != rows {
			t.Errorf("%d rows, encoding/csv reads %d", rows, len(want)-1)
		}
	})
}
