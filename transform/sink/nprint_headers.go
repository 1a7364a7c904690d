package sink

import (
	"encoding/binary"

	"github.com/pcapline/pcapline/transform/schema"
)

// nprintHeaders are the headers in the order of their columns. Names, widths
// and order are nPrint's (Holland et al., "New Directions in Automated Traffic
// Analysis", CCS 2021; nprint 1.2.1).
var nprintHeaders = []nprintHeader{
	{
		name:    "eth",
		fields:  []nprintField{{"eth_dhost", 48}, {"eth_shost", 48}, {"eth_ethertype", 16}},
		columns: []nprintColumn{{"eth_dst", schema.MACAddr}, {"eth_src", schema.MACAddr}, {"eth_type", schema.Uint16}},
		bytes:   nprintEth,
	},
	{
		name: "ipv4",
		fields: []nprintField{
			{"ipv4_ver", 4}, {"ipv4_hl", 4}, {"ipv4_tos", 8}, {"ipv4_tl", 16}, {"ipv4_id", 16}, {"ipv4_rbit", 1}, {"ipv4_dfbit", 1},
			{"ipv4_mfbit", 1}, {"ipv4_foff", 13}, {"ipv4_ttl", 8}, {"ipv4_proto", 8}, {"ipv4_cksum", 16}, {"ipv4_src", 32}, {"ipv4_dst", 32}, {"ipv4_opt", 320},
		},
		columns: []nprintColumn{
			{"ip_version", schema.Uint8}, {"ip_hdr_len", schema.Uint8}, {"ip_tos", schema.Uint8}, {"ip_len", schema.Uint16}, {"ip_id", schema.Uint16},
			{"ip_flag_rb", schema.Bool}, {"ip_flag_df", schema.Bool}, {"ip_flag_mf", schema.Bool}, {"ip_frag_offset", schema.Uint16},
			{"ip_ttl", schema.Uint8}, {"ip_proto", schema.Uint8}, {"ip_checksum", schema.Uint16}, {"ip_src", schema.IPv4Addr},
			{"ip_dst", schema.IPv4Addr}, {"ip_options", schema.Binary},
		},
		bytes: nprintIPv4,
	},
	{
		name: "ipv6",
		fields: []nprintField{
			{"ipv6_ver", 4}, {"ipv6_tc", 8}, {"ipv6_fl", 20}, {"ipv6_len", 16}, {"ipv6_nh", 8}, {"ipv6_hl", 8}, {"ipv6_src", 128}, {"ipv6_dst", 128},
		},
		columns: []nprintColumn{
			{"ipv6_version", schema.Uint8}, {"ipv6_tclass", schema.Uint8}, {"ipv6_flow", schema.Uint32}, {"ipv6_plen", schema.Uint16},
			{"ipv6_next", schema.Uint8}, {"ipv6_hop_limit", schema.Uint8}, {"ipv6_src", schema.IPv6Addr}, {"ipv6_dst", schema.IPv6Addr},
		},
		bytes: nprintIPv6,
	},
	{
		name: "tcp",
		fields: []nprintField{
			{"tcp_sprt", 16}, {"tcp_dprt", 16}, {"tcp_seq", 32}, {"tcp_ackn", 32}, {"tcp_doff", 4}, {"tcp_res", 3}, {"tcp_ns", 1}, {"tcp_cwr", 1},
			{"tcp_ece", 1}, {"tcp_urg", 1}, {"tcp_ackf", 1}, {"tcp_psh", 1}, {"tcp_rst", 1}, {"tcp_syn", 1}, {"tcp_fin", 1}, {"tcp_wsize", 16},
			{"tcp_cksum", 16}, {"tcp_urp", 16}, {"tcp_opt", 320},
		},
		columns: []nprintColumn{
			{"tcp_src_port", schema.Uint16}, {"tcp_dst_port", schema.Uint16}, {"tcp_seq", schema.Uint32}, {"tcp_ack", schema.Uint32},
			{"tcp_hdr_len", schema.Uint8}, {"tcp_flags", schema.Uint16}, {"tcp_window", schema.Uint16}, {"tcp_checksum", schema.Uint16},
			{"tcp_urgent", schema.Uint16}, {"tcp_options", schema.Binary},
		},
		bytes: nprintTCP,
	},
	{
		name:   "udp",
		fields: []nprintField{{"udp_sport", 16}, {"udp_dport", 16}, {"udp_len", 16}, {"udp_cksum", 16}},
		columns: []nprintColumn{
			{"udp_src_port", schema.Uint16}, {"udp_dst_port", schema.Uint16}, {"udp_len", schema.Uint16}, {"udp_checksum", schema.Uint16},
		},
		bytes: nprintUDP,
	},
	{
		name:   "icmp",
		fields: []nprintField{{"icmp_type", 8}, {"icmp_code", 8}, {"icmp_cksum", 16}, {"icmp_roh", 32}},
		columns: []nprintColumn{
			{"icmp_type", schema.Uint8}, {"icmp_code", schema.Uint8}, {"icmp_checksum", schema.Uint16}, {"icmp_id", schema.Uint16},
			{"icmp_seq", schema.Uint16}, {"icmp_gateway", schema.IPv4Addr}, {"icmp_pointer", schema.Uint8}, {"icmp_unused", schema.Uint32},
		},
		bytes: nprintICMP,
	},
}

// nprintPayload is so many bytes of payload.
func nprintPayload(length int) nprintHeader {
	return nprintHeader{
		name:    "payload",
		fields:  []nprintField{{"payload_bit", 8 * length}},
		columns: []nprintColumn{{"payload", schema.Binary}},
		bytes: func(c nprintColumns) nprintBytes {
			payload := bitsOf[schema.Bytes](c, "payload")
			return func(dst []byte, row int) []byte {
				b := get(payload, row)
				return append(dst, b[:min(len(b), length)]...)
			}
		},
	}
}

// nprintAddress is the source address of a row, NULL where it has none.
func nprintAddress(c nprintColumns) nprintBytes {
	v4, v6 := bitsOf[schema.IPv4](c, "ip_src"), bitsOf[schema.IPv6](c, "ipv6_src")
	return func(dst []byte, row int) []byte {
		if a, ok := v4.At(row); ok {
			return ipv4Text(a, dst)
		}
		if a, ok := v6.At(row); ok {
			return ipv6Text(a, dst)
		}
		return append(dst, "NULL"...)
	}
}

// get is the value of a row, zero where it has none.
func get[T schema.Value](c *schema.Cursor[T], row int) T {
	v, _ := c.At(row)
	return v
}

func nprintEth(c nprintColumns) nprintBytes {
	to, from, typ, length := bitsOf[schema.MAC](c, "eth_dst"), bitsOf[schema.MAC](c, "eth_src"), bitsOf[uint16](c, "eth_type"), bitsOf[uint16](c, "eth_len")
	return func(dst []byte, row int) []byte {
		d, ok := to.At(row)
		if !ok {
			return dst
		}
		s := get(from, row)
		dst = append(append(dst, d[:]...), s[:]...)
		if t, ok := typ.At(row); ok {
			return binary.BigEndian.AppendUint16(dst, t)
		}
		if n, ok := length.At(row); ok { // IEEE 802.3: a length in the type's place
			return binary.BigEndian.AppendUint16(dst, n)
		}
		return dst
	}
}

func nprintIPv4(c nprintColumns) nprintBytes {
	version, hdrLen, tos := bitsOf[uint8](c, "ip_version"), bitsOf[uint8](c, "ip_hdr_len"), bitsOf[uint8](c, "ip_tos")
	length, id, offset := bitsOf[uint16](c, "ip_len"), bitsOf[uint16](c, "ip_id"), bitsOf[uint16](c, "ip_frag_offset")
	rb, df, mf := bitsOf[bool](c, "ip_flag_rb"), bitsOf[bool](c, "ip_flag_df"), bitsOf[bool](c, "ip_flag_mf")
	ttl, proto, checksum := bitsOf[uint8](c, "ip_ttl"), bitsOf[uint8](c, "ip_proto"), bitsOf[uint16](c, "ip_checksum")
	from, to, options := bitsOf[schema.IPv4](c, "ip_src"), bitsOf[schema.IPv4](c, "ip_dst"), bitsOf[schema.Bytes](c, "ip_options")
	return func(dst []byte, row int) []byte {
		v, ok := version.At(row)
		if !ok {
			return dst
		}
		flags := get(offset, row) / 8
		for i, f := range []*schema.Cursor[bool]{rb, df, mf} {
			if get(f, row) {
				flags |= 0x8000 >> i
			}
		}
		dst = append(dst, v<<4|get(hdrLen, row)/4, get(tos, row))
		dst = binary.BigEndian.AppendUint16(dst, get(length, row))
		dst = binary.BigEndian.AppendUint16(dst, get(id, row))
		dst = binary.BigEndian.AppendUint16(dst, flags)
		dst = append(dst, get(ttl, row), get(proto, row))
		dst = binary.BigEndian.AppendUint16(dst, get(checksum, row))
		s, d := get(from, row), get(to, row)
		dst = append(append(dst, s[:]...), d[:]...)
		return append(dst, get(options, row)...)
	}
}

func nprintIPv6(c nprintColumns) nprintBytes {
	version, class, label := bitsOf[uint8](c, "ipv6_version"), bitsOf[uint8](c, "ipv6_tclass"), bitsOf[uint32](c, "ipv6_flow")
	length, next, hops := bitsOf[uint16](c, "ipv6_plen"), bitsOf[uint8](c, "ipv6_next"), bitsOf[uint8](c, "ipv6_hop_limit")
	from, to := bitsOf[schema.IPv6](c, "ipv6_src"), bitsOf[schema.IPv6](c, "ipv6_dst")
	return func(dst []byte, row int) []byte {
		v, ok := version.At(row)
		if !ok {
			return dst
		}
		dst = binary.BigEndian.AppendUint32(dst, uint32(v)<<28|uint32(get(class, row))<<20|get(label, row))
		dst = binary.BigEndian.AppendUint16(dst, get(length, row))
		dst = append(dst, get(next, row), get(hops, row))
		s, d := get(from, row), get(to, row)
		return append(append(dst, s[:]...), d[:]...)
	}
}

func nprintTCP(c nprintColumns) nprintBytes {
	from, to := bitsOf[uint16](c, "tcp_src_port"), bitsOf[uint16](c, "tcp_dst_port")
	seq, ack := bitsOf[uint32](c, "tcp_seq"), bitsOf[uint32](c, "tcp_ack")
	hdrLen, flags, window := bitsOf[uint8](c, "tcp_hdr_len"), bitsOf[uint16](c, "tcp_flags"), bitsOf[uint16](c, "tcp_window")
	checksum, urgent, options := bitsOf[uint16](c, "tcp_checksum"), bitsOf[uint16](c, "tcp_urgent"), bitsOf[schema.Bytes](c, "tcp_options")
	return func(dst []byte, row int) []byte {
		port, ok := from.At(row)
		if !ok {
			return dst
		}
		dst = binary.BigEndian.AppendUint16(dst, port)
		dst = binary.BigEndian.AppendUint16(dst, get(to, row))
		dst = binary.BigEndian.AppendUint32(dst, get(seq, row))
		dst = binary.BigEndian.AppendUint32(dst, get(ack, row))
		dst = binary.BigEndian.AppendUint16(dst, uint16(get(hdrLen, row)/4)<<12|get(flags, row))
		dst = binary.BigEndian.AppendUint16(dst, get(window, row))
		dst = binary.BigEndian.AppendUint16(dst, get(checksum, row))
		dst = binary.BigEndian.AppendUint16(dst, get(urgent, row))
		return append(dst, get(options, row)...)
	}
}

func nprintUDP(c nprintColumns) nprintBytes {
	from, to := bitsOf[uint16](c, "udp_src_port"), bitsOf[uint16](c, "udp_dst_port")
	length, checksum := bitsOf[uint16](c, "udp_len"), bitsOf[uint16](c, "udp_checksum")
	return func(dst []byte, row int) []byte {
		port, ok := from.At(row)
		if !ok {
			return dst
		}
		for _, v := range []uint16{port, get(to, row), get(length, row), get(checksum, row)} {
			dst = binary.BigEndian.AppendUint16(dst, v)
		}
		return dst
	}
}

// nprintICMP is the first eight bytes. Of the second word the columns hold all
// of most types, the pointer of a parameter problem and the identifier of an
// extended echo; the bits behind those are as if they were absent.
func nprintICMP(c nprintColumns) nprintBytes {
	typ, code, checksum := bitsOf[uint8](c, "icmp_type"), bitsOf[uint8](c, "icmp_code"), bitsOf[uint16](c, "icmp_checksum")
	id, seq := bitsOf[uint16](c, "icmp_id"), bitsOf[uint16](c, "icmp_seq")
	gateway, pointer, unused := bitsOf[schema.IPv4](c, "icmp_gateway"), bitsOf[uint8](c, "icmp_pointer"), bitsOf[uint32](c, "icmp_unused")
	return func(dst []byte, row int) []byte {
		t, ok := typ.At(row)
		if !ok {
			return dst
		}
		dst = binary.BigEndian.AppendUint16(append(dst, t, get(code, row)), get(checksum, row))
		if v, ok := id.At(row); ok {
			dst = binary.BigEndian.AppendUint16(dst, v)
			if n, ok := seq.At(row); ok {
				dst = binary.BigEndian.AppendUint16(dst, n)
			}
			return dst
		}
		if a, ok := gateway.At(row); ok {
			return append(dst, a[:]...)
		}
		if p, ok := pointer.At(row); ok {
			return append(dst, p)
		}
		if word, ok := unused.At(row); ok {
			return binary.BigEndian.AppendUint32(dst, word)
		}
		return dst
	}
}
