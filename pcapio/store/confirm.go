package store

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// A sum is what an object is confirmed by: its length and the CRC32C of all of
// it, the one checksum that S3 servers compute over whole objects whether they
// came in parts or not.
type sum struct {
	size int64
	crc  uint32
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sumOf reads all of r and rewinds it.
func sumOf(ctx context.Context, r io.ReadSeeker) (sum, error) {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return sum{}, err
	}
	s, err := sumStream(ctx, r)
	if err != nil {
		return sum{}, err
	}
	_, err = r.Seek(0, io.SeekStart)
	return s, err
}

func sumStream(ctx context.Context, r io.Reader) (sum, error) {
	h := crc32.New(castagnoli)
	n, err := io.Copy(h, contextReader{ctx, r})
	return sum{n, h.Sum32()}, err
}

// base64 is the checksum as S3 writes it.
func (s sum) base64() string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, s.crc))
}

// readBack confirms an object by what the place gives for it.
func readBack(ctx context.Context, s Store, name string, want sum) error {
	r, err := s.Open(ctx, name, 0, -1)
	if err != nil {
		return fmt.Errorf("confirm %s in %s: %w", name, s, err)
	}
	defer r.Close()
	got, err := sumStream(ctx, r)
	if err != nil {
		return fmt.Errorf("confirm %s in %s: %w", name, s, err)
	}
	if got != want {
		return fmt.Errorf("%s in %s: %w: %d bytes with CRC32C %08x, want %d with %08x", name, s, ErrNotConfirmed, got.size, got.crc, want.size, want.crc)
	}
	return nil
}
