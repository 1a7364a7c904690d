package pcapio

import "io"

// Decompress gives what r holds without its compression, which is known by its
// first bytes as that of captures is: gzip, zstd, xz or lz4, up to two around
// another, or none. Close ends the decompressors; it does not close r.
func Decompress(r io.Reader, opt Options) (io.ReadCloser, error) {
	plain, _, done, err := unpack(r, opt.withDefaults())
	if err != nil {
		done()
		return nil, err
	}
	return decompressed{plain, done}, nil
}

type decompressed struct {
	io.Reader
	done func()
}

func (d decompressed) Close() error {
	d.done()
	return nil
}
