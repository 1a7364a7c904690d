package label

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"github.com/pcapline/pcapline/transform/schema"
)

// predicate is a condition over a row's columns, parsed but not yet bound to
// a table. The grammar, and so the parser, is that of the Expr language
// (https://expr-lang.org); the types, the treatment of null and the functions
// are those that [ParsePredicate] documents.
type predicate struct {
	text    string
	root    ast.Node
	columns []string // that it names, each once
}

// PredicateError says where a predicate is wrong.
type PredicateError struct {
	Text   string
	Column int // in characters, from 1
	Msg    string
}

func (e *PredicateError) Error() string {
	return fmt.Sprintf("predicate %q, column %d: %s", e.Text, e.Column, e.Msg)
}

// errNoColumn says that a table lacks a column which a predicate names.
type errNoColumn struct{ name string }

func (e *errNoColumn) Error() string { return fmt.Sprintf("no column %q", e.name) }

// ParsePredicate checks the syntax of a predicate. Its columns and types are
// checked when it meets a table. In words:
//
//	fwd_packets > 20 and not (src_port in [33358, 33360])
//
// Names are columns of the table. Literals are integers, floating-point
// numbers, true, false, nil and texts in quotes. Operators, from loose to
// tight: or, and, not; == != < <= > >=, in, contains, startsWith, endsWith;
// + - * / between numbers. Right of in stands a list [a, b], a range of
// integers 1..5 (both ends are in it) or, for an address, a text with a CIDR
// prefix. An address, a MAC address or a time is compared with a text that
// spells it: src_ip == "10.0.0.1", ts >= "2017-07-04T12:00:00Z".
//
// A comparison with a column that has no value in the row is neither true nor
// false, as in SQL; x == nil and x != nil ask for that. A row fits when the
// whole is true. Integers are compared exactly; with a floating-point number
// on either side both sides are. A division by zero has no value.
func ParsePredicate(text string) error {
	_, err := parsePredicate(text)
	return err
}

// maxPredicate bounds the depth of the recursion that a predicate can ask for.
const maxPredicate = 1 << 14

func parsePredicate(text string) (*predicate, error) {
	if len(text) > maxPredicate {
		return nil, &PredicateError{text[:40] + "…", 1, fmt.Sprintf("longer than %d bytes", maxPredicate)}
	}
	tree, err := parser.Parse(text)
	if err != nil {
		var fe *file.Error
		if errors.As(err, &fe) {
			return nil, &PredicateError{text, fe.Column + 1, fe.Message}
		}
		return nil, &PredicateError{text, 1, err.Error()}
	}
	p := &predicate{text: text, root: tree.Node}
	b := binder{p: p, check: true}
	e, err := b.expression(tree.Node)
	if err != nil {
		return nil, err
	}
	if e.typ != typeBool && e.typ != typeAny {
		return nil, b.fail(tree.Node, "a condition is wanted, not %s", e.typ)
	}
	return p, nil
}

// remember notes a column that the predicate names.
func (p *predicate) remember(column string) {
	if !slices.Contains(p.columns, column) {
		p.columns = append(p.columns, column)
	}
}

// truth is the outcome of a condition for a row.
type truth int8

const (
	isFalse truth = iota
	isTrue
	isNull // some column has no value
)

// condition is a predicate bound to the columns of one batch. Rows must be
// asked for in ascending order; the same row may be asked for again.
type condition func(row int) truth

// bind gives the condition for the rows of a batch. The error is a
// [*PredicateError]; it wraps [*errNoColumn] when the table lacks a column.
func (p *predicate) bind(b *schema.Batch) (condition, error) {
	for _, c := range p.columns {
		if b.Column(c) == nil {
			return nil, &errNoColumn{c}
		}
	}
	bind := binder{p: p, batch: b}
	e, err := bind.expression(p.root)
	if err != nil {
		return nil, err
	}
	if e.typ != typeBool {
		return nil, bind.fail(p.root, "a condition is wanted, not %s", e.typ)
	}
	return e.test, nil
}

// valueType is the type of an expression.
type valueType uint8

const (
	typeAny valueType = iota // of a column that is not known yet
	typeNil
	typeBool
	typeInt
	typeFloat
	typeText
	typeAddr
	typeMAC
	typeTime
	typeOther // lists and bytes: can be asked for nil only
)

func (t valueType) String() string {
	return [...]string{"a column", "nil", "a condition", "an integer", "a number", "a text", "an address", "a MAC address", "a time", "a list or bytes"}[t]
}

func (t valueType) numeric() bool { return t == typeInt || t == typeFloat || t == typeAny }

// binder turns a tree into closures; with check set there is no table yet and
// only what does not depend on columns' types is checked.
type binder struct {
	p     *predicate
	batch *schema.Batch
	check bool
}

func (b *binder) fail(n ast.Node, format string, args ...any) error {
	return &PredicateError{b.p.text, n.Location().From + 1, fmt.Sprintf(format, args...)}
}

func (b *binder) expression(n ast.Node) (operand, error) {
	switch n := n.(type) {
	case *ast.NilNode:
		return operand{typ: typeNil}, nil
	case *ast.BoolNode:
		t := isFalse
		if n.Value {
			t = isTrue
		}
		return operand{typ: typeBool, test: func(int) truth { return t }}, nil
	case *ast.IntegerNode:
		return constInt(int64(n.Value)), nil
	case *ast.FloatNode:
		return operand{typ: typeFloat, float: func(int) (float64, bool) { return n.Value, true }}, nil
	case *ast.StringNode:
		return operand{typ: typeText, literal: &n.Value, text: constText(n.Value)}, nil
	case *ast.IdentifierNode:
		b.p.remember(n.Value)
		if b.check {
			return operand{typ: typeAny}, nil
		}
		return columnOperand(b.batch.Column(n.Value)), nil
	case *ast.UnaryNode:
		return b.unary(n)
	case *ast.BinaryNode:
		return b.binary(n)
	}
	kind := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", n), "*ast."), "Node")
	return operand{}, b.fail(n, "%s expressions are not part of the language", strings.ToLower(kind))
}

func (b *binder) unary(n *ast.UnaryNode) (operand, error) {
	x, err := b.expression(n.Node)
	if err != nil {
		return x, err
	}
	switch n.Operator {
	case "not", "!":
		if x.typ != typeBool && x.typ != typeAny {
			return x, b.fail(n, "not of %s", x.typ)
		}
		return operand{typ: typeBool, test: func(row int) truth { return negate(x.test(row)) }}, nil
	case "-":
		return b.arithmetic(n, "-", constInt(0), x)
	}
	return x, b.fail(n, "operator %s is not part of the language", n.Operator)
}

func negate(t truth) truth {
	switch t {
	case isTrue:
		return isFalse
	case isFalse:
		return isTrue
	}
	return isNull
}

func (b *binder) binary(n *ast.BinaryNode) (operand, error) {
	if n.Operator == "in" {
		return b.in(n)
	}
	x, err := b.expression(n.Left)
	if err != nil {
		return x, err
	}
	y, err := b.expression(n.Right)
	if err != nil {
		return y, err
	}
	switch n.Operator {
	case "and", "&&", "or", "||":
		return b.connective(n, x, y)
	case "==", "!=", "<", "<=", ">", ">=":
		return b.compare(n, n.Operator, x, y)
	case "+", "-", "*", "/":
		return b.arithmetic(n, n.Operator, x, y)
	case "contains", "startsWith", "endsWith":
		return b.textTest(n, x, y)
	}
	return x, b.fail(n, "operator %s is not part of the language", n.Operator)
}

// connective is and, or with Kleene's tables: null and false is false, null
// or true is true.
func (b *binder) connective(n *ast.BinaryNode, x, y operand) (operand, error) {
	for _, o := range []operand{x, y} {
		if o.typ != typeBool && o.typ != typeAny {
			return x, b.fail(n, "%s of %s", n.Operator, o.typ)
		}
	}
	decides := isFalse // and
	if n.Operator == "or" || n.Operator == "||" {
		decides = isTrue
	}
	return operand{typ: typeBool, test: func(row int) truth {
		t := x.test(row)
		if t == decides {
			return t
		}
		u := y.test(row)
		if u == decides || t != isNull {
			return u
		}
		return isNull
	}}, nil
}
