package layer

import (
	"net/netip"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/schema"
)

// IPv4 is the header of the Internet Protocol, version 4.
type IPv4 struct {
	schema.Layer `name:"ip" title:"Internet Protocol version 4" source:"RFC 791"`

	Version    schema.Values[uint8]          `name:"ip_version" ws:"ip.version" antinex:"ip_version" store:"dict" doc:"4."`
	HdrLen     schema.Values[uint8]          `name:"ip_hdr_len" ws:"ip.hdr_len" antinex:"ip_ihl" store:"dict" unit:"B" doc:"Header length in bytes (AntiNex counts words of four)."`
	TOS        schema.Values[uint8]          `name:"ip_tos" ws:"ip.dsfield" antinex:"ip_tos" store:"dict" source:"RFC 2474" doc:"Type of service: DSCP and ECN in one byte."`
	DSCP       schema.Values[uint8]          `name:"ip_dscp" ws:"ip.dsfield.dscp" store:"dict" source:"RFC 2474" doc:"Differentiated services code point."`
	ECN        schema.Values[uint8]          `name:"ip_ecn" ws:"ip.dsfield.ecn" store:"dict" source:"RFC 3168" doc:"Explicit congestion notification."`
	Len        schema.Values[uint16]         `name:"ip_len" ws:"ip.len" antinex:"ip_len" unit:"B" doc:"Total length, header included; 0 where the network card cuts segments (TSO)."`
	ID         schema.Values[uint16]         `name:"ip_id" ws:"ip.id" antinex:"ip_id" role:"identity" store:"plain" doc:"Identification, the same in all fragments of a packet."`
	FlagRB     schema.Values[bool]           `name:"ip_flag_rb" ws:"ip.flags.rb" doc:"Reserved bit."`
	FlagDF     schema.Values[bool]           `name:"ip_flag_df" ws:"ip.flags.df" doc:"Don't fragment."`
	FlagMF     schema.Values[bool]           `name:"ip_flag_mf" ws:"ip.flags.mf" doc:"More fragments follow."`
	FragOffset schema.Values[uint16]         `name:"ip_frag_offset" ws:"ip.frag_offset" store:"dict" unit:"B" doc:"Offset of this fragment in the packet."`
	TTL        schema.Values[uint8]          `name:"ip_ttl" ws:"ip.ttl" store:"dict" doc:"Time to live, in hops."`
	Proto      schema.Values[uint8]          `name:"ip_proto" ws:"ip.proto" store:"dict" doc:"IANA protocol number of what follows."`
	Checksum   schema.Values[uint16]         `name:"ip_checksum" ws:"ip.checksum" role:"identity" store:"plain" doc:"Header checksum as captured."`
	Status     schema.Optional[uint8]        `name:"ip_checksum_status" ws:"ip.checksum.status" role:"provenance" store:"dict" doc:"0 bad, 1 good, 3 absent: 0 in the packet, left to the network card; null where the header was not captured whole. Numbers as Wireshark's."`
	Src        schema.Values[schema.IPv4]    `name:"ip_src" ws:"ip.src" antinex:"ip_src" role:"identity" store:"dict" doc:"Source address."`
	Dst        schema.Values[schema.IPv4]    `name:"ip_dst" ws:"ip.dst" antinex:"ip_dst" role:"identity" store:"dict" doc:"Destination address."`
	Options    schema.Optional[schema.Bytes] `name:"ip_options" antinex:"ip_fields_options" store:"dict" doc:"Options as captured; null without any."`
}

const etherIPv4 = 0x0800

// Reached says what leads to an IPv4 header.
func (*IPv4) Reached() []Key {
	return []Key{EtherType(etherIPv4), LinkType(pcapio.LinkIPv4), PPPProto(0x21), IPProto(4)}
}

// Decode takes the header. The total length bounds what follows; a later
// fragment is followed by no header.
func (ip *IPv4) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 20 {
		return d.Short(b)
	}
	if b[0]>>4 != 4 {
		return d.Fail("version is not 4", b)
	}
	ip.append(d, b)
	d.Digest.EtherType = etherIPv4
	d.Digest.Src, d.Digest.Dst = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	d.Digest.Proto, d.Digest.TTL, d.Digest.TOS = b[9], b[8], b[1] // NextIP may not be reached
	hdrLen, total := int(b[0]&15)*4, int(be.Uint16(b[2:]))
	d.Digest.IPLen = uint32(total)
	if total == 0 {
		total = len(b) + d.missing
		d.Digest.IPLen = uint32(total)
	}
	if hdrLen < 20 {
		return d.Fail("header length below 20", b[20:])
	}
	if total < hdrLen {
		return d.Fail("total length below header length", b[min(hdrLen, len(b)):])
	}
	d.noteHash(b, total)
	uncut := total <= len(b)
	b = d.CutPadding(b, total)
	if len(b) < hdrLen {
		return d.ShortOf(hdrLen, b)
	}
	fragment := be.Uint16(b[6:])
	d.beginIP(b[12:16], finalIPv4(b[:hdrLen]), fragment&0x3fff == 0, uncut)
	ip.finish(d, b[:hdrLen])
	if fragment&0x3fff != 0 {
		d.Digest.Fragment, d.Digest.FragID = true, uint32(be.Uint16(b[4:]))
		d.Digest.FragOffset = fragment & 0x1fff * 8
	}
	if fragment&0x1fff != 0 {
		return 0, b[hdrLen:]
	}
	return d.NextIP(b[9]), b[hdrLen:]
}

// finish fills the columns of a whole header.
func (ip *IPv4) finish(d *Decoder, header []byte) {
	if len(header) > 20 {
		ip.Options.Set(d.Row, schema.Bytes(header[20:]))
	}
	if d.skip.Checksums {
		return
	}
	ip.Status.Set(d.Row, d.ip.judge(noPseudoHeader, header, be.Uint16(header[10:])))
}

// finalIPv4 gives the address that the transport's pseudo-header has: of a
// packet that is still on its source route the last of the route (RFC 1122,
// 4.1.3.6 and 4.2.3.8), else the destination.
func finalIPv4(header []byte) []byte {
	for o := header[20:]; len(o) >= 3 && o[0] != 0; {
		if o[0] == 1 { // no operation
			o = o[1:]
			continue
		}
		n := int(o[1])
		if n < 2 || n > len(o) {
			break
		}
		route := o[0] == 131 || o[0] == 137
		if route && n >= 7 && int(o[2])+3 <= n {
			return o[n-4 : n]
		}
		o = o[n:]
	}
	return header[16:20]
}

// append fills the columns of the fixed 20 bytes.
func (ip *IPv4) append(d *Decoder, b []byte) {
	flags := be.Uint16(b[6:])
	ip.Mark(d.Row)
	ip.Version.Append(b[0] >> 4)
	ip.HdrLen.Append(b[0] & 15 * 4)
	ip.TOS.Append(b[1])
	ip.DSCP.Append(b[1] >> 2)
	ip.ECN.Append(b[1] & 3)
	ip.Len.Append(be.Uint16(b[2:]))
	ip.ID.Append(be.Uint16(b[4:]))
	ip.FlagRB.Append(flags&0x8000 != 0)
	ip.FlagDF.Append(flags&0x4000 != 0)
	ip.FlagMF.Append(flags&0x2000 != 0)
	ip.FragOffset.Append(flags & 0x1fff * 8)
	ip.TTL.Append(b[8])
	ip.Proto.Append(b[9])
	ip.Checksum.Append(be.Uint16(b[10:]))
	ip.Src.Append(schema.IPv4(b[12:]))
	ip.Dst.Append(schema.IPv4(b[16:]))
}
