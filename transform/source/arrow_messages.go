package source

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	flatbuffers "github.com/google/flatbuffers/go"
)

// arrowMessages checks what arrow-go would believe of lengths against the size
// of the file: a few bytes can otherwise ask for all memory there is. Of a
// stream it also gives the messages, one behind another.
type arrowMessages struct {
	r    io.ReaderAt
	size int64
	next int64 // of a stream: where the next message begins
}

// Slots of the tables of Arrow's Message.fbs, Schema.fbs and File.fbs.
const (
	messageKind, messageHeader, messageBody    = 1, 2, 3
	schemaFields, schemaMetadata               = 1, 2
	fieldKind, fieldType, fieldChildren        = 2, 3, 5
	fieldMetadata                              = 6
	batchBuffers, batchVariadic                = 2, 4
	dictionaryData                             = 1
	footerSchema, footerDictionaries           = 1, 2
	footerBatches                              = 3
	headerSchema, headerDictionary, headerRows = 1, 2, 3
	typeUnion                                  = 14
)

// maxArrowFields bounds the fields of a schema, nested ones included.
const maxArrowFields = 1 << 16

var errArrowLength = errors.New("damaged: a length beyond the end")

// Retain and Release are arrow-go's way to share a reader, which this is not.
func (m *arrowMessages) Retain()  {}
func (m *arrowMessages) Release() {}

// Message reads the next message; io.EOF when there is none.
func (m *arrowMessages) Message() (*ipc.Message, error) {
	meta, at, err := m.metadata(m.next)
	if err != nil {
		return nil, err
	}
	root := rootOf(meta)
	size := root.GetInt64Slot(slot(messageBody), 0)
	body, err := m.bytes(at, size)
	if err != nil {
		return nil, err
	}
	m.next = at + size
	return ipc.NewMessage(memory.NewBufferBytes(meta), memory.NewBufferBytes(body)), nil
}

// metadata reads and checks the metadata of the message at an offset and says
// where its body begins. The length comes first, behind a mark that old
// writers do not set.
func (m *arrowMessages) metadata(at int64) (meta []byte, body int64, err error) {
	length, err := m.bytes(at, 4)
	if err == nil && string(length) == arrowContinue {
		at += 4
		length, err = m.bytes(at, 4)
	}
	if err != nil {
		return nil, 0, err
	}
	n := int64(binary.LittleEndian.Uint32(length))
	if n == 0 {
		return nil, 0, io.EOF
	}
	if meta, err = m.bytes(at+4, n); err != nil {
		return nil, 0, err
	}
	return meta, at + 4 + n, checkMessage(rootOf(meta))
}

func (m *arrowMessages) bytes(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || at > m.size || n > m.size-at {
		return nil, errArrowLength
	}
	b := make([]byte, n)
	_, err := m.r.ReadAt(b, at)
	return b, err
}

// footer checks the footer of a file, and its dictionaries. It returns where
// the record batches are.
func (m *arrowMessages) footer() (batches []int64, err error) {
	tail := int64(len(arrowMagic) + 4)
	end, err := m.bytes(m.size-tail, tail)
	if err != nil || string(end[4:]) != arrowMagic {
		return nil, fmt.Errorf("damaged: it does not end with %s, so it was cut short", arrowMagic)
	}
	n := int64(binary.LittleEndian.Uint32(end))
	text, err := m.bytes(m.size-tail-n, n)
	if err != nil {
		return nil, err
	}
	if n < 8 {
		return nil, errArrowLength
	}
	footer := rootOf(text)
	s, ok := child(footer, footerSchema)
	if !ok {
		return nil, errors.New("damaged: the footer has no schema")
	}
	if err := checkSchema(s); err != nil {
		return nil, err
	}
	dictionaries, err := blocks(footer, footerDictionaries)
	if err != nil {
		return nil, err
	}
	for _, at := range dictionaries {
		if _, _, err := m.metadata(at); err != nil {
			return nil, err
		}
	}
	return blocks(footer, footerBatches)
}

// blocks is where the messages in a list of the footer begin.
func blocks(footer flatbuffers.Table, field int) ([]int64, error) {
	const size = 24
	from, count, err := vector(footer, field, size)
	list := make([]int64, count)
	for i := range list {
		list[i] = footer.GetInt64(from + flatbuffers.UOffsetT(i*size))
	}
	return list, err
}

// checkMessage checks the lengths that arrow-go makes room for.
func checkMessage(root flatbuffers.Table) error {
	header, ok := child(root, messageHeader)
	if !ok {
		return errors.New("damaged: a message without a header")
	}
	switch root.GetByteSlot(slot(messageKind), 0) {
	case headerSchema:
		return checkSchema(header)
	case headerDictionary:
		data, ok := child(header, dictionaryData)
		if !ok {
			return errors.New("damaged: a dictionary without values")
		}
		return checkRows(data)
	case headerRows:
		return checkRows(header)
	}
	return nil
}

func checkSchema(s flatbuffers.Table) error {
	if _, _, err := vector(s, schemaMetadata, 4); err != nil {
		return err
	}
	left := maxArrowFields
	return checkFields(s, schemaFields, &left)
}

// checkFields checks the fields in a slot and those below them. left bounds
// how many, since one may stand for any number of others.
func checkFields(t flatbuffers.Table, field int, left *int) error {
	from, count, err := vector(t, field, 4)
	if err != nil {
		return err
	}
	for i := range count {
		if *left--; *left < 0 {
			return fmt.Errorf("a schema of more than %d fields", maxArrowFields)
		}
		f := element(t, from, i)
		if _, _, err := vector(f, fieldMetadata, 4); err != nil {
			return err
		}
		if typ, ok := child(f, fieldType); ok && f.GetByteSlot(slot(fieldKind), 0) == typeUnion {
			if _, _, err := vector(typ, 1, 4); err != nil {
				return err
			}
		}
		if err := checkFields(f, fieldChildren, left); err != nil {
			return err
		}
	}
	return nil
}

// checkRows checks that views have no more buffers than there are.
func checkRows(batch flatbuffers.Table) error {
	_, buffers, err := vector(batch, batchBuffers, 16)
	if err != nil {
		return err
	}
	from, count, err := vector(batch, batchVariadic, 8)
	if err != nil {
		return err
	}
	for i := range count {
		if n := batch.GetInt64(from + flatbuffers.UOffsetT(8*i)); n < 0 || n > int64(buffers) {
			return errArrowLength
		}
	}
	return nil
}

// rootOf is the root table of a buffer. Offsets that lead out of it panic.
func rootOf(b []byte) flatbuffers.Table {
	return flatbuffers.Table{Bytes: b, Pos: flatbuffers.GetUOffsetT(b)}
}

func slot(field int) flatbuffers.VOffsetT { return flatbuffers.VOffsetT(4 + 2*field) }

// child is the table in a field.
func child(t flatbuffers.Table, field int) (flatbuffers.Table, bool) {
	o := t.Offset(slot(field))
	if o == 0 {
		return t, false
	}
	return flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(t.Pos + flatbuffers.UOffsetT(o))}, true
}

// vector is where the elements of the vector in a field begin, and how many there are.
func vector(t flatbuffers.Table, field, size int) (from flatbuffers.UOffsetT, count int, err error) {
	o := t.Offset(slot(field))
	if o == 0 {
		return 0, 0, nil
	}
	from, count = t.Vector(flatbuffers.UOffsetT(o)), t.VectorLen(flatbuffers.UOffsetT(o))
	if int64(from)+int64(count)*int64(size) > int64(len(t.Bytes)) {
		return 0, 0, errArrowLength
	}
	return from, count, nil
}

// element is table i of a vector of tables.
func element(t flatbuffers.Table, from flatbuffers.UOffsetT, i int) flatbuffers.Table {
	return flatbuffers.Table{Bytes: t.Bytes, Pos: t.Indirect(from + flatbuffers.UOffsetT(4*i))}
}
