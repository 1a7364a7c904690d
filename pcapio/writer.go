package pcapio

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// WriterOptions say what a [Writer] writes besides packets. Nothing in them
// is made up: without an OS and an application the file names none, and no
// file ever names the host.
type WriterOptions struct {
	Pcap        bool    // classic pcap with nanoseconds instead of pcapng
	Section     Section // Hardware, OS and Application of the section header; pcapng only
	Comment     string  // of the section; pcapng only
	BufferBytes int     // written at once; 0: 1 MiB
}

// ErrNotWritable says that a packet or an interface cannot be expressed in
// the format that a [Writer] writes. Nothing of it was written.
var ErrNotWritable = errors.New("cannot be written")

// Writer writes a capture: pcapng in little endian with times in nanoseconds,
// or classic pcap. The same calls give the same bytes. It buffers, so Flush
// comes last; an error of the stream below is kept and given by every later
// call. Not for several goroutines at once.
type Writer struct {
	w       io.Writer
	buf     []byte
	limit   int // bytes of buf at which it is written
	pcap    bool
	ifaces  int
	flushed int64
	packets int64
	err     error
}

// NewWriter begins a file with the interfaces that are known by then, to
// which [Packet.Interface] refers by index. A pcap file has exactly one; more
// can be added to a pcapng file at any time.
func NewWriter(w io.Writer, opt WriterOptions, ifaces ...Interface) (*Writer, error) {
	if opt.BufferBytes <= 0 {
		opt.BufferBytes = 1 << 20
	}
	wr := &Writer{w: w, buf: make([]byte, 0, opt.BufferBytes), limit: opt.BufferBytes, pcap: opt.Pcap}
	if opt.Pcap {
		if len(ifaces) != 1 {
			return nil, fmt.Errorf("%w: a pcap file has one interface, not %d", ErrNotWritable, len(ifaces))
		}
		wr.ifaces = 1
		wr.buf = appendPcapHeader(wr.buf, &ifaces[0])
		return wr, nil
	}
	wr.buf = AppendSection(wr.buf, opt.Section, opt.Comment)
	for i := range ifaces {
		if _, err := wr.AddInterface(&ifaces[i]); err != nil {
			return nil, err
		}
	}
	return wr, nil
}

// AddInterface declares another interface of a pcapng file and gives its index.
func (w *Writer) AddInterface(i *Interface) (int, error) {
	switch {
	case w.err != nil:
		return 0, w.err
	case w.pcap:
		return 0, fmt.Errorf("%w: a pcap file has one interface", ErrNotWritable)
	case w.ifaces == maxInterfaces:
		return 0, fmt.Errorf("%w: more than %d interfaces", ErrNotWritable, maxInterfaces)
	}
	w.buf = AppendInterface(w.buf, i)
	w.ifaces++
	return w.ifaces - 1, w.flushFull(0)
}

// Write appends a packet. Data, Time, WireLen (0: as long as Data), Interface,
// and in pcapng Direction and Comment are written; the other fields are not
// looked at. Nothing of p is kept.
func (w *Writer) Write(p *Packet) error { return w.WriteAfterLoss(p, 0) }

// WriteAfterLoss is Write for a packet before which some of its interface
// were lost, as pcapng's epb_dropcount says it. A pcap file cannot.
func (w *Writer) WriteAfterLoss(p *Packet, lost uint64) error {
	if err := w.check(p); err != nil {
		return err
	}
	if w.pcap {
		if err := w.flushFull(pcapRecordLen + len(p.Data)); err != nil {
			return err
		}
		w.buf = appendPcapRecord(w.buf, p)
	} else {
		if err := w.flushFull(PacketBlockLen(p, lost)); err != nil {
			return err
		}
		w.buf = AppendPacket(w.buf, p, lost)
	}
	w.packets++
	return nil
}

func (w *Writer) check(p *Packet) error {
	if w.err != nil {
		return w.err
	}
	if p.Interface < 0 || int(p.Interface) >= w.ifaces {
		return fmt.Errorf("%w: packet of interface %d, but the file has %d", ErrNotWritable, p.Interface, w.ifaces)
	}
	if err := CheckPacket(p); err != nil {
		return err
	}
	if w.pcap && p.Time/second > math.MaxUint32 {
		return fmt.Errorf("%w: pcap's times end in 2106; this one is %d ns", ErrNotWritable, p.Time)
	}
	return nil
}

// WriteStatistics appends the statistics of an interface to a pcapng file.
func (w *Writer) WriteStatistics(iface int, s *InterfaceStats, comment string) error {
	switch {
	case w.err != nil:
		return w.err
	case w.pcap:
		return fmt.Errorf("%w: a pcap file has no statistics", ErrNotWritable)
	case iface < 0 || iface >= w.ifaces:
		return fmt.Errorf("%w: statistics of interface %d, but the file has %d", ErrNotWritable, iface, w.ifaces)
	}
	w.buf = AppendStatistics(w.buf, iface, s, comment)
	return w.flushFull(0)
}

// flushFull makes room for n bytes; a block larger than the buffer gets one
// of its own.
func (w *Writer) flushFull(n int) error {
	if len(w.buf)+n > w.limit {
		return w.Flush()
	}
	return w.err
}

// Flush hands everything to the stream below.
func (w *Writer) Flush() error {
	if w.err != nil || len(w.buf) == 0 {
		return w.err
	}
	n, err := w.w.Write(w.buf)
	w.flushed += int64(n)
	if err == nil && n < len(w.buf) {
		err = io.ErrShortWrite
	}
	if err != nil {
		w.buf = w.buf[:0] // nothing more is written
		w.err = fmt.Errorf("write capture: %w", err)
		return w.err
	}
	if cap(w.buf) > 4*w.limit { // one huge packet went through
		w.buf = make([]byte, 0, w.limit)
	}
	w.buf = w.buf[:0]
	return nil
}

// Offset is the length of the file so far, what is buffered included: where
// the next block begins.
func (w *Writer) Offset() int64 { return w.flushed + int64(len(w.buf)) }

// Packets is how many were written.
func (w *Writer) Packets() int64 { return w.packets }
