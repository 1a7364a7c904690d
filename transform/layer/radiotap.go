package layer

import (
	"encoding/binary"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/schema"
)

// le is the byte order of radiotap and of IEEE 802.11.
var le = binary.LittleEndian

// Radiotap is what a receiver says of an IEEE 802.11 frame, before the frame.
// Where it has a field several times, once for each antenna, the first counts.
type Radiotap struct {
	schema.Layer `name:"radiotap" title:"Radiotap" source:"https://www.radiotap.org"`

	Version      schema.Values[uint8]     `name:"radiotap_version" ws:"radiotap.version" role:"provenance" store:"dict" doc:"Version of the header; 0 is the only one."`
	Len          schema.Values[uint16]    `name:"radiotap_len" ws:"radiotap.length" role:"provenance" store:"dict" unit:"B" doc:"Length of the header, which differs from driver to driver."`
	Present      schema.List[uint32]      `name:"radiotap_present" ws:"radiotap.present.word" role:"provenance" store:"dict" source:"https://www.radiotap.org/fields/defined" doc:"Words that say which fields there are; bit 31 says that another follows."`
	TSFT         schema.Optional[int64]   `name:"radiotap_tsft" ws:"radiotap.mactime" role:"time" unit:"us" source:"https://www.radiotap.org/fields/TSFT.html" doc:"The receiver's MAC clock when the frame's first bit arrived; null also where it does not fit in 63 bits."`
	Flags        schema.Optional[uint8]   `name:"radiotap_flags" ws:"radiotap.flags" store:"dict" source:"https://www.radiotap.org/fields/Flags.html" doc:"Properties of the frame: 1 contention-free period, 2 short preamble, 4 WEP, 8 fragmented, 16 FCS at end, 32 data pad, 64 bad FCS, 128 short guard interval."`
	FlagFCS      schema.Optional[bool]    `name:"radiotap_flag_fcs" ws:"radiotap.flags.fcs" role:"provenance" source:"https://www.radiotap.org/fields/Flags.html" doc:"The frame ends with its frame check sequence."`
	FlagBadFCS   schema.Optional[bool]    `name:"radiotap_flag_bad_fcs" ws:"radiotap.flags.badfcs" source:"https://www.radiotap.org/fields/Flags.html" doc:"The frame failed its check: its bytes, addresses too, may be wrong."`
	Rate         schema.Optional[float64] `name:"radiotap_rate" ws:"radiotap.datarate" store:"dict" unit:"Mb/s" source:"https://www.radiotap.org/fields/Rate.html" doc:"Data rate; null for rates of 802.11n and later."`
	ChannelFreq  schema.Optional[uint16]  `name:"radiotap_channel_freq" ws:"radiotap.channel.freq" store:"dict" unit:"MHz" source:"https://www.radiotap.org/fields/Channel.html" doc:"Frequency of the channel."`
	ChannelFlags schema.Optional[uint16]  `name:"radiotap_channel_flags" ws:"radiotap.channel.flags" store:"dict" source:"https://www.radiotap.org/fields/Channel.html" doc:"Properties of the channel: 32 CCK, 64 OFDM, 128 2 GHz, 256 5 GHz and others."`
	Signal       schema.Optional[int64]   `name:"radiotap_dbm_signal" ws:"radiotap.dbm_antsignal" store:"dict" unit:"dBm" source:"https://www.radiotap.org/fields/Antenna%20signal.html" doc:"Power of the signal at the antenna."`
	Noise        schema.Optional[int64]   `name:"radiotap_dbm_noise" ws:"radiotap.dbm_antnoise" store:"dict" unit:"dBm" source:"https://www.radiotap.org/fields/Antenna%20noise.html" doc:"Power of the noise at the antenna."`
	Antenna      schema.Optional[uint8]   `name:"radiotap_antenna" ws:"radiotap.antenna" store:"dict" source:"https://www.radiotap.org/fields/Antenna.html" doc:"Index of the antenna, from 0."`
	MCSIndex     schema.Optional[uint8]   `name:"radiotap_mcs_index" ws:"radiotap.mcs.index" store:"dict" source:"https://www.radiotap.org/fields/MCS.html" doc:"Index of the modulation and coding scheme of 802.11n; null where it is not known."`
	FCS          schema.Optional[uint32]  `name:"radiotap_fcs" ws:"wlan.fcs" role:"identity" store:"plain" source:"IEEE 802.11, 9.2.4.8" doc:"Frame check sequence at the frame's end; null where it is not there or not captured."`
}

// Bits of a word of present fields and of the flags.
const (
	radiotapTLV       = 28
	radiotapReset     = 29
	radiotapVendor    = 30
	radiotapMore      = 31
	radiotapFlagFCS   = 0x10
	radiotapFlagPad   = 0x20
	radiotapFlagBad   = 0x40
	radiotapFixedSize = 8
	fcsSize           = 4
)

// radiotapFields are alignment and size of the fields by bit number.
var radiotapFields = [radiotapTLV]struct{ align, size uint8 }{
	{8, 8}, {1, 1}, {1, 1}, {2, 4}, {2, 2}, {1, 1}, {1, 1}, {2, 2}, // TSFT to lock quality
	{2, 2}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {2, 2}, {2, 2}, // TX attenuation to TX flags
	{1, 1}, {1, 1}, {4, 8}, {1, 3}, {4, 8}, {2, 12}, {8, 12}, {2, 12}, // RTS retries to HE
	{2, 12}, {2, 6}, {1, 1}, {2, 4}, // HE-MU to L-SIG
}

// Reached says what leads to a radiotap header.
func (*Radiotap) Reached() []Key { return []Key{LinkType(pcapio.LinkIEEE80211Radio)} }

// Decode takes the header, and a frame check sequence off the frame's end.
func (r *Radiotap) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < radiotapFixedSize {
		return d.Short(b)
	}
	length := int(le.Uint16(b[2:]))
	r.Mark(d.Row)
	r.Version.Append(b[0])
	r.Len.Append(uint16(length))
	if b[0] != 0 {
		return d.Fail("version not 0", b[radiotapFixedSize:])
	}
	if length < radiotapFixedSize {
		return d.Fail("length below 8", b[radiotapFixedSize:])
	}
	if length > len(b) {
		d.NoteShort()
	}
	header := b[:min(length, len(b))]
	if words, ok := r.words(d.Row, header); !ok {
		d.Note("malformed bitmap")
	} else if !r.walk(d.Row, header, words) {
		d.Note("malformed fields")
	}
	if length > len(b) {
		return d.ShortOf(length, b)
	}
	b = b[length:]
	if r.Flags.Has(d.Row) {
		b = r.trailer(d, b, r.Flags.V[len(r.Flags.V)-1])
	}
	return LinkType(pcapio.LinkIEEE80211), b
}

// words keeps the words of present fields, and returns how many there are and
// whether their end is in the header.
func (r *Radiotap) words(row int, header []byte) (n int, ok bool) {
	var some [8]uint32 // enough for real headers, without allocation
	list := some[:0]
	for at := 4; at+4 <= len(header) && !ok; at += 4 {
		word := le.Uint32(header[at:])
		list = append(list, word)
		ok = word>>radiotapMore == 0
	}
	r.Present.Set(row, list...)
	return len(list), ok
}

// walk visits the fields that the words announce, and reports whether they
// are all in the header. It ends at fields that nobody has defined, as their
// size is not known.
func (r *Radiotap) walk(row int, header []byte, words int) bool {
	at := 4 + 4*words
	ours := true // the namespace is radiotap's, not a vendor's
	for i := range words {
		word := le.Uint32(header[4+4*i:])
		for bit := 0; bit < radiotapTLV && ours; bit++ {
			if word>>bit&1 == 0 {
				continue
			}
			f := radiotapFields[bit]
			at = align(at, int(f.align))
			if at+int(f.size) > len(header) {
				return false
			}
			r.field(row, bit, header[at:at+int(f.size)])
			at += int(f.size)
		}
		switch {
		case word>>radiotapTLV&1 == 1 && ours:
			return true
		case word>>radiotapVendor&1 == 1:
			at = align(at, 2)
			if at+6 > len(header) {
				return false
			}
			at += 6 + int(le.Uint16(header[at+4:]))
			ours = false
		case word>>radiotapReset&1 == 1:
			ours = true
		case ours:
			return true // bits from 32 on are not defined
		}
	}
	return at <= len(header)
}

func align(at, to int) int { return (at + to - 1) &^ (to - 1) }

// field keeps a field's value where there is a column for it. A repeated field
// has its column already.
func (r *Radiotap) field(row, bit int, v []byte) {
	switch bit {
	case 0:
		if t := le.Uint64(v); t>>63 == 0 {
			setFirst(&r.TSFT, row, int64(t))
		}
	case 1:
		setFirst(&r.Flags, row, v[0])
		setFirst(&r.FlagFCS, row, v[0]&radiotapFlagFCS != 0)
		setFirst(&r.FlagBadFCS, row, v[0]&radiotapFlagBad != 0)
	case 2:
		setFirst(&r.Rate, row, float64(v[0])/2) // in units of 500 kb/s
	case 3:
		setFirst(&r.ChannelFreq, row, le.Uint16(v))
		setFirst(&r.ChannelFlags, row, le.Uint16(v[2:]))
	case 5:
		setFirst(&r.Signal, row, int64(int8(v[0])))
	case 6:
		setFirst(&r.Noise, row, int64(int8(v[0])))
	case 11:
		setFirst(&r.Antenna, row, v[0])
	case 19:
		if v[0]&2 != 0 {
			setFirst(&r.MCSIndex, row, v[2])
		}
	}
}

func setFirst[T schema.Value](c *schema.Optional[T], row int, v T) {
	if !c.Has(row) {
		c.Set(row, v)
	}
}

// trailer takes the frame check sequence off the frame, which a capture may
// have cut, and notes padding behind the frame's header.
func (r *Radiotap) trailer(d *Decoder, b []byte, flags uint8) []byte {
	d.padded80211 = flags&radiotapFlagPad != 0
	if flags&radiotapFlagFCS == 0 {
		return b
	}
	n := len(b) + d.missing - fcsSize
	if n < 0 {
		d.NoteShort()
		return b
	}
	if d.missing == 0 {
		r.FCS.Set(d.Row, le.Uint32(b[n:]))
	}
	return d.Cut(b, n)
}
