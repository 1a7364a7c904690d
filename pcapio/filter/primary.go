package filter

// primary reads a test that begins with a keyword: a head with its value, a
// protocol alone, or one of the words with a meaning of their own.
func (p *parser) primary() (expr, error) {
	t := p.peek()
	q := qualifier{ok: true}
	if t.kind == tProto {
		q.proto = p.next().proto
	}
	if p.isWord("broadcast", "multicast") {
		p.q = qualifier{}
		return &primitive{pos: t.pos, what: p.next().text, p: q.proto}, nil
	}
	if p.isWord("src", "dst") {
		dir, err := p.direction()
		if err != nil {
			return nil, err
		}
		q.dir = dir
	}
	if p.isWord("host", "net", "port", "portrange") || q.dir == dirAny && p.isWord("proto") {
		q.kind = p.next().text
	}
	if q.dir == dirAny && q.kind == "" {
		p.q = qualifier{}
		if t.kind == tProto {
			return &primitive{pos: t.pos, what: "proto", p: q.proto}, nil
		}
		return p.special()
	}
	p.q = q
	return p.id()
}

// direction reads src, dst, "src or dst" and so on.
func (p *parser) direction() (direction, error) {
	first := p.next().text
	if p.isOp("or", "and") {
		and := p.next().text == "and"
		if t := p.peek(); !p.isWord("src", "dst") || t.text == first {
			return 0, errAt(t.pos, "src and dst are expected on both sides of \"and\" or \"or\", found %q", t.text)
		}
		p.next()
		if and {
			return dirBoth, nil
		}
		return dirAny, nil
	}
	if first == "src" {
		return dirSrc, nil
	}
	return dirDst, nil
}

// special reads the keywords that take no qualifier.
func (p *parser) special() (expr, error) {
	t := p.next()
	out := &primitive{pos: t.pos, what: t.text}
	switch t.text {
	case "pppoed", "inbound", "outbound":
		return out, nil
	case "vlan", "mpls", "pppoes":
		return out, p.optionalNumber(out)
	case "less", "greater", "ifindex":
		n := p.next()
		if n.kind != tNumber {
			return nil, errAt(n.pos, "a number is expected after %s, found %q", t.text, n.text)
		}
		out.num, out.has = n.num, true
		return out, nil
	}
	return nil, p.unexpected(t)
}

// optionalNumber reads N or (N), if it is there.
func (p *parser) optionalNumber(out *primitive) error {
	open := 0
	for p.toks[p.i+open].kind == tOp && p.toks[p.i+open].text == "(" {
		open++
	}
	if p.toks[p.i+open].kind != tNumber {
		return nil
	}
	p.i += open
	out.num, out.has = p.next().num, true
	for range open {
		if err := p.expect(")"); err != nil {
			return err
		}
	}
	return nil
}

// id reads what a head applies to: a value, its negation, or a list in
// parentheses.
func (p *parser) id() (expr, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	switch {
	case p.isOp("not"):
		p.next()
		x, err := p.id()
		return &negation{x}, err
	case p.isOp("("):
		p.next()
		left, err := p.id()
		for err == nil && p.isOp("and", "or") {
			and := p.next().text == "and"
			var right expr
			right, err = p.id()
			left = &logical{and: and, l: left, r: right}
		}
		if err != nil {
			return nil, err
		}
		return left, p.expect(")")
	}
	t := p.peek()
	switch t.kind {
	case tNumber, tDotted, tIP6, tMAC, tName:
		return p.value(p.next())
	case tProto, tWord:
		return nil, errAt(t.pos, "%q is a keyword; a name is expected (write \\%s for the name)", t.text, t.text)
	}
	return nil, p.unexpected(t)
}

// value reads what may follow an identifier that was just read, and gives it
// the qualifiers in force.
func (p *parser) value(id token) (expr, error) {
	if !p.q.ok {
		return nil, errAt(id.pos, "%q lacks a qualifier such as host, net or port", id.text)
	}
	v := &value{q: p.q, id: id}
	if id.kind != tDotted && id.kind != tIP6 {
		return v, nil
	}
	if p.isOp("/") {
		p.next()
		n := p.next()
		if n.kind != tNumber {
			return nil, errAt(n.pos, "a prefix length is expected, found %q", n.text)
		}
		v.prefix = &n
	} else if id.kind == tDotted && p.isWord("mask") {
		p.next()
		m := p.next()
		if m.kind != tDotted {
			return nil, errAt(m.pos, "an IPv4 netmask is expected, found %q", m.text)
		}
		v.mask = &m
	}
	return v, nil
}

// strength of the operators: how firmly they hold what stands left and right
// of them. ^ and % have no place in libpcap's table of precedence, which makes
// them take the nearest operand on the left and all that follows on the right.
var strength = map[string]struct{ left, right int }{
	"|": {1, 1}, "&": {2, 2}, "<<": {3, 3}, ">>": {3, 3}, "+": {4, 4}, "-": {4, 4}, "*": {5, 5}, "/": {5, 5},
	"^": {9, 0}, "%": {9, 0},
}

const strengthOfMinus = 6

// arith reads arithmetic whose operators are all stronger than min.
func (p *parser) arith(min int) (arith, error) {
	left, err := p.term()
	if err != nil {
		return nil, err
	}
	return p.arithFrom(left, min)
}

// arithFrom goes on behind a first operand.
func (p *parser) arithFrom(left arith, min int) (arith, error) {
	for {
		t := p.peek()
		s, ok := strength[t.text]
		if t.kind != tOp || !ok || s.left <= min {
			return left, nil
		}
		if err := p.deeper(); err != nil {
			return nil, err
		}
		p.next()
		right, err := p.arith(s.right)
		p.depth--
		if err != nil {
			return nil, err
		}
		left = &operation{pos: t.pos, op: t.text, l: left, r: right}
	}
}

func (p *parser) term() (arith, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	t := p.next()
	switch {
	case t.kind == tNumber:
		return &number{tok: t, n: t.num}, nil
	case t.kind == tWord && t.text == "len":
		return &length{}, nil
	case t.kind == tOp && t.text == "-":
		x, err := p.arith(strengthOfMinus)
		return &unary{x}, err
	case t.kind == tOp && t.text == "(":
		a, err := p.arith(0)
		if err != nil {
			return nil, err
		}
		return a, p.expect(")")
	case t.kind == tProto && p.isOp("["):
		return p.load(t)
	}
	return nil, p.unexpected(t)
}

// load reads [offset] or [offset:size] behind a protocol.
func (p *parser) load(t token) (arith, error) {
	p.next()
	index, err := p.arith(0)
	if err != nil {
		return nil, err
	}
	l := &load{pos: t.pos, p: t.proto, index: index, size: 1}
	if p.isOp(":") {
		p.next()
		n := p.next()
		if n.kind != tNumber || n.num != 1 && n.num != 2 && n.num != 4 {
			return nil, errAt(n.pos, "the size of data must be 1, 2 or 4, found %q", n.text)
		}
		l.size = n.num
	}
	return l, p.expect("]")
}
