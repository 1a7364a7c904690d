package sink_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/parquet-go/parquet-go"

	"github.com/pcapline/pcapline/transform/schema"
	"github.com/pcapline/pcapline/transform/sink"
)

// benchPackets is a batch of packets as a real capture has them: 70 % TCP, a
// fifth UDP, half of that DNS, some ICMP, ARP and IPv6.
type benchPackets struct {
	frame   benchFrame
	eth     benchEth
	vlan    benchVlan
	arp     benchArp
	ip      benchIp
	ip6     benchIp6
	icmp    benchIcmp
	tcp     benchTcp
	udp     benchUdp
	dns     benchDns
	payload benchPayload
	*schema.Batch
}

func newBenchPackets(seed uint64, rows int, payload bool) *benchPackets {
	p := new(benchPackets)
	layers := []any{&p.frame, &p.eth, &p.vlan, &p.arp, &p.ip, &p.ip6, &p.icmp, &p.tcp, &p.udp, &p.dns}
	if payload {
		layers = append(layers, &p.payload)
	}
	p.Batch = schema.Of(layers...)
	rng := rand.New(rand.NewPCG(seed, 1))
	for row := range rows {
		p.packet(row, rng, payload)
	}
	p.Rows = rows
	p.Finish()
	return p
}

func (p *benchPackets) packet(row int, rng *rand.Rand, payload bool) {
	flow := uint32(rng.ExpFloat64() * 30)
	size := 0
	if rng.IntN(3) > 0 {
		size = 60 + rng.IntN(1390)
	}
	if rng.IntN(4) == 0 {
		size = 1448
	}
	f := &p.frame
	us := int64(1_700_000_000_000_000 + row*130 + rng.IntN(120))
	f.No.Append(int64(row))
	f.Ts.Append(schema.Micros(us))
	f.TsNs.Append(us*1000 + int64(rng.IntN(1000)))
	f.WireLen.Append(uint32(66 + size))
	f.CapLen.Append(uint32(66 + size))
	f.Iface.Append(0)
	f.FileId.Append(3)
	f.LinkType.Append(1)
	f.FlowId.Append(flow)
	f.CommunityId.Append(p.Text(fmt.Appendf(nil, "1:%022dabcd=", flow)))
	p.eth.Mark(row)
	p.eth.Dst.Append(schema.MAC{2, 0, 0, 0, 0, byte(flow % 9)})
	p.eth.Src.Append(schema.MAC{2, 0, 0, 0, 1, byte(flow % 7)})
	switch k := rng.IntN(100); {
	case k < 4:
		p.eth.Type.Append(0x806)
		p.arp.Mark(row)
		p.arp.Op.Append(1)
		p.arp.Sha.Append(schema.MAC{2, 0, 0, 0, 1, byte(flow % 7)})
		p.arp.Spa.Append(schema.IPv4{10, 0, 0, byte(flow)})
		p.arp.Tha.Append(schema.MAC{})
		p.arp.Tpa.Append(schema.IPv4{10, 0, 1, byte(flow)})
		return
	case k < 12:
		p.eth.Type.Append(0x86dd)
		p.ip6.Mark(row)
		p.ip6.Src.Append(schema.IPv6{0x20, 1, 13: 1, 15: byte(flow)})
		p.ip6.Dst.Append(schema.IPv6{0x20, 1, 13: 2, 15: byte(flow)})
		p.ip6.Class.Append(0)
		p.ip6.Flow.Append(flow * 977)
		p.ip6.Len.Append(uint16(size + 32))
		p.ip6.Next.Append(6)
		p.ip6.Hlim.Append(64)
	default:
		p.eth.Type.Append(0x800)
		p.ip4(row, flow, size, rng)
	}
	switch k := rng.IntN(100); {
	case k < 75:
		p.tcpHeader(row, flow, rng)
	case k < 95:
		p.udp.Mark(row)
		p.udp.SrcPort.Append(uint16(rng.Uint32()))
		p.udp.DstPort.Append(53)
		p.udp.Len.Append(uint16(size + 8))
		p.udp.Checksum.Append(uint16(rng.Uint32()))
		if k%2 == 0 {
			p.dns.Mark(row)
			p.dns.Id.Append(uint16(rng.Uint32()))
			p.dns.Qr.Append(k%4 == 0)
			p.dns.Opcode.Append(0)
			p.dns.Rcode.Append(uint8(k % 3))
			p.dns.Qd.Append(1)
			p.dns.An.Append(uint16(k % 5))
			p.dns.Qname.Set(row, p.Text(fmt.Appendf(nil, "host%d.example.org", rng.IntN(300))))
			p.dns.Qtype.Set(row, 1)
		}
	default:
		p.icmp.Mark(row)
		p.icmp.Type.Append(8)
		p.icmp.Code.Append(0)
		p.icmp.Checksum.Append(uint16(rng.Uint32()))
		p.icmp.Id.Set(row, uint16(flow))
		p.icmp.Seq.Set(row, uint16(row))
	}
	if payload && size > 0 {
		p.payload.Mark(row)
		p.payload.Len.Append(uint32(size))
		data := benchBytes(rng, size)
		p.payload.Entropy.Append(float64(rng.IntN(8000)) / 1000)
		p.payload.Data.Append(data)
	}
}

// benchBytes is half text, half noise, as payloads of today are.
func benchBytes(rng *rand.Rand, n int) schema.Bytes {
	b := make(schema.Bytes, n)
	if rng.IntN(2) == 0 {
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	for i := 0; i < n; {
		i += copy(b[i:], fmt.Appendf(nil, "Header-%d: value=%d; path=/index/%d\r\n", rng.IntN(40), rng.IntN(10000), rng.IntN(100)))
	}
	return b
}

func (p *benchPackets) ip4(row int, flow uint32, size int, rng *rand.Rand) {
	h := &p.ip
	h.Mark(row)
	h.Src.Append(schema.IPv4{10, 0, byte(flow >> 3), byte(flow)})
	h.Dst.Append(schema.IPv4{192, 168, byte(flow >> 4), byte(flow * 7)})
	h.Ihl.Append(5)
	h.Dscp.Append(0)
	h.Ecn.Append(0)
	h.Len.Append(uint16(size + 52))
	h.Id.Append(uint16(rng.Uint32()))
	h.Df.Append(flow%4 != 0)
	h.Mf.Append(false)
	h.Frag.Append(0)
	h.Ttl.Append(uint8(64 - flow%5))
	h.Proto.Append(6)
	h.Checksum.Append(uint16(rng.Uint32()))
	h.ChecksumOk.Append(true)
}

func (p *benchPackets) tcpHeader(row int, flow uint32, rng *rand.Rand) {
	h := &p.tcp
	h.Mark(row)
	ports := [2]uint16{uint16(40000 + flow*37), 443}
	if rng.IntN(2) == 0 {
		ports[0], ports[1] = ports[1], ports[0]
	}
	h.SrcPort.Append(ports[0])
	h.DstPort.Append(ports[1])
	h.Seq.Append(rng.Uint32())
	h.Ack.Append(rng.Uint32())
	h.Doff.Append(8)
	syn := rng.IntN(20) == 0
	push := rng.IntN(3) == 0
	for _, c := range []struct {
		col *schema.Values[bool]
		v   bool
	}{{&h.Fin, rng.IntN(30) == 0}, {&h.Syn, syn}, {&h.Rst, false}, {&h.Psh, push}, {&h.Ackf, !syn}, {&h.Urg, false}, {&h.Ece, false}, {&h.Cwr, false}} {
		c.col.Append(c.v)
	}
	h.Flags.Append(uint16(16 + 8*rng.IntN(2)))
	h.Window.Append(uint16(500 + rng.IntN(400)))
	h.Checksum.Append(uint16(rng.Uint32()))
	h.ChecksumOk.Append(true)
	h.Urgptr.Append(0)
	if syn {
		h.Mss.Set(row, 1460)
		h.Wscale.Set(row, 7)
		h.SackOk.Set(row, true)
	}
	if flow%3 != 0 {
		h.Tsval.Set(row, 1_000_000+uint32(row)*3)
		h.Tsecr.Set(row, 2_000_000+uint32(row)*2)
	}
	h.RelSeq.Append(int64(rng.IntN(100_000)))
	h.OptionsLen.Append(12)
}

const (
	benchBatch = 8192
	benchGroup = 65536
)

// BenchmarkSink is the cost of a row through the formats and through what
// others do, on one core. One operation is one batch of 8192 rows; ns/row and
// B/row are what to compare.
func BenchmarkSink(b *testing.B) {
	for _, payload := range []bool{false, true} {
		name := map[bool]string{false: "headers", true: "payload"}[payload]
		// As many batches as a row group has, so that no writer gains from
		// meeting a batch again.
		var p []*schema.Batch
		for i := range benchGroup / benchBatch {
			p = append(p, newBenchPackets(uint64(i), benchBatch, payload).Batch)
		}
		for _, c := range []string{"zstd", "snappy", "none"} {
			b.Run(name+"/parquet-"+c, func(b *testing.B) { benchSink(b, p, "parquet", c) })
		}
		b.Run(name+"/csv", func(b *testing.B) { benchSink(b, p, "csv", "") })
		b.Run(name+"/peer-encoding-csv", func(b *testing.B) { benchEncodingCSV(b, p) })
		b.Run(name+"/jsonl", func(b *testing.B) { benchSink(b, p, "jsonl", "") })
		b.Run(name+"/peer-encoding-json", func(b *testing.B) { benchEncodingJSON(b, p) })
		for _, c := range []string{"zstd", "zstd:3", "lz4", "none"} {
			b.Run(name+"/arrow-"+c, func(b *testing.B) { benchSink(b, p, "arrow", c) })
		}
		b.Run(name+"/peer-arrow-builders-zstd", func(b *testing.B) { benchArrowBuilders(b, p, ipc.WithZstd()) })
		b.Run(name+"/peer-arrow-builders-lz4", func(b *testing.B) { benchArrowBuilders(b, p, ipc.WithLZ4()) })
		b.Run(name+"/peer-arrow-builders-none", func(b *testing.B) { benchArrowBuilders(b, p) })
		b.Run(name+"/peer-ColumnWriters-snappy", func(b *testing.B) { benchColumnWriters(b, p) })
		b.Run(name+"/peer-GenericWriter-snappy", func(b *testing.B) { benchGenericWriter(b, p, parquet.Compression(&parquet.Snappy)) })
		b.Run(name+"/peer-GenericWriter-zstd", func(b *testing.B) { benchGenericWriter(b, p, parquet.Compression(&parquet.Zstd)) })
	}
}

// counter counts what is written.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

func report(b *testing.B, out *counter) {
	rows := float64(b.N) * benchBatch
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/rows, "ns/row")
	b.ReportMetric(float64(out.n)/rows, "B/row")
}

func benchSink(b *testing.B, batches []*schema.Batch, format, compression string) {
	out := new(counter)
	f, err := sink.ByName(format)
	if err != nil {
		b.Fatal(err)
	}
	k, err := f.New(out, batches[0].Schema(), sink.Options{Compression: compression})
	if err != nil {
		b.Fatal(err)
	}
	enc := k.NewEncoder()
	rows := 0
	flush := func() {
		p, err := enc.Flush()
		if err == nil {
			err = k.Commit(p)
		}
		if err != nil {
			b.Fatal(err)
		}
		rows = 0
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		batch := batches[i%len(batches)]
		if err := enc.Encode(batch); err != nil {
			b.Fatal(err)
		}
		if rows += batch.Rows; rows >= benchGroup {
			flush()
		}
	}
	flush()
	if err := k.Close(); err != nil {
		b.Fatal(err)
	}
	report(b, out)
}

// benchEncodingCSV writes the same cells by encoding/csv.
func benchEncodingCSV(b *testing.B, batches []*schema.Batch) {
	out := new(counter)
	w := csv.NewWriter(out)
	b.ReportAllocs()
	record := make([]string, len(batches[0].Columns))
	next := make([]int, len(batches[0].Columns))
	var text []byte
	for i := 0; b.Loop(); i++ {
		batch := batches[i%len(batches)]
		clear(next)
		for row := range batch.Rows {
			for i, c := range batch.Columns {
				record[i] = ""
				if c.Presence().Has(row) {
					text = c.AppendText(text[:0], next[i])
					record[i] = string(text)
					next[i]++
				}
			}
			if err := w.Write(record); err != nil {
				b.Fatal(err)
			}
		}
	}
	w.Flush()
	report(b, out)
}

// benchRows makes the row structs that GenericWriter takes; making them is not
// part of what is measured.
func benchRows(batch *schema.Batch) []benchRow {
	rows := make([]benchRow, batch.Rows)
	fields := make(map[string]int)
	t := reflect.TypeFor[benchRow]()
	for i := range t.NumField() {
		name, _, _ := bytes.Cut([]byte(t.Field(i).Tag.Get("parquet")), []byte{','})
		fields[string(name)] = i
	}
	for _, c := range batch.Columns {
		next, field := 0, fields[c.Field().Name]
		data := reflect.ValueOf(c.Data())
		for row := range rows {
			if !c.Presence().Has(row) {
				continue
			}
			to := reflect.ValueOf(&rows[row]).Elem().Field(field)
			if to.Kind() == reflect.Pointer {
				to.Set(reflect.New(to.Type().Elem()))
				to = to.Elem()
			}
			from := data.Index(next)
			if to.Kind() == reflect.String && from.Kind() != reflect.String {
				from = reflect.ValueOf(string(c.AppendText(nil, next)))
			}
			to.Set(from.Convert(to.Type()))
			next++
		}
	}
	return rows
}

func benchGenericWriter(b *testing.B, batches []*schema.Batch, codec parquet.WriterOption) {
	var rows [][]benchRow
	for _, batch := range batches {
		rows = append(rows, benchRows(batch))
	}
	out := new(counter)
	w := parquet.NewGenericWriter[benchRow](out, codec, parquet.MaxRowsPerRowGroup(benchGroup))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := w.Write(rows[i%len(rows)]); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	report(b, out)
}

// benchColumnWriters goes through parquet-go's fastest public way: Values to
// the column writers of a row group. Values are made as part of it.
func benchColumnWriters(b *testing.B, batches []*schema.Batch) {
	out := new(counter)
	w := parquet.NewGenericWriter[benchRow](out, parquet.Compression(&parquet.Snappy))
	columns := make(map[string]int)
	for i, path := range w.Schema().Columns() {
		columns[path[0]] = i
	}
	values := make([]parquet.Value, benchBatch)
	n := 0
	var group *parquet.ConcurrentRowGroupWriter
	flush := func() {
		if err := group.Flush(); err != nil {
			b.Fatal(err)
		}
		if _, err := group.Commit(); err != nil {
			b.Fatal(err)
		}
		group, n = nil, 0
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		batch := batches[i%len(batches)]
		if group == nil {
			group = w.BeginRowGroup()
		}
		writers := group.ColumnWriters()
		for _, c := range batch.Columns {
			at := columns[c.Field().Name]
			fillValues(values, c, at)
			if _, err := writers[at].WriteRowValues(values); err != nil {
				b.Fatal(err)
			}
		}
		for at := len(batch.Columns); at < len(writers); at++ { // payload columns that are left out
			clear(values)
			if _, err := writers[at].WriteRowValues(values); err != nil {
				b.Fatal(err)
			}
		}
		if n += batch.Rows; n >= benchGroup {
			flush()
		}
	}
	if group != nil {
		flush()
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	report(b, out)
}

func fillValues(values []parquet.Value, c schema.Column, at int) {
	def := 0
	if c.Field().Nullable {
		def = 1
	}
	next := 0
	for row := range values {
		if !c.Presence().Has(row) {
			values[row] = parquet.Value{}.Level(0, 0, at)
			continue
		}
		values[row] = benchValue(c.Data(), c, next).Level(0, def, at)
		next++
	}
}

func benchValue(data any, c schema.Column, i int) parquet.Value {
	switch v := data.(type) {
	case []bool:
		return parquet.BooleanValue(v[i])
	case []uint8:
		return parquet.Int32Value(int32(v[i]))
	case []uint16:
		return parquet.Int32Value(int32(v[i]))
	case []uint32:
		return parquet.Int32Value(int32(v[i]))
	case []int64:
		return parquet.Int64Value(v[i])
	case []float64:
		return parquet.DoubleValue(v[i])
	case []schema.Micros:
		return parquet.Int64Value(int64(v[i]))
	case []schema.Bytes:
		return parquet.ByteArrayValue(v[i])
	case []schema.Text:
		return parquet.ByteArrayValue(v[i])
	}
	return parquet.ByteArrayValue(c.AppendText(nil, i))
}
