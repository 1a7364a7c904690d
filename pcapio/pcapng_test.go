package pcapio

import (
	"bytes"
	"errors"
	"math"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPcapngSections(t *testing.T) {
	file, _, _ := smallPcapng()
	r := open(t, file, Options{})
	got, err := readAll(r)
	if err != nil {
		t.Fatal(err)
	}
	const start = 1_700_000_000_000_000_000
	var want []Packet
	for i := range 2 {
		want = append(want,
			Packet{Data: payload(i, 33), Time: start, WireLen: 33, Comment: "first"},
			Packet{Data: payload(i+5, 17), WireLen: 17, NoTime: true},
			Packet{Data: payload(i+9, 10), Time: start + second, WireLen: 60})
	}
	for i := range want {
		want[i].Interface, want[i].LinkType, want[i].Number = int32(i/3), 1, int64(i+1)
		want[i].Offset = got[i].Offset // told in TestTruncation
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("packets: %s", d)
	}
	f := r.File()
	hundred, seven := int64(100), int64(7)
	eth := Interface{
		Name: "eth0", LinkType: 1, TicksPerSecond: 1e9, Lost: 3,
		Stats: &InterfaceStats{Blocks: 1, Time: start + 2*second, Received: &hundred, Dropped: &seven},
	}
	name := Name{Addr: netip.MustParseAddr("10.0.0.1"), Names: []string{"abc"}}
	wantFile := &File{
		Path: "test", Format: "pcapng", Version: "1.0", ByteOrder: "mixed", Size: -1, Packets: 6,
		Interfaces: []Interface{eth, eth},
		Sections:   []Section{{ByteOrder: "little", Interfaces: 1}, {Offset: f.Sections[1].Offset, ByteOrder: "big", Interfaces: 1}},
		Comments:   []string{"small", "small"},
		Names:      []Name{name, name},
		Blocks:     BlockCounts{2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 2},
		Dropped:    14, PacketNotes: 2,
	}
	if d := cmp.Diff(wantFile, f, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Errorf("file: %s", d)
	}
}

func TestPcapngInterface(t *testing.T) {
	g := ng{highFirst}
	file := append(g.section(g.option(2, []byte("host\x00")), g.option(3, []byte("Linux")), g.option(4, []byte("dumpcap"))),
		g.iface(276, 96,
			g.option(2, []byte("any")), g.option(3, []byte("all of them")), g.option(11, []byte("\x00tcp port 80")),
			g.option(4, []byte{10, 1, 2, 3, 255, 255, 0, 0}), g.option(5, append(netip.MustParseAddr("fd00::1").AsSlice(), 64)),
			g.option(6, []byte{2, 0, 0, 0, 0, 1}), g.option(8, g.u64(1e9)), g.option(9, []byte{0x80 | 20}),
			g.option(12, []byte("Linux \xff")), g.option(13, []byte{4}), g.option(14, g.u64(1000)), g.option(15, []byte("nic")),
			g.option(2988, []byte("custom")), g.option(0, nil), []byte("behind the end of options is no option"))...)
	file = append(file, g.enhanced(0, 3<<19, payload(1, 4), g.option(optFlags, g.u32(2)))...)
	r := open(t, file, Options{})
	got, err := readAll(r)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d packets, %v", len(got), err)
	}
	if p := got[0]; p.Time != 1001*second+second/2 || p.Direction != Outbound || p.LinkType != LinkSLL2 {
		t.Errorf("packet is %+v", p)
	}
	f := r.File()
	want := Interface{
		Name: "any", Description: "all of them", LinkType: LinkSLL2, SnapLen: 96, TicksPerSecond: 1 << 20, TimeOffset: 1000,
		Filter: "tcp port 80", OS: "Linux \uFFFD", Hardware: "nic", MAC: "02:00:00:00:00:01", Speed: 1e9, FCSLen: 4,
		Addrs: []netip.Prefix{netip.MustParsePrefix("10.1.2.3/16"), netip.MustParsePrefix("fd00::1/64")},
	}
	if d := cmp.Diff(want, f.Interfaces[0], cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Error(d)
	}
	if s := f.Sections[0]; s.Hardware != "host" || s.OS != "Linux" || s.Application != "dumpcap" {
		t.Errorf("section is %+v", s)
	}
}

func TestPcapngPacketOptions(t *testing.T) {
	g := ng{lowFirst}
	file := append(g.section(), g.iface(1, 0)...)
	file = append(file, g.enhanced(0, 1, payload(1, 3), g.option(optComment, []byte("one")), g.option(optFlags, g.u32(0x1e1)),
		g.option(optDropCount, g.u64(40)), g.option(optComment, []byte("two")))...)
	file = append(file, g.enhanced(0, math.MaxUint64, payload(1, 3))...)
	r := open(t, file, Options{})
	got, err := readAll(r)
	if err != nil || len(got) != 2 {
		t.Fatalf("%d packets, %v", len(got), err)
	}
	if p := got[0]; p.Comment != "one\ntwo" || p.Direction != Inbound || p.Time != 1000 {
		t.Errorf("packet is %+v", p)
	}
	if f := r.File(); f.Dropped != 40 || f.BadTimes != 1 || f.PacketNotes != 1 {
		t.Errorf("file is %+v", f)
	}
	if got[1].Time != math.MaxInt64 {
		t.Errorf("a time that does not fit is %d", got[1].Time)
	}
}

// The last statistics of an interface hold, and what they leave out stays.
func TestPcapngStatistics(t *testing.T) {
	g := ng{lowFirst}
	file := append(g.section(), g.iface(1, 0)...)
	file = append(file, g.block(blockStatistics, g.u32(0), g.ticks(5), g.option(4, g.u64(1)), g.option(5, g.u64(2)))...)
	file = append(file, g.block(blockStatistics, g.u32(0), g.ticks(6), g.option(2, g.ticks(1)), g.option(3, g.ticks(2)),
		g.option(4, g.u64(10)), g.option(6, g.u64(11)), g.option(7, g.u64(12)), g.option(8, g.u64(13)))...)
	r := open(t, file, Options{})
	if _, err := readAll(r); err != nil {
		t.Fatal(err)
	}
	n := func(v int64) *int64 { return &v }
	want := &InterfaceStats{Blocks: 2, Time: 6000, Start: 1000, End: 2000, Received: n(10), Dropped: n(2),
		FilterAccepted: n(11), DroppedByOS: n(12), Delivered: n(13)}
	if d := cmp.Diff(want, r.File().Interfaces[0].Stats); d != "" {
		t.Error(d)
	}
	if r.File().Dropped != 14 {
		t.Errorf("dropped %d, want 14", r.File().Dropped)
	}
}

// Simple packets are cut at the first interface's snaplen.
func TestPcapngSimple(t *testing.T) {
	g := ng{lowFirst}
	file := bytes.Join([][]byte{g.section(), g.iface(1, 6), g.iface(101, 0), g.simple(100, payload(1, 8)), g.simple(5, payload(2, 5))}, nil)
	got, err := readAll(open(t, file, Options{}))
	if err != nil || len(got) != 2 {
		t.Fatalf("%d packets, %v", len(got), err)
	}
	if p := got[0]; !bytes.Equal(p.Data, payload(1, 6)) || p.WireLen != 100 || !p.NoTime || p.LinkType != 1 {
		t.Errorf("first is %+v", p)
	}
	if p := got[1]; !bytes.Equal(p.Data, payload(2, 5)) || p.WireLen != 5 {
		t.Errorf("second is %+v", p)
	}
}

// A block of unknown type is passed over whatever its size, without that much memory.
func TestPcapngHugeUnknownBlock(t *testing.T) {
	g := ng{lowFirst}
	file := append(g.section(), g.iface(1, 0)...)
	file = append(file, g.block(0x12345, make([]byte, 5<<20))...)
	end := len(file)
	file = append(file, g.enhanced(0, 1, payload(1, 3))...)
	opt := Options{MaxPacket: 1 << 10, BlockBytes: 1 << 16}
	r := open(t, file, opt)
	got, err := readAll(r)
	if err != nil || len(got) != 1 || got[0].Offset != int64(end) {
		t.Fatalf("%+v, %v", got, err)
	}
	if n := len(r.w.mem.data); n > 1<<17 {
		t.Errorf("the window has grown to %d bytes", n)
	}
}

// Every way in which a block contradicts itself is damage at its offset.
func TestPcapngCorrupt(t *testing.T) {
	g := ng{lowFirst}
	start := append(g.section(), g.iface(1, 0)...)
	start = append(start, g.enhanced(0, 1, payload(1, 3))...)
	change := func(b []byte, at int, v uint32) []byte {
		b = bytes.Clone(b)
		lowFirst.PutUint32(b[at:], v)
		return b
	}
	packet := g.enhanced(0, 1, payload(1, 8), g.option(optComment, []byte("text")))
	for name, block := range map[string][]byte{
		"length 0":                   make([]byte, 16),
		"length not a multiple of 4": change(packet, 4, uint32(len(packet)-1)),
		"length beyond all measure":  change(packet, 4, 1<<31),
		"lengths differ":             change(packet, len(packet)-4, 12),
		"unknown, lengths differ":    change(g.block(0x99, payload(1, 8)), 16, 12),
		"unknown interface":          g.enhanced(1, 1, payload(1, 8)),
		"captured beyond the block":  change(packet, 20, 400),
		"captured beyond 31 bits":    change(packet, 20, 1<<32-1),
		"option beyond the block":    g.enhanced(0, 1, nil, g.u16(1), g.u16(100)),
		"enhanced too short":         g.block(blockEnhanced, g.u32(0)),
		"packet too short":           g.block(blockPacket, g.u32(0)),
		"simple too short":           g.block(blockSimple),
		"simple beyond the block":    g.simple(100, payload(1, 8)),
		"section too short":          g.block(blockSection, g.u32(byteOrderMagic)),
		"section of no byte order":   g.block(blockSection, g.u32(1), g.u64(0), g.u64(0)),
		"interface too short":        g.block(blockInterface, g.u32(1)),
		"statistics too short":       g.block(blockStatistics, g.u64(0)),
		"statistics of nothing":      g.block(blockStatistics, g.u32(9), g.u64(0)),
		"name record too long":       g.block(blockNames, g.u16(1), g.u16(99)),
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, append(bytes.Clone(start), block...), Options{})
			got, err := readAll(r)
			if len(got) != 1 {
				t.Errorf("%d packets, want 1", len(got))
			}
			formatError(t, err, ErrCorrupt, 2, int64(len(start)))
			if again := r.Next(new(Packet)); again != err { //nolint:errorlint // the very same
				t.Errorf("then %v", again)
			}
		})
	}
	r := open(t, append(g.section(), g.simple(4, payload(1, 4))...), Options{})
	if _, err := readAll(r); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a simple packet without an interface: %v", err)
	}
}

// What a File keeps is bounded, and what it leaves out is counted.
func TestPcapngBoundedMetadata(t *testing.T) {
	g := ng{lowFirst}
	comment := g.option(optComment, bytes.Repeat([]byte("x"), 60_000))
	file := g.section()
	for range 100 {
		file = append(file, g.section(comment)...)
	}
	r := open(t, file, Options{})
	if _, err := readAll(r); err != nil {
		t.Fatal(err)
	}
	f := r.File()
	if kept := int64(len(f.Comments)); f.CommentsCut == 0 || kept+f.CommentsCut != 100 || kept*60_000 > maxCommentBytes {
		t.Errorf("%d comments kept, %d cut", kept, f.CommentsCut)
	}

	file = g.section()
	for range maxInterfaces + 1 {
		file = append(file, g.iface(1, 0)...)
	}
	if _, err := readAll(open(t, file, Options{})); !errors.Is(err, ErrCorrupt) {
		t.Errorf("%d interfaces: %v", maxInterfaces+1, err)
	}

	name := g.option(3, bytes.Repeat([]byte("x"), 60_000))
	file = g.section()
	for range 300 {
		file = append(file, g.iface(1, 0, name)...)
	}
	if _, err := readAll(open(t, file, Options{})); !errors.Is(err, ErrCorrupt) {
		t.Errorf("18 MB of descriptions: %v", err)
	}
}

func TestPcapngVersion(t *testing.T) {
	for minor, want := range map[uint16]error{0: nil, 2: nil, 1: ErrUnsupported, 7: ErrUnsupported} {
		g := ng{lowFirst}
		_, err := NewReader(bytes.NewReader(g.block(blockSection, g.u32(byteOrderMagic), g.u16(1), g.u16(minor), g.u64(0))), "x", Options{})
		if !errors.Is(err, want) {
			t.Errorf("1.%d: %v, want %v", minor, err, want)
		}
	}
}
