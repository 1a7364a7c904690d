package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Model and checkpoint files are alike: magic, version, length of a header,
// the header, float32 values, SHA-256. See modelfile.go.
const (
	magicLen  = 8
	maxHeader = 64 << 20
	prefixLen = 16
)

// seal gives the bytes of a file.
func seal(magic string, version uint32, head []byte, blocks ...[]float32) ([]byte, error) {
	head = append(head, bytes.Repeat([]byte{' '}, -len(head)&15)...)
	if len(head) > maxHeader {
		return nil, fmt.Errorf("a header of %d bytes, more than %d", len(head), maxHeader)
	}
	size := prefixLen + len(head) + sha256.Size
	for _, b := range blocks {
		size += 4 * len(b)
	}
	out := make([]byte, 0, size)
	out = append(out, magic...)
	out = binary.LittleEndian.AppendUint32(out, version)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(head)))
	out = append(out, head...)
	for _, b := range blocks {
		for _, v := range b {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
		}
	}
	sum := sha256.Sum256(out)
	return append(out, sum[:]...), nil
}

// unseal checks that a file is whole and gives its header and values, which
// are finite. The version is any from oldest to newest.
func unseal(data []byte, magic string, oldest, newest uint32) (head []byte, values []float32, err error) {
	if len(data) < prefixLen+sha256.Size || string(data[:magicLen]) != magic {
		return nil, nil, errors.New("offset 0: not such a file, or cut short")
	}
	if v := binary.LittleEndian.Uint32(data[8:]); v < oldest || v > newest {
		return nil, nil, fmt.Errorf("offset 8: format version %d, this program reads up to %d", v, newest)
	}
	length := binary.LittleEndian.Uint32(data[12:])
	if length > maxHeader || int(length) > len(data)-prefixLen-sha256.Size {
		return nil, nil, fmt.Errorf("offset 12: a header of %d bytes in a file of %d: cut short or damaged", length, len(data))
	}
	body, trailer := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], trailer) {
		return nil, nil, fmt.Errorf("offset %d: the checksum does not fit: cut short or damaged", len(body))
	}
	at := prefixLen + int(length)
	head, rest := body[prefixLen:at], body[at:]
	if len(rest)%4 != 0 {
		return nil, nil, fmt.Errorf("offset %d: %d bytes of numbers", at, len(rest))
	}
	values = make([]float32, len(rest)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(rest[4*i:]))
		if f := float64(values[i]); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, nil, fmt.Errorf("offset %d: weight %v", at+4*i, f)
		}
	}
	return head, values, nil
}
