package filter

import "golang.org/x/net/bpf"

// comparisons as the machine has them; the others are their negation.
var comparisons = map[string]struct {
	jump   uint16
	negate bool
	mirror string // the operator with the sides exchanged
}{
	"=": {jumpEQ, false, "="}, "!=": {jumpEQ, true, "!="},
	">": {jumpGT, false, "<"}, "<=": {jumpGT, true, ">="},
	">=": {jumpGE, false, "<="}, "<": {jumpGE, true, ">"},
}

// alu operations by operator.
var alu = map[string]uint16{
	"+": 0x00, "-": 0x10, "*": 0x20, "/": 0x30, "|": 0x40, "&": 0x50, "<<": 0x60, ">>": 0x70, "%": 0x90, "^": 0xa0,
}

// relation compares two arithmetic expressions, if the packet has the
// protocols that they look into. A negation outside covers both.
func (g *generator) relation(e *relation) (*cond, error) {
	g.pos = e.pos
	l, r, op := e.l, e.r, e.op
	if _, ok := constant(l); ok {
		l, r, op = r, l, comparisons[op].mirror
	}
	need := always
	lcode, err := g.arith(l, 0, &need)
	if err != nil {
		return nil, err
	}
	rcode, err := g.arith(r, 0, &need)
	if err != nil {
		return nil, err
	}
	cmp := comparisons[op]
	var c *cond
	lk, lconst := constant(l)
	rk, rconst := constant(r)
	switch {
	case lconst && rconst:
		c = when(cmp.jump == jumpEQ && lk == rk || cmp.jump == jumpGT && lk > rk || cmp.jump == jumpGE && lk >= rk)
	case rconst:
		c = testOf(lcode, cmp.jump, rk)
	default:
		lcode, err = g.arith(l, 1, &need) // again, leaving M[0] to the right side
		if err != nil {
			return nil, err
		}
		code := append(rcode, stmt(opST, 0))
		code = append(code, lcode...)
		c = testOf(append(code, stmt(opLDX|modeMEM, 0)), cmp.jump|srcX, 0)
	}
	if cmp.negate {
		c = not(c)
	}
	return and(need, c), nil
}

// constant gives the value of arithmetic on numbers alone, modulo 2³². What
// has no value (division by zero) is for arith to report.
func constant(a arith) (uint32, bool) {
	switch a := a.(type) {
	case *number:
		return a.n, true
	case *unary:
		n, ok := constant(a.x)
		return -n, ok
	case *operation:
		l, ok1 := constant(a.l)
		r, ok2 := constant(a.r)
		if !ok1 || !ok2 {
			return 0, false
		}
		return fold(a.op, l, r)
	}
	return 0, false
}

func fold(op string, l, r uint32) (uint32, bool) {
	switch op {
	case "+":
		return l + r, true
	case "-":
		return l - r, true
	case "*":
		return l * r, true
	case "|":
		return l | r, true
	case "&":
		return l & r, true
	case "^":
		return l ^ r, true
	case "<<":
		return l << (r & 31), r < 32
	case ">>":
		return l >> (r & 31), r < 32
	}
	if r == 0 {
		return 0, false
	}
	if op == "/" {
		return l / r, true
	}
	return l % r, true
}

// arith gives code that leaves a value in A and uses memory words from mem
// on. It adds to need what the packet must be for its loads.
func (g *generator) arith(a arith, mem int, need **cond) ([]bpf.RawInstruction, error) {
	if n, ok := constant(a); ok {
		return []bpf.RawInstruction{stmt(opLD|modeIMM, n)}, nil
	}
	switch a := a.(type) {
	case *length:
		return loadLength(), nil
	case *load:
		return g.load(a, mem, need)
	case *unary:
		code, err := g.arith(a.x, mem, need)
		return append(code, stmt(opALU|alu["^"], 0xffffffff), stmt(opALU|alu["+"], 1)), err // x/net's machine has no NEG
	case *operation:
		return g.binary(a, mem, need)
	}
	return nil, errAt(g.pos, "the arithmetic is not understood")
}

func (g *generator) binary(a *operation, mem int, need **cond) ([]bpf.RawInstruction, error) {
	op := opALU | alu[a.op]
	if k, ok := constant(a.r); ok {
		if k == 0 && (a.op == "/" || a.op == "%") {
			return nil, errAt(a.pos, "division by zero")
		}
		if k > 31 && (a.op == "<<" || a.op == ">>") {
			return nil, errAt(a.pos, "a shift by %d bits is more than 31", k)
		}
		code, err := g.arith(a.l, mem, need)
		return append(code, stmt(op, k)), err
	}
	if mem >= memWords {
		return nil, errAt(a.pos, "the arithmetic needs more than %d intermediate values", memWords)
	}
	code, err := g.arith(a.r, mem, need)
	if err != nil {
		return nil, err
	}
	left, err := g.arith(a.l, mem+1, need)
	if err != nil {
		return nil, err
	}
	code = append(append(code, stmt(opST, uint32(mem))), left...)
	return append(code, stmt(opLDX|modeMEM, uint32(mem)), stmt(op|srcX, 0)), nil
}

// load reads from a packet at an offset in a protocol's header.
func (g *generator) load(a *load, mem int, need **cond) ([]bpf.RawInstruction, error) {
	g.pos = a.pos
	base, behindIP, check, err := g.header(a.p)
	if err != nil {
		return nil, err
	}
	*need = and(*need, check)
	ld := opLD | sizeBits(a.size)
	if k, ok := constant(a.index); ok {
		const beyond = 0x7fff0000 // no packet is as long; above that is ancillary data
		if uint64(k)+uint64(base) >= beyond {
			return nil, errAt(a.pos, "offset %d is outside any packet", int64(int32(k)))
		}
		if behindIP {
			return []bpf.RawInstruction{stmt(opLDX|modeMSH|sizeB, uint32(g.at.network())), stmt(ld|modeIND, uint32(base)+k)}, nil
		}
		return []bpf.RawInstruction{stmt(ld|modeABS, uint32(base)+k)}, nil
	}
	code, err := g.arith(a.index, mem, need)
	if err != nil {
		return nil, err
	}
	if behindIP {
		code = append(code, stmt(opLDX|modeMSH|sizeB, uint32(g.at.network())), stmt(opALU|alu["+"]|srcX, 0))
	}
	return append(code, stmt(opTAX, 0), stmt(ld|modeIND, uint32(base))), nil
}

// header says where a protocol's header begins, whether behind an IPv4 header
// of variable length, and what a packet must be to have it.
func (g *generator) header(p proto) (base int, behindIP bool, check *cond, err error) {
	net := g.at.network()
	switch p {
	case pLink:
		return g.at.header, false, always, nil
	case pIP, pIP6, pARP, pRARP, pAtalk, pDECnet, pLAT, pSCA, pMOPRC, pMOPDL:
		check, err = g.linkType(linkNumbers[p])
		return net, false, check, err
	case pTCP, pUDP, pSCTP, pICMP, pIGMP, pIGRP, pPIM, pVRRP, pCARP:
		check, err = g.ipProtocol(protoNumbers[p].number, pIP)
		if err != nil {
			return 0, false, nil, err
		}
		return net, true, and(check, g.unfragmented()), nil
	case pICMP6:
		check, err = g.linkType(etherIP6)
		if err != nil {
			return 0, false, nil, err
		}
		return net + 40, false, and(check, equal(net+6, 1, ipICMP6)), nil
	}
	return 0, false, nil, errAt(g.pos, "%s has no header to look into", p.name())
}
