package pcapio

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

func count(n int64) *int64 { return &n }

// written makes a file that uses everything the Writer can say.
func written(t testing.TB) ([]byte, []Packet, []Interface) {
	t.Helper()
	ifaces := []Interface{
		{Name: "eth0", Description: "uplink", LinkType: LinkEthernet, SnapLen: 262144, Filter: "tcp port 80",
			MAC: "00:11:22:33:44:55", Speed: 1e9, OS: "Linux", Hardware: "virtio", FCSLen: 4,
			Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("2001:db8::1/64")}},
		{Name: "any", LinkType: LinkSLL2},
	}
	pkts := []Packet{
		{Time: 1_700_000_000_123_456_789, Data: []byte("abcd"), WireLen: 1500, Direction: Inbound},
		{Time: 1_700_000_000_123_456_790, Data: []byte("abcde"), WireLen: 5, Interface: 1, Direction: Outbound, Comment: "seen\ntwice"},
		{Time: 0, Data: []byte{}, WireLen: 60},
		{Time: 1_700_000_001_000_000_000, Data: bytes.Repeat([]byte{7}, 1514), WireLen: 1514, Comment: "ü"},
	}
	var b bytes.Buffer
	w, err := NewWriter(&b, WriterOptions{Section: Section{Hardware: "x86", OS: "test", Application: "pcapline"}, Comment: "c"}, ifaces...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range pkts {
		if err := w.WriteAfterLoss(&pkts[i], uint64(i)*10); err != nil {
			t.Fatal(err)
		}
	}
	s := InterfaceStats{Time: 1_700_000_002_000_000_001, Start: 1_700_000_000_000_000_000, End: 1_700_000_002_000_000_000,
		Received: count(100), Dropped: count(1), FilterAccepted: count(90), DroppedByOS: count(2), Delivered: count(0)}
	if err := w.WriteStatistics(0, &s, "what was lost"); err != nil {
		t.Fatal(err)
	}
	s.Blocks = 1
	ifaces[0].Stats, ifaces[0].Lost = &s, 20+30
	ifaces[1].Lost = 10
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if w.Offset() != int64(b.Len()) || w.Packets() != int64(len(pkts)) {
		t.Errorf("Offset %d, Packets %d; the file has %d bytes, %d packets", w.Offset(), w.Packets(), b.Len(), len(pkts))
	}
	return b.Bytes(), pkts, ifaces
}

func TestWriterRoundTrip(t *testing.T) {
	file, want, ifaces := written(t)
	r, err := NewReader(bytes.NewReader(file), "mem", Options{})
	if err != nil {
		t.Fatal(err)
	}
	links := []LinkType{LinkEthernet, LinkSLL2}
	for i := range want {
		var got Packet
		if err := r.Next(&got); err != nil {
			t.Fatal(err)
		}
		w := want[i]
		w.Number, w.Offset, w.LinkType = int64(i)+1, got.Offset, links[w.Interface]
		if d := cmp.Diff(w, got); d != "" {
			t.Errorf("packet %d (-written +read):\n%s", i+1, d)
		}
	}
	if err := r.Next(new(Packet)); err != io.EOF {
		t.Errorf("after the last packet: %v", err)
	}
	f := r.File()
	for i := range ifaces {
		ifaces[i].TicksPerSecond = 1e9
	}
	if d := cmp.Diff(ifaces, f.Interfaces, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Errorf("interfaces (-written +read):\n%s", d)
	}
	s := f.Sections[0]
	if s.OS != "test" || s.Application != "pcapline" || s.Hardware != "x86" {
		t.Errorf("section: %+v", s)
	}
	if d := cmp.Diff([]string{"c", "what was lost"}, f.Comments); d != "" {
		t.Error(d)
	}
}

func TestWriterIsDeterministic(t *testing.T) {
	a, _, _ := written(t)
	b, _, _ := written(t)
	if !bytes.Equal(a, b) {
		t.Error("the same calls gave other bytes")
	}
	host, _ := os.Hostname()
	if len(host) > 3 && bytes.Contains(a, []byte(host)) {
		t.Errorf("the file names the host %q", host)
	}
}

func TestWriterPcap(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter(&b, WriterOptions{Pcap: true, BufferBytes: 64}, Interface{LinkType: LinkRaw, SnapLen: 100, FCSLen: 4})
	if err != nil {
		t.Fatal(err)
	}
	want := []Packet{{Time: 1_999_999_999, Data: []byte("x"), WireLen: 9}, {Time: 4e18, Data: make([]byte, 500)}}
	for i := range want {
		if err := w.Write(&want[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(&b, "mem", Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		var got Packet
		if err := r.Next(&got); err != nil {
			t.Fatal(err)
		}
		wire := max(want[i].WireLen, uint32(len(want[i].Data)))
		if got.Time != want[i].Time || !bytes.Equal(got.Data, want[i].Data) || got.WireLen != wire || got.LinkType != LinkRaw {
			t.Errorf("got %+v, want %+v", got, want[i])
		}
	}
	if i := r.File().Interfaces[0]; i.TicksPerSecond != 1e9 || i.SnapLen != 100 || i.FCSLen != 4 {
		t.Errorf("interface %+v", i)
	}
}

func TestWriterRefuses(t *testing.T) {
	eth := Interface{LinkType: LinkEthernet}
	ng, err := NewWriter(io.Discard, WriterOptions{}, eth)
	if err != nil {
		t.Fatal(err)
	}
	pc, err := NewWriter(io.Discard, WriterOptions{Pcap: true}, eth)
	if err != nil {
		t.Fatal(err)
	}
	_, two := NewWriter(io.Discard, WriterOptions{Pcap: true}, eth, eth)
	_, add := pc.AddInterface(&eth)
	for name, err := range map[string]error{
		"interface 1 of 1":   ng.Write(&Packet{Interface: 1}),
		"interface -1":       ng.Write(&Packet{Interface: -1}),
		"before 1970":        ng.Write(&Packet{Time: -1}),
		"long comment":       ng.Write(&Packet{Comment: strings.Repeat("x", 1<<16)}),
		"after 2106 in pcap": pc.Write(&Packet{Time: 5e18}),
		"statistics in pcap": pc.WriteStatistics(0, &InterfaceStats{}, ""),
		"statistics of 7":    ng.WriteStatistics(7, &InterfaceStats{}, ""),
		"two interfaces":     two,
		"one more in pcap":   add,
	} {
		if !errors.Is(err, ErrNotWritable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if ng.Packets() != 0 || pc.Packets() != 0 {
		t.Error("a refused packet was counted")
	}
}

// brokenPipe takes n bytes.
type brokenPipe struct{ n int }

func (b *brokenPipe) Write(p []byte) (int, error) {
	if len(p) > b.n {
		return b.n, io.ErrClosedPipe
	}
	b.n -= len(p)
	return len(p), nil
}

func TestWriterKeepsError(t *testing.T) {
	w, err := NewWriter(&brokenPipe{200}, WriterOptions{BufferBytes: 64}, Interface{})
	if err != nil {
		t.Fatal(err)
	}
	var first error
	for range 10 {
		if err := w.Write(&Packet{Data: make([]byte, 100)}); err != nil && first == nil {
			first = err
		}
	}
	if !errors.Is(first, io.ErrClosedPipe) {
		t.Fatalf("no error of the stream below: %v", first)
	}
	for _, err := range []error{w.Flush(), w.Write(&Packet{}), w.WriteStatistics(0, &InterfaceStats{}, "")} {
		if err != first {
			t.Errorf("a later call gave %v", err)
		}
	}
}

func TestWriterAcceptedByWireshark(t *testing.T) {
	capinfos, err := exec.LookPath("capinfos")
	if err != nil {
		t.Skip("capinfos is not installed")
	}
	file, _, _ := written(t)
	path := filepath.Join(t.TempDir(), "w.pcapng")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(capinfos, "-cM", path).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("Number of packets:   4")) {
		t.Errorf("%v\n%s", err, out)
	}
	if tshark, err := exec.LookPath("tshark"); err == nil {
		out, err := exec.Command(tshark, "-n", "-r", path, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len",
			"-e", "frame.interface_name", "-e", "frame.packet_flags_direction", "-e", "frame.comment", "-E", "separator=|").CombinedOutput()
		const first = "1700000000.123456789|1500|eth0|0x00000001|\n1700000000.123456790|5|any|0x00000002|seen\\ntwice\n"
		if got := strings.ReplaceAll(string(out), "Running as user \"root\" and group \"root\". This could be dangerous.\n", ""); err != nil || !strings.HasPrefix(got, first) {
			t.Errorf("%v\n%s\nwant\n%s", err, got, first)
		}
	}
}

// TestTailAtEveryByte shows a Tail a file that grows by one byte at a time.
func TestTailAtEveryByte(t *testing.T) {
	file, want, _ := written(t)
	g := &growing{data: file}
	tail := NewTail(g, "mem", Options{BlockBytes: 256})
	var got []Packet
	for g.n = 0; g.n <= len(file); g.n++ {
		var p Packet
		switch err := tail.Next(&p); err {
		case nil:
			p.Data = bytes.Clone(p.Data)
			got = append(got, p)
		case io.EOF:
		default:
			t.Fatalf("at byte %d: %v", g.n, err)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d packets, want %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i].Data, want[i].Data) || got[i].Time != want[i].Time || got[i].Number != int64(i+1) {
			t.Errorf("packet %d: %+v", i+1, got[i])
		}
	}
	if tail.Offset() != int64(len(file)) {
		t.Errorf("Offset %d of %d", tail.Offset(), len(file))
	}
	if tail.Ended() {
		t.Error("Ended, though interface 1 has no statistics")
	}
}

type growing struct {
	data []byte
	n    int
}

func (g *growing) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(g.data[:g.n]).ReadAt(p, off)
}

// TestTailLooksAgain replaces what follows the last whole block: a torn one,
// zeros, and then a good one.
func TestTailLooksAgain(t *testing.T) {
	file, _, _ := written(t)
	head := AppendInterface(AppendSection(nil, Section{}, ""), &Interface{LinkType: LinkEthernet})
	good := AppendPacket(nil, &Packet{Data: []byte("good")}, 0)
	g := &growing{}
	tail := NewTail(g, "mem", Options{})
	var p Packet
	show := func(tail []byte) { g.data = append(bytes.Clone(head), tail...); g.n = len(g.data) }
	show(file[len(file)-90:])
	if err := tail.Next(&p); err == nil {
		t.Fatal("garbage gave a packet")
	}
	show(make([]byte, 64))
	var fe *FormatError
	if err := tail.Next(&p); !errors.As(err, &fe) || fe.Offset != int64(len(head)) {
		t.Fatalf("zeros: %v", err)
	}
	show(good[:len(good)-1])
	if err := tail.Next(&p); err != io.EOF {
		t.Fatalf("a torn block: %v", err)
	}
	show(good)
	if err := tail.Next(&p); err != nil || string(p.Data) != "good" {
		t.Fatalf("%q, %v", p.Data, err)
	}
}

func FuzzWriterRoundTrip(f *testing.F) {
	f.Add([]byte("data"), int64(1), uint32(4), uint8(1), "comment", uint64(3), "eth0", "tcp", uint16(1))
	f.Add([]byte{}, int64(1)<<62, uint32(0), uint8(2), "", uint64(0), "", "", uint16(276))
	f.Fuzz(func(t *testing.T, data []byte, at int64, wire uint32, dir uint8, comment string, lost uint64, name, filter string, link uint16) {
		p := Packet{Data: data, Time: at, WireLen: wire, Direction: Direction(dir % 3), Comment: comment}
		var b bytes.Buffer
		w, err := NewWriter(&b, WriterOptions{BufferBytes: 1 + len(name)}, Interface{Name: name, Filter: filter, LinkType: LinkType(link)})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteAfterLoss(&p, lost); err != nil {
			if errors.Is(err, ErrNotWritable) {
				return
			}
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		r, err := NewReader(&b, "mem", Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got Packet
		if err := r.Next(&got); err != nil {
			t.Fatal(err)
		}
		if wire == 0 {
			wire = uint32(len(data))
		}
		if !bytes.Equal(got.Data, data) || got.Time != at || got.WireLen != wire || got.Direction != p.Direction ||
			got.Comment != text([]byte(comment)) || got.LinkType != LinkType(link) {
			t.Errorf("wrote %+v, read %+v", p, got)
		}
		if err := r.Next(&got); err != io.EOF {
			t.Errorf("after it: %v", err)
		}
	})
}

func benchWriter(b *testing.B, size int, write func(*Packet) error) {
	p := Packet{Data: make([]byte, size), Time: 1_700_000_000_000_000_000, WireLen: uint32(size)}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		p.Time += 1000
		if err := write(&p); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mpkt/s")
}

// wrapped is a file that is written from its beginning again after 64 MiB, so
// that a benchmark of any length fits the disk.
type wrapped struct {
	f   *os.File
	off int64
}

func (w *wrapped) Write(p []byte) (int, error) {
	if w.off > 64<<20 {
		w.off = 0
	}
	n, err := w.f.WriteAt(p, w.off)
	w.off += int64(n)
	return n, err
}

// BenchmarkWriter writes to a file, beside gopacket's writer, both with
// buffers of 1 MiB.
func BenchmarkWriter(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "bench.pcapng"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{64, 512, 1500} {
		b.Run(fmt.Sprintf("pcapline/%d", size), func(b *testing.B) {
			w, err := NewWriter(&wrapped{f: f}, WriterOptions{}, Interface{LinkType: LinkEthernet})
			if err != nil {
				b.Fatal(err)
			}
			benchWriter(b, size, w.Write)
		})
		b.Run(fmt.Sprintf("gopacket/%d", size), func(b *testing.B) {
			// bufio takes a larger bufio.Writer below it for its own buffer.
			w, err := pcapgo.NewNgWriter(bufio.NewWriterSize(&wrapped{f: f}, 1<<20), layers.LinkTypeEthernet)
			if err != nil {
				b.Fatal(err)
			}
			benchWriter(b, size, func(p *Packet) error {
				return w.WritePacket(gopacket.CaptureInfo{Timestamp: time.Unix(0, p.Time), CaptureLength: len(p.Data), Length: int(p.WireLen)}, p.Data)
			})
		})
	}
}
