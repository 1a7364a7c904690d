package sink

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/parquet-go/parquet-go/format"
)

// pageHeader is a page header of the kinds that are written. It is encoded
// here rather than by parquet-go's reflection, which costs more than many a
// page's data.
type pageHeader struct {
	dictionary bool // else a data page of version 2
	raw        int  // sizes without the header, levels included
	stored     int
	crc        uint32
	encoding   format.Encoding

	values int // nulls included; entries of a dictionary
	// of data pages
	nulls, rows  int
	defBytes     int
	repBytes     int
	uncompressed bool
}

// Types of the Thrift compact protocol, and the byte before a field whose id
// is one above the last one's.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftI32    = 5
	thriftStruct = 12
	next         = 1 << 4
)

func (h *pageHeader) append(dst []byte) []byte {
	i32 := func(v int) { dst = binary.AppendVarint(append(dst, next|thriftI32), int64(v)) }
	if h.dictionary {
		i32(int(format.DictionaryPage))
	} else {
		i32(int(format.DataPageV2))
	}
	i32(h.raw)
	i32(h.stored)
	dst = binary.AppendVarint(append(dst, next|thriftI32), int64(int32(h.crc)))
	if h.dictionary {
		dst = append(dst, 3<<4|thriftStruct) // field 7, the last was 4
		i32(h.values)
		i32(int(format.Plain))
		return append(dst, 0, 0)
	}
	dst = append(dst, 4<<4|thriftStruct) // field 8
	i32(h.values)
	i32(h.nulls)
	i32(h.rows)
	i32(int(h.encoding))
	i32(h.defBytes)
	i32(h.repBytes)
	if h.uncompressed {
		dst = append(dst, next|thriftFalse)
	} else {
		dst = append(dst, next|thriftTrue)
	}
	return append(dst, 0, 0)
}

// compressValues fills in a data page's header and returns what is stored of
// its values, which is c's buffer or values themselves: values that do not
// shrink are stored as they are, which version 2 of data pages allows.
func (h *pageHeader) compressValues(rep, def, values []byte, c *compressor) (stored []byte) {
	stored, h.uncompressed = values, true
	if c.codec != format.Uncompressed && len(values) >= worthCompressing {
		if z := c.compress(values); len(z) < len(values) {
			stored, h.uncompressed = z, false
		}
	}
	h.repBytes, h.defBytes = len(rep), len(def)
	h.raw = len(rep) + len(def) + len(values)
	h.stored = len(rep) + len(def) + len(stored)
	h.crc = crc32.ChecksumIEEE(rep)
	h.crc = crc32.Update(h.crc, crc32.IEEETable, def)
	h.crc = crc32.Update(h.crc, crc32.IEEETable, stored)
	return stored
}

// appendDictionaryPage appends a dictionary page of plain values. It has no
// way to say that it is stored as it is.
func appendDictionaryPage(dst []byte, h *pageHeader, values []byte, c *compressor) []byte {
	stored := c.compress(values)
	h.raw, h.stored = len(values), len(stored)
	h.crc = crc32.ChecksumIEEE(stored)
	return append(h.append(dst), stored...)
}

// worthCompressing is the size below which a page's values are not
// compressed: a zstd frame alone takes some 12 bytes.
const worthCompressing = 64
