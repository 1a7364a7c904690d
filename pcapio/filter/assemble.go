package filter

import "golang.org/x/net/bpf"

// block is a test in the program: statements, then a jump on what they left in
// A. accept and reject have no test. Its statements depend on nothing that ran
// before, until lean takes out what did.
type block struct {
	stmts  []bpf.RawInstruction
	jump   uint16
	k      uint32
	key    int // equal in blocks with equal statements; 0 in accept and reject
	jt, jf *block

	facts   []fact // known whenever the block is reached
	reached bool
	addr    int // instructions from its first one to the program's end
}

// assemble turns a condition into a program that returns snaplen or 0.
func assemble(c *cond, snaplen uint32) ([]bpf.RawInstruction, error) {
	a := &assembler{keys: map[string]int{}, accept: &block{}, reject: &block{}}
	entry := a.lower(c, a.accept, a.reject)
	entry = a.thread(entry)
	entry = a.skipIdle(entry)
	order := a.order(entry)
	if !a.accept.reached {
		return nil, errAt(0, "the expression rejects all packets")
	}
	a.lean(order)
	return a.emit(order, snaplen)
}

type assembler struct {
	accept, reject *block
	blocks         []*block // successors before predecessors
	keys           map[string]int
	text           []byte
}

// lower makes the blocks of a condition that goes on to t or f.
func (a *assembler) lower(c *cond, t, f *block) *block {
	switch c.op {
	case condTrue:
		return t
	case condFalse:
		return f
	case condNot:
		return a.lower(c.l, f, t)
	case condAnd:
		return a.lower(c.l, a.lower(c.r, t, f), f)
	case condOr:
		return a.lower(c.l, t, a.lower(c.r, t, f))
	}
	b := &block{stmts: c.stmts, jump: c.jump, k: c.k, key: a.key(c.stmts), jt: t, jf: f}
	a.blocks = append(a.blocks, b)
	return b
}

// key numbers sequences of statements.
func (a *assembler) key(stmts []bpf.RawInstruction) int {
	a.text = a.text[:0]
	for _, s := range stmts {
		a.text = append(a.text, byte(s.Op), byte(s.Op>>8), byte(s.K), byte(s.K>>8), byte(s.K>>16), byte(s.K>>24))
	}
	n, ok := a.keys[string(a.text)]
	if !ok {
		n = len(a.keys) + 1
		a.keys[string(a.text)] = n
	}
	return n
}

// skipIdle leaves out blocks that go on to the same place either way.
func (a *assembler) skipIdle(entry *block) *block {
	to := map[*block]*block{}
	follow := func(b *block) *block {
		if n, ok := to[b]; ok {
			return n
		}
		return b
	}
	for _, b := range a.blocks {
		b.jt, b.jf = follow(b.jt), follow(b.jf)
		if b.jt == b.jf {
			to[b] = b.jt
		}
	}
	return follow(entry)
}

// order marks what can be reached and lists it, predecessors before successors.
func (a *assembler) order(entry *block) []*block {
	for _, b := range a.blocks {
		b.reached = false
	}
	a.accept.reached, a.reject.reached = false, false
	entry.reached = true
	var out []*block
	for i := len(a.blocks) - 1; i >= 0; i-- {
		if b := a.blocks[i]; b.reached {
			b.jt.reached, b.jf.reached = true, true
			out = append(out, b)
		}
	}
	return out
}

// emit writes the program from its end to its beginning, so that the
// distance of every jump is known when it is written.
func (a *assembler) emit(order []*block, snaplen uint32) ([]bpf.RawInstruction, error) {
	var code []bpf.RawInstruction // in reverse
	if a.reject.reached {
		code = append(code, stmt(opRET, 0))
		a.reject.addr = len(code)
	}
	code = append(code, stmt(opRET, snaplen))
	a.accept.addr = len(code)
	for i := len(order) - 1; i >= 0; i-- {
		b := order[i]
		code = appendJump(code, b)
		for j := len(b.stmts) - 1; j >= 0; j-- {
			code = append(code, b.stmts[j])
		}
		b.addr = len(code)
		if len(code) > maxInstructions {
			return nil, errAt(0, "the expression needs more than %d instructions", maxInstructions)
		}
	}
	for i, j := 0, len(code)-1; i < j; i, j = i+1, j-1 {
		code[i], code[j] = code[j], code[i]
	}
	return code, nil
}

// appendJump writes a block's conditional jump, by way of an unconditional
// one where a target is further away than the 8 bits of jt and jf reach.
func appendJump(code []bpf.RawInstruction, b *block) []bpf.RawInstruction {
	const near = 254 // one less than 255, for the other target's long jump
	jt, jf := b.jt.addr, b.jf.addr
	if len(code)-jf > near {
		code = append(code, stmt(opJMP|jumpA, uint32(len(code)-jf)))
		jf = len(code)
	}
	if len(code)-jt > near {
		code = append(code, stmt(opJMP|jumpA, uint32(len(code)-jt)))
		jt = len(code)
	}
	return append(code, bpf.RawInstruction{Op: b.jump, K: b.k, Jt: uint8(len(code) - jt), Jf: uint8(len(code) - jf)})
}
