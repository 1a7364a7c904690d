package sink

import "io"

// output is the writer under a table. Once it failed, it fails: a table with a
// hole in it cannot be continued.
type output struct {
	w      io.Writer
	offset int64 // bytes written so far
	err    error
}

func (o *output) write(b []byte) error {
	if o.err != nil || len(b) == 0 {
		return o.err
	}
	n, err := o.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	o.offset += int64(n)
	o.err = err
	return err
}
