package flow

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"reflect"
	"strings"
	"unsafe"
)

// layout is how the values of a Go type are written and read back: one number
// or text after another, in the order in which the type declares them. What is
// kept of a flow changes often; a list of its fields in a second place would
// forget some.
type layout struct {
	typ    reflect.Type
	leaves []leaf
	text   string // names the type and all in it: another text, another layout
}

// leaf is a number, text, address, list or pointer at its place in a value.
type leaf struct {
	offset uintptr
	kind   reflect.Kind // Struct for netip.Addr
	typ    reflect.Type
	of     *layout // what a list or pointer holds
}

var addrType = reflect.TypeFor[netip.Addr]()

func layoutOf[T any]() *layout { return newLayout(reflect.TypeFor[T]()) }

func newLayout(t reflect.Type) *layout {
	l := &layout{typ: t}
	var text strings.Builder
	l.walk(t, 0, &text)
	l.text = text.String()
	return l
}

func (l *layout) walk(t reflect.Type, at uintptr, text *strings.Builder) {
	f := leaf{offset: at, kind: t.Kind(), typ: t}
	switch {
	case t == addrType:
		text.WriteString("addr ")
	case t.Kind() == reflect.Struct:
		text.WriteString("{")
		for i := range t.NumField() {
			text.WriteString(t.Field(i).Name + " ")
			l.walk(t.Field(i).Type, at+t.Field(i).Offset, text)
		}
		text.WriteString("} ")
		return
	case t.Kind() == reflect.Array:
		fmt.Fprintf(text, "[%d]", t.Len())
		for i := range t.Len() {
			l.walk(t.Elem(), at+uintptr(i)*t.Elem().Size(), text)
		}
		return
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Pointer:
		f.of = newLayout(t.Elem())
		text.WriteString(t.Kind().String() + " " + f.of.text)
	case t.Kind() == reflect.String, isNumber(t.Kind()):
		text.WriteString(t.Kind().String() + " ")
	default:
		panic(fmt.Sprintf("flow: a %s cannot be saved", t)) // a mistake in the program
	}
	l.leaves = append(l.leaves, f)
}

func isNumber(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Float64 && k != reflect.Uintptr
}

// load gives a number's bits; those of a signed one are extended.
func (f *leaf) load(v unsafe.Pointer) uint64 {
	switch p := unsafe.Add(v, f.offset); f.kind {
	case reflect.Bool, reflect.Uint8:
		return uint64(*(*uint8)(p))
	case reflect.Uint16:
		return uint64(*(*uint16)(p))
	case reflect.Uint32, reflect.Float32:
		return uint64(*(*uint32)(p))
	case reflect.Int8:
		return uint64(*(*int8)(p))
	case reflect.Int16:
		return uint64(*(*int16)(p))
	case reflect.Int32:
		return uint64(*(*int32)(p))
	case reflect.Int, reflect.Uint:
		return uint64(*(*int)(p))
	default:
		return *(*uint64)(p)
	}
}

// store is the inverse of load.
func (f *leaf) store(v unsafe.Pointer, n uint64) {
	switch p := unsafe.Add(v, f.offset); f.kind {
	case reflect.Bool:
		*(*bool)(p) = n != 0
	case reflect.Uint8, reflect.Int8:
		*(*uint8)(p) = uint8(n)
	case reflect.Uint16, reflect.Int16:
		*(*uint16)(p) = uint16(n)
	case reflect.Uint32, reflect.Int32, reflect.Float32:
		*(*uint32)(p) = uint32(n)
	case reflect.Int, reflect.Uint:
		*(*int)(p) = int(n)
	default:
		*(*uint64)(p) = n
	}
}

// packer writes values.
type packer struct{ buf []byte }

func (p *packer) uint(n uint64) { p.buf = binary.AppendUvarint(p.buf, n) }
func (p *packer) int(n int64)   { p.buf = binary.AppendVarint(p.buf, n) }

func (p *packer) text(s string) {
	p.uint(uint64(len(s)))
	p.buf = append(p.buf, s...)
}

// put writes the value that v points to.
func (p *packer) put(l *layout, v unsafe.Pointer) {
	for i := range l.leaves {
		p.putLeaf(&l.leaves[i], v, 0)
	}
}

// putLeaf writes one leaf, a whole number as its distance from before, and
// returns what the next one's distance is from.
func (p *packer) putLeaf(f *leaf, v unsafe.Pointer, before uint64) uint64 {
	at := unsafe.Add(v, f.offset)
	switch f.kind {
	case reflect.Float32, reflect.Float64:
		p.uint(bits.ReverseBytes64(f.load(v))) // round numbers end in zeros
	case reflect.String:
		p.text(*(*string)(at))
	case reflect.Struct:
		var room [32]byte
		b, _ := (*netip.Addr)(at).AppendBinary(room[:0]) // has no errors
		p.uint(uint64(len(b)))
		p.buf = append(p.buf, b...)
	case reflect.Slice:
		list := reflect.NewAt(f.typ, at).Elem()
		p.uint(uint64(list.Len()))
		for i := range list.Len() {
			p.put(f.of, unsafe.Add(list.UnsafePointer(), uintptr(i)*f.of.typ.Size()))
		}
	case reflect.Pointer:
		to := *(*unsafe.Pointer)(at)
		if to == nil {
			p.uint(0)
			break
		}
		p.uint(1)
		p.put(f.of, to)
	default:
		n := f.load(v)
		p.int(int64(n - before))
		return n
	}
	return 0
}

// unpacker reads what a packer wrote. After an error all that it reads is zero.
type unpacker struct {
	buf []byte
	err error
}

var errPacked = errors.New("the values are cut off or damaged")

func (u *unpacker) fail() {
	u.buf = nil
	if u.err == nil {
		u.err = errPacked
	}
}

func (u *unpacker) uint() uint64 {
	n, size := binary.Uvarint(u.buf)
	if size <= 0 {
		u.fail()
		return 0
	}
	u.buf = u.buf[size:]
	return n
}

func (u *unpacker) int() int64 {
	n := u.uint()
	return int64(n>>1) ^ -int64(n&1)
}

// count reads how many things follow, each of at least one byte.
func (u *unpacker) count() int {
	n := u.uint()
	if n > uint64(len(u.buf)) || n > math.MaxInt32 {
		u.fail()
		return 0
	}
	return int(n)
}

func (u *unpacker) text() string { return string(u.bytes()) }

// bytes reads a text without a copy.
func (u *unpacker) bytes() []byte {
	n := u.count()
	b := u.buf[:n]
	u.buf = u.buf[n:]
	return b
}

// get reads a value into what v points to.
func (u *unpacker) get(l *layout, v unsafe.Pointer) {
	for i := range l.leaves {
		u.getLeaf(&l.leaves[i], v, 0)
	}
}

// getLeaf is the inverse of putLeaf.
func (u *unpacker) getLeaf(f *leaf, v unsafe.Pointer, before uint64) uint64 {
	at := unsafe.Add(v, f.offset)
	switch f.kind {
	case reflect.Float32, reflect.Float64:
		f.store(v, bits.ReverseBytes64(u.uint()))
	case reflect.String:
		*(*string)(at) = u.text()
	case reflect.Struct:
		if err := (*netip.Addr)(at).UnmarshalBinary(u.bytes()); err != nil {
			u.fail()
		}
	case reflect.Slice:
		n := u.count()
		list := reflect.MakeSlice(f.typ, n, n)
		for i := range n {
			u.get(f.of, unsafe.Add(list.UnsafePointer(), uintptr(i)*f.of.typ.Size()))
		}
		reflect.NewAt(f.typ, at).Elem().Set(list)
	case reflect.Pointer:
		if u.uint() == 0 {
			break
		}
		to := reflect.New(f.of.typ)
		u.get(f.of, to.UnsafePointer())
		reflect.NewAt(f.typ, at).Elem().Set(to)
	default:
		n := before + uint64(u.int())
		f.store(v, n)
		return n
	}
	return 0
}

// Kinds of columns.
const (
	columnSame   = iota // one value for all
	columnValues        // a value each
)

// putColumn writes a leaf of n values that follow each other in memory.
func (p *packer) putColumn(f *leaf, first unsafe.Pointer, size uintptr, n int) {
	before := uint64(0)
	if isNumber(f.kind) && f.constant(first, size, n) {
		p.uint(columnSame)
		p.putLeaf(f, first, 0)
		return
	}
	p.uint(columnValues)
	for i := range n {
		before = p.putLeaf(f, unsafe.Add(first, uintptr(i)*size), before)
	}
}

// constant reports whether n values, at least one, have the same number.
func (f *leaf) constant(first unsafe.Pointer, size uintptr, n int) bool {
	v := f.load(first)
	for i := range n {
		if f.load(unsafe.Add(first, uintptr(i)*size)) != v {
			return false
		}
	}
	return true
}

// getColumn is the inverse of putColumn; the values must be zero before.
func (u *unpacker) getColumn(f *leaf, first unsafe.Pointer, size uintptr, n int) {
	switch before := uint64(0); u.uint() {
	case columnSame:
		u.getLeaf(f, first, 0)
		if v := f.load(first); v != 0 {
			for i := range n {
				f.store(unsafe.Add(first, uintptr(i)*size), v)
			}
		}
	case columnValues:
		for i := range n {
			before = u.getLeaf(f, unsafe.Add(first, uintptr(i)*size), before)
		}
	default:
		u.fail()
	}
}
