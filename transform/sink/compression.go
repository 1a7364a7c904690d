package sink

import (
	"fmt"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The compressions, as users name them: a codec, and where it has levels
// perhaps one of these, by the numbers of zstd's and gzip's own commands.
// Without a level a format takes the one that suits it.
const (
	uncompressed = "none"
	zstdName     = "zstd"
	gzipName     = "gzip"
)

var zstdLevels = map[string]zstd.EncoderLevel{
	"zstd:1": zstd.SpeedFastest, "zstd:3": zstd.SpeedDefault,
	"zstd:7": zstd.SpeedBetterCompression, "zstd:11": zstd.SpeedBestCompression,
}

var gzipLevels = map[string]int{
	"gzip": gzip.DefaultCompression, "gzip:1": gzip.BestSpeed, "gzip:9": gzip.BestCompression,
}

// chooseCompression returns the compression named, or the first of those that
// the format knows.
func chooseCompression(format, name string, known []string) (string, error) {
	if name == "" {
		return known[0], nil
	}
	if !slices.Contains(known, name) {
		return "", fmt.Errorf("%s: no compression %q; known: %s", format, name, strings.Join(known, ", "))
	}
	return name, nil
}

// codecOf is the compression without its level.
func codecOf(compression string) string {
	codec, _, _ := strings.Cut(compression, ":")
	return codec
}

// newZstd makes an encoder of zstd at the level named, or at the one given,
// with or without checksums. It works where it is called, so that its output
// depends on its input alone.
func newZstd(compression string, level zstd.EncoderLevel, crc bool) *zstd.Encoder {
	if l, ok := zstdLevels[compression]; ok {
		level = l
	}
	// Options that cannot be wrong: NewWriter reports nothing else.
	enc, _ := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(level),
		zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(pageBytes),
		zstd.WithEncoderCRC(crc),
	)
	return enc
}
