package sink

import (
	"fmt"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

func codecByName(name string) (format.CompressionCodec, error) {
	switch name {
	case "", "zstd":
		return format.Zstd, nil
	case "snappy":
		return format.Snappy, nil
	case "none":
		return format.Uncompressed, nil
	}
	return 0, fmt.Errorf("parquet: no compression %q; known: zstd, snappy, none", name)
}

// compressor compresses the pages of one encoder. Its output depends on its
// input alone.
type compressor struct {
	codec format.CompressionCodec
	zstd  *zstd.Encoder
	buf   []byte
}

func newCompressor(codec format.CompressionCodec) *compressor {
	c := &compressor{codec: codec}
	if codec == format.Zstd {
		// Options that cannot be wrong: NewWriter reports nothing else.
		c.zstd, _ = zstd.NewWriter(nil,
			zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(pageBytes),
			zstd.WithEncoderCRC(false), // the page header has one
		)
	}
	return c
}

// compress returns src compressed, valid until the next call.
func (c *compressor) compress(src []byte) []byte {
	switch c.codec {
	case format.Zstd:
		c.buf = c.zstd.EncodeAll(src, c.buf[:0])
	case format.Snappy:
		c.buf = snappy.Encode(c.buf[:cap(c.buf)], src)
	default:
		return src
	}
	return c.buf
}
