package filter

// The grammar, as libpcap's:
//
//	expr   = term { ("and" | "or") ( term | id ) }         left to right
//	term   = "not" term | "(" expr ")" | head id | proto | arith relop arith | primitive
//	head   = [proto] dir [kind] | [proto] kind
//	dir    = "src" | "dst" | ("src"|"dst") ("or"|"and") ("dst"|"src")
//	kind   = "host" | "net" | "port" | "portrange" | "proto"  (proto without dir)
//	id     = value | "not" id | "(" id { ("and"|"or") id } ")"  with the last head's qualifiers
//	arith  = number | "len" | proto "[" arith [":" number] "]" | "-" arith | arith op arith | "(" arith ")"

// parser walks the tokens of one expression.
type parser struct {
	toks  []token
	i     int
	q     qualifier // that a value without its own would take over
	depth int
}

// itemKind says what was read where the grammar allows several things.
type itemKind uint8

const (
	isBool   itemKind = iota // a finished test, in e
	isValues                 // one or more values, in e
	isNumber                 // a lone number, in a: a value or the beginning of arithmetic
	isArith                  // arithmetic that was not compared, in a
)

type item struct {
	kind itemKind
	pos  int
	e    expr
	a    arith
}

func parse(s string) (expr, error) {
	toks, err := scan(s)
	if err != nil {
		return nil, err
	}
	p := &parser{toks: toks}
	if p.peek().kind == tEOF {
		return nil, nil
	}
	it, err := p.list()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != tEOF {
		return nil, p.unexpected(t)
	}
	return p.test(it)
}

func (p *parser) peek() token { return p.toks[p.i] }

func (p *parser) next() token {
	t := p.toks[p.i]
	if t.kind != tEOF {
		p.i++
	}
	return t
}

// isOp says whether the next token is one of these operators.
func (p *parser) isOp(ops ...string) bool {
	t := p.peek()
	return t.kind == tOp && among(t.text, ops)
}

func (p *parser) isWord(words ...string) bool {
	t := p.peek()
	return t.kind == tWord && among(t.text, words)
}

func among(s string, list []string) bool {
	for _, x := range list {
		if s == x {
			return true
		}
	}
	return false
}

func (p *parser) expect(op string) error {
	if !p.isOp(op) {
		t := p.peek()
		return errAt(t.pos, "%q expected, found %q", op, t.text)
	}
	p.next()
	return nil
}

func (p *parser) unexpected(t token) error {
	if t.kind == tEOF {
		return errAt(t.pos, "the expression ends too early")
	}
	return errAt(t.pos, "%q is out of place", t.text)
}

// deeper bounds the recursion; the caller subtracts from p.depth at its end.
func (p *parser) deeper() error {
	if p.depth++; p.depth > maxDepth {
		return errAt(p.peek().pos, "nested more than %d deep", maxDepth)
	}
	return nil
}

// list reads items joined by and, or. Values come first only in a list of
// nothing but values.
func (p *parser) list() (item, error) {
	it, err := p.item()
	if err != nil {
		return item{}, err
	}
	for p.isOp("and", "or") {
		onlyValues := it.kind != isBool
		left, err := p.operand(it)
		if err != nil {
			return item{}, err
		}
		and := p.next().text == "and"
		r, err := p.item()
		if err != nil {
			return item{}, err
		}
		if onlyValues && r.kind == isBool {
			return item{}, errAt(r.pos, "a list that begins with a value can hold only values")
		}
		right, err := p.operand(r)
		if err != nil {
			return item{}, err
		}
		it = item{kind: isBool, pos: it.pos, e: &logical{and: and, l: left, r: right}}
		if onlyValues {
			it.kind = isValues
		}
	}
	return it, nil
}

// operand makes an item an operand of and, or, not.
func (p *parser) operand(it item) (expr, error) {
	switch it.kind {
	case isArith:
		return nil, errAt(p.peek().pos, "a comparison is expected after the arithmetic")
	case isNumber:
		return p.value(it.a.(*number).tok)
	}
	return it.e, nil
}

// test makes the item that is the whole expression a test.
func (p *parser) test(it item) (expr, error) {
	if it.kind == isNumber {
		return nil, errAt(it.pos, "a comparison is expected with a number")
	}
	return p.operand(it)
}

func (p *parser) item() (item, error) {
	if err := p.deeper(); err != nil {
		return item{}, err
	}
	defer func() { p.depth-- }()
	t := p.peek()
	switch {
	case p.isOp("not"):
		return p.negated()
	case p.isOp("("):
		return p.parenthesis()
	case t.kind == tNumber, p.isOp("-"), p.isWord("len"), t.kind == tProto && p.bracketFollows():
		a, err := p.arith(0)
		if err != nil {
			return item{}, err
		}
		return p.compared(a, t.pos)
	case t.kind == tProto, t.kind == tWord:
		e, err := p.primary()
		return item{kind: isBool, pos: t.pos, e: e}, err
	case t.kind == tEOF, t.kind == tOp:
		return item{}, p.unexpected(t)
	}
	e, err := p.value(p.next())
	return item{kind: isValues, pos: t.pos, e: e}, err
}

func (p *parser) bracketFollows() bool {
	n := p.toks[p.i+1]
	return n.kind == tOp && n.text == "["
}

func (p *parser) negated() (item, error) {
	pos := p.next().pos
	it, err := p.item()
	if err != nil {
		return item{}, err
	}
	kind := isBool
	if it.kind != isBool {
		kind = isValues
	}
	x, err := p.operand(it)
	return item{kind: kind, pos: pos, e: &negation{x}}, err
}

// parenthesis reads a group of tests, of values, or arithmetic that may go on
// behind it.
func (p *parser) parenthesis() (item, error) {
	pos := p.next().pos
	outside := p.q
	it, err := p.list()
	if err != nil {
		return item{}, err
	}
	if err := p.expect(")"); err != nil {
		return item{}, err
	}
	it.pos = pos
	switch it.kind {
	case isBool:
		p.q = outside // what was said inside does not qualify what follows
	case isArith, isNumber:
		a, err := p.arithFrom(it.a, 0)
		if err != nil {
			return item{}, err
		}
		return p.compared(a, pos)
	}
	return it, nil
}

// compared reads the rest of a comparison, if there is one.
func (p *parser) compared(left arith, pos int) (item, error) {
	if !p.isOp("=", ">", ">=", "<", "<=", "!=") {
		if n, ok := left.(*number); ok && n.tok.kind == tNumber {
			return item{kind: isNumber, pos: pos, a: left}, nil
		}
		return item{kind: isArith, pos: pos, a: left}, nil
	}
	op := p.next()
	right, err := p.arith(0)
	if err != nil {
		return item{}, err
	}
	p.q = qualifier{}
	return item{kind: isBool, pos: pos, e: &relation{pos: op.pos, op: op.text, l: left, r: right}}, nil
}
