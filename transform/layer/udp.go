package layer

import "github.com/pcapline/pcapline/transform/schema"

// UDP is the header of the User Datagram Protocol.
type UDP struct {
	schema.Layer `name:"udp" title:"User Datagram Protocol" source:"RFC 768"`

	SrcPort  schema.Values[uint16]  `name:"udp_src_port" ws:"udp.srcport" antinex:"udp_sport" role:"identity" store:"dict" doc:"Source port."`
	DstPort  schema.Values[uint16]  `name:"udp_dst_port" ws:"udp.dstport" antinex:"udp_dport" role:"identity" store:"dict" doc:"Destination port."`
	Len      schema.Values[uint16]  `name:"udp_len" ws:"udp.length" antinex:"udp_len" unit:"B" doc:"Length, header included; 0 in a jumbogram (RFC 2675)."`
	Checksum schema.Values[uint16]  `name:"udp_checksum" ws:"udp.checksum" role:"identity" store:"plain" doc:"Checksum as captured; 0 where the sender made none."`
	Status   schema.Optional[uint8] `name:"udp_checksum_status" ws:"udp.checksum.status" role:"provenance" store:"dict" doc:"0 bad, 1 good, 3 absent (0 in the packet), 5 partial: the sum of the pseudo-header, which the network card completes; null where it cannot be verified (fragment, capture cut). Numbers as Wireshark's, which has none for partial."`
}

// Reached says what leads to a UDP header.
func (*UDP) Reached() []Key { return []Key{IPProto(17)} }

// Decode takes the header. Its length bounds the payload.
func (u *UDP) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 8 {
		return d.Short(b)
	}
	src, dst, length := be.Uint16(b), be.Uint16(b[2:]), be.Uint16(b[4:])

	u.Mark(d.Row)
	u.SrcPort.Append(src)
	u.DstPort.Append(dst)
	u.Len.Append(length)
	u.Checksum.Append(be.Uint16(b[6:]))

	d.Digest.SrcPort, d.Digest.DstPort, d.Digest.HeaderLen = src, dst, 8
	switch {
	case length >= 8:
		b = d.Cut(b, int(length))
	case length > 0:
		return d.Fail("length below 8", b[8:])
	}
	u.verify(d, b, int(length))
	return d.ByPort(UDPPort, src, dst), b[8:]
}

// verify judges the checksum of a datagram, which need not fill the IP packet;
// b is cut to its length, 0 for all.
func (u *UDP) verify(d *Decoder, b []byte, length int) {
	switch sum := be.Uint16(b[6:]); {
	case sum == 0:
		u.Status.Set(d.Row, checksumAbsent)
	case length == 0:
		d.setChecksum(&u.Status, 17, b, sum)
	case length <= len(b) && d.ip.alone:
		u.Status.Set(d.Row, d.ip.judge(17, b, sum))
	}
}
