package layer

import (
	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/transform/schema"
)

// IEEE80211 is the MAC header of a wireless LAN's frames. Which addresses a
// frame has depends on its type and on to_ds and from_ds.
type IEEE80211 struct {
	schema.Layer `name:"wlan" title:"IEEE 802.11 wireless LAN" source:"IEEE 802.11, 9.2"`

	Version   schema.Values[uint8]  `name:"wlan_version" ws:"wlan.fc.version" store:"dict" doc:"Protocol version; 0 but for short frames of 802.11ah, which are not decoded."`
	Type      schema.Values[uint8]  `name:"wlan_type" ws:"wlan.fc.type" store:"dict" doc:"0 management, 1 control, 2 data, 3 extension."`
	Subtype   schema.Values[uint8]  `name:"wlan_subtype" ws:"wlan.fc.subtype" store:"dict" doc:"Subtype, by type: 8 of management is a beacon, 13 of control an acknowledgement."`
	ToDS      schema.Optional[bool] `name:"wlan_to_ds" ws:"wlan.fc.tods" doc:"To the distribution system."`
	FromDS    schema.Optional[bool] `name:"wlan_from_ds" ws:"wlan.fc.fromds" doc:"From the distribution system."`
	MoreFrag  schema.Optional[bool] `name:"wlan_more_frag" ws:"wlan.fc.frag" doc:"More fragments follow."`
	Retry     schema.Optional[bool] `name:"wlan_retry" ws:"wlan.fc.retry" doc:"Sent before."`
	PwrMgt    schema.Optional[bool] `name:"wlan_pwr_mgt" ws:"wlan.fc.pwrmgt" doc:"The sender will be in power-save mode."`
	MoreData  schema.Optional[bool] `name:"wlan_more_data" ws:"wlan.fc.moredata" doc:"More frames are buffered for the receiver."`
	Protected schema.Optional[bool] `name:"wlan_protected" ws:"wlan.fc.protected" doc:"The body is encrypted; what is above is payload."`
	Order     schema.Optional[bool] `name:"wlan_order" ws:"wlan.fc.order" doc:"An HT control field follows, or strict order."`

	Duration schema.Optional[uint16] `name:"wlan_duration" ws:"wlan.duration" unit:"us" source:"IEEE 802.11, 9.2.4.2" doc:"How long the medium is reserved; null in PS-Poll frames and where the field has another meaning."`
	AID      schema.Optional[uint16] `name:"wlan_aid" ws:"wlan.aid" role:"identity" source:"IEEE 802.11, 9.2.4.2" doc:"Association identifier of a PS-Poll frame."`

	RA    schema.Optional[schema.MAC] `name:"wlan_ra" ws:"wlan.ra" role:"identity" store:"dict" doc:"Address of the receiver."`
	TA    schema.Optional[schema.MAC] `name:"wlan_ta" ws:"wlan.ta" role:"identity" store:"dict" doc:"Address of the transmitter."`
	DA    schema.Optional[schema.MAC] `name:"wlan_da" ws:"wlan.da" role:"identity" store:"dict" doc:"Final destination; null in control frames and in aggregates that have one for each part."`
	SA    schema.Optional[schema.MAC] `name:"wlan_sa" ws:"wlan.sa" role:"identity" store:"dict" doc:"First source; null in control frames and in aggregates that have one for each part."`
	BSSID schema.Optional[schema.MAC] `name:"wlan_bssid" ws:"wlan.bssid" role:"identity" store:"dict" doc:"The network; null where the header has none."`

	Seq  schema.Optional[uint16] `name:"wlan_seq" ws:"wlan.seq" role:"identity" source:"IEEE 802.11, 9.2.4.4" doc:"Sequence number, 0 to 4095; null in control frames."`
	Frag schema.Optional[uint8]  `name:"wlan_frag" ws:"wlan.frag" store:"dict" source:"IEEE 802.11, 9.2.4.4" doc:"Fragment number, 0 to 15; null in control frames."`

	QoS   schema.Optional[uint16]      `name:"wlan_qos" ws:"wlan.qos" store:"dict" source:"IEEE 802.11, 9.2.4.5" doc:"QoS control; null in frames other than QoS data."`
	TID   schema.Optional[uint8]       `name:"wlan_qos_tid" ws:"wlan.qos.tid" store:"dict" source:"IEEE 802.11, 9.2.4.5" doc:"Traffic identifier: the priority, up to 7."`
	AMSDU schema.Optional[bool]        `name:"wlan_qos_amsdu" ws:"wlan.qos.amsdupresent" source:"IEEE 802.11, 9.2.4.5" doc:"The body is an aggregate of several; it is payload."`
	SSID  schema.Optional[schema.Text] `name:"wlan_ssid" ws:"wlan.ssid" role:"identity" store:"dict" source:"IEEE 802.11, 9.4.2.2" doc:"Name of the network in beacons, probes and association requests; empty for any or hidden. Control characters, backslashes and bytes that are not UTF-8 are written as \\DDD."`
}

// Types of frames.
const (
	wlanManagement = 0
	wlanControl    = 1
	wlanData       = 2
)

// Bits of the second byte of the frame control field.
const (
	wlanToDS, wlanFromDS, wlanMoreFrag, wlanRetry         = 0x01, 0x02, 0x04, 0x08
	wlanPwrMgt, wlanMoreData, wlanProtected, wlanHasOrder = 0x10, 0x20, 0x40, 0x80
)

// wlanHeader is the header of management and data frames with three addresses.
const wlanHeader = 24

// Reached says what leads to an 802.11 header.
func (*IEEE80211) Reached() []Key { return []Key{LinkType(pcapio.LinkIEEE80211)} }

// Decode takes the header; LLC follows in data frames that are not encrypted,
// aggregated or later fragments. What there is of a cut header is kept.
func (w *IEEE80211) Decode(d *Decoder, b []byte) (Key, []byte) {
	if len(b) < 2 {
		return d.Short(b)
	}
	typ, subtype, flags := b[0]>>2&3, b[0]>>4, b[1]
	w.Mark(d.Row)
	w.Version.Append(b[0] & 3)
	w.Type.Append(typ)
	w.Subtype.Append(subtype)
	if b[0]&3 != 0 {
		return d.Fail("version not 0", b[2:])
	}
	switch typ {
	case wlanManagement:
		w.flags(d.Row, flags)
		return w.management(d, b, subtype, flags)
	case wlanControl:
		if subtype != 6 { // a control frame extension has its subtype there
			w.flags(d.Row, flags)
		}
		return w.control(d, b, subtype)
	case wlanData:
		w.flags(d.Row, flags)
		return w.data(d, b, subtype, flags)
	}
	return 0, b[2:]
}

func (w *IEEE80211) flags(row int, f uint8) {
	w.ToDS.Set(row, f&wlanToDS != 0)
	w.FromDS.Set(row, f&wlanFromDS != 0)
	w.MoreFrag.Set(row, f&wlanMoreFrag != 0)
	w.Retry.Set(row, f&wlanRetry != 0)
	w.PwrMgt.Set(row, f&wlanPwrMgt != 0)
	w.MoreData.Set(row, f&wlanMoreData != 0)
	w.Protected.Set(row, f&wlanProtected != 0)
	w.Order.Set(row, f&wlanHasOrder != 0)
}

// duration keeps the field. With its highest bit set it is no duration.
func (w *IEEE80211) duration(row int, n uint16) {
	if n>>15 == 0 {
		w.Duration.Set(row, n)
	}
}

// control takes the addresses of the control frames that have some in a known
// place. What is behind them is payload.
func (w *IEEE80211) control(d *Decoder, b []byte, subtype uint8) (Key, []byte) {
	const psPoll, cfEnd, cfEndAck = 10, 14, 15
	n := 0 // addresses
	switch subtype {
	case 7, 12, 13: // wrapper, CTS, ACK
		n = 1
	case 2, 4, 5, 8, 9, psPoll, 11, cfEnd, cfEndAck: // trigger, report poll, announcement, block ack, RTS
		n = 2
	default:
		return 0, b[2:]
	}
	if len(b) < 4+6*n {
		return d.Short(b)
	}
	row, first := d.Row, schema.MAC(b[4:10])
	d.Digest.DstMAC = [6]byte(first)
	w.RA.Set(row, first)
	if n == 2 {
		second := schema.MAC(b[10:16])
		d.Digest.SrcMAC = [6]byte(second)
		w.TA.Set(row, second)
		switch subtype {
		case psPoll:
			w.BSSID.Set(row, first)
		case cfEnd, cfEndAck:
			w.BSSID.Set(row, second)
		}
	}
	if subtype == psPoll {
		w.AID.Set(row, le.Uint16(b[2:])&0x3fff)
	} else {
		w.duration(row, le.Uint16(b[2:]))
	}
	return 0, b[4+6*n:]
}

// three takes what management and data frames have in common.
func (w *IEEE80211) three(row int, b []byte) {
	w.duration(row, le.Uint16(b[2:]))
	w.RA.Set(row, schema.MAC(b[4:10]))
	w.TA.Set(row, schema.MAC(b[10:16]))
	seq := le.Uint16(b[22:])
	w.Seq.Set(row, seq>>4)
	w.Frag.Set(row, uint8(seq&15))
}

func (w *IEEE80211) ends(d *Decoder, da, sa []byte) {
	w.DA.Set(d.Row, schema.MAC(da))
	w.SA.Set(d.Row, schema.MAC(sa))
	d.Digest.DstMAC, d.Digest.SrcMAC = [6]byte(da), [6]byte(sa)
}

func (w *IEEE80211) management(d *Decoder, b []byte, subtype, flags uint8) (Key, []byte) {
	if len(b) < wlanHeader {
		return d.Short(b)
	}
	w.three(d.Row, b)
	w.ends(d, b[4:10], b[10:16])
	w.BSSID.Set(d.Row, schema.MAC(b[16:22]))
	n := wlanHeader
	if flags&wlanHasOrder != 0 {
		n += 4 // HT control
	}
	if len(b) < n {
		return d.Short(b[wlanHeader:])
	}
	body := w.unpad(d, b, n)
	if frag := le.Uint16(b[22:]) & 15; flags&wlanProtected == 0 && frag == 0 {
		w.ssid(d, body, subtype)
	}
	return 0, body
}

// unpad returns what is behind a header of n bytes, and the padding after it
// that some drivers leave so that the body begins at a multiple of four.
func (w *IEEE80211) unpad(d *Decoder, b []byte, n int) []byte {
	if d.padded80211 {
		n = min(align(n, 4), len(b))
	}
	return b[n:]
}

// data takes the header of a data frame.
func (w *IEEE80211) data(d *Decoder, b []byte, subtype, flags uint8) (Key, []byte) {
	const noData, qos = 0x4, 0x8
	n := wlanHeader
	four := flags&(wlanToDS|wlanFromDS) == wlanToDS|wlanFromDS
	if four {
		n += 6
	}
	at := n // of QoS control
	if subtype&qos != 0 {
		n += 2
		if flags&wlanHasOrder != 0 {
			n += 4 // HT control
		}
	}
	if len(b) < n {
		return d.Short(b)
	}
	w.three(d.Row, b)
	var control uint16
	if subtype&qos != 0 {
		control = le.Uint16(b[at:])
		w.QoS.Set(d.Row, control)
		w.TID.Set(d.Row, uint8(control&15))
		w.AMSDU.Set(d.Row, control&0x80 != 0)
	}
	aggregate := control&0x80 != 0 && subtype&noData == 0
	w.addresses(d, b, flags, aggregate)
	body := w.unpad(d, b, n)
	frag := b[22] & 15
	mesh := four && control&0x100 != 0 // or a queue's size
	switch {
	case subtype&noData != 0, flags&wlanProtected != 0, aggregate, frag != 0, len(body) == 0 && d.missing == 0:
		return 0, body
	case mesh && !(len(body) >= 3 && body[0] == 0xaa && body[1] == 0xaa && body[2] == 3):
		return 0, body // a mesh control field is not decoded
	}
	return EtherType(etherLLC), body
}

// addresses takes the meaning of a data frame's addresses from its direction
// (IEEE 802.11, table 9-60).
func (w *IEEE80211) addresses(d *Decoder, b []byte, flags uint8, aggregate bool) {
	a1, a2, a3 := b[4:10], b[10:16], b[16:22]
	da, sa := a1, a2
	switch flags & (wlanToDS | wlanFromDS) {
	case 0:
		w.BSSID.Set(d.Row, schema.MAC(a3))
	case wlanToDS:
		w.BSSID.Set(d.Row, schema.MAC(a1))
		da = a3
	case wlanFromDS:
		w.BSSID.Set(d.Row, schema.MAC(a2))
		sa = a3
	default:
		da, sa = a3, b[24:30]
	}
	if aggregate && flags&(wlanToDS|wlanFromDS) != 0 { // these are BSSIDs; each part has its own
		d.Digest.DstMAC, d.Digest.SrcMAC = [6]byte(a1), [6]byte(a2)
		return
	}
	w.ends(d, da, sa)
}
