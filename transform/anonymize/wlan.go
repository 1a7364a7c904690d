package anonymize

// Types and flags of an 802.11 frame control field.
const (
	wlanManagement = 0
	wlanControl    = 1
	wlanData       = 2

	wlanBothDS    = 0x03
	wlanProtected = 0x40
	wlanOrder     = 0x80
)

// radiotap keeps the header, whose fields are about the radio, and finds out
// whether the frame has a check sequence or padding.
func (r *rewriter) radiotap(at, end int) {
	const more, vendor, hasTSFT, hasFlags = 1 << 31, 1 << 30, 1, 2
	if !r.enough(at, 8, end) {
		return
	}
	n := int(le.Uint16(r.in[at+2:]))
	if r.in[at] != 0 || n < 8 || !r.enough(at, n, end) {
		return
	}
	words, all := 1, le.Uint32(r.in[at+4:])
	first := all
	for le.Uint32(r.in[at+4*words:])&more != 0 && 8+4*words <= n {
		words++
		all |= le.Uint32(r.in[at+4*words:])
	}
	fields := 4 + 4*words
	if all&vendor != 0 || fields > n {
		r.keep(at, min(fields, n)) // a vendor's fields may be anything
		r.kept = max(r.kept, at+n)
	} else {
		r.keep(at, n)
	}
	if first&hasTSFT != 0 {
		fields = (fields+7)&^7 + 8
	}
	flags := byte(0)
	if first&hasFlags != 0 && fields < n {
		flags = r.in[at+fields]
	}
	r.padded = flags&0x20 != 0
	r.checked(at+n, end, flags&0x10 != 0)
}

// checked rewrites a frame with or without a check sequence at its end.
func (r *rewriter) checked(at, end int, fcs bool) {
	if fcs {
		whole := r.missing == 0 && end-at >= 4
		end = max(at, min(end, end+r.missing-4))
		if whole {
			defer r.frameCheck(at, end)
		}
	}
	r.wlan(at, end)
}

// wlan rewrites the header of a frame; LLC follows in data frames that are not
// encrypted, aggregated or later fragments. Management frames name networks:
// their bodies are masked.
func (r *rewriter) wlan(at, end int) {
	if !r.deeper() || !r.enough(at, 2, end) {
		return
	}
	typ, subtype, flags := r.in[at]>>2&3, r.in[at]>>4, r.in[at+1]
	switch {
	case r.in[at]&3 != 0:
		r.hide("802.11 version", int(r.in[at]&3))
	case typ == wlanManagement:
		if r.enough(at, 24, end) {
			r.three(at)
			r.hide("802.11 management frame body", -1)
		}
	case typ == wlanControl:
		r.wlanControl(at, end, subtype)
	case typ == wlanData:
		r.wlanData(at, end, subtype, flags)
	default:
		r.hide("802.11 frame type", int(typ))
	}
}

// wlanControl takes the one or two addresses of the frames that have some in
// a known place.
func (r *rewriter) wlanControl(at, end int, subtype byte) {
	n := 0
	switch subtype {
	case 7, 12, 13: // wrapper, CTS, ACK
		n = 1
	case 2, 4, 5, 8, 9, 10, 11, 14, 15: // trigger, report poll, announcement, block ack, PS-Poll, RTS, CF-End
		n = 2
	default:
		r.hide("802.11 control frame", int(subtype))
		return
	}
	if !r.enough(at, 4+6*n, end) {
		return
	}
	r.keep(at, 4)
	for i := range n {
		r.macAddress(at + 4 + 6*i)
	}
	r.payload(at+4+6*n, end)
}

// three takes what management and data frames begin with.
func (r *rewriter) three(at int) {
	r.keep(at, 4)
	r.macAddress(at + 4)
	r.macAddress(at + 10)
	r.macAddress(at + 16)
	r.keep(at+22, 2)
}

func (r *rewriter) wlanData(at, end int, subtype, flags byte) {
	const noData, qos = 0x4, 0x8
	four := flags&wlanBothDS == wlanBothDS
	n := 24
	if four {
		n += 6
	}
	control := n
	if subtype&qos != 0 {
		n += 2
		if flags&wlanOrder != 0 {
			n += 4
		}
	}
	if !r.enough(at, n, end) {
		return
	}
	r.three(at)
	if four {
		r.macAddress(at + 24)
	}
	r.keep(at+control, n-control)
	aggregate := subtype&qos != 0 && r.in[at+control]&0x80 != 0
	mesh := four && subtype&qos != 0 && r.in[at+control+1]&1 != 0 // or a queue's size
	fragment := r.in[at+22] & 15
	if r.padded {
		n = (n + 3) &^ 3
	}
	at = min(at+n, end)
	snap := end-at >= 3 && r.in[at] == 0xaa && r.in[at+1] == 0xaa && r.in[at+2] == 3
	if subtype&noData != 0 || flags&wlanProtected != 0 || aggregate || fragment != 0 || mesh && !snap {
		r.payload(at, end)
		return
	}
	if at < end {
		r.llc(at, end)
	}
}
