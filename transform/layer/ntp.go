package layer

import "github.com/pcapline/pcapline/transform/schema"

// NTP is the header of the Network Time Protocol. Control messages (mode 6)
// and private ones (mode 7) share its first byte only.
type NTP struct {
	schema.Layer `name:"ntp" title:"Network Time Protocol" source:"RFC 5905, 7.3"`

	Leap      schema.Optional[uint8]        `name:"ntp_leap" ws:"ntp.flags.li" store:"dict" doc:"Leap indicator: 1 the last minute of the day has 61 seconds, 2 it has 59, 3 the clock is not synchronised; null in private messages."`
	Version   schema.Values[uint8]          `name:"ntp_version" ws:"ntp.flags.vn" store:"dict" doc:"Version."`
	Mode      schema.Values[uint8]          `name:"ntp_mode" ws:"ntp.flags.mode" store:"dict" doc:"1 and 2 symmetric, 3 client, 4 server, 5 broadcast, 6 control, 7 private. The columns below are null in the last two."`
	Stratum   schema.Optional[uint8]        `name:"ntp_stratum" ws:"ntp.stratum" store:"dict" doc:"Distance from a reference clock: 1 has one; 0 unspecified or a kiss of death."`
	Poll      schema.Optional[int64]        `name:"ntp_poll" ws:"ntp.ppoll" store:"dict" doc:"Longest time between messages, as the logarithm to base 2 of seconds."`
	Precision schema.Optional[int64]        `name:"ntp_precision" ws:"ntp.precision" store:"dict" doc:"Precision of the clock, as the logarithm to base 2 of seconds."`
	Delay     schema.Optional[float64]      `name:"ntp_root_delay" ws:"ntp.rootdelay" unit:"s" doc:"Round trip to the reference clock, exact."`
	Disp      schema.Optional[float64]      `name:"ntp_root_dispersion" ws:"ntp.rootdispersion" unit:"s" doc:"Dispersion to the reference clock, exact."`
	RefID     schema.Optional[schema.Bytes] `name:"ntp_ref_id" ws:"ntp.refid" role:"identity" store:"dict" doc:"What the clock is set by: four letters at stratum 0 and 1, else the server's IPv4 address, or a hash of its IPv6 address."`
	Ref       schema.Optional[int64]        `name:"ntp_ref_ns" ws:"ntp.reftime" role:"time" unit:"ns" doc:"When the clock was last set, since 1970-01-01T00:00:00Z, cut to nanoseconds; null where the header says 0. Seconds without the top bit are of the era that begins in 2036 (RFC 5905, 6), here and below."`
	Org       schema.Optional[int64]        `name:"ntp_org_ns" ws:"ntp.org" role:"time" unit:"ns" doc:"Origin: when the client sent, by its clock, as the server echoes it."`
	Rec       schema.Optional[int64]        `name:"ntp_rec_ns" ws:"ntp.rec" role:"time" unit:"ns" doc:"When the server received."`
	Xmt       schema.Optional[int64]        `name:"ntp_xmt_ns" ws:"ntp.xmt" role:"time" unit:"ns" doc:"When the message was sent, by the sender's clock; clients may fill it with a random number."`
	RefRaw    schema.Optional[schema.Bytes] `name:"ntp_ref_raw" role:"time" doc:"The timestamp as in the header, exact: seconds since 1900 in 32 bits, then their fraction in 32 bits; here and below."`
	OrgRaw    schema.Optional[schema.Bytes] `name:"ntp_org_raw" role:"time" doc:"The origin timestamp as in the header."`
	RecRaw    schema.Optional[schema.Bytes] `name:"ntp_rec_raw" role:"time" doc:"The receive timestamp as in the header."`
	XmtRaw    schema.Optional[schema.Bytes] `name:"ntp_xmt_raw" role:"time" doc:"The transmit timestamp as in the header."`
}

// Reached says what leads to NTP.
func (*NTP) Reached() []Key { return []Key{UDPPort(123)} }

const (
	ntpHeader  = 48
	ntpControl = 6
	ntpPrivate = 7
)

// Decode takes the header; extension fields and the authenticator are passed
// over.
func (n *NTP) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) == 0 {
		return 0, nil
	}
	mode := b[0] & 7
	n.Mark(d.Row)
	n.Version.Append(b[0] >> 3 & 7)
	n.Mode.Append(mode)
	if mode != ntpPrivate {
		n.Leap.Set(d.Row, b[0]>>6)
	}
	d.name(appNTP)
	if mode == ntpControl || mode == ntpPrivate {
		return 0, nil
	}
	if len(b) < ntpHeader {
		d.noteEnd(d.whole())
		return 0, nil
	}
	n.set(d.Row, b)
	return 0, nil
}

// set fills the columns of the header behind its first byte.
func (n *NTP) set(row int, b []byte) {
	n.Stratum.Set(row, b[1])
	n.Poll.Set(row, int64(int8(b[2])))
	n.Precision.Set(row, int64(int8(b[3])))
	n.Delay.Set(row, float64(int32(be.Uint32(b[4:])))/(1<<16))
	n.Disp.Set(row, float64(be.Uint32(b[8:]))/(1<<16))
	n.RefID.Set(row, schema.Bytes(b[12:16]))
	setNTPTime(&n.Ref, &n.RefRaw, row, b[16:24])
	setNTPTime(&n.Org, &n.OrgRaw, row, b[24:32])
	setNTPTime(&n.Rec, &n.RecRaw, row, b[32:40])
	setNTPTime(&n.Xmt, &n.XmtRaw, row, b[40:48])
}

// setNTPTime fills the two columns of a timestamp.
func setNTPTime(column *schema.Optional[int64], raw *schema.Optional[schema.Bytes], row int, b []byte) {
	raw.Set(row, schema.Bytes(b))
	if ns, ok := ntpNanos(be.Uint64(b)); ok {
		column.Set(row, ns)
	}
}

// ntpNanos converts a timestamp to nanoseconds since 1970; 0 says that there
// is none.
func ntpNanos(t uint64) (ns int64, ok bool) {
	const unixEpoch = 2208988800 // 1970 in seconds since 1900 (RFC 5905, figure 4)
	seconds := int64(t >> 32)
	if seconds < 1<<31 {
		seconds += 1 << 32 // era 1
	}
	return (seconds-unixEpoch)*1e9 + int64(t&maxUint32*1e9>>32), t != 0
}
