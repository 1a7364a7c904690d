package filter

import "golang.org/x/net/bpf"

// Opcodes of classic BPF (bpf(4)).
const (
	opLD  = 0x00
	opLDX = 0x01
	opST  = 0x02
	opSTX = 0x03
	opALU = 0x04
	opJMP = 0x05
	opRET = 0x06
	opTAX = 0x07
	opTXA = 0x87

	sizeW = 0x00
	sizeH = 0x08
	sizeB = 0x10

	modeIMM = 0x00
	modeABS = 0x20
	modeIND = 0x40
	modeMEM = 0x60
	modeLEN = 0x80
	modeMSH = 0xa0

	srcX = 0x08 // operand is X instead of K

	jumpA    = 0x00
	jumpEQ   = 0x10
	jumpGT   = 0x20
	jumpGE   = 0x30
	jumpSET  = 0x40
	memWords = 16
)

// ancillary is where Linux maps what it knows of a packet beside its bytes.
func ancillary(ext bpf.Extension) uint32 { return 0xfffff000 + uint32(ext) }

// condOp is what a node of a condition does.
type condOp uint8

const (
	condTest condOp = iota
	condAnd
	condOr
	condNot
	condTrue
	condFalse
)

// cond is a condition on a packet: a test, or others joined. A test first runs
// its statements, which depend on nothing that ran before them, and then
// compares A with k or X.
type cond struct {
	op    condOp
	l, r  *cond
	stmts []bpf.RawInstruction
	jump  uint16 // opJMP|…
	k     uint32
}

var (
	always = &cond{op: condTrue}
	never  = &cond{op: condFalse}
)

func and(l, r *cond) *cond {
	switch {
	case l.op == condFalse || r.op == condFalse:
		return never
	case l.op == condTrue:
		return r
	case r.op == condTrue:
		return l
	}
	return &cond{op: condAnd, l: l, r: r}
}

func or(l, r *cond) *cond {
	switch {
	case l.op == condTrue || r.op == condTrue:
		return always
	case l.op == condFalse:
		return r
	case r.op == condFalse:
		return l
	}
	return &cond{op: condOr, l: l, r: r}
}

func not(c *cond) *cond {
	switch c.op {
	case condTrue:
		return never
	case condFalse:
		return always
	case condNot:
		return c.l
	}
	return &cond{op: condNot, l: c}
}

func stmt(op uint16, k uint32) bpf.RawInstruction { return bpf.RawInstruction{Op: op, K: k} }

// field loads size bytes at a fixed offset.
func field(off int, size uint32) []bpf.RawInstruction {
	return []bpf.RawInstruction{stmt(opLD|modeABS|sizeBits(size), uint32(off))}
}

func sizeBits(size uint32) uint16 {
	switch size {
	case 1:
		return sizeB
	case 2:
		return sizeH
	}
	return sizeW
}

func testOf(stmts []bpf.RawInstruction, jump uint16, k uint32) *cond {
	return &cond{op: condTest, stmts: stmts, jump: opJMP | jump, k: k}
}

// equal compares a field with k.
func equal(off int, size uint32, k uint32) *cond { return testOf(field(off, size), jumpEQ, k) }

// masked compares the bits of a field that are in mask with k.
func masked(off int, size uint32, k, mask uint32) *cond {
	switch mask {
	case 0:
		return always
	case 0xffffffff:
		return equal(off, size, k)
	}
	return testOf(append(field(off, size), stmt(opALU|0x50, mask)), jumpEQ, k)
}

// ancillaryEqual compares what the kernel knows with k.
func ancillaryEqual(ext bpf.Extension, mask, k uint32) *cond {
	s := []bpf.RawInstruction{stmt(opLD|modeABS|sizeW, ancillary(ext))}
	if mask != 0xffffffff {
		s = append(s, stmt(opALU|0x50, mask))
	}
	return testOf(s, jumpEQ, k)
}
