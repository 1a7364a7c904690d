package antinex

import "encoding/binary"

// be is network byte order.
var be = binary.BigEndian

// num, bit, as and opt declare a field.

func num(name string, size int) field { return field{name: name, size: size} }
func bit(name string, size int) field { return field{name: name, form: bits, size: size} }
func as(name string, f form) field    { return field{name: name, form: f} }

func opt(f field, when func(*header) bool) field {
	f.when = when
	return f
}

// plain declares a layer that the message has.
func plain(name string, carries carry, fields ...field) *layer {
	return &layer{name: name, plain: true, carries: carries, fields: fields}
}

// sized declares a layer that the message has not, by the sizes of its fields.
func sized(name string, carries carry, fields ...field) *layer {
	return &layer{name: name, carries: carries, fields: fields}
}

// The layers of the link.
var (
	ethernet = plain("ether", carriesEthernet, as("dst", mac), as("src", mac), num("type", 2))
	dot1q    = plain("dot1q", carriesDot1Q, bit("prio", 3), bit("id", 1), bit("vlan", 12), num("type", 2))
	arp      = plain("arp", carriesARP, num("hwtype", 2), num("ptype", 2), num("hwlen", 1), num("plen", 1), num("op", 2),
		as("hwsrc", mac), as("psrc", ip4), as("hwdst", mac), as("pdst", ip4))
	llc  = plain("llc", carriesLLC, num("dsap", 1), num("ssap", 1), num("ctrl", 1))
	snap = plain("snap", carriesCode, num("OUI", 3), num("code", 2))
	stp  = sized("stp", carriesPayload, num("proto", 2), num("version", 1), num("bpdutype", 1), num("bpduflags", 1),
		num("rootid", 2), as("rootmac", mac), num("pathcost", 4), num("bridgeid", 2), as("bridgemac", mac), num("portid", 2),
		num("age", 2), num("maxage", 2), num("hellotime", 2), num("fwddelay", 2))
	eapol = plain("eapol", carriesEAPOL, num("version", 1), num("type", 1), num("len", 2))
	eap   = plain("eap", carriesPayload, num("code", 1), num("id", 1), num("len", 2),
		opt(num("type", 1), func(h *header) bool { return !h.is("code", 3) && !h.is("code", 4) }))
	pppoe = plain("pppoe", carriesPPPoE, bit("version", 4), bit("type", 4), num("code", 1), num("sessionid", 2), num("len", 2))
	ppp   = plain("ppp", carriesPPP, num("proto", 2))
	hdlc  = plain("hdlc", carriesHDLC, num("address", 1), num("control", 1))
	gre   = plain("gre", carriesCode, bit("chksum_present", 1), bit("routing_present", 1), bit("key_present", 1),
		bit("seqnum_present", 1), bit("strict_route_source", 1), bit("recursion_control", 3), bit("flags", 5), bit("version", 3),
		num("proto", 2), opt(num("chksum", 2), greChecksum), opt(num("offset", 2), greChecksum),
		opt(num("key", 4), func(h *header) bool { return h.is("key_present", 1) }),
		opt(num("seqence_number", 4), func(h *header) bool { return h.is("seqnum_present", 1) }))

	pppoed     = opaque("pppoed")
	pppControl = opaque("ppp control")
)

func greChecksum(h *header) bool { return h.is("chksum_present", 1) || h.is("routing_present", 1) }

// byType is what an EtherType leads to.
func byType(h *header) *layer {
	switch typ, _ := h.get("type"); typ {
	case 1:
		return ethernet
	case 122:
		return llc
	case 0x0800:
		return ip
	case 0x0806:
		return arp
	case 0x8021, 0x8053, 0xc021:
		return pppControl
	case 0x8100:
		return dot1q
	case 0x86dd:
		return ipv6
	case 0x8863:
		return pppoed
	case 0x8864:
		return pppoe
	case 0x888e:
		return eapol
	}
	return nil
}

// byCode is byType for GRE and SNAP, which know fewer.
func byCode(h *header) *layer {
	name := "code"
	if h.layer == gre {
		name = "proto"
	}
	switch code, _ := h.get(name); {
	case code == 1:
		return ethernet
	case code == 122 && h.layer == gre:
		return llc
	case code == 267 && h.layer == snap:
		return stp
	case code == 0x0806:
		return arp
	case code == 0x8100:
		return dot1q
	case code == 0x888e:
		return eapol
	case h.is("routing_present", 1):
		return opaque("grerouting")
	case code == 0x0800:
		return ip
	}
	return nil
}

func (d *Dissector) followDot1Q(h *header, b []byte) {
	typ, _ := h.get("type")
	next := byType(h)
	if typ > 1500 {
		d.payload(next, b)
		return
	}
	if next == nil {
		next = llc
	}
	d.padded(next, head(b, int(typ)), tail(b, int(typ)))
}

func byLLC(h *header) *layer {
	switch {
	case h.is("dsap", 66) && h.is("ssap", 66) && h.is("ctrl", 3):
		return stp
	case h.is("dsap", 170) && h.is("ssap", 170) && h.is("ctrl", 3):
		return snap
	}
	return nil
}

func (d *Dissector) followEAPOL(h *header, b []byte) {
	n, ok := h.get("len")
	if !ok {
		h.err = errHeader
		return
	}
	var next *layer
	if h.is("type", 0) {
		next = eap
	}
	d.padded(next, head(b, int(n)), tail(b, int(n)))
}

func byPPPoE(h *header, b []byte) *layer {
	switch {
	case !h.is("code", 0):
		return nil
	case len(b) > 0 && b[0] == 0xff:
		return hdlc
	}
	return ppp
}

func byPPP(h *header) *layer {
	switch proto, _ := h.get("proto"); proto {
	case 0x0021:
		return ip
	case 0x8021, 0x8053, 0xc021:
		return pppControl
	}
	return nil
}
