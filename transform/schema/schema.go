// Package schema says what a column is, once.
//
// A table is made of layers, and a layer is a Go struct whose fields are its
// columns: the field's type is the column's type, the field's tag is
// everything else that is known of it. The UDP header, for example:
//
//	type UDP struct {
//		schema.Layer `name:"udp" title:"User Datagram Protocol" source:"RFC 768"`
//
//		SrcPort schema.Values[uint16] `name:"udp_src_port" ws:"udp.srcport" doc:"Source port."`
//		DstPort schema.Values[uint16] `name:"udp_dst_port" ws:"udp.dstport" doc:"Destination port."`
//	}
//
// [Of] reads such structs by reflection, once, and gives a [Batch]: the same
// columns as a list, in the order of declaration. The code that decodes a
// packet appends to the struct's fields, typed and without a lookup; the code
// that writes Parquet, CSV or the column reference walks the batch's list.
// There is no second list of columns anywhere.
//
// # Sparse columns
//
// A batch stores values only where there are some. Whether a row has a value
// is said by a [Presence]; all columns of a layer of type [Values] share their
// layer's, a column of type [Optional] has its own. A layer that a packet
// lacks therefore costs nothing, null is never confused with 0, and a
// presence is at once the definition levels of a Parquet page and the
// validity of an Arrow array.
//
// # Tags
//
// name is the column's name; doc one sentence or more about it; unit its unit
// where it has one ("B", "s", "us", "ns", "bit/s"); source the RFC section,
// paper or tool that defines it (a layer's source is the default of its
// columns); ws Wireshark's field name; antinex the name in AntiNex's files;
// role what the column is to a learner (see [Role]); store how it is best
// stored (see [Storage]).
package schema

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
)

// Kind is the type of a column's values, or of their elements in a list.
type Kind uint8

// The kinds, and the Go type that holds a value of each.
const (
	Bool      Kind = iota // bool
	Uint8                 // uint8
	Uint16                // uint16
	Uint32                // uint32
	Int64                 // int64
	Float64               // float64
	Timestamp             // Micros
	IPv4Addr              // IPv4
	IPv6Addr              // IPv6
	MACAddr               // MAC
	IPAddr                // netip.Addr
	String                // Text
	Binary                // Bytes
)

var kindNames = [...]string{
	"bool", "uint8", "uint16", "uint32", "int64", "float64", "timestamp",
	"ipv4", "ipv6", "mac", "ip", "string", "binary",
}

// String gives the kind's name as the column reference prints it.
func (k Kind) String() string { return kindNames[k] }

// ParseKind is the inverse of [Kind.String].
func ParseKind(name string) (Kind, error) {
	for k, n := range kindNames {
		if n == name {
			return Kind(k), nil
		}
	}
	return 0, fmt.Errorf("unknown kind %q", name)
}

// Numeric reports whether values of the kind are numbers to a learner.
func (k Kind) Numeric() bool { return k <= Float64 }

// The Go types of values that are more than a number. Text must be valid
// UTF-8. Text and Bytes are borrowed: they alias a capture's mapped file or a
// batch's arena and are valid until the batch is reset.
type (
	Micros int64    // microseconds since 1970-01-01T00:00:00Z
	IPv4   [4]byte  // address in network order
	IPv6   [16]byte // address in network order
	MAC    [6]byte  // EUI-48 in transmission order
	Text   []byte   // UTF-8
	Bytes  []byte   // anything
)

// Value is what a column can hold.
type Value interface {
	bool | uint8 | uint16 | uint32 | int64 | float64 |
		Micros | IPv4 | IPv6 | MAC | netip.Addr | Text | Bytes
}

func kindOf[T Value]() Kind {
	var v T
	switch any(v).(type) {
	case bool:
		return Bool
	case uint8:
		return Uint8
	case uint16:
		return Uint16
	case uint32:
		return Uint32
	case int64:
		return Int64
	case float64:
		return Float64
	case Micros:
		return Timestamp
	case IPv4:
		return IPv4Addr
	case IPv6:
		return IPv6Addr
	case MAC:
		return MACAddr
	case netip.Addr:
		return IPAddr
	case Text:
		return String
	default:
		return Binary
	}
}

// Role is what a column is to a learner. Only features are learned from
// unless a user asks otherwise: the other roles identify a session, a host or
// the answer itself, and a model that sees them learns the recording.
type Role string

// The roles.
const (
	Feature    Role = ""           // what may be learned from
	Identity   Role = "identity"   // addresses, ids, cookies, sequence and checksum numbers
	Time       Role = "time"       // absolute time
	Provenance Role = "provenance" // where a row came from
	Payload    Role = "payload"    // raw bytes and text of users
	Label      Role = "label"      // the answer, and what was derived from it
)

// Storage is a hint to columnar sinks; the zero value lets the sink choose.
type Storage string

// The storage hints.
const (
	Auto       Storage = ""
	Dictionary Storage = "dict"  // few distinct values
	Delta      Storage = "delta" // grows slowly: times, numbers, offsets
	Plain      Storage = "plain" // high entropy: checksums, sequence numbers, payload
)

// Field is everything known of a column but its values.
type Field struct {
	Name      string  `json:"name"`                // unique in the table, snake_case
	Layer     string  `json:"layer,omitempty"`     // the layer that declares it
	Kind      Kind    `json:"kind"`                // type of the values, or of the elements of a list
	List      bool    `json:"list,omitempty"`      // each value is a list
	Nullable  bool    `json:"nullable,omitempty"`  // some rows may have no value
	Unit      string  `json:"unit,omitempty"`      // "" where the value has none
	Doc       string  `json:"doc,omitempty"`       // what it means
	Source    string  `json:"source,omitempty"`    // RFC section, paper or tool
	Wireshark string  `json:"wireshark,omitempty"` // display filter field with the same value
	AntiNex   string  `json:"antinex,omitempty"`   // column of AntiNex's files with the same meaning
	Role      Role    `json:"role,omitempty"`      // what it is to a learner
	Storage   Storage `json:"storage,omitempty"`   // hint for columnar sinks
}

// Type gives the field's type in words: "uint16", "list<int64>".
func (f *Field) Type() string {
	if f.List {
		return "list<" + f.Kind.String() + ">"
	}
	return f.Kind.String()
}

// Schema is a table's columns in order.
type Schema []*Field

// Hash identifies the schema: the SHA-256 of names, types and nullability in
// order, in hexadecimal. Documentation does not change it. A model stores it
// and refuses tables with another.
func (s Schema) Hash() string {
	h := sha256.New()
	for _, f := range s {
		fmt.Fprintf(h, "%s %s %t\n", f.Name, f.Type(), f.Nullable)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Index returns the position of the named column, or -1.
func (s Schema) Index(name string) int {
	for i, f := range s {
		if f.Name == name {
			return i
		}
	}
	return -1
}

// With gives the columns of s as known has them, where it has a column of
// that name.
func (s Schema) With(known Schema) Schema {
	out := slices.Clone(s)
	for i, f := range s {
		if at := known.Index(f.Name); at >= 0 {
			out[i] = known[at]
		}
	}
	return out
}

// Names lists the columns' names in order.
func (s Schema) Names() []string {
	names := make([]string, len(s))
	for i, f := range s {
		names[i] = f.Name
	}
	return names
}

// WriteMarkdown writes the column reference as one table a layer.
func (s Schema) WriteMarkdown(w io.Writer) error {
	layer := "\x00"
	for _, f := range s {
		if f.Layer != layer {
			layer = f.Layer
			if _, err := fmt.Fprintf(w, "\n## %s\n\n| column | type | unit | meaning | source | Wireshark | AntiNex |\n|---|---|---|---|---|---|---|\n", layer); err != nil {
				return err
			}
		}
		typ := f.Type()
		if f.Nullable {
			typ += "?"
		}
		cell := strings.NewReplacer("|", "\\|", "\n", " ")
		_, err := fmt.Fprintf(w, "| `%s` | %s | %s | %s | %s | %s | %s |\n", f.Name, typ, f.Unit,
			cell.Replace(f.Doc), cell.Replace(f.Source), code(f.Wireshark), code(f.AntiNex))
		if err != nil {
			return err
		}
	}
	return nil
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// Unlabelled is the schema without label columns. Its hash is what a model is
// bound to: rows to be scored have no labels.
func (s Schema) Unlabelled() Schema {
	var out Schema
	for _, f := range s {
		if f.Role != Label {
			out = append(out, f)
		}
	}
	return out
}
