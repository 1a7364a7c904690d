package export

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"strings"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform/schema"
)

// The shape of a LUCID sample (Doriguzzi-Corin et al., IEEE TNSM 2020).
const (
	lucidWindow   = 10_000_000_000 // ns
	lucidPackets  = 10
	lucidFeatures = 11
)

// lucidMax are the greatest values that LUCID divides by, in its order:
// time, IP length, hash of the highest layer, IP flags, protocols, TCP length,
// acknowledgement, flags and window, UDP length, ICMP type.
var lucidMax = [lucidFeatures]float64{10, 1 << 16, 1 << 32, 1 << 16, 1 << 12, 1 << 16, 1 << 32, 1 << 16, 1 << 16, 1 << 16, 1 << 8}

// lucidProtocols are the words whose bits make the feature "protocols".
var lucidProtocols = [...]string{"arp", "data", "dns", "ftp", "http", "icmp", "ip", "ssdp", "ssl", "telnet", "tcp", "udp"}

var lucidColumns = []string{
	"frame_protocols", "ip_len", "ip_flag_rb", "ip_flag_df", "ip_flag_mf", "ip_frag_offset", "ip_src", "ip_dst", "ip_proto",
	"tcp_src_port", "tcp_dst_port", "tcp_ack_rel", "tcp_flags", "tcp_window", "udp_src_port", "udp_dst_port", "udp_len",
	"icmp_type", "payload_len", "flow_key",
}

// Reasons why packets are in no sample.
const (
	leftNotIPv4 = "not IPv4"
	leftTenth   = "beyond the 10 packets of a window"
)

// lucidKey is a 5-tuple, the lower endpoint first. What is neither TCP, UDP
// nor ICMP, and later fragments, have protocol 0 and no ports.
type lucidKey struct {
	a, b         [4]byte
	aPort, bPort uint16
	proto        uint8
}

// fragment is what LUCID calls the packets of a 5-tuple in a window.
type fragment struct {
	sample
	flowKey int64
	x       [lucidPackets][lucidFeatures]float64
	times   [lucidPackets]int64
}

// lucid gathers the fragments of one reading.
type lucid struct {
	e      *exporter
	file   uint32
	start  int64 // of the window
	begun  bool
	open   map[lucidKey]*fragment
	order  []*fragment // of the window
	hashes map[string]float64
	emit   func(f *fragment) error
}

func (e *exporter) newLUCID(emit func(f *fragment) error) *lucid {
	return &lucid{e: e, open: map[lucidKey]*fragment{}, hashes: map[string]float64{}, emit: emit}
}

// writeLUCID reads the table twice.
func writeLUCID(e *exporter) error {
	var list []sample
	first := e.newLUCID(func(f *fragment) error { list = append(list, f.sample); return nil })
	if err := first.read(e.res); err != nil {
		return err
	}
	s, err := e.parts(list)
	if err != nil {
		return err
	}
	out, err := e.newArrays(s)
	if err != nil {
		return err
	}
	defer out.abort()
	w := walker{s: s}
	second := e.newLUCID(func(f *fragment) error {
		if part, ok := w.next(); ok {
			return out.add(part, f)
		}
		return nil
	})
	if err := second.read(new(Result)); err != nil {
		return err
	}
	return out.close()
}

// lucidRow reads the columns of lucidColumns.
type lucidRow struct {
	rowReader
	protocols  schema.Cursor[schema.Text]
	rb, df, mf schema.Cursor[bool]
	src, dst   schema.Cursor[schema.IPv4]
	flowKey    schema.Cursor[int64]
	proto      schema.Cursor[uint8]
	icmp       schema.Cursor[uint8]
	ack        schema.Cursor[uint32]
	payload    schema.Cursor[uint32]
	shorts     [9]schema.Cursor[uint16]
}

// The 16-bit columns, by their place in lucidRow.shorts.
const (
	ipLen = iota
	fragOffset
	tcpSrc
	tcpDst
	tcpFlags
	tcpWindow
	udpSrc
	udpDst
	udpLen
)

var shortColumns = [...]string{"ip_len", "ip_frag_offset", "tcp_src_port", "tcp_dst_port", "tcp_flags", "tcp_window", "udp_src_port", "udp_dst_port", "udp_len"}

func newLUCIDRow(b *schema.Batch) *lucidRow {
	r := &lucidRow{
		rowReader: newRowReader(b),
		protocols: schema.Walk[schema.Text](b.Column("frame_protocols")),
		rb:        schema.Walk[bool](b.Column("ip_flag_rb")), df: schema.Walk[bool](b.Column("ip_flag_df")), mf: schema.Walk[bool](b.Column("ip_flag_mf")),
		src: schema.Walk[schema.IPv4](b.Column("ip_src")), dst: schema.Walk[schema.IPv4](b.Column("ip_dst")),
		flowKey: schema.Walk[int64](b.Column("flow_key")), proto: schema.Walk[uint8](b.Column("ip_proto")),
		icmp: schema.Walk[uint8](b.Column("icmp_type")), ack: schema.Walk[uint32](b.Column("tcp_ack_rel")),
		payload: schema.Walk[uint32](b.Column("payload_len")),
	}
	for i, name := range shortColumns {
		r.shorts[i] = schema.Walk[uint16](b.Column(name))
	}
	return r
}

// read gathers the fragments of the whole table and counts into res.
func (l *lucid) read(res *Result) error {
	err := l.e.each(func(b *schema.Batch) error {
		r := newLUCIDRow(b)
		for i := range b.Rows {
			res.Rows++
			if err := l.window(r, i); err != nil {
				return err
			}
			if reason := l.add(r, i); reason != "" && res.Left != nil {
				res.Left[reason]++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return l.flush()
}

// window begins a window with the first packet of a capture, and with one that
// comes more than 10 s after the window began.
func (l *lucid) window(r *lucidRow, i int) error {
	file, _ := r.file.At(i)
	ts, _ := r.time.At(i)
	if l.begun && file == l.file && ts <= l.start+lucidWindow {
		return nil
	}
	l.file, l.start, l.begun = file, ts, true
	return l.flush()
}

// flush gives the fragments of a window on, in the order in which they began.
func (l *lucid) flush() error {
	for _, f := range l.order {
		least := f.position.Start
		for k := range f.packets {
			f.x[k][0] = float64(f.times[k]-least) / 1e9
		}
		if err := l.emit(f); err != nil {
			return err
		}
	}
	l.order = l.order[:0]
	clear(l.open)
	return nil
}

// add puts a packet into its fragment, or says why not.
func (l *lucid) add(r *lucidRow, i int) (reason string) {
	src, isIP := r.src.At(i)
	if !isIP {
		return leftNotIPv4
	}
	dst, _ := r.dst.At(i)
	key := r.key(i, src, dst)
	f := l.open[key]
	ts, _ := r.time.At(i)
	if f == nil {
		flowKey, _ := r.flowKey.At(i)
		f = &fragment{flowKey: flowKey, sample: sample{position: features.Position{
			Start: ts, End: ts, Group: uint64(flowKey), Capture: int32(l.file),
		}}}
		l.open[key] = f
		l.order = append(l.order, f)
	}
	if f.packets == lucidPackets {
		return leftTenth
	}
	f.times[f.packets] = ts
	f.x[f.packets] = l.features(r, i)
	f.packets++
	f.position.Start, f.position.End = min(f.position.Start, ts), max(f.position.End, ts)
	f.truth.add(r.verdict(i))
	return ""
}

func (r *lucidRow) short(i, row int) (uint16, bool) { return r.shorts[i].At(row) }

// key gives the packet's 5-tuple.
func (r *lucidRow) key(i int, src, dst schema.IPv4) lucidKey {
	k := lucidKey{a: src, b: dst}
	if s, ok := r.short(tcpSrc, i); ok {
		k.aPort, k.proto = s, 6
		k.bPort, _ = r.short(tcpDst, i)
	} else if s, ok := r.short(udpSrc, i); ok {
		k.aPort, k.proto = s, 17
		k.bPort, _ = r.short(udpDst, i)
	} else if _, ok := r.icmp.At(i); ok {
		k.proto = 1
	}
	x, y := binary.BigEndian.Uint32(k.a[:]), binary.BigEndian.Uint32(k.b[:])
	if x > y || x == y && k.aPort > k.bPort {
		k.a, k.b, k.aPort, k.bPort = k.b, k.a, k.bPort, k.aPort
	}
	return k
}

// features gives the packet's features but for the time, not yet divided.
func (l *lucid) features(r *lucidRow, i int) (x [lucidFeatures]float64) {
	length, _ := r.short(ipLen, i)
	x[1] = float64(length)
	protocols, _ := r.protocols.At(i)
	payload, _ := r.payload.At(i)
	x[2], x[4] = l.layers(string(protocols), payload > 0)
	for bit, flag := range []*schema.Cursor[bool]{&r.mf, &r.df, &r.rb} {
		if set, _ := flag.At(i); set {
			x[3] += float64(int(1) << (13 + bit))
		}
	}
	if flags, ok := r.short(tcpFlags, i); ok {
		ack, _ := r.ack.At(i)
		window, _ := r.short(tcpWindow, i)
		x[5], x[6], x[7], x[8] = float64(payload), float64(ack), float64(flags), float64(window)
	}
	if n, ok := r.short(udpLen, i); ok {
		x[9] = float64(n)
	}
	if t, ok := r.icmp.At(i); ok {
		x[10] = float64(t)
	}
	return x
}

// layers gives the hash of the highest layer's name, SHA-256 modulo 10^8, and
// the bits of the known protocols. The names are Wireshark's; payload that
// nobody understands is data.
func (l *lucid) layers(chain string, payload bool) (highest, bits float64) {
	names := strings.Split(chain, ":")
	switch last := names[len(names)-1]; last {
	case "tcp", "udp", "icmp":
		if payload {
			names = append(names, "data")
		}
	}
	for i, p := range lucidProtocols {
		for _, n := range names {
			if n == "tls" {
				n = "ssl" // its name when LUCID was made
			}
			if n == p {
				bits += float64(int(1) << i)
				break
			}
		}
	}
	name := strings.ToUpper(names[len(names)-1])
	hash, known := l.hashes[name]
	if !known {
		sum := sha256.Sum256([]byte(name))
		hash = float64(new(big.Int).Mod(new(big.Int).SetBytes(sum[:]), big.NewInt(1e8)).Int64())
		l.hashes[name] = hash
	}
	return hash, bits
}
