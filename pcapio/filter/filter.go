package filter

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/bpf"

	"github.com/pcapline/pcapline/pcapio"
)

// Options say what a filter is compiled for. The zero value of a field other
// than LinkType is its default.
type Options struct {
	LinkType pcapio.LinkType // of the packets; note that 0 is NULL, not Ethernet
	Snaplen  uint32          // what an accepting program returns: bytes that the kernel keeps; 0: 262144
	Live     bool            // for the kernel: VLAN tag, direction and interface are ancillary data
	Netmask  uint32          // for "ip broadcast"; 0 (as tcpdump -r has it): only 0.0.0.0 and 255.255.255.255

	// Lookup resolves host names; nil: the system's resolver, within 5 s.
	Lookup func(host string) ([]netip.Addr, error)
}

const (
	defaultSnaplen  = 262144
	maxInstructions = 4096    // BPF_MAXINSNS of Linux
	maxExpression   = 1 << 16 // bytes
	maxDepth        = 200     // of parentheses and negations
)

// Error says where an expression cannot be compiled.
type Error struct {
	Expr string
	Pos  int // byte offset in Expr at which the offending word begins
	Msg  string
}

func (e *Error) Error() string {
	return fmt.Sprintf("filter %q, column %d: %s", e.excerpt(), e.Pos+1, e.Msg)
}

// excerpt is the expression, or what stands around the position if it is long.
func (e *Error) excerpt() string {
	const before, most = 40, 80
	s := e.Expr
	if from := e.Pos - before; len(s) > most && from > 0 {
		s = "…" + s[from:]
	}
	if len(s) > most {
		s = s[:most] + "…"
	}
	return s
}

// Program is a compiled filter. It is immutable, and safe for use by many goroutines.
type Program struct {
	code []bpf.RawInstruction
}

// Compile compiles an expression. The empty expression matches every packet.
// The error is an [*Error].
func Compile(expr string, opt Options) (*Program, error) {
	if opt.Snaplen == 0 {
		opt.Snaplen = defaultSnaplen
	}
	if opt.Lookup == nil {
		opt.Lookup = lookupHost
	}
	code, err := compile(expr, opt)
	if err != nil {
		return nil, err
	}
	return &Program{code: code}, nil
}

func compile(expr string, opt Options) (code []bpf.RawInstruction, err error) {
	if len(expr) > maxExpression {
		return nil, &Error{Expr: expr, Msg: fmt.Sprintf("longer than %d bytes", maxExpression)}
	}
	tree, err := parse(expr)
	if err != nil {
		return nil, withExpr(err, expr)
	}
	c, err := generate(tree, opt)
	if err != nil {
		return nil, withExpr(err, expr)
	}
	code, err = assemble(c, opt.Snaplen)
	if err != nil {
		return nil, withExpr(err, expr)
	}
	return code, nil
}

// withExpr completes an error that knows only its position.
func withExpr(err error, expr string) error {
	if e, ok := err.(*Error); ok {
		e.Expr = expr
	}
	return err
}

func errAt(pos int, format string, args ...any) error {
	return &Error{Pos: pos, Msg: fmt.Sprintf(format, args...)}
}

// Raw is the program as the kernel takes it. The caller owns the slice.
func (p *Program) Raw() []bpf.RawInstruction {
	return append([]bpf.RawInstruction(nil), p.code...)
}

// Instructions is the program in golang.org/x/net/bpf's terms.
func (p *Program) Instructions() []bpf.Instruction {
	ins, _ := bpf.Disassemble(p.code)
	return ins
}

func lookupHost(host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}
