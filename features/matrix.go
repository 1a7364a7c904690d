package features

import "fmt"

// Matrix is rows of features, float32, one row behind another.
type Matrix struct {
	Rows  int
	Names []string  // of the columns
	Data  []float32 // Rows × len(Names)
}

// NewMatrix makes a matrix of zeros.
func NewMatrix(rows int, names []string) *Matrix {
	return &Matrix{Rows: rows, Names: names, Data: make([]float32, rows*len(names))}
}

// Cols is the number of columns.
func (m *Matrix) Cols() int { return len(m.Names) }

// Row is row i, in place.
func (m *Matrix) Row(i int) []float32 {
	c := len(m.Names)
	return m.Data[i*c : (i+1)*c : (i+1)*c]
}

// Grow appends n rows of zeros and returns the index of the first.
func (m *Matrix) Grow(n int) int {
	first := m.Rows
	m.Data = append(m.Data, make([]float32, n*len(m.Names))...)
	m.Rows += n
	return first
}

// Select copies the rows given, in that order.
func (m *Matrix) Select(rows []int) *Matrix {
	out := NewMatrix(len(rows), m.Names)
	for i, r := range rows {
		copy(out.Row(i), m.Row(r))
	}
	return out
}

func (m *Matrix) check() error {
	if len(m.Data) != m.Rows*len(m.Names) {
		return fmt.Errorf("matrix of %d values is not %d rows of %d columns", len(m.Data), m.Rows, len(m.Names))
	}
	return nil
}
