package filter

import "golang.org/x/net/bpf"

// fact is the outcome of a test, known where it has been passed.
type fact struct {
	key  int
	jump uint16
	k    uint32
	is   bool
}

// maxFacts bounds what is remembered on the way to a block; the oldest
// facts, of the outer headers, are the most useful.
const maxFacts = 64

// thread sends every jump past the tests whose outcome is known on that way:
// behind "EtherType is IPv4" nobody needs to ask for IPv6. A test is only ever
// passed over where the same bytes were loaded before, so a packet that is too
// short for them has been rejected by then.
func (a *assembler) thread(entry *block) *block {
	entry.reached = true
	for i := len(a.blocks) - 1; i >= 0; i-- {
		b := a.blocks[i]
		if !b.reached {
			continue
		}
		b.jt = arrive(b.jt, with(b.facts, fact{b.key, b.jump, b.k, true}))
		b.jf = arrive(b.jf, with(b.facts, fact{b.key, b.jump, b.k, false}))
	}
	return entry
}

func with(facts []fact, f fact) []fact {
	if len(facts) >= maxFacts {
		return facts
	}
	return append(facts[:len(facts):len(facts)], f)
}

// arrive follows a jump as far as facts decide, and notes there what remains
// known on every way.
func arrive(b *block, facts []fact) *block {
	for b.key != 0 {
		is, known := decide(b, facts)
		if !known {
			break
		}
		if is {
			b = b.jt
		} else {
			b = b.jf
		}
	}
	if !b.reached {
		b.reached = true
		b.facts = facts
		return b
	}
	n := 0
	common := make([]fact, 0, min(len(b.facts), len(facts)))
	for _, f := range b.facts {
		for _, o := range facts {
			if f == o {
				common = append(common, f)
				n++
				break
			}
		}
	}
	b.facts = common
	return b
}

// decide says whether facts give the outcome of a block's test.
func decide(b *block, facts []fact) (is, known bool) {
	for _, f := range facts {
		if f.key != b.key {
			continue
		}
		switch {
		case f.jump == b.jump && f.k == b.k:
			return f.is, true
		case f.is && f.jump == opJMP|jumpEQ:
			switch b.jump {
			case opJMP | jumpEQ:
				return f.k == b.k, true
			case opJMP | jumpGT:
				return f.k > b.k, true
			case opJMP | jumpGE:
				return f.k >= b.k, true
			case opJMP | jumpSET:
				return f.k&b.k != 0, true
			}
		}
	}
	return false, false
}

// machine is what the registers hold at a point of the program, by number of
// the value; 0 is unknown.
type machine struct{ a, x, mem int32 }

// values numbers what statements compute, so that the same number means the
// same value.
type values map[[4]uint32]int32

func (v values) of(op uint16, k uint32, a, x int32) int32 {
	key := [4]uint32{uint32(op), k, uint32(a), uint32(x)}
	n, ok := v[key]
	if !ok {
		n = int32(len(v) + 1)
		v[key] = n
	}
	return n
}

// lean drops loads of what a register already holds, on all ways to the block.
func (a *assembler) lean(order []*block) {
	vals := values{}
	in := map[*block]machine{}
	if len(order) > 0 {
		in[order[0]] = machine{}
	}
	for _, b := range order {
		m := in[b]
		after := run(vals, m, b.stmts, nil)
		if after.a == m.a && m.a != 0 && after.x == m.x && after.mem == m.mem {
			b.stmts = nil
		} else {
			kept := make([]bpf.RawInstruction, 0, len(b.stmts))
			after = run(vals, m, b.stmts, &kept)
			b.stmts = kept
		}
		for _, next := range []*block{b.jt, b.jf} {
			if old, ok := in[next]; ok {
				in[next] = old.meet(after)
			} else {
				in[next] = after
			}
		}
	}
}

func (m machine) meet(o machine) machine {
	if m.a != o.a {
		m.a = 0
	}
	if m.x != o.x {
		m.x = 0
	}
	return m
}

// run follows statements, and keeps those that change a register. Values that
// went through memory are numbered anew each time: they are rare.
func run(vals values, m machine, stmts []bpf.RawInstruction, kept *[]bpf.RawInstruction) machine {
	for _, s := range stmts {
		before := m
		switch class := s.Op & 0x07; class {
		case opLD:
			x := int32(0)
			if s.Op&0xe0 == modeIND {
				x = m.x
			}
			if s.Op&0xe0 == modeIND && x == 0 {
				m.a = vals.of(0xffff, uint32(len(vals)), 0, 0)
			} else {
				m.a = vals.of(s.Op, s.K, 0, x)
			}
		case opLDX:
			if s.Op&0xe0 == modeMEM {
				m.x = vals.of(0xffff, uint32(len(vals)), 0, 0)
			} else {
				m.x = vals.of(s.Op, s.K, 0, 0)
			}
		case opALU:
			x := int32(0)
			if s.Op&srcX != 0 {
				x = m.x
			}
			m.a = vals.of(s.Op, s.K, m.a, x)
		case opTAX & 0x07:
			m.x = m.a
		case opST:
			m.mem++
		}
		if kept != nil && (m != before || s.Op&0x07 == opALU) {
			*kept = append(*kept, s)
		}
	}
	return m
}
