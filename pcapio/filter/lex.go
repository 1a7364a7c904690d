package filter

import (
	"net/netip"
	"strconv"
	"strings"
)

// kind is the kind of a token.
type kind uint8

const (
	tEOF    kind = iota
	tOp          // punctuation, in text: "&&" is "and", "==" is "=", …
	tWord        // a keyword, in text
	tProto       // a protocol keyword, in proto
	tNumber      // in num
	tDotted      // 1.2, 1.2.3 or 1.2.3.4 in addr, shifted to the left, len(bytes) in num
	tIP6         // in addr
	tMAC         // in mac
	tName        // anything else that looks like a name
)

// token is a word of an expression.
type token struct {
	kind  kind
	pos   int
	text  string
	proto proto
	num   uint32
	addr  netip.Addr
	mac   [6]byte
}

// keywords are the words with a place in the grammar, next to protocols and
// constants; synonyms are mapped to one.
var keywords = map[string]string{
	"and": "and", "or": "or", "not": "not", "src": "src", "dst": "dst",
	"host": "host", "net": "net", "mask": "mask", "port": "port", "portrange": "portrange", "proto": "proto",
	"less": "less", "greater": "greater", "len": "len", "length": "len",
	"broadcast": "broadcast", "multicast": "multicast", "vlan": "vlan", "mpls": "mpls",
	"pppoed": "pppoed", "pppoes": "pppoes", "inbound": "inbound", "outbound": "outbound", "ifindex": "ifindex",
}

// operators in order of length, with the one spelling that the parser knows.
var operators = []struct{ text, means string }{
	{"&&", "and"}, {"||", "or"}, {"==", "="}, {"!=", "!="}, {"<=", "<="}, {">=", ">="}, {"<<", "<<"}, {">>", ">>"},
	{"!", "not"}, {"=", "="}, {"<", "<"}, {">", ">"}, {"&", "&"}, {"|", "|"}, {"^", "^"},
	{"+", "+"}, {"-", "-"}, {"*", "*"}, {"/", "/"}, {"%", "%"}, {"(", "("}, {")", ")"}, {"[", "["}, {"]", "]"}, {":", ":"},
}

// scan splits an expression into tokens; the last is tEOF.
func scan(s string) ([]token, error) {
	var out []token
	for i := 0; ; {
		for i < len(s) && strings.IndexByte(" \t\r\n", s[i]) >= 0 {
			i++
		}
		if i == len(s) {
			return append(out, token{kind: tEOF, pos: i, text: "end of the expression"}), nil
		}
		t, n, err := scanOne(s[i:], i)
		if err != nil {
			return nil, err
		}
		t.pos = i
		out = append(out, t)
		i += n
	}
}

// scanOne reads the token at the beginning of s and gives its length.
func scanOne(s string, pos int) (token, int, error) {
	if s[0] == '\\' {
		n := 1
		for n < len(s) && strings.IndexByte(" !()\n\t\r", s[n]) < 0 {
			n++
		}
		if n == 1 {
			return token{}, 0, errAt(pos, "nothing follows the backslash")
		}
		return token{kind: tName, text: s[1:n]}, n, nil
	}
	if t, n, ok, err := scanColons(s, pos); ok || err != nil {
		return t, n, err
	}
	if alnum(s[0]) {
		n := 1
		for n < len(s) && (alnum(s[n]) || s[n] == '-' || s[n] == '_' || s[n] == '.') {
			n++
		}
		for s[n-1] == '-' || s[n-1] == '_' {
			n--
		}
		t, err := word(s[:n], pos)
		return t, n, err
	}
	for _, op := range operators {
		if strings.HasPrefix(s, op.text) {
			return token{kind: tOp, text: op.means}, len(op.text), nil
		}
	}
	return token{}, 0, errAt(pos, "character %q has no meaning here", []rune(s)[0])
}

// scanColons reads what colons hold together: an Ethernet or an IPv6 address.
func scanColons(s string, pos int) (token, int, bool, error) {
	n := 0
	for n < len(s) && (hex(s[n]) || s[n] == ':' || s[n] == '.') {
		n++
	}
	if n < len(s) && alnum(s[n]) { // "fe80::x": no address
		return token{}, 0, false, nil
	}
	text := s[:n]
	if strings.Count(text, ":") < 2 {
		return token{}, 0, false, nil
	}
	if mac, ok := hexBytes(strings.Split(text, ":")); ok {
		return token{kind: tMAC, text: text, mac: mac}, n, true, nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return token{}, 0, false, errAt(pos, "%q is neither an Ethernet nor an IPv6 address", text)
	}
	return token{kind: tIP6, text: text, addr: addr}, n, true, nil
}

// word classifies a run of letters, digits and -_. between them.
func word(w string, pos int) (token, error) {
	if p, ok := protoNames[w]; ok {
		return token{kind: tProto, text: w, proto: p}, nil
	}
	if k, ok := keywords[w]; ok {
		if k == "and" || k == "or" || k == "not" {
			return token{kind: tOp, text: k}, nil
		}
		return token{kind: tWord, text: k}, nil
	}
	if n, ok := constants[w]; ok {
		return token{kind: tNumber, text: w, num: n}, nil
	}
	if why, ok := refused[w]; ok {
		return token{}, errAt(pos, "%s", why)
	}
	if mac, ok := parseMAC(w); ok {
		return token{kind: tMAC, text: w, mac: mac}, nil
	}
	if all(w, digit) || (strings.HasPrefix(w, "0x") || strings.HasPrefix(w, "0X")) && len(w) > 2 && all(w[2:], hex) {
		return scanNumber(w, pos)
	}
	if parts := strings.Split(w, "."); len(parts) >= 2 && len(parts) <= 4 && numeric(parts) {
		return dotted(w, parts, pos)
	}
	return token{kind: tName, text: w}, nil
}

func numeric(parts []string) bool {
	for _, p := range parts {
		if p == "" || !all(p, digit) {
			return false
		}
	}
	return true
}

// scanNumber reads decimal, 0x hexadecimal and 0 octal numbers of 32 bits.
func scanNumber(w string, pos int) (token, error) {
	base, digits := 10, w
	switch {
	case len(w) > 2 && (w[1] == 'x' || w[1] == 'X'):
		base, digits = 16, w[2:]
	case len(w) > 1 && w[0] == '0':
		base, digits = 8, w[1:]
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil {
		if strings.Contains(err.Error(), "range") {
			return token{}, errAt(pos, "number %s does not fit 32 bits", w)
		}
		return token{}, errAt(pos, "%s is not an octal number", w)
	}
	return token{kind: tNumber, text: w, num: uint32(n)}, nil
}

// dotted reads 2 to 4 decimal bytes; the address has the missing ones as zero.
func dotted(w string, parts []string, pos int) (token, error) {
	var b [4]byte
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 8)
		if err != nil {
			return token{}, errAt(pos, "%s is not an IPv4 address", w)
		}
		b[i] = byte(n)
	}
	return token{kind: tDotted, text: w, addr: netip.AddrFrom4(b), num: uint32(len(parts))}, nil
}

// parseMAC reads the Ethernet addresses that have no colons: 1-2-3-4-5-6,
// 1.2.3.4.5.6, 0102.0304.0506 and 010203040506.
func parseMAC(w string) ([6]byte, bool) {
	switch {
	case len(w) == 12 && all(w, hex):
		return hexBytes([]string{w[0:2], w[2:4], w[4:6], w[6:8], w[8:10], w[10:12]})
	case len(w) == 14 && w[4] == '.' && w[9] == '.':
		j := w[0:4] + w[5:9] + w[10:14]
		return hexBytes([]string{j[0:2], j[2:4], j[4:6], j[6:8], j[8:10], j[10:12]})
	case strings.Count(w, "-") == 5:
		return hexBytes(strings.Split(w, "-"))
	}
	return hexBytes(strings.Split(w, "."))
}

func hexBytes(parts []string) (mac [6]byte, ok bool) {
	if len(parts) != 6 {
		return mac, false
	}
	for i, p := range parts {
		if p == "" || len(p) > 2 || !all(p, hex) {
			return mac, false
		}
		n, _ := strconv.ParseUint(p, 16, 8)
		mac[i] = byte(n)
	}
	return mac, true
}

func all(s string, f func(byte) bool) bool {
	for i := range len(s) {
		if !f(s[i]) {
			return false
		}
	}
	return true
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
func hex(c byte) bool   { return digit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }
func alnum(c byte) bool { return digit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
