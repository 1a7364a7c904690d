package label

import (
	"bytes"
	"cmp"
	"net/netip"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/pcapline/pcapline/transform/schema"
)

// operand is a part of a predicate: the function of its type gives its value
// in a row, and whether there is one.
type operand struct {
	typ     valueType
	literal *string // of a text that stands in the predicate
	test    condition
	int     func(row int) (int64, bool) // also of times, in µs
	float   func(row int) (float64, bool)
	text    func(row int) ([]byte, bool)
	addr    func(row int) (netip.Addr, bool)
	mac     func(row int) (schema.MAC, bool)
	present func(row int) bool // of columns
}

func constInt(v int64) operand {
	return operand{typ: typeInt, int: func(int) (int64, bool) { return v, true }}
}

func constText(s string) func(int) ([]byte, bool) {
	v := []byte(s)
	return func(int) ([]byte, bool) { return v, true }
}

// number is the operand as a floating-point number.
func (o operand) number() func(row int) (float64, bool) {
	if o.typ == typeFloat {
		return o.float
	}
	f := o.int
	return func(row int) (float64, bool) { v, ok := f(row); return float64(v), ok }
}

// columnOperand reads a column of a batch.
func columnOperand(c schema.Column) operand {
	o := operand{typ: typeOther}
	presence := c.Presence()
	o.present = presence.Has
	if c.Field().List {
		return o
	}
	switch c.Data().(type) {
	case []bool:
		cur := schema.Walk[bool](c)
		o.typ, o.test = typeBool, func(row int) truth {
			v, ok := cur.At(row)
			return truthOf(v, ok)
		}
	case []uint8, []uint16, []uint32, []int64:
		o.typ, o.int = typeInt, schema.Integers(c)
	case []schema.Micros:
		cur := schema.Walk[schema.Micros](c)
		o.typ, o.int = typeTime, func(row int) (int64, bool) { v, ok := cur.At(row); return int64(v), ok }
	case []float64:
		cur := schema.Walk[float64](c)
		o.typ, o.float = typeFloat, cur.At
	case []schema.Text:
		cur := schema.Walk[schema.Text](c)
		o.typ, o.text = typeText, func(row int) ([]byte, bool) { return cur.At(row) }
	case []schema.MAC:
		cur := schema.Walk[schema.MAC](c)
		o.typ, o.mac = typeMAC, cur.At
	default:
		if f := addressColumn(c); f != nil {
			o.typ, o.addr = typeAddr, f
		}
	}
	return o
}

func truthOf(v, ok bool) truth {
	switch {
	case !ok:
		return isNull
	case v:
		return isTrue
	}
	return isFalse
}

// arithmetic is + - * / of numbers; integers stay exact but for /.
func (b *binder) arithmetic(n ast.Node, op string, x, y operand) (operand, error) {
	for _, o := range []operand{x, y} {
		if !o.typ.numeric() {
			return x, b.fail(n, "operator %s of %s", op, o.typ)
		}
	}
	if x.typ == typeAny || y.typ == typeAny {
		return operand{typ: typeAny}, nil
	}
	if x.typ == typeInt && y.typ == typeInt && op != "/" {
		return operand{typ: typeInt, int: func(row int) (int64, bool) {
			v, ok := x.int(row)
			w, also := y.int(row)
			switch op {
			case "+":
				v += w
			case "-":
				v -= w
			default:
				v *= w
			}
			return v, ok && also
		}}, nil
	}
	f, g := x.number(), y.number()
	return operand{typ: typeFloat, float: func(row int) (float64, bool) {
		v, ok := f(row)
		w, also := g(row)
		switch op {
		case "+":
			v += w
		case "-":
			v -= w
		case "*":
			v *= w
		default:
			ok = ok && w != 0
			v /= w
		}
		return v, ok && also
	}}, nil
}

// compare is the comparisons; with nil it asks whether there is a value.
func (b *binder) compare(n ast.Node, op string, x, y operand) (operand, error) {
	equality := op == "==" || op == "!="
	if x.typ == typeNil {
		x, y = y, x
	}
	if y.typ == typeNil {
		return b.compareNil(n, op, x)
	}
	if x.typ == typeAny || y.typ == typeAny {
		return operand{typ: typeBool}, nil
	}
	if x.literal != nil && y.literal == nil { // "10.0.0.1" == src_ip
		x, y, op = y, x, mirror(op)
	}
	if y.literal != nil && y.typ != x.typ {
		var err error
		if y, err = b.spelled(n, *y.literal, x.typ); err != nil {
			return x, err
		}
	}
	switch {
	case x.typ == typeInt && y.typ == typeInt, x.typ == typeTime && y.typ == typeTime:
		return ordered(op, x.int, y.int), nil
	case x.typ.numeric() && y.typ.numeric():
		return ordered(op, x.number(), y.number()), nil
	case x.typ == typeText && y.typ == typeText:
		return compared(op, x.text, y.text, bytes.Compare), nil
	case x.typ == typeAddr && y.typ == typeAddr:
		return compared(op, x.addr, y.addr, netip.Addr.Compare), nil
	case x.typ == typeMAC && y.typ == typeMAC && equality:
		return compared(op, x.mac, y.mac, func(a, b schema.MAC) int { return bytes.Compare(a[:], b[:]) }), nil
	case x.typ == typeBool && y.typ == typeBool && equality:
		same := op == "=="
		return operand{typ: typeBool, test: func(row int) truth {
			t, u := x.test(row), y.test(row)
			return truthOf((t == u) == same, t != isNull && u != isNull)
		}}, nil
	}
	return x, b.fail(n, "%s %s %s", x.typ, op, y.typ)
}

func mirror(op string) string {
	switch op {
	case "<":
		return ">"
	case "<=":
		return ">="
	case ">":
		return "<"
	case ">=":
		return "<="
	}
	return op
}

func (b *binder) compareNil(n ast.Node, op string, x operand) (operand, error) {
	if b.check && x.typ == typeAny {
		return operand{typ: typeBool}, nil
	}
	if op != "==" && op != "!=" || x.present == nil {
		return x, b.fail(n, "only a column can be nil, by == and !=")
	}
	want := op == "!="
	return operand{typ: typeBool, test: func(row int) truth { return truthOf(x.present(row) == want, true) }}, nil
}

// spelled reads a text for what it is compared with.
func (b *binder) spelled(n ast.Node, s string, typ valueType) (operand, error) {
	switch typ {
	case typeAddr:
		a, err := netip.ParseAddr(s)
		if err != nil {
			return operand{}, b.fail(n, "%q is not an address", s)
		}
		return operand{typ: typ, addr: func(int) (netip.Addr, bool) { return a, true }}, nil
	case typeMAC:
		m, err := parseMAC(s)
		if err != nil {
			return operand{}, b.fail(n, "%v", err)
		}
		return operand{typ: typ, mac: func(int) (schema.MAC, bool) { return m, true }}, nil
	case typeTime:
		ns, err := ParseTime(s, time.UTC)
		if err != nil {
			return operand{}, b.fail(n, "%v", err)
		}
		o := constInt(ns / 1000)
		o.typ = typ
		return o, nil
	}
	return operand{}, b.fail(n, "%s is compared with the text %q", typ, s)
}

func ordered[T cmp.Ordered](op string, x, y func(int) (T, bool)) operand {
	return compared(op, x, y, func(a, b T) int {
		switch { // not cmp.Compare: NaN is less than nothing
		case a < b:
			return -1
		case a > b:
			return 1
		case a == b:
			return 0
		}
		return unordered
	})
}

// unordered is the outcome of a comparison with NaN, for which no operator
// but != holds.
const unordered = 2

func compared[T any](op string, x, y func(int) (T, bool), order func(a, b T) int) operand {
	var holds [4]bool // for the outcomes -1, 0, 1, unordered
	switch op {
	case "==":
		holds = [4]bool{false, true, false, false}
	case "!=":
		holds = [4]bool{true, false, true, true}
	case "<":
		holds = [4]bool{true, false, false, false}
	case "<=":
		holds = [4]bool{true, true, false, false}
	case ">":
		holds = [4]bool{false, false, true, false}
	case ">=":
		holds = [4]bool{false, true, true, false}
	}
	return operand{typ: typeBool, test: func(row int) truth {
		v, ok := x(row)
		w, also := y(row)
		if !ok || !also {
			return isNull
		}
		return truthOf(holds[order(v, w)+1], true)
	}}
}

func (b *binder) textTest(n *ast.BinaryNode, x, y operand) (operand, error) {
	for _, o := range []operand{x, y} {
		if o.typ != typeText && o.typ != typeAny {
			return x, b.fail(n, "%s of %s", n.Operator, o.typ)
		}
	}
	test := map[string]func(s, part []byte) bool{
		"contains": bytes.Contains, "startsWith": bytes.HasPrefix, "endsWith": bytes.HasSuffix,
	}[n.Operator]
	return operand{typ: typeBool, test: func(row int) truth {
		v, ok := x.text(row)
		w, also := y.text(row)
		if !ok || !also {
			return isNull
		}
		return truthOf(test(v, w), true)
	}}, nil
}

// in is membership in a list, a range or a prefix.
func (b *binder) in(n *ast.BinaryNode) (operand, error) {
	x, err := b.expression(n.Left)
	if err != nil {
		return x, err
	}
	switch r := n.Right.(type) {
	case *ast.StringNode:
		return b.inPrefix(n, x, r.Value)
	case *ast.BinaryNode:
		if r.Operator == ".." {
			return b.inRange(n, x, r)
		}
	case *ast.ArrayNode:
		return b.inList(n, x, r)
	}
	return x, b.fail(n.Right, "right of in stands a list, a range or a prefix in quotes")
}

func (b *binder) inPrefix(n ast.Node, x operand, s string) (operand, error) {
	p, err := ParsePrefix(s)
	if err != nil || !p.IsValid() {
		return x, b.fail(n, "%q is not a prefix", s)
	}
	if x.typ != typeAddr && x.typ != typeAny {
		return x, b.fail(n, "%s in a prefix", x.typ)
	}
	return operand{typ: typeBool, test: func(row int) truth {
		a, ok := x.addr(row)
		return truthOf(p.Contains(a), ok)
	}}, nil
}

func (b *binder) inRange(n ast.Node, x operand, r *ast.BinaryNode) (operand, error) {
	low, ok := r.Left.(*ast.IntegerNode)
	high, also := r.Right.(*ast.IntegerNode)
	if !ok || !also {
		return x, b.fail(r, "a range has integers as its ends")
	}
	if x.typ != typeInt && x.typ != typeAny {
		return x, b.fail(n, "%s in a range of integers", x.typ)
	}
	return operand{typ: typeBool, test: func(row int) truth {
		v, ok := x.int(row)
		return truthOf(int64(low.Value) <= v && v <= int64(high.Value), ok)
	}}, nil
}

// inList is one comparison after another; of integers a set.
func (b *binder) inList(n ast.Node, x operand, list *ast.ArrayNode) (operand, error) {
	if x.typ == typeInt {
		if set := integers(list); set != nil {
			return operand{typ: typeBool, test: func(row int) truth {
				v, ok := x.int(row)
				return truthOf(set[v], ok)
			}}, nil
		}
	}
	tests := make([]condition, len(list.Nodes))
	for i, e := range list.Nodes {
		y, err := b.expression(e)
		if err != nil {
			return x, err
		}
		t, err := b.compare(e, "==", x, y)
		if err != nil {
			return x, err
		}
		tests[i] = t.test
	}
	return operand{typ: typeBool, test: func(row int) truth {
		result := isFalse
		for _, t := range tests {
			switch t(row) {
			case isTrue:
				return isTrue
			case isNull:
				result = isNull
			}
		}
		return result
	}}, nil
}

// integers is the set that a list of integer literals makes, nil for others.
func integers(list *ast.ArrayNode) map[int64]bool {
	set := make(map[int64]bool, len(list.Nodes))
	for _, e := range list.Nodes {
		i, ok := e.(*ast.IntegerNode)
		if !ok {
			return nil
		}
		set[int64(i.Value)] = true
	}
	return set
}
