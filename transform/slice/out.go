package slice

import (
	"fmt"
	"io"
	"strings"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform"
	"github.com/pcapline/pcapline/transform/sink"
)

// taken is a packet on its way out.
type taken struct {
	choice
	packet *pcapio.Packet
	iface  *pcapio.Interface // that it was captured on
	file   int32             // index of its capture
}

// output is where the packets go.
type output interface {
	write(t *taken) error
	// close makes everything visible and lists the files.
	close() ([]File, error)
	// abort removes what is not visible.
	abort()
}

// File is a file that was written.
type File struct {
	Path    string `json:"path"`
	Packets int64  `json:"packets"`
}

// capture is a pcapng file that gets its interfaces when packets need them.
type capture struct {
	w       *pcapio.Writer
	ifaces  map[ifaceKey]int32
	local   map[[2]int32]int32 // by capture and interface there
	packets int64
}

// ifaceKey is what an interface is; equal ones are one in the output.
type ifaceKey struct {
	link           pcapio.LinkType
	snap           uint32
	fcs            int
	speed          uint64
	texts, address string
}

func ifaceKeyOf(i *pcapio.Interface) ifaceKey {
	texts := []string{i.Name, i.Description, i.Filter, i.OS, i.Hardware, i.MAC}
	var addrs []string
	for _, a := range i.Addrs {
		addrs = append(addrs, a.String())
	}
	return ifaceKey{i.LinkType, i.SnapLen, i.FCSLen, i.Speed, strings.Join(texts, "\x00"), strings.Join(addrs, " ")}
}

func newCapture(w io.Writer, buffer int) (*capture, error) {
	pw, err := pcapio.NewWriter(w, pcapio.WriterOptions{
		Section: pcapio.Section{Application: "pcapline " + transform.Version}, BufferBytes: buffer,
	})
	return &capture{w: pw, ifaces: map[ifaceKey]int32{}, local: map[[2]int32]int32{}}, err
}

func (c *capture) write(t *taken) error {
	n, known := c.local[[2]int32{t.file, t.packet.Interface}]
	if !known {
		var err error
		if n, err = c.add(t.iface); err != nil {
			return err
		}
		c.local[[2]int32{t.file, t.packet.Interface}] = n
	}
	p := *t.packet
	p.Interface = n
	c.packets++
	return c.w.Write(&p)
}

// add gives the index of an interface, new or known.
func (c *capture) add(i *pcapio.Interface) (int32, error) {
	key := ifaceKeyOf(i)
	if n, known := c.ifaces[key]; known {
		return n, nil
	}
	n, err := c.w.AddInterface(i)
	c.ifaces[key] = int32(n)
	return int32(n), err
}

// single is one file.
type single struct {
	pending *sink.Pending
	capture *capture
}

func newSingle(path string) (*single, error) {
	p, err := sink.NewPending(path)
	if err != nil {
		return nil, fmt.Errorf("create capture: %w", err)
	}
	c, err := newCapture(p, 0)
	if err != nil {
		p.Abort()
		return nil, err
	}
	return &single{p, c}, nil
}

func (s *single) write(t *taken) error { return s.capture.write(t) }

func (s *single) close() ([]File, error) {
	if err := s.capture.w.Flush(); err != nil {
		return nil, err
	}
	return []File{{s.pending.Path(), s.capture.packets}}, s.pending.Close()
}

func (s *single) abort() { s.pending.Abort() }
