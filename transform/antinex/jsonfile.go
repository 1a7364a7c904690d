package antinex

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/pcapline/pcapline/transform/sink"
)

// jsonFile is the JSON archive of a run. The messages' text lies in a spool
// until it is written.
type jsonFile struct {
	path  string
	step  string // of indentation
	head  func(n int64) []byte
	spool *spool
	n     int64
	text  []byte // scratch

	shown   int64 // messages that the file at path has
	marked  int64 // where in the spool those begin that it has not
	written int64 // its size
}

func newJSONFile(path, step string, head func(n int64) []byte) (*jsonFile, error) {
	s, err := newSpool(path)
	if err != nil {
		return nil, err
	}
	return &jsonFile{path: path, step: step, head: head, spool: s}, nil
}

func (j *jsonFile) add(m *Message) error {
	j.text = appendBreak(j.text[:0], int(min(j.n, 1)), 2, j.step)
	j.text = m.appendJSON(j.text, 2, j.step)
	j.n++
	_, err := j.spool.Write(j.text)
	return err
}

// tail is what is behind the last message.
func (j *jsonFile) tail() []byte {
	out := []byte{}
	if j.n > 0 {
		out = appendBreak(out, 0, 1, j.step)
	}
	return append(appendBreak(append(out, ']'), 0, 0, j.step), '}')
}

// snapshot brings the file up to date. The number of packets stands before
// them: while it has as many digits the messages are added and the beginning
// is written over; else the file is written anew.
func (j *jsonFile) snapshot() error {
	to, err := j.spool.mark()
	if err != nil {
		return err
	}
	same := len(strconv.FormatInt(j.n, 10)) == len(strconv.FormatInt(j.shown, 10))
	if j.shown > 0 && same && sizeOf(j.path) == j.written {
		err = j.extend()
	} else {
		err = sink.WriteStream(j.path, func(w io.Writer) error {
			j.written, err = j.write(w, j.head(j.n), 0)
			return err
		})
	}
	if err != nil {
		return err
	}
	j.shown, j.marked = j.n, to
	return nil
}

// extend adds the new messages to the file. When that fails, the file is made
// what it was.
func (j *jsonFile) extend() error {
	f, err := os.OpenFile(j.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	at := j.written - int64(len(j.tail()))
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return err
	}
	n, err := j.write(f, nil, j.marked)
	if err == nil {
		_, err = f.WriteAt(j.head(j.n), 0)
	}
	if err != nil {
		// The first error is the one to tell.
		_, _ = f.WriteAt(j.tail(), at)
		_ = f.Truncate(j.written)
		return err
	}
	j.written = at + n
	return f.Close()
}

// write writes head, the messages behind a mark of the spool and the tail.
func (j *jsonFile) write(to io.Writer, head []byte, mark int64) (n int64, err error) {
	w := bufio.NewWriterSize(to, 256<<10)
	k, err := w.Write(head)
	if err != nil {
		return 0, err
	}
	dec, err := j.spool.read(mark)
	if err != nil {
		return 0, err
	}
	defer dec.Close()
	n, err = io.Copy(w, dec)
	if err != nil {
		return n, err
	}
	tail := j.tail()
	if _, err := w.Write(tail); err != nil {
		return n, err
	}
	return n + int64(k) + int64(len(tail)), w.Flush()
}

// archiveHead is the beginning of an archive as the original's processor
// writes it; created is "" in a file of messages that it has not seen.
func archiveHead(step, created, dataset string, n int64) []byte {
	out := []byte("{\n" + step)
	if created != "" {
		out = fmt.Appendf(out, "%q: %q,\n%s", "created", created, step)
	}
	out = append(appendJSONText(append(out, `"dataset": `...), dataset), ",\n"...)
	return fmt.Appendf(out, "%s\"num_packets\": %d,\n%s\"packets\": [", step, n, step)
}
