package pcapio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

// Captures for the tests are put together byte by byte here, so that they
// can be wrong in every way and do not rest on a writer of ours.

// order both writes and reads numbers.
type order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

var (
	lowFirst  order = binary.LittleEndian
	highFirst order = binary.BigEndian
)

func pcapHeader(o order, magic uint32, snapLen, link uint32) []byte {
	b := o.AppendUint32(nil, magic)
	b = o.AppendUint16(b, 2)
	b = o.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = o.AppendUint32(b, snapLen)
	return o.AppendUint32(b, link)
}

func pcapRecord(o order, sec, frac, wire uint32, data []byte) []byte {
	b := o.AppendUint32(nil, sec)
	b = o.AppendUint32(b, frac)
	b = o.AppendUint32(b, uint32(len(data)))
	b = o.AppendUint32(b, wire)
	return append(b, data...)
}

// payload makes bytes that differ from packet to packet.
func payload(i, n int) []byte {
	b := make([]byte, n)
	for j := range b {
		b[j] = byte(i*31 + j*7 + 1)
	}
	return b
}

// ng builds pcapng in one byte order.
type ng struct{ o order }

func (g ng) u16(v uint16) []byte { return g.o.AppendUint16(nil, v) }
func (g ng) u32(v uint32) []byte { return g.o.AppendUint32(nil, v) }
func (g ng) u64(v uint64) []byte { return g.o.AppendUint64(nil, v) }

func padded(b []byte) []byte { return append(bytes.Clone(b), make([]byte, -len(b)&3)...) }

func (g ng) block(typ uint32, parts ...[]byte) []byte {
	body := padded(bytes.Join(parts, nil))
	n := uint32(12 + len(body))
	return bytes.Join([][]byte{g.u32(typ), g.u32(n), body, g.u32(n)}, nil)
}

func (g ng) option(code uint16, v []byte) []byte {
	return bytes.Join([][]byte{g.u16(code), g.u16(uint16(len(v))), padded(v)}, nil)
}

func (g ng) section(options ...[]byte) []byte {
	return g.block(blockSection, g.u32(byteOrderMagic), g.u16(1), g.u16(0), g.u64(1<<64-1), bytes.Join(options, nil))
}

func (g ng) iface(link uint16, snapLen uint32, options ...[]byte) []byte {
	return g.block(blockInterface, g.u16(link), g.u16(0), g.u32(snapLen), bytes.Join(options, nil))
}

func (g ng) ticks(t uint64) []byte {
	return append(g.u32(uint32(t>>32)), g.u32(uint32(t))...)
}

func (g ng) enhanced(iface uint32, ticks uint64, data []byte, options ...[]byte) []byte {
	return g.block(blockEnhanced, g.u32(iface), g.ticks(ticks), g.u32(uint32(len(data))),
		g.u32(uint32(len(data))), padded(data), bytes.Join(options, nil))
}

func (g ng) simple(wire uint32, data []byte) []byte {
	return g.block(blockSimple, g.u32(wire), data)
}

// smallPcap is a pcap file and the offset at which each packet's record ends.
func smallPcap(packets int) (file []byte, ends []int) {
	file = pcapHeader(lowFirst, magicMicro, 65535, 1)
	for i := range packets {
		n := 20 + i%97
		file = append(file, pcapRecord(lowFirst, uint32(1700000000+i), uint32(i), uint32(n), payload(i, n))...)
		ends = append(ends, len(file))
	}
	return file, ends
}

// smallPcapng is a pcapng file with every kind of block, where each packet's
// block ends, and where any block ends.
func smallPcapng() (file []byte, ends, blocks []int) {
	add := func(b []byte, packet bool) {
		file = append(file, b...)
		blocks = append(blocks, len(file))
		if packet {
			ends = append(ends, len(file))
		}
	}
	for i, g := range []ng{{lowFirst}, {highFirst}} {
		add(g.section(g.option(optComment, []byte("small"))), false)
		add(g.iface(1, 0, g.option(2, []byte("eth0")), g.option(9, []byte{9})), false)
		add(g.enhanced(0, 1_700_000_000_000_000_000, payload(i, 33), g.option(optComment, []byte("first"))), true)
		add(g.block(blockCustom, g.u32(32473), payload(1, 9)), false)
		add(g.block(blockNames, g.u16(1), g.u16(8), []byte{10, 0, 0, 1, 'a', 'b', 'c', 0}, g.u32(0)), false)
		add(g.simple(17, payload(i+5, 17)), true)
		add(g.block(0x77, payload(2, 8)), false)
		add(g.block(blockSecrets, g.u32(0x544c534b), g.u32(4), []byte("keys")), false)
		add(g.block(blockPacket, g.u16(0), g.u16(3), g.ticks(1_700_000_001_000_000_000), g.u32(10), g.u32(60), padded(payload(i+9, 10))), true)
		add(g.block(blockStatistics, g.u32(0), g.ticks(1_700_000_002_000_000_000), g.option(4, g.u64(100)), g.option(5, g.u64(7))), false)
	}
	return file, ends, blocks
}

// readAll reads with Next and keeps copies.
func readAll(r *Reader) ([]Packet, error) {
	var all []Packet
	var p Packet
	for {
		err := r.Next(&p)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		q := p
		q.Data = bytes.Clone(p.Data)
		all = append(all, q)
	}
}

// readBlocks reads with NextBlock, checks each block against the options, and
// keeps copies.
func readBlocks(t testing.TB, r *Reader) ([]Packet, error) {
	t.Helper()
	var all []Packet
	for {
		b, err := r.NextBlock()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, copyBlock(t, b, r.opt)...)
		b.Release()
	}
}

func copyBlock(t testing.TB, b *Block, opt Options) []Packet {
	t.Helper()
	if n := len(b.Packets); n == 0 || n > opt.BlockPackets {
		t.Fatalf("a block of %d packets, want 1 to %d", n, opt.BlockPackets)
	}
	var all []Packet
	sum := 0
	for _, p := range b.Packets {
		sum += len(p.Data)
		if int(p.Interface) >= len(b.File.Interfaces) {
			t.Fatalf("packet %d is of interface %d, the block's File has %d", p.Number, p.Interface, len(b.File.Interfaces))
		}
		p.Data = bytes.Clone(p.Data)
		all = append(all, p)
	}
	if sum != b.Bytes {
		t.Fatalf("Block.Bytes is %d, its packets have %d", b.Bytes, sum)
	}
	return all
}

func open(t testing.TB, data []byte, opt Options) *Reader {
	t.Helper()
	r, err := NewReader(bytes.NewReader(data), "test", opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func writeFile(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// shared is the folder of captures that is not part of the repository.
func shared(t testing.TB, elements ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{"..", "..", "shared", "data"}, elements...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs the shared captures: %v", err)
	}
	return path
}

// formatError asks for a FormatError with these contents.
func formatError(t testing.TB, err, kind error, index, offset int64) {
	t.Helper()
	var fe *FormatError
	if !errors.As(err, &fe) {
		t.Fatalf("got %v (%T), want a *FormatError", err, err)
	}
	if !errors.Is(err, kind) || fe.Index != index || fe.Offset != offset {
		t.Fatalf("got %v (index %d, offset %d), want %v, index %d, offset %d", err, fe.Index, fe.Offset, kind, index, offset)
	}
}
