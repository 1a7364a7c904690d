package features

// units are the rows of a split, those that stay together taken as one. Most
// rows of a flows table are units by themselves; for them nothing is stored
// but the row, so that ten million of them need no second copy.
type units struct {
	rows       []Position
	parts      []Part
	of         []int32 // index into grouped, −1: the row is alone; nil: all are
	grouped    []unit
	startsOnly bool // a unit ends when it begins
}

// unit is some rows that stay together.
type unit struct {
	start, end int64
	first      int32 // its first row: tells units apart
	capture    int32 // of its first row
	class      int32 // of the first row that is no benign one, else 0
	rows       int32
	part       Part
}

// id names a unit: a row that is alone, or −1 − the index into grouped.
type id int32

// scope says what a group is.
type scope uint8

const (
	inCapture     scope = iota // rows of one capture with one Group
	acrossAll                  // rows of any capture with one Group
	wholeCaptures              // rows of one capture
)

// unitsOf gathers the units.
func unitsOf(rows []Position, parts []Part, s scope) *units {
	us := &units{rows: rows, parts: parts}
	type key struct {
		capture int32
		group   uint64
	}
	at := make(map[key]int32)
	for i := range rows {
		p := &rows[i]
		k := key{p.Capture, p.Group}
		switch s {
		case acrossAll:
			k.capture = 0
		case wholeCaptures:
			k.group = 1
		}
		if k.group == 0 {
			if us.of != nil {
				us.of[i] = -1
			}
			continue
		}
		if us.of == nil {
			us.of = make([]int32, len(rows))
			for j := range us.of[:i] {
				us.of[j] = -1
			}
		}
		j, known := at[k]
		if !known {
			j = int32(len(us.grouped))
			at[k] = j
			us.grouped = append(us.grouped, unit{start: p.Start, end: p.End, first: int32(i), capture: p.Capture})
		}
		us.grouped[j].add(p)
		us.of[i] = j
	}
	return us
}

func (u *unit) add(p *Position) {
	u.start, u.end = min(u.start, p.Start), max(u.end, p.End)
	if u.class == 0 {
		u.class = p.Class
	}
	u.rows++
}

// each visits all units in the order of their first rows.
func (us *units) each(visit func(id)) {
	for i := range us.rows {
		switch {
		case us.of == nil || us.of[i] < 0:
			visit(id(i))
		case us.grouped[us.of[i]].first == int32(i):
			visit(id(-1 - us.of[i]))
		}
	}
}

func (us *units) at(n id) (u unit) {
	if n < 0 {
		u = us.grouped[-1-n]
	} else {
		p := &us.rows[n]
		u = unit{start: p.Start, end: p.End, first: int32(n), capture: p.Capture, class: p.Class, rows: 1}
	}
	if us.startsOnly {
		u.end = u.start
	}
	return u
}

func (us *units) put(n id, p Part) {
	if n < 0 {
		us.grouped[-1-n].part = p
	} else {
		us.parts[n] = p
	}
}

// spread gives the rows of groups the parts of their groups.
func (us *units) spread() {
	for i, j := range us.of {
		if j >= 0 {
			us.parts[i] = us.grouped[j].part
		}
	}
}
