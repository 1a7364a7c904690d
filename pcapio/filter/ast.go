package filter

// expr is a node of the tree that an expression is parsed into: one of
// *logical, *negation, *primitive, *value, *relation; nil matches everything.
type expr any

type logical struct {
	and  bool // or "or"
	l, r expr
}

type negation struct{ x expr }

// primitive is a test that is named by a keyword: a protocol, broadcast,
// vlan, less and so on.
type primitive struct {
	pos  int
	what string // the keyword; "proto" for a protocol alone
	p    proto  // the protocol, or the qualifier before broadcast and multicast
	num  uint32
	has  bool // num is given
}

// direction of a qualifier.
type direction uint8

const (
	dirAny direction = iota // either
	dirSrc
	dirDst
	dirBoth // src and dst
)

// qualifier says how a value is to be understood.
type qualifier struct {
	ok    bool // false: a value here would lack a qualifier
	proto proto
	dir   direction
	kind  string // "host", "net", "port", "portrange", "proto"; "" is host
}

// value is an identifier with the qualifiers that apply to it.
type value struct {
	q      qualifier
	id     token
	prefix *token // N of /N
	mask   *token // A of mask A
}

type relation struct {
	pos  int
	op   string // = > >= < <= !=
	l, r arith
}

// arith is a node of an arithmetic expression: *number, *length, *load,
// *unary, *operation.
type arith any

type number struct {
	tok token // what it was, as it may yet turn out to be an identifier
	n   uint32
}

type length struct{}

type load struct {
	pos   int
	p     proto
	index arith
	size  uint32
}

type unary struct{ x arith } // the negative

type operation struct {
	pos  int
	op   string
	l, r arith
}
