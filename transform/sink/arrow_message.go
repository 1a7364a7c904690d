package sink

import (
	"encoding/binary"
	"maps"
	"slices"

	flatbuffers "github.com/google/flatbuffers/go"

	"github.com/pcapline/pcapline/transform/schema"
)

// What is said of an Arrow table is FlatBuffers: tables of numbered slots, by
// Arrow's Schema.fbs, Message.fbs and File.fbs. arrow-go keeps its generated
// code to itself, so the slots are named here.

const arrowVersion = 4 // MetadataVersion V5

// Members of the union MessageHeader.
const (
	arrowSchemaHeader = 1
	arrowBatchHeader  = 3
)

// Members of the union Type.
const (
	arrowInt       = 2
	arrowFloat     = 3
	arrowBinary    = 4
	arrowUtf8      = 5
	arrowBool      = 6
	arrowTimestamp = 10
	arrowList      = 12
)

// arrowSchemaMessage is the message that a stream begins with.
func arrowSchemaMessage(s schema.Schema, metadata map[string]string) []byte {
	b := flatbuffers.NewBuilder(1 << 10)
	return finishArrowMessage(b, arrowSchemaHeader, arrowSchema(b, s, metadata), 0)
}

// finishArrowMessage ends a Message: version, header and the length of its body.
func finishArrowMessage(b *flatbuffers.Builder, kind byte, header flatbuffers.UOffsetT, body int64) []byte {
	b.StartObject(5)
	b.PrependInt16Slot(0, arrowVersion, 0)
	b.PrependByteSlot(1, kind, 0)
	b.PrependUOffsetTSlot(2, header, 0)
	b.PrependInt64Slot(3, body, 0)
	b.Finish(b.EndObject())
	return b.FinishedBytes()
}

// arrowFooter is the Footer of a file.
func arrowFooter(s schema.Schema, metadata map[string]string, blocks []arrowBlock) []byte {
	b := flatbuffers.NewBuilder(1 << 10)
	sch := arrowSchema(b, s, metadata)
	b.StartVector(24, 0, 8)
	dictionaries := b.EndVector(0)
	b.StartVector(24, len(blocks), 8)
	for _, block := range slices.Backward(blocks) {
		b.Prep(8, 24)
		b.PrependInt64(block.body)
		b.Pad(4)
		b.PrependInt32(block.meta)
		b.PrependInt64(block.offset)
	}
	batches := b.EndVector(len(blocks))
	b.StartObject(5)
	b.PrependInt16Slot(0, arrowVersion, 0)
	b.PrependUOffsetTSlot(1, sch, 0)
	b.PrependUOffsetTSlot(2, dictionaries, 0)
	b.PrependUOffsetTSlot(3, batches, 0)
	b.Finish(b.EndObject())
	return b.FinishedBytes()
}

// arrowSchema appends a Schema: byte order, fields, metadata.
func arrowSchema(b *flatbuffers.Builder, s schema.Schema, metadata map[string]string) flatbuffers.UOffsetT {
	fields := make([]flatbuffers.UOffsetT, len(s))
	for i, f := range s {
		fields[i] = arrowField(b, f)
	}
	list := arrowOffsets(b, fields)
	pairs := arrowKeyValues(b, metadata)
	b.StartObject(4)
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		b.PrependInt16Slot(0, 1, 0) // the buffers are memory as it is
	}
	b.PrependUOffsetTSlot(1, list, 0)
	b.PrependUOffsetTSlot(2, pairs, 0)
	return b.EndObject()
}

func arrowKeyValues(b *flatbuffers.Builder, metadata map[string]string) flatbuffers.UOffsetT {
	var pairs []flatbuffers.UOffsetT
	for _, k := range slices.Sorted(maps.Keys(metadata)) {
		key, value := b.CreateString(k), b.CreateString(metadata[k])
		b.StartObject(2)
		b.PrependUOffsetTSlot(0, key, 0)
		b.PrependUOffsetTSlot(1, value, 0)
		pairs = append(pairs, b.EndObject())
	}
	return arrowOffsets(b, pairs)
}

func arrowOffsets(b *flatbuffers.Builder, list []flatbuffers.UOffsetT) flatbuffers.UOffsetT {
	b.StartVector(flatbuffers.SizeUOffsetT, len(list), flatbuffers.SizeUOffsetT)
	for _, o := range slices.Backward(list) {
		b.PrependUOffsetT(o)
	}
	return b.EndVector(len(list))
}

// arrowField appends a Field. The elements of a list are its one child, "item".
func arrowField(b *flatbuffers.Builder, f *schema.Field) flatbuffers.UOffsetT {
	if !f.List {
		kind, typ := arrowType(b, f.Kind)
		return arrowFieldOf(b, f.Name, f.Nullable, kind, typ, nil)
	}
	kind, typ := arrowType(b, f.Kind)
	item := arrowFieldOf(b, "item", false, kind, typ, nil)
	b.StartObject(0)
	return arrowFieldOf(b, f.Name, f.Nullable, arrowList, b.EndObject(), []flatbuffers.UOffsetT{item})
}

func arrowFieldOf(b *flatbuffers.Builder, name string, nullable bool, kind byte, typ flatbuffers.UOffsetT, children []flatbuffers.UOffsetT) flatbuffers.UOffsetT {
	text, list := b.CreateString(name), arrowOffsets(b, children)
	b.StartObject(7)
	b.PrependUOffsetTSlot(0, text, 0)
	b.PrependBoolSlot(1, nullable, false)
	b.PrependByteSlot(2, kind, 0)
	b.PrependUOffsetTSlot(3, typ, 0)
	b.PrependUOffsetTSlot(5, list, 0)
	return b.EndObject()
}

// arrowType appends the type of a kind's values; addresses are text.
func arrowType(b *flatbuffers.Builder, k schema.Kind) (kind byte, typ flatbuffers.UOffsetT) {
	integer := func(bits int32, signed bool) (byte, flatbuffers.UOffsetT) {
		b.StartObject(2)
		b.PrependInt32Slot(0, bits, 0)
		b.PrependBoolSlot(1, signed, false)
		return arrowInt, b.EndObject()
	}
	empty := func(kind byte) (byte, flatbuffers.UOffsetT) {
		b.StartObject(0)
		return kind, b.EndObject()
	}
	switch k {
	case schema.Bool:
		return empty(arrowBool)
	case schema.Uint8:
		return integer(8, false)
	case schema.Uint16:
		return integer(16, false)
	case schema.Uint32:
		return integer(32, false)
	case schema.Int64:
		return integer(64, true)
	case schema.Float64:
		b.StartObject(1)
		b.PrependInt16Slot(0, 2, 0) // double precision
		return arrowFloat, b.EndObject()
	case schema.Timestamp:
		zone := b.CreateString("UTC")
		b.StartObject(2)
		b.PrependInt16Slot(0, 2, 0) // microseconds
		b.PrependUOffsetTSlot(1, zone, 0)
		return arrowTimestamp, b.EndObject()
	case schema.Binary:
		return empty(arrowBinary)
	}
	return empty(arrowUtf8)
}

// arrowBatch makes the message of a record batch: for each column, and each
// list's elements, a node, and the places of its buffers in the body.
func arrowBatch(b *flatbuffers.Builder, rows int, nodes []arrowNode, places []arrowPlace, codec arrowCodec, body int64) []byte {
	b.Reset()
	b.StartVector(16, len(places), 8)
	for _, p := range slices.Backward(places) {
		b.Prep(8, 16)
		b.PrependInt64(p.length)
		b.PrependInt64(p.offset)
	}
	buffers := b.EndVector(len(places))
	b.StartVector(16, len(nodes), 8)
	for _, n := range slices.Backward(nodes) {
		b.Prep(8, 16)
		b.PrependInt64(n.nulls)
		b.PrependInt64(n.length)
	}
	list := b.EndVector(len(nodes))
	var compression flatbuffers.UOffsetT
	if codec != arrowPlain {
		b.StartObject(2)
		b.PrependByteSlot(0, byte(codec), 0)
		compression = b.EndObject()
	}
	b.StartObject(5)
	b.PrependInt64Slot(0, int64(rows), 0)
	b.PrependUOffsetTSlot(1, list, 0)
	b.PrependUOffsetTSlot(2, buffers, 0)
	b.PrependUOffsetTSlot(3, compression, 0)
	return finishArrowMessage(b, arrowBatchHeader, b.EndObject(), body)
}
