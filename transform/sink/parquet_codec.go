package sink

import (
	"bytes"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"

	"github.com/pcapline/pcapline/transform/schema"
)

// autoName is zstd for all columns but those of raw bytes, which Snappy makes as
// small (payloads of the lab: 51 MB against 52) in a third of the time.
const autoName = "auto"

// parquetCompressions are those that a column chunk can have, the default first.
var parquetCompressions = []string{
	autoName, zstdName, "zstd:1", "zstd:3", "zstd:7", "zstd:11", "snappy", gzipName, "gzip:1", "gzip:9", uncompressed,
}

// forField is the compression of a column.
func forField(compression string, f *schema.Field) string {
	switch {
	case compression != autoName:
		return compression
	case f.Kind == schema.Binary:
		return "snappy"
	}
	return zstdName
}

var parquetCodecs = map[string]format.CompressionCodec{
	zstdName: format.Zstd, "snappy": format.Snappy, gzipName: format.Gzip, uncompressed: format.Uncompressed,
}

// compressor compresses the pages of one encoder. Its output depends on its
// input alone.
type compressor struct {
	codec format.CompressionCodec
	zstd  *zstd.Encoder
	gzip  *gzip.Writer
	buf   []byte
}

func newCompressor(compression string) *compressor {
	c := &compressor{codec: parquetCodecs[codecOf(compression)]}
	switch c.codec {
	case format.Zstd:
		c.zstd = newZstd(compression, zstd.SpeedFastest, false) // the page header has a checksum
	case format.Gzip:
		// A level of the list cannot be wrong, which is all that is reported.
		c.gzip, _ = gzip.NewWriterLevel(nil, gzipLevels[compression])
	}
	return c
}

// compress returns src compressed, valid until the next call.
func (c *compressor) compress(src []byte) []byte {
	switch c.codec {
	case format.Zstd:
		c.buf = c.zstd.EncodeAll(src, c.buf[:0])
	case format.Snappy:
		c.buf = s2.EncodeSnappy(c.buf[:cap(c.buf)], src)
	case format.Gzip:
		out := bytes.NewBuffer(c.buf[:0])
		c.gzip.Reset(out)
		// Writing to memory does not fail.
		_, _ = c.gzip.Write(src)
		_ = c.gzip.Close()
		c.buf = out.Bytes()
	default:
		return src
	}
	return c.buf
}
