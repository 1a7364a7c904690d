package export

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/pcapline/pcapline/features"
)

// arrays are LUCID's three files.
type arrays struct {
	parts [3]*npz
}

// npz is a file of NumPy arrays: a zip archive of .npy entries, not
// compressed. set_x is written as it comes, the small ones at the end.
type npz struct {
	file      *os.File
	buf       *bufio.Writer
	zip       *zip.Writer
	entry     io.Writer // of set_x
	row       []byte
	y         []int64
	start     []int64
	capture   []int64
	flowKey   []int64
	announced int // samples
}

// newArrays begins the files: how many samples come is known from the first
// reading, and must be, since an array begins with its shape.
func (e *exporter) newArrays(s *samples) (*arrays, error) {
	var count [len(features.Parts)]int
	for _, p := range s.split.Parts {
		count[p]++
	}
	a := &arrays{}
	for i, name := range []string{"train", "val", "test"} {
		f, err := e.create("10t-10n-pcapline-dataset-" + name + ".npz")
		if err != nil {
			a.abort()
			return nil, err
		}
		n := &npz{file: f, buf: bufio.NewWriterSize(f, 1<<16), announced: count[i]}
		n.zip = zip.NewWriter(n.buf)
		a.parts[i] = n
		if n.entry, err = n.create("set_x", "<f4", n.announced, lucidPackets, lucidFeatures); err != nil {
			a.abort()
			return nil, err
		}
	}
	return a, nil
}

// create begins an array.
func (n *npz) create(name, dtype string, shape ...int) (io.Writer, error) {
	w, err := n.zip.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
	if err != nil {
		return nil, err
	}
	_, err = w.Write(npyHeader(dtype, shape))
	return w, err
}

// npyHeader is the front of a .npy file, version 1.0: magic, length, and a
// Python dictionary that is padded to 64 bytes.
func npyHeader(dtype string, shape []int) []byte {
	var dims strings.Builder
	for _, d := range shape {
		fmt.Fprintf(&dims, "%d, ", d)
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", dtype, strings.TrimSuffix(dims.String(), " "))
	const front = 10 // magic, version, length
	pad := 64 - (front+len(text)+1)%64
	text += strings.Repeat(" ", pad%64) + "\n"
	out := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(out[8:], uint16(len(text)))
	return append(out, text...)
}

// add writes a sample, each feature divided by its greatest value.
func (a *arrays) add(part features.Part, f *fragment) error {
	n := a.parts[part]
	n.row = n.row[:0]
	for k := range lucidPackets {
		for i := range lucidFeatures {
			v := float32(f.x[k][i] / lucidMax[i])
			n.row = binary.LittleEndian.AppendUint32(n.row, math.Float32bits(v))
		}
	}
	attack := int64(0)
	if f.truth.label != "" {
		attack = 1
	}
	n.y = append(n.y, attack)
	n.start = append(n.start, f.position.Start)
	n.capture = append(n.capture, int64(f.position.Capture))
	n.flowKey = append(n.flowKey, f.flowKey)
	_, err := n.entry.Write(n.row)
	return err
}

func (a *arrays) close() error {
	for _, n := range a.parts {
		if len(n.y) != n.announced {
			return fmt.Errorf("%d samples in the second reading, %d in the first: the table changed", len(n.y), n.announced)
		}
		if err := n.finish(); err != nil {
			return err
		}
	}
	return nil
}

// finish writes the small arrays and closes the file.
func (n *npz) finish() error {
	for _, x := range []struct {
		name   string
		values []int64
	}{{"set_y", n.y}, {"start_ns", n.start}, {"capture", n.capture}, {"flow_key", n.flowKey}} {
		w, err := n.create(x.name, "<i8", len(x.values))
		if err != nil {
			return err
		}
		data := make([]byte, 0, 8*len(x.values))
		for _, v := range x.values {
			data = binary.LittleEndian.AppendUint64(data, uint64(v))
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	err := errors.Join(n.zip.Close(), n.buf.Flush(), n.file.Close())
	n.file = nil
	return err
}

// abort closes what close did not.
func (a *arrays) abort() {
	for _, n := range a.parts {
		if n != nil && n.file != nil {
			_ = n.file.Close() // the folder is removed
		}
	}
}
