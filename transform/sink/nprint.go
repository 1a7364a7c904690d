package sink

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/pcapline/pcapline/transform/schema"
)

// NPrintHeaders are the headers that the nPrint format can have, in the order
// of its columns.
var NPrintHeaders = []string{"eth", "ipv4", "ipv6", "tcp", "udp", "icmp"}

// defaultNPrint is the headers without being asked.
var defaultNPrint = []string{"ipv4", "tcp", "udp", "icmp"}

// nprintHeader is a header as bits: the fields' names and widths, which are
// nPrint's, and the columns of the packets table that it is made of.
type nprintHeader struct {
	name    string
	fields  []nprintField
	columns []nprintColumn
	bytes   func(c nprintColumns) nprintBytes
}

type nprintField struct {
	name string
	bits int
}

type nprintColumn struct {
	name string
	kind schema.Kind
}

// nprintBytes appends the bytes of a row's header, from its first on as far as
// they are known; none where the row has no such header.
type nprintBytes func(dst []byte, row int) []byte

func newNPrint(w io.Writer, s schema.Schema, opt Options) (Sink, error) {
	if err := refuseOptions("nprint", opt, "Headers", "Payload"); err != nil {
		return nil, err
	}
	wanted := opt.Headers
	if wanted == nil {
		wanted = defaultNPrint
	}
	for _, name := range wanted {
		if !slices.Contains(NPrintHeaders, name) {
			return nil, fmt.Errorf("nprint: no header %q; known: %s", name, strings.Join(NPrintHeaders, ", "))
		}
	}
	if opt.Payload < 0 || opt.Payload > 1<<16 {
		return nil, fmt.Errorf("nprint: a payload of %d bytes; 0 to 65536 can be written", opt.Payload)
	}
	var headers []nprintHeader
	for _, h := range nprintHeaders {
		if slices.Contains(wanted, h.name) {
			headers = append(headers, h)
		}
	}
	if opt.Payload > 0 {
		headers = append(headers, nprintPayload(opt.Payload))
	}
	for _, h := range headers {
		if err := h.check(s); err != nil {
			return nil, err
		}
	}
	newLines := func() lines { return &nprintLines{schema: s, headers: headers} }
	return newTextSink("nprint", w, s, opt, nprintHead(headers), newLines)
}

// check reports a column that the header is made of and that is not there.
func (h nprintHeader) check(s schema.Schema) error {
	for _, c := range h.columns {
		at := s.Index(c.name)
		if at < 0 {
			return fmt.Errorf("nprint: header %s is made of column %s, which the table lacks: write a packets table with all columns", h.name, c.name)
		}
		if s[at].Kind != c.kind || s[at].List {
			return fmt.Errorf("nprint: column %s is %s, and not %s as in a packets table", c.name, s[at].Type(), c.kind)
		}
	}
	return nil
}

// nprintHead is the header line.
func nprintHead(headers []nprintHeader) []byte {
	line := []byte("src_ip")
	for _, h := range headers {
		for _, f := range h.fields {
			for bit := range f.bits {
				line = append(append(append(line, ','), f.name...), '_')
				line = strconv.AppendInt(line, int64(bit), 10)
			}
		}
	}
	return append(line, '\n')
}

// length is how many bytes have columns for their bits.
func (h nprintHeader) length() int {
	bits := 0
	for _, f := range h.fields {
		bits += f.bits
	}
	return bits / 8
}

// nprintLines writes a row as the source address and the bits of its headers:
// 1, 0, and -1 for a bit that the packet does not have. Rows without any
// header are written, too, so that lines and rows of the table correspond.
type nprintLines struct {
	schema  schema.Schema
	headers []nprintHeader
	header  []byte
}

func (l *nprintLines) appendRows(dst []byte, b *schema.Batch) []byte {
	columns := nprintColumns{schema: l.schema, batch: b}
	address := nprintAddress(columns)
	headers := make([]nprintBytes, len(l.headers))
	for i, h := range l.headers {
		headers[i] = h.bytes(columns)
	}
	for row := range b.Rows {
		dst = address(dst, row)
		for i, bytes := range headers {
			l.header = bytes(l.header[:0], row)
			dst = appendBits(dst, l.header, l.headers[i].length())
		}
		dst = append(dst, '\n')
	}
	return dst
}

// appendBits appends length bytes as bits, the highest first, of which those
// behind the end of header are absent.
func appendBits(dst, header []byte, length int) []byte {
	header = header[:min(len(header), length)]
	for _, b := range header {
		dst = append(dst, nprintBits[b][:]...)
	}
	for range length - len(header) {
		dst = append(dst, ",-1,-1,-1,-1,-1,-1,-1,-1"...)
	}
	return dst
}

// nprintBits is each byte as its bits in text.
var nprintBits = func() (t [256][16]byte) {
	for b := range t {
		for i := range 8 {
			t[b][2*i], t[b][2*i+1] = ',', '0'+byte(b>>(7-i)&1)
		}
	}
	return t
}()

// nprintColumns finds the columns of a batch.
type nprintColumns struct {
	schema schema.Schema
	batch  *schema.Batch
}

// bitsOf walks a column; one that the table lacks has no values.
func bitsOf[T schema.Value](c nprintColumns, name string) *schema.Cursor[T] {
	var column schema.Column
	if at := c.schema.Index(name); at >= 0 {
		column = c.batch.Columns[at]
	}
	cursor := schema.Walk[T](column)
	return &cursor
}
