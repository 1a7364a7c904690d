package anonymize

import (
	"net/netip"
	"strings"

	"github.com/pcapline/pcapline/transform/flow"
	"github.com/pcapline/pcapline/transform/layer"
	"github.com/pcapline/pcapline/transform/schema"
)

// What is done to columns, as the report says it.
const (
	kept       = "kept"
	addressed  = "addresses"
	hosts      = "names, label by label"
	texts      = "texts, as a whole"
	scanned    = "texts: addresses among them as addresses, others as a whole"
	hashed     = "bytes hashed"
	payloads   = "payload masked"
	optioned   = "options, rewritten as in captures"
	zeroed     = "checksums and opaque bytes, now 0"
	shiftedAt  = "times, shifted"
	keyed      = "keys of conversations, made anew or hashed"
	unexamined = "kept, though nobody knows what it holds"
)

// treatment is what is done to a column.
type treatment struct {
	name  string
	apply func(t *tableAnonymizer, from, to schema.Column)
}

// byName are the treatments of columns whose kind and role do not say enough;
// those of inner headers have inner_ before them.
var byName = func() map[string]treatment {
	m := map[string]treatment{
		"icmp_addr_mask": {kept, copyColumn}, // a mask, no address

		"tcp_options":          {optioned, options(func(r *rewriter, n int) { r.tcpOptions(0, n) })},
		"ip_options":           {optioned, options(func(r *rewriter, n int) { r.ipv4Options(0, n) })},
		"ipv6_hopopts_options": {optioned, options(func(r *rewriter, n int) { r.ipv6Options(0, n) })},
		"ipv6_dstopts_options": {optioned, options(func(r *rewriter, n int) { r.ipv6Options(0, n) })},
		"ipv6_routing_data":    {optioned, (*tableAnonymizer).routes},

		"geneve_options": {zeroed, zeroBytes}, "ah_icv": {zeroed, zeroBytes},
		"payload": {payloads, maskColumn}, "padding": {payloads, padColumn},
		"payload_hash": {hashed, hashNumbers},
		"community_id": {keyed, noColumn}, "flow_key": {keyed, noColumn}, // see keys.go

		"icmp_ts_orig": {shiftedAt, shiftDays}, "icmp_ts_recv": {shiftedAt, shiftDays}, "icmp_ts_trans": {shiftedAt, shiftDays},
		"radiotap_tsft": {kept, copyColumn}, // the receiver's own clock
	}
	for _, n := range []string{
		"ip_checksum", "icmp_checksum", "icmpv6_checksum", "igmp_checksum", "gre_checksum",
		"tcp_checksum", "udp_checksum", "sctp_checksum", "radiotap_fcs",
	} {
		m[n] = treatment{zeroed, zeroNumbers}
	}
	for _, n := range []string{
		"dns_qname", "dns_answer_names", "dns_answer_cnames", "dns_first_name", "tls_sni", "http_host", "dhcp_hostname",
	} {
		m[n] = treatment{hosts, eachText((*Pseudonyms).Host)}
	}
	// What program it was, in the digest of what it offers.
	for _, n := range []string{"tls_ja3", "tls_ja3s", "tls_ja4", "ssh_hassh", "ssh_hassh_server"} {
		m[n] = treatment{kept, copyColumn}
	}
	return m
}()

// treat chooses what is done to a column: by its name, then by its kind and,
// where the table is one of ours or says its roles, by its role.
func treat(f *schema.Field, ours bool) treatment {
	if t, ok := byName[strings.TrimPrefix(f.Name, "inner_")]; ok && ours {
		return t
	}
	label := f.Role == schema.Label || f.Name == "label" || strings.HasPrefix(f.Name, "label_")
	secret := f.Role == schema.Identity || f.Role == schema.Payload
	switch {
	case label:
		return treatment{kept, copyColumn}
	case f.Kind == schema.IPv4Addr || f.Kind == schema.IPv6Addr || f.Kind == schema.IPAddr || f.Kind == schema.MACAddr:
		return treatment{addressed, addresses}
	case f.Kind == schema.Timestamp, f.Kind == schema.Int64 && f.Unit == "ns" && (f.Role == schema.Time || !ours):
		return treatment{shiftedAt, shiftTimes}
	case f.Kind == schema.String && !ours:
		return treatment{scanned, eachText((*Pseudonyms).any)}
	case f.Kind == schema.String && secret:
		return treatment{texts, eachText((*Pseudonyms).Text)}
	case f.Kind == schema.Binary && (secret || f.Role == schema.Time || !ours):
		return treatment{hashed, hashBytes}
	case ours:
		return treatment{kept, copyColumn}
	}
	return treatment{unexamined, copyColumn}
}

// any appends the pseudonym of a text of unknown meaning.
func (p *Pseudonyms) any(dst, text []byte) []byte {
	if out, ok := p.address(dst, text); ok {
		return out
	}
	return p.Text(dst, text)
}

// ourFields are the columns of the packets and flows tables, by name.
func ourFields(table schema.Schema) map[string]*schema.Field {
	m := make(map[string]*schema.Field, len(table))
	for _, f := range table {
		m[f.Name] = f
	}
	return m
}

// ourSchema gives a schema what we know of its columns, if all of them are
// those of one of our tables: CSV and JSONL do not say kinds and roles.
func ourSchema(s schema.Schema) (schema.Schema, bool) {
	for _, table := range []schema.Schema{layer.NewTable(layer.Options{}).Batch().Schema(), flow.Schema()} {
		fields, out := ourFields(table), schema.Schema{}
		for _, f := range s {
			known := fields[f.Name]
			switch {
			case known != nil:
				f = known
			case f.Name != "label" && !strings.HasPrefix(f.Name, "label_"):
				out = nil
			}
			if out == nil {
				break
			}
			out = append(out, f)
		}
		if len(out) == len(s) && len(s) > 0 {
			return out, true
		}
	}
	return s, false
}

// noColumn leaves a column to be filled from others.
func noColumn(*tableAnonymizer, schema.Column, schema.Column) {}

// copyColumn copies the rows' values; other treatments change the copy.
func copyColumn(t *tableAnonymizer, from, to schema.Column) {
	switch from.Field().Kind {
	case schema.Bool:
		copyValues[bool](t.rows, from, to)
	case schema.Uint8:
		copyValues[uint8](t.rows, from, to)
	case schema.Uint16:
		copyValues[uint16](t.rows, from, to)
	case schema.Uint32:
		copyValues[uint32](t.rows, from, to)
	case schema.Int64:
		copyValues[int64](t.rows, from, to)
	case schema.Float64:
		copyValues[float64](t.rows, from, to)
	case schema.Timestamp:
		copyValues[schema.Micros](t.rows, from, to)
	case schema.IPv4Addr:
		copyValues[schema.IPv4](t.rows, from, to)
	case schema.IPv6Addr:
		copyValues[schema.IPv6](t.rows, from, to)
	case schema.MACAddr:
		copyValues[schema.MAC](t.rows, from, to)
	case schema.IPAddr:
		copyValues[netip.Addr](t.rows, from, to)
	case schema.String:
		copyValues[schema.Text](t.rows, from, to)
	case schema.Binary:
		copyValues[schema.Bytes](t.rows, from, to)
	}
}

// copyValues copies the values of rows; texts and bytes still alias those of from.
func copyValues[T schema.Value](rows int, from, to schema.Column) {
	values := from.Data().([]T)
	switch to := to.(type) {
	case *schema.Values[T]:
		to.V = append(to.V, values...)
	case *schema.Optional[T]:
		cursor := schema.Walk[T](from)
		for row := range rows {
			if v, ok := cursor.At(row); ok {
				to.Set(row, v)
			}
		}
	case *schema.List[T]:
		present, offsets, i := from.Presence(), from.Offsets(), 0
		for row := range rows {
			if present.Has(row) {
				to.Set(row, values[offsets[i]:offsets[i+1]]...)
				i++
			}
		}
	}
}

// each changes every value of a column, and every element of lists.
func each[T schema.Value](to schema.Column, f func(T) T) {
	values := to.Data().([]T)
	for i, v := range values {
		values[i] = f(v)
	}
}

func addresses(t *tableAnonymizer, from, to schema.Column) {
	copyColumn(t, from, to)
	p := t.rewriter.names
	switch from.Field().Kind {
	case schema.IPv4Addr:
		each(to, func(a schema.IPv4) schema.IPv4 { return p.IPv4(a) })
	case schema.IPv6Addr:
		each(to, func(a schema.IPv6) schema.IPv6 { return p.IPv6(a) })
	case schema.MACAddr:
		each(to, func(a schema.MAC) schema.MAC { return p.MAC(a) })
	case schema.IPAddr:
		each(to, func(a netip.Addr) netip.Addr { return p.Addr(a) })
	}
}

// eachText changes texts by a method of Pseudonyms.
func eachText(f func(p *Pseudonyms, dst, text []byte) []byte) func(*tableAnonymizer, schema.Column, schema.Column) {
	return func(t *tableAnonymizer, from, to schema.Column) {
		copyColumn(t, from, to)
		each(to, func(text schema.Text) schema.Text {
			t.scratch = f(t.rewriter.names, t.scratch[:0], text)
			return t.batch.Text(t.scratch)
		})
	}
}

func hashBytes(t *tableAnonymizer, from, to schema.Column) {
	copyColumn(t, from, to)
	each(to, func(b schema.Bytes) schema.Bytes {
		out := t.zeros(len(b))
		t.rewriter.names.Bytes(out, b)
		return schema.Bytes(t.batch.Text(out))
	})
}

func zeroBytes(t *tableAnonymizer, from, to schema.Column) {
	copyColumn(t, from, to)
	each(to, func(b schema.Bytes) schema.Bytes { return schema.Bytes(t.batch.Text(t.zeros(len(b)))) })
}

// maskColumn masks payload; cut off, it is null.
func maskColumn(t *tableAnonymizer, from, to schema.Column) {
	if t.opt.Mask == MaskCut && from.Field().Nullable {
		return
	}
	copyColumn(t, from, to)
	each(to, func(b schema.Bytes) schema.Bytes {
		out := t.zeros(len(b))
		t.rewriter.maskBytes(out, b)
		return schema.Bytes(t.batch.Text(out))
	})
}

// padColumn masks padding, which is never more than zeros.
func padColumn(t *tableAnonymizer, from, to schema.Column) {
	if t.opt.Mask == MaskCut && from.Field().Nullable {
		return
	}
	zeroBytes(t, from, to)
}

func hashNumbers(t *tableAnonymizer, from, to schema.Column) {
	copyColumn(t, from, to)
	each(to, t.rewriter.names.Number)
}

func zeroNumbers(t *tableAnonymizer, from, to schema.Column) {
	copyColumn(t, from, to)
	switch values := to.Data().(type) {
	case []uint16:
		clear(values)
	case []uint32:
		clear(values)
	}
}

func shiftTimes(t *tableAnonymizer, from, to schema.Column) {
	copyColumn(t, from, to)
	if from.Field().Kind == schema.Timestamp {
		each(to, func(m schema.Micros) schema.Micros {
			us, _ := shifted(int64(m), t.opt.shift/1000)
			return schema.Micros(us)
		})
		return
	}
	each(to, func(ns int64) int64 {
		ns, _ = shifted(ns, t.opt.shift)
		return ns
	})
}

func shiftDays(t *tableAnonymizer, from, to schema.Column) {
	copyColumn(t, from, to)
	each(to, func(ms uint32) uint32 { return shiftTimeOfDay(ms, t.opt.shift) })
}

// options runs the bytes of options through the rewriter of packets.
func options(rewrite func(r *rewriter, n int)) func(*tableAnonymizer, schema.Column, schema.Column) {
	return func(t *tableAnonymizer, from, to schema.Column) {
		copyColumn(t, from, to)
		each(to, func(b schema.Bytes) schema.Bytes {
			out := t.zeros(len(b))
			t.rewriter.begin(b, out)
			rewrite(t.rewriter, len(b))
			return schema.Bytes(t.batch.Text(out))
		})
	}
}
