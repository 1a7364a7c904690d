package antinex

import (
	"encoding/hex"
	"net/netip"
	"strconv"
)

// ipOption is how kamene reads an IPv4 option, by its number.
type ipOption struct {
	class string // the class's name, with which Python prints it
	layer *layer
	list  string // a list of addresses behind the fields
	minus int    // what the option's length counts besides that list, or besides value
	value bool   // bytes behind the fields
}

var (
	optionClasses = map[uint64]string{0: "control", 2: "debug"}
	optionNames   = map[uint64]string{
		0: "end_of_list", 1: "nop", 2: "security", 3: "loose_source_route", 4: "timestamp", 5: "extended_security", 6: "commercial_security",
		7: "record_route", 8: "stream_id", 9: "strict_source_route", 10: "experimental_measurement", 11: "mtu_probe", 12: "mtu_reply",
		13: "flow_control", 14: "access_control", 15: "encode", 16: "imi_traffic_descriptor", 17: "extended_IP", 18: "traceroute",
		19: "address_extension", 20: "router_alert", 21: "selective_directed_broadcast_mode", 23: "dynamic_packet_state",
		24: "upstream_multicast_packet", 25: "quick_start", 30: "rfc4727_experiment",
	}
	alertNames = map[uint64]string{0: "router_shall_examine_packet"}
)

var anyIPOption = ipOption{class: "IPOption", layer: optionLayer("ipoption", num("length", 1)), minus: 2, value: true}

var ipOptions = map[byte]ipOption{
	0: {class: "IPOption_EOL", layer: optionLayer("ipoption_eol")},
	1: {class: "IPOption_NOP", layer: optionLayer("ipoption_nop")},
	2: {class: "IPOption_Security", layer: optionLayer("ipoption_security", num("length", 1), num("security", 2), num("compartment", 2),
		num("handling_restrictions", 2), field{name: "transmission_control_code", form: fixed, size: 3})},
	3:  {class: "IPOption_LSRR", layer: optionLayer("ipoption_lsrr", num("length", 1), num("pointer", 1)), list: "routers", minus: 3},
	7:  {class: "IPOption_RR", layer: optionLayer("ipoption_rr", num("length", 1), num("pointer", 1)), list: "routers", minus: 3},
	8:  {class: "IPOption_Stream_Id", layer: optionLayer("ipoption_stream_id", num("length", 1), num("security", 2))},
	9:  {class: "IPOption_SSRR", layer: optionLayer("ipoption_ssrr", num("length", 1), num("pointer", 1)), list: "routers", minus: 3},
	11: {class: "IPOption_MTU_Probe", layer: optionLayer("ipoption_mtu_probe", num("length", 1), num("mtu", 2))},
	12: {class: "IPOption_MTU_Reply", layer: optionLayer("ipoption_mtu_reply", num("length", 1), num("mtu", 2))},
	18: {class: "IPOption_Traceroute", layer: optionLayer("ipoption_traceroute", num("length", 1), num("id", 2), num("outbound_hops", 2),
		num("return_hops", 2), as("originator_ip", ip4))},
	19: {class: "IPOption_Address_Extension", layer: optionLayer("ipoption_address_extension", num("length", 1), as("src_ext", ip4), as("dst_ext", ip4))},
	20: {class: "IPOption_Router_Alert", layer: optionLayer("ipoption_router_alert", num("length", 1), num("alert", 2))},
	21: {class: "IPOption_SDBM", layer: optionLayer("ipoption_sdbm", num("length", 1)), list: "addresses", minus: 2},
}

func optionLayer(name string, fields ...field) *layer {
	return plain(name, carriesNothing, append([]field{bit("copy_flag", 1), bit("optclass", 2), bit("option", 5)}, fields...)...)
}

// ipOptions reads the options of the IPv4 header h as layers and puts the text
// that Python prints of them into the header's message.
func (d *Dissector) ipOptions(h *header, b []byte) {
	if len(b) == 0 {
		return
	}
	text := []byte{'['}
	for len(b) > 0 && d.used < maxLayers {
		if len(text) > 1 {
			text = append(text, ", "...)
		}
		o, known := ipOptions[b[0]&0x1f]
		if !known {
			o = anyIPOption
		}
		at, start := d.used, len(text)
		option := d.push(o.layer)
		left := option.read(b)
		if option.err == nil {
			text = option.appendRepr(append(append(append(text, '<'), o.class...), ' '))
			text, left = o.appendRest(text, option, left)
			text = append(text, " |>"...)
		}
		if option.err != nil { // all that is left is payload of no kind
			d.used = at
			text = append(appendASCIIRepr(append(text[:start], "<Raw  load="...), b), " |>"...)
			d.bytes(rawLayer, b)
			break
		}
		b = left
	}
	h.more = append(h.more, Field{"fields_options", textValue(string(append(text, ']')))})
}

// appendRepr prints the fields that were read, as kamene does.
func (h *header) appendRepr(dst []byte) []byte {
	for i := range h.values {
		v := &h.values[i]
		dst = append(append(append(dst, ' '), v.field.name...), '=')
		name := ""
		switch v.field.name {
		case "optclass":
			name = optionClasses[v.n]
		case "option":
			name = optionNames[v.n]
		case "alert":
			name = alertNames[v.n]
		}
		switch {
		case name != "":
			dst = append(dst, name...)
		case v.field.form == fixed:
			dst = appendASCIIRepr(dst, v.b)
		case v.field.form == ip4:
			dst = append(dst, netip.AddrFrom4([4]byte(v.b)).String()...)
		default:
			dst = strconv.AppendUint(dst, v.n, 10)
		}
	}
	return dst
}

// appendRest reads and prints the bytes or addresses behind an option's fields.
func (o *ipOption) appendRest(dst []byte, h *header, b []byte) (text, left []byte) {
	if o.list == "" && !o.value || len(b) == 0 {
		return dst, b
	}
	length, _ := h.get("length")
	n := int(length) - o.minus
	part, left := head(b, n), tail(b, n)
	if o.value {
		h.more = append(h.more, Field{"hex_field_value", textValue(hex.EncodeToString(part))})
		return appendASCIIRepr(append(dst, " value="...), part), left
	}
	list := Value{Kind: List}
	for ; len(part) > 0; part = part[4:] {
		if len(part) < 4 {
			h.err = errHeader
			return dst, nil
		}
		list.List = append(list.List, textValue(netip.AddrFrom4([4]byte(part)).String()))
	}
	h.more = append(h.more, Field{o.list, list})
	dst = append(append(append(dst, ' '), o.list...), '=')
	return list.appendRepr(dst), left
}

// appendASCIIRepr prints bytes as a text where they are ASCII.
func appendASCIIRepr(dst, b []byte) []byte {
	for _, c := range b {
		if c >= 0x80 {
			return appendBytesRepr(dst, b)
		}
	}
	return appendTextRepr(dst, string(b))
}
