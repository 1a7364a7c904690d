package antinex

import (
	"bufio"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/pcapline/pcapline/transform/sink"
)

// table is the CSV file of a run. Its rows lie in a spool until it is written,
// and all that memory holds is the columns.
type table struct {
	path    string
	spool   *spool
	columns []Column
	byName  map[string]int
	rows    int64
	row     []byte // scratch: the row that is added

	shown   layout // what the file at path has
	marked  int64  // where in the spool the rows begin that it has not
	written int64  // its size
}

// layout is which columns a table has, in order, and how they look.
type layout struct {
	columns []int
	styles  []Style
	rows    int64
}

func newTable(path string) (*table, error) {
	s, err := newSpool(path)
	if err != nil {
		return nil, err
	}
	t := &table{path: path, spool: s, byName: make(map[string]int)}
	for _, name := range placeholders {
		t.column([]byte(name))
	}
	return t, nil
}

// column returns the number of a column, which is made if there is none.
func (t *table) column(name []byte) int {
	i, ok := t.byName[string(name)]
	if !ok {
		i = len(t.columns)
		t.columns = append(t.columns, Column{name: string(name)})
		t.byName[string(name)] = i
	}
	return i
}

// add appends a message's row. A message without a single column has none.
func (t *table) add(layers []Layer) (bool, error) {
	t.row = t.row[:0]
	some := false
	flatten(layers, func(name []byte, v *Value) {
		some = true
		i := t.column(name)
		t.columns[i].Count(v.Kind)
		if v.Kind != Null {
			t.row = appendCell(t.row, i, v)
		}
	})
	if !some {
		return false, nil
	}
	t.rows++
	_, err := t.spool.Write(appendRowEnd(t.row))
	return true, err
}

// layout is how the table looks with the rows so far.
func (t *table) layout() layout {
	l := layout{rows: t.rows}
	for i := range t.columns {
		l.columns = append(l.columns, i)
	}
	slices.SortFunc(l.columns, func(a, b int) int { return strings.Compare(t.columns[a].name, t.columns[b].name) })
	for _, i := range l.columns {
		l.styles = append(l.styles, t.columns[i].Style(t.rows))
	}
	return l
}

// extends reports whether a file of layout l becomes one of layout m by adding
// rows. A column that was empty so far shows nothing, whatever its style is now.
func (l *layout) extends(m *layout) bool {
	if !slices.Equal(l.columns, m.columns) {
		return false
	}
	for i, s := range l.styles {
		if s != m.styles[i] && s != empty {
			return false
		}
	}
	return true
}

// snapshot brings the file at path up to date: by adding the new rows where
// what it has stays as it is, else by writing it anew.
func (t *table) snapshot() error {
	to, err := t.spool.mark()
	if err != nil {
		return err
	}
	l := t.layout()
	if t.written > 0 && t.shown.extends(&l) && sizeOf(t.path) == t.written {
		err = t.extend(&l)
	} else {
		err = sink.WriteStream(t.path, func(w io.Writer) error {
			n, err := t.write(w, &l, 0, 0)
			t.written = n
			return err
		})
	}
	if err != nil {
		return err
	}
	t.shown, t.marked = l, to
	return nil
}

// extend adds the new rows to the file. When that fails the file is cut to
// what it was.
func (t *table) extend(l *layout) error {
	f, err := os.OpenFile(t.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(t.written, io.SeekStart); err != nil {
		return err
	}
	n, err := t.write(f, l, t.marked, t.shown.rows)
	if err != nil {
		_ = f.Truncate(t.written) // the first error is the one to tell
		return err
	}
	t.written += n
	return f.Close()
}

// write writes the rows behind a mark of the spool, of which the first has the
// number first; before the very first it writes the header.
func (t *table) write(to io.Writer, l *layout, mark, first int64) (n int64, err error) {
	w := bufio.NewWriterSize(to, 256<<10)
	var line []byte
	flush := func() error {
		m, err := w.Write(line)
		n, line = n+int64(m), line[:0]
		return err
	}
	if first == 0 {
		line = t.appendHeader(line, l)
		if err := flush(); err != nil {
			return n, err
		}
	}
	dec, err := t.spool.read(mark)
	if err != nil {
		return n, err
	}
	defer dec.Close()
	r, row := bufio.NewReaderSize(dec, 64<<10), make([]cell, len(t.columns))
	for i := first; i < l.rows; i++ {
		if err := readRow(r, row); err != nil {
			return n, err
		}
		line = strconv.AppendInt(line, i, 10)
		for j, c := range l.columns {
			line = row[c].append(append(line, ','), l.styles[j])
		}
		line = append(line, '\n')
		if err := flush(); err != nil {
			return n, err
		}
	}
	return n, w.Flush()
}

func (t *table) appendHeader(dst []byte, l *layout) []byte {
	dst = append(dst, "idx"...)
	for _, i := range l.columns {
		dst = AppendQuoted(append(dst, ','), []byte(t.columns[i].name))
	}
	return append(dst, '\n')
}

// sizeOf is the size of a file, -1 where there is none that can be added to.
func sizeOf(path string) int64 {
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() {
		return -1
	}
	return st.Size()
}
